"""RMSProp as in TensorFlow 1, which the papers' numbers rest on.

Keras' RMSprop is another function: its mean square starts at zero and its epsilon stands outside the root, so that its
first step is about 300 times as large at the learning rates used here.
"""

from collections.abc import Mapping

import tensorflow as tf


class RMSProp:
  """ms <- decay * ms + (1 - decay) * g^2;  w <- w - lr * g / sqrt(ms + epsilon), with ms starting at one."""

  def __init__(self, variables: Mapping[str, tf.Variable], decay: float = 0.9, epsilon: float = 1e-10,
               mean_squares: Mapping[str, tf.Variable] | None = None):
    """Creates the slots.

    Args:
      variables: what may be updated, by stable name.
      decay: of the mean square.
      epsilon: added inside the root.
      mean_squares: slots to go on with, by the names that `slots` gives them; None: new ones.
    """
    self._variables = dict(variables)
    self._decay, self._epsilon = decay, epsilon
    self._mean_squares = {name: tf.Variable(tf.ones_like(variable)) if mean_squares is None
                          else mean_squares[f"rms/{name}"] for name, variable in variables.items()}
    # The fused kernel wants a momentum slot even for momentum 0; it is overwritten in every step and holds no state.
    self._momenta = {name: tf.Variable(tf.zeros_like(variable)) for name, variable in variables.items()}

  @property
  def slots(self) -> dict[str, tf.Variable]:
    """Mean squares under 'rms/<name of the variable>', for checkpoints."""
    return {f"rms/{name}": slot for name, slot in self._mean_squares.items()}

  @property
  def variables(self) -> dict[str, tf.Variable]:
    """What may be updated, by stable name."""
    return self._variables

  def apply(self, gradients: Mapping[str, tf.Tensor | None], learning_rate: tf.Tensor) -> None:
    """Updates every variable that has a gradient; one without keeps its value and its slot."""
    for name, gradient in gradients.items():
      if gradient is not None:
        variable = self._variables[name]
        tf.raw_ops.ResourceApplyRMSProp(
            var=variable.handle, ms=self._mean_squares[name].handle, mom=self._momenta[name].handle,
            lr=tf.cast(learning_rate, variable.dtype), rho=tf.constant(self._decay, variable.dtype),
            momentum=tf.constant(0.0, variable.dtype), epsilon=tf.constant(self._epsilon, variable.dtype),
            grad=gradient)


class ScaledRates:
  """An optimiser that multiplies the learning rate of some of its variables."""

  def __init__(self, variables: Mapping[str, tf.Variable], factors: Mapping[str, float]):
    """Creates `RMSProp` slots for all variables.

    Args:
      variables: what may be updated, by stable name.
      factors: of the learning rate, by the same names; 1 where there is none.
    """
    self._optimizer, self._factors = RMSProp(variables), dict(factors)

  @property
  def slots(self) -> dict[str, tf.Variable]:
    """See `RMSProp.slots`."""
    return self._optimizer.slots

  def apply(self, gradients: Mapping[str, tf.Tensor | None], learning_rate: tf.Tensor) -> None:
    """See `RMSProp.apply`."""
    for factor in dict.fromkeys(self._factors.get(name, 1.0) for name in gradients):
      self._optimizer.apply({name: gradient for name, gradient in gradients.items()
                             if self._factors.get(name, 1.0) == factor}, factor * learning_rate)


class GradientDescent:
  """w <- w - lr * g, behind the interface of `RMSProp`; it keeps nothing."""

  def __init__(self, variables: Mapping[str, tf.Variable]):
    self.variables = dict(variables)
    self.slots: dict[str, tf.Variable] = {}

  def apply(self, gradients: Mapping[str, tf.Tensor | None], learning_rate: tf.Tensor) -> None:
    """Updates every variable that has a gradient."""
    for name, gradient in gradients.items():
      if gradient is not None:
        self.variables[name].assign_sub(tf.cast(learning_rate, gradient.dtype) * gradient)


def gradients_by_name(tape: tf.GradientTape, loss: tf.Tensor,
                      variables: Mapping[str, tf.Variable]) -> dict[str, tf.Tensor | None]:
  """Gradient of the loss for every named variable; None where the loss does not depend on it."""
  return dict(zip(variables, tape.gradient(loss, list(variables.values()))))
