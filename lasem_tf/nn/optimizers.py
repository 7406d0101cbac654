"""RMSProp as in TensorFlow 1, which the papers' numbers rest on, and what other methods were published with.

Keras' RMSprop is another function: its mean square starts at zero and its epsilon stands outside the root, so that its
first step is about 300 times as large at the learning rates used here.
"""

from collections.abc import Mapping

import keras
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


  def stepped(self, gradients: Mapping[str, tf.Tensor | None], learning_rate: tf.Tensor) -> dict[str, tf.Tensor]:
    """What `apply` would leave in each variable that has a gradient, as a function of gradients; updates nothing."""
    values = {}
    for name, gradient in gradients.items():
      if gradient is not None:
        variable = self._variables[name]
        mean_square = self._decay * self._mean_squares[name] + (1.0 - self._decay) * tf.square(gradient)
        step = tf.cast(learning_rate, variable.dtype) * gradient * tf.math.rsqrt(mean_square + self._epsilon)
        values[name] = variable - step
    return values


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


class Adam:
  """Adam (Kingma and Ba, ICLR 2015), bias corrected, behind the interface of `RMSProp`.

  m <- b1 m + (1 - b1) g;  v <- b2 v + (1 - b2) g^2;  w <- w - lr sqrt(1 - b2^n) / (1 - b1^n) m / (sqrt(v) + epsilon),
  where n counts the calls of `apply`. An entry whose gradient was zero in every call keeps its value bit for bit.
  """

  def __init__(self, variables: Mapping[str, tf.Variable], beta_1: float = 0.9, beta_2: float = 0.999,
               epsilon: float = 1e-8):
    """Creates the slots.

    Args:
      variables: what may be updated, by stable name.
      beta_1: decay of the first moment.
      beta_2: decay of the second moment.
      epsilon: added to the root.
    """
    self.variables = dict(variables)
    self._beta_1, self._beta_2, self._epsilon = beta_1, beta_2, epsilon
    self._first = {name: tf.Variable(tf.zeros_like(variable)) for name, variable in variables.items()}
    self._second = {name: tf.Variable(tf.zeros_like(variable)) for name, variable in variables.items()}
    self._num_calls = tf.Variable(0.0, dtype=keras.config.floatx())

  @property
  def slots(self) -> dict[str, tf.Variable]:
    """Both moments under 'adam/first/<name>' and 'adam/second/<name>', and 'adam/num_calls', for checkpoints."""
    return {"adam/num_calls": self._num_calls,
            **{f"adam/first/{name}": slot for name, slot in self._first.items()},
            **{f"adam/second/{name}": slot for name, slot in self._second.items()}}

  def apply(self, gradients: Mapping[str, tf.Tensor | None], learning_rate: tf.Tensor) -> None:
    """Updates every variable that has a gradient; one without keeps its value and its slots."""
    num_calls = self._num_calls.assign_add(1.0)
    for name, gradient in gradients.items():
      if gradient is not None:
        variable = self.variables[name]
        beta_1, beta_2 = (tf.constant(beta, variable.dtype) for beta in (self._beta_1, self._beta_2))
        exponent = tf.cast(num_calls, variable.dtype)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle, m=self._first[name].handle, v=self._second[name].handle,
            beta1_power=tf.pow(beta_1, exponent), beta2_power=tf.pow(beta_2, exponent),
            lr=tf.cast(learning_rate, variable.dtype), beta1=beta_1, beta2=beta_2,
            epsilon=tf.constant(self._epsilon, variable.dtype), grad=gradient)


BY_NAME = {"rmsprop": RMSProp, "sgd": GradientDescent, "adam": Adam}


def by_name(name: str, binding: str) -> type[RMSProp] | type[GradientDescent] | type[Adam]:
  """The class of an optimiser.

  Args:
    name: 'rmsprop', 'sgd' or 'adam'.
    binding: where the name comes from, for the message.

  Raises:
    ValueError: for another name.
  """
  if name not in BY_NAME:
    raise ValueError(f"{binding} must be one of {sorted(BY_NAME)}, not {name!r}.")
  return BY_NAME[name]


def gradients_by_name(tape: tf.GradientTape, loss: tf.Tensor,
                      variables: Mapping[str, tf.Variable]) -> dict[str, tf.Tensor | None]:
  """Gradient of the loss for every named variable; None where the loss does not depend on it."""
  return dict(zip(variables, tape.gradient(loss, list(variables.values()))))
