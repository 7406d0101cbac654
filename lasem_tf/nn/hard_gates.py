"""Binary gates that a small network computes from the average of a layer's input, with a gradient.

The gates of Abati et al., "Conditional channel gated networks for task-aware continual learning" (CVPR 2020): on or off
in the forward pass, the gradient of their relaxation in the backward pass. The noise is logistic, the difference of two
Gumbel variables, so that a gate is on with exactly the probability sigmoid(z); one Gumbel variable, as in unofficial
code, biases gates.
"""

import keras
import tensorflow as tf

from lasem_tf.nn import architecture, initializers, weights

TEMPERATURE = 2.0 / 3.0
OPEN_BIAS = 1.0
MOMENTUM = 0.9
EPSILON = 1e-5
# Uniform draws start here, so that their logarithm is finite.
SMALLEST = 1e-30


def logistic_noise(uniform: tf.Tensor) -> tf.Tensor:
  """log u - log(1 - u)."""
  return tf.math.log(uniform) - tf.math.log1p(-uniform)


@tf.custom_gradient
def binary_concrete(logits: tf.Tensor, noise: tf.Tensor, temperature: tf.Tensor):
  """1 where logits + noise > 0, else 0, with the gradient of sigmoid((logits + noise) / temperature).

  The usual `hard - stop_gradient(soft) + soft` misses 1 by a rounding error; this does not.

  Args:
    logits: any shape.
    noise: of the same shape, zeros for none.
    temperature: scalar.
  """
  soft = tf.sigmoid((logits + noise) / temperature)

  def gradient(upstream):
    return upstream * soft * (1.0 - soft) / temperature, None, None

  return tf.cast(logits + noise > 0, logits.dtype), gradient


def sample(logits: tf.Tensor, seed: tf.Tensor, temperature: float) -> tf.Tensor:
  """Gates drawn with probability sigmoid(logits): 0 or 1, of the shape of the logits."""
  uniform = tf.random.stateless_uniform(tf.shape(logits), seed, SMALLEST, 1.0, logits.dtype)
  return binary_concrete(logits, logistic_noise(uniform), tf.constant(temperature, logits.dtype))


def evaluate(logits: tf.Tensor) -> tf.Tensor:
  """Gates without noise: 1 where a logit is positive."""
  return tf.cast(logits > 0, logits.dtype)


def parameters(num_inputs: int, hidden_size: int, num_outputs: int) -> int:
  """Trainable scalars of one gate."""
  return num_inputs * hidden_size + 3 * hidden_size + hidden_size * num_outputs + num_outputs


class HardGate(keras.layers.Layer):
  """Average over space -> dense -> batch norm -> ReLU -> dense: the logits of a layer's gates.

  The moving averages of the batch norm belong to the task, as all else here: gates of a finished task are never
  touched.
  """

  MOVING = ("mean", "variance")

  def __init__(self, prefix: str, spec: architecture.ConvNetSpec, layer: int, hidden_size: int,
               initializer: initializers.Initializer, open_bias: float = OPEN_BIAS):
    """Creates the gate of `layer`; gates start open with probability sigmoid(`open_bias`).

    The weights are called e.g. 'task0/gate1/dense0/kernel|bias', '.../norm/scale|offset|mean|variance' and
    '.../dense1/kernel|bias'.
    """
    super().__init__(name=prefix.replace("/", "_"))
    sizes = [spec.input_shape(layer)[2], hidden_size, spec.channels[layer]]
    kernels = [initializer.truncated_normal(f"{prefix}/dense{i}/kernel", shape)
               for i, shape in enumerate(zip(sizes, sizes[1:]))]
    biases = tf.fill([sizes[2]], tf.constant(open_bias, kernels[1].dtype))
    zeros, ones = tf.zeros([hidden_size], kernels[0].dtype), tf.ones([hidden_size], kernels[0].dtype)
    self._hidden = weights.WeightGroup(f"{prefix}/dense0", {"kernel": kernels[0], "bias": zeros})
    self._norm = weights.WeightGroup(f"{prefix}/norm", {
        "scale": ones, "offset": zeros, "mean": zeros, "variance": ones})
    self._output = weights.WeightGroup(f"{prefix}/dense1", {"kernel": kernels[1], "bias": biases})
    self.built = True

  def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
    """`[n, height, width, in]` -> logits `[n, out]`; training uses, and follows, the statistics of the batch."""
    norm = self._norm
    hidden = tf.matmul(tf.reduce_mean(inputs, axis=[1, 2]), self._hidden["kernel"]) + self._hidden["bias"]
    if training:
      mean, variance = tf.nn.moments(hidden, axes=[0])
      for name, value in zip(self.MOVING, (mean, variance)):
        norm[name].assign(MOMENTUM * norm[name] + (1.0 - MOMENTUM) * value)
    else:
      mean, variance = norm["mean"], norm["variance"]
    hidden = tf.nn.batch_normalization(hidden, mean, variance, norm["offset"], norm["scale"], EPSILON)
    return tf.matmul(tf.nn.relu(hidden), self._output["kernel"]) + self._output["bias"]

  @property
  def named_variables(self) -> dict[str, tf.Variable]:
    """All variables by their stable full name."""
    return weights.merge_variables([self._hidden, self._norm, self._output])

  @property
  def moving_variables(self) -> dict[str, tf.Variable]:
    """The moving averages, by full name; a step changes them without a gradient."""
    return {f"{self._norm.prefix}/{name}": self._norm[name] for name in self.MOVING}

  @property
  def num_parameters(self) -> int:
    """Number of scalars that follow the gradient."""
    return sum(variable.shape.num_elements() for variable in self.named_variables.values()) - sum(
        variable.shape.num_elements() for variable in self.moving_variables.values())
