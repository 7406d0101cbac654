"""Knowledge x selection: how layers share, times which layers do. Every pair of the papers is one of these."""

import dataclasses
from collections.abc import Callable, Iterable

import gin
import tensorflow as tf

from lasem_tf.knowledge import base as knowledge_base
from lasem_tf.learners import base
from lasem_tf.learners.composition import configuration_step, shared_layers, task_parts, task_search
from lasem_tf.nn import weights
from lasem_tf.selection import base as selection_base
from lasem_tf.selection.configuration import TransferConfiguration


@gin.register
class Composed(base.Learner):
  """Hard sharing, tensor factors or deconvolution, under a static configuration or a search for one.

  Variables are named 'shared/conv{l}/...' or 'kb/conv{l}' (shared), 'task{t}/conv{l}/...' (own convolutions),
  'task{t}/tf{l}/...' and 'task{t}/dfcnn{l}/...' (own part of a shared layer), 'task{t}/head/dense{i}/...', and while a
  search is in progress those of `TaskSearch`.
  """

  computes_mixed = True
  normalises = True

  def __init__(self, context: base.LearnerContext, knowledge: knowledge_base.Knowledge = gin.REQUIRED,
               selection: selection_base.Selection = gin.REQUIRED):
    """Fits knowledge and selection to the backbone; raises ValueError where they do not fit it or each other."""
    super().__init__(context)
    knowledge.bind(context.spec, self.initializer, context.reference)
    selection.bind(context.spec.depth, context.reference, len(context.num_classes), context.epochs_per_task,
                   context.seed, context.learning_rate, context.declared_configurations)
    if selection.searches and not knowledge.can_share:
      raise ValueError(f"{type(selection).__name__} cannot search over {type(knowledge).__name__}: it has no shared "
                       "route.")
    if context.spec.normalisation != "none" and (reason := selection.refuses_normalisation()):
      raise ValueError(f"{reason} Remove the binding ConvNetSpec.normalisation = {context.spec.normalisation!r}.")
    self._knowledge, self._selection = knowledge, selection
    self._shared = shared_layers.SharedLayers(knowledge, context.spec.depth)
    self._tasks: dict[int, task_parts.TaskParts] = {}
    self._configurations: dict[int, TransferConfiguration] = {}
    self._open: task_search.TaskSearch | None = None

  @property
  def search(self) -> selection_base.Search | None:
    """The search in progress, if the visit searches."""
    return None if self._open is None else self._open.search

  @property
  def _task_id(self) -> int:
    """Task of the visit in progress."""
    assert self.task is not None, "no visit has begun"
    return self.task.info.task_id

  # --- variables ---

  def _create_task(self, task_id: int, shared: Iterable[int], own: Iterable[int]) -> None:
    """Creates a task's own groups, and shared groups that are not there yet."""
    self._shared.create(shared)
    self._tasks[task_id] = task_parts.TaskParts(task_id, self._knowledge, self.context.spec,
                                                self.context.num_classes[task_id], self.initializer)
    self._tasks[task_id].create(shared, own)

  def _build_network(self, task_id: int) -> None:
    """(Re)builds a task's model from the groups it has now; both routes in every layer while it is searched."""
    configuration = self._configurations.get(task_id)
    self._tasks[task_id].build_network(self._shared.groups, None if configuration is None else configuration.bits)

  def _all_task_groups(self, task_ids: Iterable[int]) -> list:
    return [group for task_id in task_ids
            for group in (*self._tasks[task_id].groups(), *self._tasks[task_id].normalisation.statistics)]

  def _trained_variables(self, task_id: int, configuration: TransferConfiguration | None) -> dict[str, tf.Variable]:
    """What a step of this task under a configuration (None: over both routes of every layer) may change."""
    all_shared = configuration is None or self.context.reference.doubled_regulariser
    bits = None if configuration is None else configuration.bits
    shared = self._shared.ordered(None if all_shared else bits)
    return weights.merge_variables([*shared, *self._tasks[task_id].groups(bits)])

  # --- contract ---

  def _begin_visit(self, is_new):
    if not is_new:
      if self.context.reference.redraw_unadopted_at_revisit:
        self._shared.redraw_unadopted()
        self._shared.adopt([layer in self._shared.groups for layer in range(self.context.spec.depth)])
      return
    task_id, first_waits = self._task_id, self._selection.first_task_waits
    if not self._selection.searches or (first_waits and len(self._learned) == 1):
      self._configurations[task_id] = (self._first_configuration() if self._selection.searches
                                       else self._selection.configuration_of(task_id))
      self._create_static_task(task_id)
    else:
      self._shared.redraw_unadopted()
      everything = range(self.context.spec.depth)
      self._create_task(task_id, everything, everything)
      reopened = tuple(self._learned[:1]) if first_waits and len(self._learned) == 2 else ()
      for earlier in reopened:
        self._reopen(earlier)
      self._begin_search((*reopened, task_id))
    self._build_network(task_id)

  def _begin_search(self, task_ids: tuple[int, ...]) -> task_search.TaskSearch:
    """Begins and returns the search for the last of these tasks; all of them await its choice."""
    epochs, own = self.context.epochs_per_task, self._tasks[task_ids[-1]].groups()
    self._open = opened = task_search.TaskSearch(
        self._selection.begin_search(task_ids[-1], epochs, self._shared.adopted), task_ids, epochs,
        self._shared.named_variables, weights.merge_variables(own))
    return opened

  def _first_configuration(self) -> TransferConfiguration:
    """Of a first task that is not searched."""
    return TransferConfiguration.parse("all" if self._knowledge.first_task_shares else "none", self.context.spec.depth)

  def _create_static_task(self, task_id: int) -> None:
    bits = self._configurations[task_id].bits
    layers_of = lambda route: [layer for layer, bit in enumerate(bits) if bit == route]
    self._create_task(task_id, shared=layers_of(True), own=layers_of(False))
    self._shared.adopt(bits)

  def _reopen(self, task_id: int) -> None:
    """Gives the first task both routes in every layer, each with the kernel and bias that it learned."""
    parts = self._tasks[task_id]
    for layer, is_shared in enumerate(self._configurations.pop(task_id).bits):
      group = self._shared.groups[layer]
      if is_shared:
        parts.create([], [layer])
        values = dict(zip(("kernel", "bias"), parts.shared_kernel_and_bias(layer, group)))
        group = parts.convolutions[layer]
      else:
        values = self._knowledge.shared_from_convolution(*parts.convolutions[layer].kernel_and_bias())
      for name, value in values.items():
        group[name].assign(value)
    self._shared.adopted = [False] * self.context.spec.depth
    self._build_network(task_id)

  def next_phase(self, num_completed):
    task_id = self._task_id
    if self._open is None:
      return self._training_phase("train", self.context.epochs_per_task, self._configurations[task_id]) \
          if num_completed == 0 else None
    phase = self._open.next_phase(num_completed)
    if phase is None:
      return None
    if phase.configuration is not None:
      return self._training_phase(phase.name, phase.num_epochs, phase.configuration)
    if phase.needs_validation_batch and not len(self.task.validation[1]):
      raise ValueError(f"{type(self._selection).__name__} reads validation batches, but task {task_id} has no "
                       "validation examples: give the stream a validation split, or bind Differentiable.order = 1 and "
                       "Differentiable.architecture_batch = 'training'.")
    return self._search_phase(phase, self._open.search)

  def _search_phase(self, phase: selection_base.SelectionPhase, search: selection_base.Search) -> base.Phase:
    """Trains both routes of every layer, as the search wants it."""
    task_id = self._task_id
    trained = self._trained_variables(task_id, None)
    search_step = search.step(selection_base.SearchProblem(
        self._tasks[task_id].network, trained, self._penalty_of(task_id), self.context.learning_rate,
        {layer: tuple(group.named_variables) for layer, group in self._shared.groups.items()}))

    def step(batch, context):
      validation = context.validation
      loss, metrics = search_step.run(batch.images, batch.labels, context.learning_rate, context.seed,
                                      *(validation[:2] if validation is not None else (None, None)))
      return base.StepResult(loss, metrics)

    state = {**search_step.state, **search.named_variables()}
    return base.Phase(phase.name, phase.num_epochs, step, trained, state, phase.needs_validation_batch)

  def _training_phase(self, name: str, num_epochs: int, configuration: TransferConfiguration) -> base.Phase:
    """Trains one configuration of the current task's network."""
    trained = self._trained_variables(self._task_id, configuration)
    step = configuration_step.ConfigurationStep(self._tasks[self._task_id].network, configuration, trained,
                                                self._penalty_of(self._task_id), self._updated_twice(self._task_id))
    return base.Phase(name, num_epochs, step, trained, step.slots)

  def _updated_twice(self, task_id: int) -> list[str]:
    """Shared weights that the release lists twice when DARTS revisits a task: those that are a kernel themselves."""
    if not (self.context.reference.darts_double_update_at_revisit and self._selection.lists_shared_twice_at_revisit
            and task_id in self._configurations and not self._tasks[task_id].transforms):
      return []
    bits = self._configurations[task_id].bits
    return list(weights.merge_variables(self._shared.ordered(bits)))

  def _penalty_of(self, task_id: int) -> Callable[[tf.Tensor], tf.Tensor | None]:
    """Function sharing `[depth]` -> what the knowledge adds to this task's loss, or None."""
    return lambda sharing: self._knowledge.penalty(self._shared.groups, self._tasks[task_id].transforms, sharing)

  def begin_epoch(self, epoch):
    if self._open is not None:
      self._open.begin_epoch(epoch)

  def end_epoch(self, epoch, validation_accuracy):
    return self._open is not None and self._open.end_epoch(epoch, validation_accuracy)

  def diagnostics(self):
    return {} if self._open is None else self._open.search.diagnostics()

  @property
  def commit_changes_weights(self):
    return self._open is not None

  def _end_visit(self):
    task_id = self._task_id
    if self._open is None:
      return base.TaskSummary(str(self._configurations[task_id]))
    decided, search = self._open.task_ids, self._open.search
    self._commit(self._open, search.choice())
    earlier = {other: str(self._configurations[other]) for other in decided if other != task_id}
    summary = search.summary()
    return base.TaskSummary(str(self._configurations[task_id]), earlier, summary.details, summary.peak_phase)

  def _commit(self, finished: task_search.TaskSearch, configuration: TransferConfiguration) -> None:
    """Keeps the chosen route of every layer; shared layers that were not chosen go back to what they were."""
    finished.restore(weights.merge_variables(self._shared.ordered([not bit for bit in configuration.bits])))
    self._shared.adopt(configuration.bits)
    for task_id in finished.task_ids:
      self._configurations[task_id] = configuration
      self._tasks[task_id].keep(configuration.bits)
      self._build_network(task_id)
    self._open = None

  def logits(self, images, task_id):
    search = self._open.search if self._open is not None and task_id in self._open.task_ids else None
    return self._tasks[task_id].network(images, sharing=None if search is None else search.sharing())

  def measure_statistics(self):
    network = self._tasks[self._task_id].network
    network.measure_statistics(self.task.train[0], None if self._open is None else self._open.search.sharing())

  def variables(self):
    return {**self._shared.named_variables, **weights.merge_variables(self._all_task_groups(self._learned)),
            **({} if self._open is None else self._open.named_variables)}

  def _bump_versions(self):
    # The first task's network changes with the second one's where one search decides both.
    decided_with_it = self._learned[:1] if self._selection.first_task_waits else ()
    self.structure_changed(tuple({self._task_id, *decided_with_it}))

  # --- resume ---

  def _structure(self):
    return {"configurations": {str(task): str(c) for task, c in self._configurations.items()},
            **self._shared.structure(), "searching": self._open is not None,
            "selection": None if self._open is None else self._open.search.structure()}

  def _restore_structure(self, structure):
    depth = self.context.spec.depth
    self._configurations = {int(task): TransferConfiguration.parse(bits, depth)
                            for task, bits in structure["configurations"].items()}
    self._shared.restore_structure(structure)
    for task_id in self._learned:
      if task_id in self._configurations:
        self._create_static_task(task_id)
      else:
        self._create_task(task_id, range(depth), range(depth))
    self._shared.adopted = list(structure["adopted"])
    for task_id in self._learned:
      self._build_network(task_id)
    if structure["searching"]:
      opened = self._begin_search(tuple(task_id for task_id in self._learned if task_id not in self._configurations))
      opened.search.restore_structure(structure["selection"])

  # --- cost ---

  def num_parameters(self):
    used = self._shared.ordered([any(c.bits[layer] for c in self._configurations.values())
                                 for layer in range(self.context.spec.depth)])
    return sum(group.num_parameters for group in used + self._all_task_groups(self._configurations))

  def super_network_parameters(self):
    if self._open is None:
      return None
    return sum(group.num_parameters for group in self._shared.ordered() + self._all_task_groups(self._learned))

  def planned_epochs(self, order):
    searched = len(set(order)) - self._selection.first_task_waits if self._selection.searches else 0
    epochs = self.context.epochs_per_task
    return (len(order) - searched) * epochs + searched * self._selection.search_epochs(epochs)

  def training_macs_per_image(self, task_id):
    spec = self.context.spec
    generation = [self._knowledge.generation_macs(layer) / self.context.batch_size for layer in range(spec.depth)]
    return self._selection.training_macs([spec.convolution_macs(layer) for layer in range(spec.depth)], generation,
                                         spec.dense_macs(self.context.num_classes[task_id]))

  def workload(self, task_id):
    load = self._selection.workload(self.context.epochs_per_task)
    return dataclasses.replace(load, graph=load.graph * self._knowledge.graph)
