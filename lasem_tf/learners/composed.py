"""Knowledge x selection: how layers share, times which layers do. Every pair of the papers is one of these."""

from collections.abc import Iterable, Mapping

import gin
import tensorflow as tf

from lasem_tf.knowledge import base as knowledge_base
from lasem_tf.learners import base, shared_layers, snapshot, task_parts
from lasem_tf.nn import layers, optimizers, weights
from lasem_tf.selection import base as selection_base
from lasem_tf.selection.configuration import TransferConfiguration


@gin.register
class Composed(base.Learner):
  """Hard sharing, tensor factors or deconvolution, under a static configuration or a search for one.

  Variables are named 'shared/conv{l}/...' or 'kb/conv{l}' (shared), 'task{t}/conv{l}/...' (own convolutions),
  'task{t}/tf{l}/...' and 'task{t}/dfcnn{l}/...' (own part of a shared layer), 'task{t}/head/dense{i}/...',
  'snapshot/...' (weights as they were before the search in progress) and 'best/...' (those of the best candidate, in a
  search by trial).
  """

  def __init__(self, context: base.LearnerContext, knowledge: knowledge_base.Knowledge = gin.REQUIRED,
               selection: selection_base.Selection = gin.REQUIRED):
    """Fits knowledge and selection to the backbone; raises ValueError where they do not fit it or each other."""
    super().__init__(context)
    knowledge.bind(context.spec, self.initializer, context.reference)
    selection.bind(context.spec.depth, context.reference, context.seed)
    selection.check_cost(len(context.num_classes), context.epochs_per_task)
    if selection.searches and not knowledge.can_share:
      raise ValueError(f"{type(selection).__name__} cannot search over {type(knowledge).__name__}: it has no shared "
                       "route.")
    self._knowledge, self._selection = knowledge, selection
    self._shared = shared_layers.SharedLayers(knowledge, context.spec.depth)
    self._keep_snapshots({}, {})
    self._phase: selection_base.SelectionPhase | None = None
    self._tasks: dict[int, task_parts.TaskParts] = {}
    self._configurations: dict[int, TransferConfiguration] = {}

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
    return [group for task_id in task_ids for group in self._tasks[task_id].groups()]

  def _open_tasks(self) -> list[int]:
    """Tasks whose configuration the search in progress decides: the current one, and with it sometimes the first."""
    return [task_id for task_id in self._learned if task_id not in self._configurations]

  def _searching(self) -> bool:
    """Whether the visit in progress searches for its task's configuration."""
    return bool(self._open_tasks())

  def _trained_variables(self, task_id: int, configuration: TransferConfiguration | None) -> dict[str, tf.Variable]:
    """What a step of this task under a configuration (None: over both routes of every layer) may change."""
    all_shared = configuration is None or self.context.reference.doubled_regulariser
    bits = None if configuration is None else configuration.bits
    shared = self._shared.ordered(None if all_shared else bits)
    return weights.merge_variables([*shared, *self._tasks[task_id].groups(bits)])

  # --- contract ---

  def _begin_visit(self, is_new):
    task_id = self.task.info.task_id
    if not is_new:
      if self.context.reference.redraw_unadopted_at_revisit:
        self._shared.redraw_unadopted()
        self._shared.adopt([layer in self._shared.groups for layer in range(self.context.spec.depth)])
      return
    self._selection.begin_task(task_id, self.context.epochs_per_task)
    if self._selection.searches and (self._selection.searches_first_task or len(self._learned) > 1):
      self._shared.redraw_unadopted()
      everything = range(self.context.spec.depth)
      self._create_task(task_id, everything, everything)
      if not self._selection.searches_first_task and len(self._learned) == 2:
        self._reopen(self._learned[0])
      self._take_snapshots(task_id)
    else:
      self._configurations[task_id] = (self._first_configuration() if self._selection.searches
                                       else self._selection.choice())
      self._create_static_task(task_id)
    self._build_network(task_id)

  def _first_configuration(self) -> TransferConfiguration:
    """Of a first task that is not searched."""
    return TransferConfiguration.parse("all" if self._knowledge.first_task_shares else "none", self.context.spec.depth)

  def _create_static_task(self, task_id: int) -> None:
    bits = self._configurations[task_id].bits
    self._create_task(task_id, [l for l, bit in enumerate(bits) if bit], [l for l, bit in enumerate(bits) if not bit])
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

  def _take_snapshots(self, task_id: int) -> None:
    """Keeps what the search may want back: shared weights, and where phases restart the task's own."""
    if not self._selection.restarts:
      self._keep_snapshots(self._shared.named_variables, {})
    else:
      everything = weights.merge_variables([*self._shared.ordered(), *self._tasks[task_id].groups()])
      self._keep_snapshots(everything, everything)

  def _keep_snapshots(self, start: Mapping[str, tf.Variable], best: Mapping[str, tf.Variable]) -> None:
    """Begins snapshots of these variables, in place of the old ones."""
    self._snapshot, self._best = snapshot.Snapshot("snapshot", start), snapshot.Snapshot("best", best)

  def next_phase(self, num_completed):
    task_id = self.task.info.task_id
    if not self._searching():
      return self._training_phase("train", self.context.epochs_per_task, self._configurations[task_id]) \
          if num_completed == 0 else None
    self._phase = phase = self._selection.next_phase(num_completed, self.context.epochs_per_task)
    if phase is None or phase.configuration is not None:
      return phase and self._training_phase(phase.name, phase.num_epochs, phase.configuration)
    if phase.needs_validation_batch and not len(self.task.validation[1]):
      raise ValueError(f"{type(self._selection).__name__} reads validation batches, but task {task_id} has no "
                       "validation examples: give the stream a validation split, or bind Differentiable.order = 1 and "
                       "Differentiable.architecture_batch = 'training'.")
    trained = self._trained_variables(task_id, None)
    search = self._selection.search_step(selection_base.SearchProblem(
        self._tasks[task_id].network, trained, lambda sharing: self._penalty(task_id, sharing),
        self.context.learning_rate))

    def step(batch, context):
      validation = context.validation
      loss, metrics = search.run(batch.images, batch.labels, context.learning_rate, context.seed,
                                 *(validation[:2] if validation is not None else (None, None)))
      return base.StepResult(loss, metrics)

    state = {**search.state, **self._selection.named_variables()}
    return base.Phase(phase.name, phase.num_epochs, step, trained, state, phase.needs_validation_batch)

  def _training_phase(self, name: str, num_epochs: int, configuration: TransferConfiguration) -> base.Phase:
    """Trains one configuration of the current task's network."""
    task_id = self.task.info.task_id
    network, trained = self._tasks[task_id].network, self._trained_variables(task_id, configuration)
    optimizer = optimizers.RMSProp(trained)
    twice = self._updated_twice(task_id)

    def step(batch, context):
      with tf.GradientTape() as tape:
        logits = network(batch.images, sharing=configuration.bits, dropout_seed=context.seed)
        loss = layers.mean_cross_entropy(logits, batch.labels)
        penalty = self._penalty(task_id, tf.cast(configuration.bits, loss.dtype))
        total = loss if penalty is None else loss + penalty
      gradients = optimizers.gradients_by_name(tape, total, trained)
      optimizer.apply(gradients, context.learning_rate)
      if twice:
        optimizer.apply({name: gradients[name] for name in twice}, context.learning_rate)
      return base.StepResult(loss)

    return base.Phase(name, num_epochs, step, trained, optimizer.slots)

  def _updated_twice(self, task_id: int) -> list[str]:
    """Shared weights that the release lists twice when DARTS revisits a task: those that are a kernel themselves."""
    if not (self.context.reference.darts_double_update_at_revisit and self._selection.lists_shared_twice_at_revisit
            and task_id in self._configurations and not self._tasks[task_id].transforms):
      return []
    bits = self._configurations[task_id].bits
    return list(weights.merge_variables(self._shared.ordered(bits)))

  def _penalty(self, task_id: int, sharing: tf.Tensor) -> tf.Tensor | None:
    return self._knowledge.penalty(self._shared.groups, self._tasks[task_id].transforms, sharing)

  def begin_epoch(self, epoch):
    if self._searching():
      if epoch == 0 and self._phase.restart:
        self._snapshot.restore()
      self._selection.begin_epoch(epoch)

  def end_epoch(self, epoch, validation_accuracy):
    if not self._searching():
      return False
    ended = self._selection.end_epoch(epoch, validation_accuracy)
    if self._phase.restart and epoch == self._phase.num_epochs - 1 and self._selection.leads():
      self._best.take()
    return ended

  def diagnostics(self):
    return self._selection.diagnostics() if self._searching() else {}

  @property
  def commit_changes_weights(self):
    return self._searching()

  def _end_visit(self):
    task_id, decided, peak_phase = self.task.info.task_id, self._open_tasks(), None
    if decided:
      peak_phase = self._selection.peak_phase()
      self._commit(self._selection.choice())
    earlier = {other: str(self._configurations[other]) for other in decided if other != task_id}
    return base.TaskSummary(str(self._configurations[task_id]), earlier, peak_phase=peak_phase)

  def _commit(self, configuration: TransferConfiguration) -> None:
    """Keeps the chosen route of every layer; shared layers that were not chosen go back to what they were."""
    self._best.restore()
    self._snapshot.restore(weights.merge_variables(self._shared.ordered([not bit for bit in configuration.bits])))
    self._shared.adopt(configuration.bits)
    for task_id in self._open_tasks():
      self._configurations[task_id] = configuration
      self._tasks[task_id].keep(configuration.bits)
      self._build_network(task_id)
    self._keep_snapshots({}, {})

  def logits(self, images, task_id):
    is_open = task_id not in self._configurations
    return self._tasks[task_id].network(images, sharing=self._selection.sharing() if is_open else None)

  def variables(self):
    return {**self._shared.named_variables, **weights.merge_variables(self._all_task_groups(self._learned)),
            **self._snapshot.named_variables, **self._best.named_variables,
            **(self._selection.named_variables() if self._searching() else {})}

  def _bump_versions(self):
    # The first task's network changes with the second one's where one search decides both.
    decided_with_it = () if self._selection.searches_first_task else self._learned[:1]
    self.structure_changed(tuple({self.task.info.task_id, *decided_with_it}))

  # --- resume ---

  def _structure(self):
    searching = self._searching()
    return {"configurations": {str(task): str(c) for task, c in self._configurations.items()},
            **self._shared.structure(), "searching": searching,
            "selection": self._selection.structure() if searching else None}

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
      self._selection.begin_task(self._learned[-1], self.context.epochs_per_task)
      self._selection.restore_structure(structure["selection"])
      self._take_snapshots(self._learned[-1])

  # --- cost ---

  def num_parameters(self):
    used = self._shared.ordered([any(c.bits[layer] for c in self._configurations.values())
                                 for layer in range(self.context.spec.depth)])
    return sum(group.num_parameters for group in used + self._all_task_groups(self._configurations))

  def super_network_parameters(self):
    if not self._searching():
      return None
    return sum(group.num_parameters for group in self._shared.ordered() + self._all_task_groups(self._learned))

  def planned_epochs(self, order):
    searched = len(set(order)) - (not self._selection.searches_first_task) if self._selection.searches else 0
    epochs = self.context.epochs_per_task
    return (len(order) - searched) * epochs + searched * self._selection.search_epochs(epochs)

  def training_macs_per_image(self, task_id):
    spec = self.context.spec
    generation = [self._knowledge.generation_macs(layer) / self.context.batch_size for layer in range(spec.depth)]
    return self._selection.training_macs([spec.convolution_macs(layer) for layer in range(spec.depth)], generation,
                                         spec.dense_macs(self.context.num_classes[task_id]))
