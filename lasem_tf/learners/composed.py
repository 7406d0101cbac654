"""Knowledge x selection: how layers share, times which layers do. Every pair of the papers is one of these."""

import gin
import tensorflow as tf

from lasem_tf.knowledge import base as knowledge_base
from lasem_tf.learners import base
from lasem_tf.nn import layers, networks, optimizers, weights
from lasem_tf.selection import base as selection_base
from lasem_tf.selection.configuration import TransferConfiguration


@gin.register
class Composed(base.Learner):
  """Hard sharing, tensor factors or deconvolution, under a static configuration or a search for one.

  Variables are named 'shared/conv{l}/...' or 'kb/conv{l}' (shared), 'task{t}/conv{l}/...' (own convolutions),
  'task{t}/tf{l}/...' and 'task{t}/dfcnn{l}/...' (own part of a shared layer), 'task{t}/head/dense{i}/...', and
  'snapshot/...' (shared weights as they were before the search in progress).
  """

  def __init__(self, context: base.LearnerContext, knowledge: knowledge_base.Knowledge = gin.REQUIRED,
               selection: selection_base.Selection = gin.REQUIRED):
    """Fits knowledge and selection to the backbone; raises ValueError where they do not fit it or each other."""
    super().__init__(context)
    knowledge.bind(context.spec, self.initializer, context.reference)
    selection.bind(context.spec.depth, context.reference)
    if selection.searches and not knowledge.can_share:
      raise ValueError(f"{type(selection).__name__} cannot search over {type(knowledge).__name__}: it has no shared route.")
    self._knowledge, self._selection = knowledge, selection
    depth = context.spec.depth
    self._shared: dict[int, weights.WeightGroup] = {}
    self._adopted, self._draws = [False] * depth, [0] * depth
    self._snapshots: dict[str, tf.Variable] = {}
    self._transforms: dict[int, dict[int, weights.WeightGroup]] = {}
    self._convolutions: dict[int, dict[int, weights.Convolution]] = {}
    self._heads: dict[int, weights.DenseHead] = {}
    self._configurations: dict[int, TransferConfiguration] = {}
    self._networks: dict[int, networks.RoutedNetwork] = {}

  # --- variables -------------------------------------------------------------------------------------------------------

  def _create_task(self, task_id: int, shared_layers, own_layers) -> None:
    """Creates a task's own groups, and shared groups that are not there yet."""
    spec = self.context.spec
    for layer in shared_layers:
      if layer not in self._shared:
        self._shared[layer] = self._knowledge.create_shared(layer, self._draws[layer])
    transforms = {layer: self._knowledge.create_transform(layer, task_id) for layer in shared_layers}
    self._transforms[task_id] = {layer: group for layer, group in transforms.items() if group is not None}
    self._convolutions[task_id] = {layer: weights.plain_convolution(f"task{task_id}/conv{layer}", spec, layer, self.initializer)
                                   for layer in own_layers}
    self._heads[task_id] = weights.DenseHead(f"task{task_id}/head", spec.dense_shapes(self.context.num_classes[task_id]),
                                             spec.dropout_keep_probability, self.initializer)

  def _build_network(self, task_id: int) -> None:
    """(Re)builds a task's model from the groups it has now; both routes in every layer while it is searched."""
    layers_ = range(self.context.spec.depth)
    configuration = self._configurations.get(task_id)
    shared = [knowledge_base.KnowledgeRoute(self._knowledge, layer, self._shared[layer], self._transforms[task_id].get(layer))
              if configuration is None or configuration.bits[layer] else None for layer in layers_]
    own = [self._convolutions[task_id].get(layer) for layer in layers_]
    self._networks[task_id] = networks.RoutedNetwork(self.context.spec, shared, own, self._heads[task_id],
                                                     name=f"task{task_id}_network")

  def _redraw(self, layer: int) -> None:
    """Gives a shared layer that no task adopted new initial values."""
    self._draws[layer] += 1
    _, values = self._knowledge.shared_values(layer, self._draws[layer])
    for name, value in values.items():
      self._shared[layer][name].assign(value)

  def _task_groups(self, task_id: int):
    """Own groups of a task in the order of the release: transforms, convolutions, head."""
    return [*self._transforms[task_id].values(), *self._convolutions[task_id].values(), self._heads[task_id]]

  def _searching(self) -> bool:
    """Whether the visit in progress searches for its task's configuration."""
    return any(task_id not in self._configurations for task_id in self._learned)

  def _trained_variables(self, task_id: int) -> dict[str, tf.Variable]:
    """What a step of this task may change: its shared layers (all of them in a search) and its own groups."""
    configuration = self._configurations.get(task_id)
    all_shared = configuration is None or self.context.reference.doubled_regulariser
    shared = [group for layer, group in sorted(self._shared.items()) if all_shared or configuration.bits[layer]]
    return weights.merge_variables([*shared, *self._task_groups(task_id)])

  # --- contract --------------------------------------------------------------------------------------------------------

  def _begin_visit(self, is_new):
    task_id = self.task.info.task_id
    if not is_new:
      if self.context.reference.redraw_unadopted_at_revisit:
        for layer in self._shared:
          if not self._adopted[layer]:
            self._redraw(layer)
            self._adopted[layer] = True
      return
    self._selection.begin_task(task_id, self.context.epochs_per_task)
    if self._selection.searches:
      for layer in self._shared:
        if not self._adopted[layer]:
          self._redraw(layer)
      everything = range(self.context.spec.depth)
      self._create_task(task_id, everything, everything)
      self._take_snapshots()
    else:
      self._configurations[task_id] = self._selection.choice()
      self._create_static_task(task_id)
    self._build_network(task_id)

  def _create_static_task(self, task_id: int) -> None:
    bits = self._configurations[task_id].bits
    self._create_task(task_id, [l for l, bit in enumerate(bits) if bit], [l for l, bit in enumerate(bits) if not bit])
    self._adopted = [adopted or bit for adopted, bit in zip(self._adopted, bits)]

  def _take_snapshots(self) -> None:
    self._snapshots = {f"snapshot/{name}": tf.Variable(variable, trainable=False)
                       for name, variable in weights.merge_variables(self._shared.values()).items()}

  def next_phase(self, num_completed):
    task_id = self.task.info.task_id
    if not self._searching():
      return self._training_phase("train", self.context.epochs_per_task, self._configurations[task_id]) \
          if num_completed == 0 else None
    phase = self._selection.next_phase(num_completed, self.context.epochs_per_task)
    if phase is None or phase.configuration is not None:
      return phase and self._training_phase(phase.name, phase.num_epochs, phase.configuration)
    trained = self._trained_variables(task_id)
    search = self._selection.search_step(selection_base.SearchProblem(
        self._networks[task_id], trained, lambda sharing: self._penalty(task_id, sharing), self.context.learning_rate))

    def step(batch, context):
      validation = context.validation
      loss, metrics = search.run(batch.images, batch.labels, context.learning_rate, context.seed,
                                 *(validation[:2] if validation is not None else (None, None)))
      return base.StepResult(loss, metrics)

    return base.Phase(phase.name, phase.num_epochs, step, trained, search.state, phase.needs_validation_batch)

  def _training_phase(self, name: str, num_epochs: int, configuration: TransferConfiguration) -> base.Phase:
    """Trains one configuration of the current task's network."""
    task_id = self.task.info.task_id
    network, trained = self._networks[task_id], self._trained_variables(task_id)
    optimizer = optimizers.RMSProp(trained)
    sharing = tf.constant(configuration.bits)

    def step(batch, context):
      with tf.GradientTape() as tape:
        loss = layers.mean_cross_entropy(network(batch.images, sharing=sharing, dropout_seed=context.seed), batch.labels)
        penalty = self._penalty(task_id, tf.cast(sharing, loss.dtype))
        total = loss if penalty is None else loss + penalty
      optimizer.apply(optimizers.gradients_by_name(tape, total, trained), context.learning_rate)
      return base.StepResult(loss)

    return base.Phase(name, num_epochs, step, trained, optimizer.slots)

  def _penalty(self, task_id: int, sharing: tf.Tensor) -> tf.Tensor | None:
    return self._knowledge.penalty(self._shared, self._transforms[task_id], sharing)

  def begin_epoch(self, epoch):
    if self._searching():
      self._selection.begin_epoch(epoch)

  def end_epoch(self, epoch, validation_accuracy):
    return self._searching() and self._selection.end_epoch(epoch, validation_accuracy)

  def diagnostics(self):
    return self._selection.diagnostics() if self._searching() else {}

  @property
  def commit_changes_weights(self):
    return self._searching()

  def _end_visit(self):
    task_id = self.task.info.task_id
    if self._searching():
      self._commit(task_id, self._selection.choice())
    return base.TaskSummary(configuration=str(self._configurations[task_id]))

  def _commit(self, task_id: int, configuration: TransferConfiguration) -> None:
    """Keeps the chosen route of every layer; shared layers that were not chosen go back to what they were."""
    self._configurations[task_id] = configuration
    for layer, shared in enumerate(configuration.bits):
      if shared:
        self._adopted[layer] = True
        self._convolutions[task_id].pop(layer)
      else:
        self._transforms[task_id].pop(layer, None)
        for name, variable in self._shared[layer].named_variables.items():
          variable.assign(self._snapshots[f"snapshot/{name}"])
    self._snapshots = {}
    self._build_network(task_id)

  def logits(self, images, task_id):
    searching = self._searching() and task_id == self.task.info.task_id
    return self._networks[task_id](images, sharing=self._selection.sharing() if searching else None)

  def variables(self):
    own = [group for task_id in self._learned for group in self._task_groups(task_id)]
    return {**weights.merge_variables([group for _, group in sorted(self._shared.items())] + own), **self._snapshots,
            **(self._selection.named_variables() if self._searching() else {})}

  def _bump_versions(self):
    self.structure_changed((self.task.info.task_id,))

  # --- resume ----------------------------------------------------------------------------------------------------------

  def _structure(self):
    searching = self._searching()
    return {"configurations": {str(task): str(c) for task, c in self._configurations.items()}, "adopted": list(self._adopted),
            "draws": list(self._draws), "shared": sorted(self._shared), "searching": searching,
            "selection": self._selection.structure() if searching else None}

  def _restore_structure(self, structure):
    depth = self.context.spec.depth
    self._configurations = {int(task): TransferConfiguration.parse(bits, depth)
                            for task, bits in structure["configurations"].items()}
    self._draws = list(structure["draws"])
    for task_id in self._learned:
      if task_id in self._configurations:
        self._create_static_task(task_id)
      else:
        self._selection.begin_task(task_id, self.context.epochs_per_task)
        self._selection.restore_structure(structure["selection"])
        self._create_task(task_id, range(depth), range(depth))
    for layer in structure["shared"]:
      if layer not in self._shared:
        self._shared[layer] = self._knowledge.create_shared(layer, self._draws[layer])
    self._adopted = list(structure["adopted"])
    for task_id in self._learned:
      self._build_network(task_id)
    if structure["searching"]:
      self._take_snapshots()

  # --- cost ------------------------------------------------------------------------------------------------------------

  def num_parameters(self):
    used = [group for layer, group in self._shared.items() if any(c.bits[layer] for c in self._configurations.values())]
    committed = [group for task_id in self._configurations for group in self._task_groups(task_id)]
    return sum(group.num_parameters for group in used + committed)

  def super_network_parameters(self):
    if not self._searching():
      return None
    groups = [*self._shared.values(), *(group for task_id in self._learned for group in self._task_groups(task_id))]
    return sum(group.num_parameters for group in groups)

  def training_macs_per_image(self, task_id):
    spec = self.context.spec
    macs = [spec.convolution_macs(layer) for layer in range(spec.depth)]
    generated = sum(self._knowledge.generation_macs(layer) for layer in range(spec.depth)) / self.context.batch_size
    forward = self._selection.training_macs_factor(macs, spec.dense_macs(self.context.num_classes[task_id])) + generated
    return 3.0 * forward - (2 if self._selection.searches else 1) * macs[0]
