"""The training step of one transfer configuration of a task's network."""

from collections.abc import Callable, Mapping, Sequence

import tensorflow as tf

from lasem_tf.learners import base
from lasem_tf.nn import layers, networks, optimizers
from lasem_tf.selection.configuration import TransferConfiguration


class ConfigurationStep:
  """Cross-entropy and the knowledge's penalty of one configuration, one RMSProp update."""

  def __init__(self, network: networks.RoutedNetwork, configuration: TransferConfiguration,
               trained: Mapping[str, tf.Variable], penalty: Callable[[tf.Tensor], tf.Tensor | None],
               twice: Sequence[str] = ()):
    """Creates the optimiser.

    Args:
      network: has the routes of the configuration.
      configuration: what is trained.
      trained: the weights, by name.
      penalty: see `selection.base.SearchProblem`.
      twice: names of weights that are updated twice with the same gradient.
    """
    self._network, self._configuration, self._trained = network, configuration, trained
    self._penalty, self._twice = penalty, twice
    self._optimizer = optimizers.RMSProp(trained)

  @property
  def slots(self) -> dict[str, tf.Variable]:
    """Of the optimiser."""
    return self._optimizer.slots

  def __call__(self, batch: base.Batch, context: base.StepContext) -> base.StepResult:
    bits = self._configuration.bits
    with tf.GradientTape() as tape:
      logits = self._network(batch.images, sharing=bits, dropout_seed=context.seed, training=True)
      loss = layers.mean_cross_entropy(logits, batch.labels)
      penalty = self._penalty(tf.cast(bits, loss.dtype))
      total = loss if penalty is None else loss + penalty
    gradients = optimizers.gradients_by_name(tape, total, self._trained)
    self._optimizer.apply(gradients, context.learning_rate)
    if self._twice:
      self._optimizer.apply({name: gradients[name] for name in self._twice}, context.learning_rate)
    return base.StepResult(loss)
