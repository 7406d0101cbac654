"""A single network, output layer included, fine-tuned on task after task: no task identity, full forgetting."""

import gin

from lasem_tf.learners import base, descent, promise
from lasem_tf.nn import layers, networks, normalisation, weights


@gin.register
class SingleNetwork(base.Learner):
  """One backbone and one head for all tasks; variables are called 'single/...'.

  With normalisation every task has statistics of its own; scale and shift are the network's.
  """

  computes_mixed = True
  normalises = True
  has_task_heads = False
  promises = promise.Promises(equal_classes=True)

  def __init__(self, context: base.LearnerContext):
    """Creates the network.

    Raises:
      ValueError: if the tasks differ in their number of classes.
    """
    super().__init__(context)
    if len(set(context.num_classes)) != 1:
      raise ValueError(f"A single network needs tasks with equally many classes; this stream has "
                       f"{context.num_classes}. Leave 'snn' out of the suite for this stream.")
    spec = context.spec
    self._convolutions = [weights.plain_convolution(f"single/conv{layer}", spec, layer, self.initializer)
                          for layer in range(spec.depth)]
    self._head = weights.DenseHead("single/head", spec.dense_shapes(context.num_classes[0]),
                                   spec.dropout_keep_probability, self.initializer)
    self._affine = normalisation.make_affine("single", spec)
    self._networks: dict[int, networks.RoutedNetwork] = {}

  def _create_network(self, task_id: int) -> None:
    """The network as one task sees it."""
    spec = self.context.spec
    self._networks[task_id] = networks.RoutedNetwork(
        spec, [None] * spec.depth, self._convolutions, self._head, "single_network",
        normalisation.TaskNormalisation(task_id, spec, self._affine))

  def _begin_visit(self, is_new):
    if is_new:
      self._create_network(self.task.info.task_id)

  def next_phase(self, num_completed):
    if num_completed:
      return None
    trained = weights.merge_variables(self._groups())
    return descent.make_phase("train", self.context.epochs_per_task, trained, self._objective)

  def _groups(self) -> list:
    return [*self._convolutions, self._head, *self._affine]

  def _statistics(self) -> list[weights.WeightGroup]:
    return [group for network in self._networks.values() for group in network.normalisation.statistics]

  def _objective(self, batch, context):
    network = self._networks[self.task.info.task_id]
    logits = network(batch.images, dropout_seed=context.seed, training=True)
    return descent.Objective(layers.mean_cross_entropy(logits, batch.labels))

  def _end_visit(self):
    return base.TaskSummary()

  def logits(self, images, task_id):
    return self._networks[task_id](images)

  def measure_statistics(self):
    self._networks[self.task.info.task_id].measure_statistics(self.task.train[0])

  def variables(self):
    return weights.merge_variables([*self._groups(), *self._statistics()])

  def num_parameters(self):
    return sum(group.num_parameters for group in [*self._groups(), *self._statistics()])

  def _bump_versions(self):
    """One network for all tasks and all time: graphs stay valid."""

  def _restore_structure(self, structure):
    for task_id in self._learned:
      self._create_network(task_id)
