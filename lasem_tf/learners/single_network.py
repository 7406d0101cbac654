"""A single network, output layer included, fine-tuned on task after task: no task identity, full forgetting."""

import gin

from lasem_tf.learners import base, descent, promise
from lasem_tf.nn import layers, networks, weights


@gin.register
class SingleNetwork(base.Learner):
  """One backbone and one head for all tasks; variables are called 'single/...'."""

  computes_mixed = True
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
    self._network = networks.RoutedNetwork(spec, [None] * spec.depth, self._convolutions, self._head,
                                           name="single_network")

  def _begin_visit(self, is_new):
    """The network is there already."""

  def next_phase(self, num_completed):
    if num_completed:
      return None
    return descent.make_phase("train", self.context.epochs_per_task, self.variables(), self._objective)

  def _objective(self, batch, context):
    logits = self._network(batch.images, dropout_seed=context.seed)
    return descent.Objective(layers.mean_cross_entropy(logits, batch.labels))

  def _end_visit(self):
    return base.TaskSummary()

  def logits(self, images, task_id):
    return self._network(images)

  def variables(self):
    return weights.merge_variables([*self._convolutions, self._head])

  def num_parameters(self):
    return sum(group.num_parameters for group in [*self._convolutions, self._head])

  def _bump_versions(self):
    """One network for all tasks and all time: graphs stay valid."""

  def _restore_structure(self, structure):
    """The constructor creates everything."""
