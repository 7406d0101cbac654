"""A single network, output layer included, fine-tuned on task after task: no task identity, full forgetting."""

import gin
import tensorflow as tf

from lasem_tf.learners import base
from lasem_tf.nn import layers, networks, optimizers, weights


@gin.register
class SingleNetwork(base.Learner):
  """One backbone and one head for all tasks; variables are called 'single/...'."""

  computes_mixed = True

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
    trained = self.variables()
    optimizer = optimizers.RMSProp(trained)

    def step(batch, context):
      with tf.GradientTape() as tape:
        loss = layers.mean_cross_entropy(self._network(batch.images, dropout_seed=context.seed), batch.labels)
      optimizer.apply(optimizers.gradients_by_name(tape, loss, trained), context.learning_rate)
      return base.StepResult(loss)

    return base.Phase("train", self.context.epochs_per_task, step, trained, optimizer.slots)

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
