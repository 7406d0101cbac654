"""Groups of weights with stable names, and the two that every network is made of."""

from collections.abc import Mapping, Sequence

import keras
import tensorflow as tf

from lasem_tf.nn import architecture, initializers, layers, replacement


class WeightGroup(keras.layers.Layer):
  """A few weights that one owner creates, trains, freezes or drops together.

  A Keras layer, so that the models which use it track it; the learner that owns it reads `named_variables`, because a
  layer shared by two models has no Keras path of its own.
  """

  def __init__(self, prefix: str, initial_values: Mapping[str, tf.Tensor]):
    """Creates the weights.

    Args:
      prefix: what all names start with, e.g. 'task0/conv1'.
      initial_values: value by short name; the short name '' stands for a weight called `prefix` itself.
    """
    super().__init__(name=prefix.replace("/", "_"))
    self.prefix = prefix
    self._by_name = {}
    for name, value in initial_values.items():
      variable = self.add_weight(name=name or "value", shape=value.shape, dtype=value.dtype.name,
                                 initializer=lambda shape, dtype, value=value: value)
      self._by_name[name] = variable.value
    self.built = True

  def __getitem__(self, name: str) -> tf.Variable | tf.Tensor:
    return replacement.current(self._by_name[name])

  def get(self, name: str) -> tf.Variable | tf.Tensor | None:
    """The weight of this short name, or None where the group has none."""
    return self[name] if name in self._by_name else None

  @property
  def named_variables(self) -> dict[str, tf.Variable]:
    """Variables by their stable full name."""
    return {f"{self.prefix}/{name}" if name else self.prefix: variable for name, variable in self._by_name.items()}

  @property
  def num_parameters(self) -> int:
    """Number of scalars."""
    return sum(variable.shape.num_elements() for variable in self._by_name.values())


class Convolution(WeightGroup):
  """Kernel and bias of a plain convolution."""

  def kernel_and_bias(self) -> tuple[tf.Variable, tf.Variable | None]:
    """`[height, width, in, out]` and `[out]`; None for a convolution whose output is normalised."""
    return self["kernel"], self.get("bias")


def plain_convolution(prefix: str, spec: architecture.ConvNetSpec, layer: int, initializer: initializers.Initializer,
                      draw: int = 0) -> Convolution:
  """A plain convolution for `layer` of the backbone, called e.g. 'task0/conv1'."""
  return Convolution(prefix, convolution_values(prefix, spec, layer, initializer, draw))


def convolution_values(prefix: str, spec: architecture.ConvNetSpec, layer: int, initializer: initializers.Initializer,
                       draw: int = 0) -> dict[str, tf.Tensor]:
  """Initial 'kernel' of a convolution, and 'bias' where the backbone has biases."""
  kernel = initializer.truncated_normal(f"{prefix}/kernel", spec.kernel_shape(layer), draw)
  bias = {"bias": initializer.bias(spec.channels[layer])} if spec.has_biases else {}
  return {"kernel": kernel, **bias}


def dense_layer(prefix: str, shape: tuple[int, int], initializer: initializers.Initializer) -> WeightGroup:
  """Kernel `[in, out]` and bias `[out]` of a dense layer, called e.g. 'task0/head/dense1'."""
  return WeightGroup(prefix, {"kernel": initializer.truncated_normal(f"{prefix}/kernel", shape),
                              "bias": initializer.bias(shape[1])})


class DenseHead(keras.layers.Layer):
  """Dense layers on flattened features: dropout once, ReLU between, logits last."""

  def __init__(self, prefix: str, shapes: Sequence[tuple[int, int]], keep_probability: float,
               initializer: initializers.Initializer, first: int = 0):
    """Creates the layers `prefix/dense{first}`, ...

    Args:
      prefix: e.g. 'task0/head'.
      shapes: `[in, out]` of every layer.
      keep_probability: of dropout on the features, when a seed is given to `call`.
      initializer: where initial weights come from.
      first: position of the first layer among all dense layers of the network, where others come before the head.
    """
    super().__init__(name=prefix.replace("/", "_"))
    self.groups = [dense_layer(f"{prefix}/dense{first + i}", shape, initializer) for i, shape in enumerate(shapes)]
    self._keep_probability = keep_probability
    self.built = True

  def call(self, features: tf.Tensor, dropout_seed: tf.Tensor | None = None,
           blocks: tf.Tensor | None = None) -> tf.Tensor:
    """`[n, features]` -> logits `[n, classes]`; dropout only with a seed (blocks: see `layers.dropout`)."""
    outputs = layers.dropout(features, self._keep_probability, dropout_seed, blocks)
    for group in self.groups[:-1]:
      outputs = tf.nn.relu(tf.matmul(outputs, group["kernel"]) + group["bias"])
    return tf.matmul(outputs, self.groups[-1]["kernel"]) + self.groups[-1]["bias"]

  @property
  def named_variables(self) -> dict[str, tf.Variable]:
    """Variables of all layers by their stable full name."""
    return merge_variables(self.groups)

  @property
  def num_parameters(self) -> int:
    """Number of scalars."""
    return sum(group.num_parameters for group in self.groups)


def merge_variables(groups) -> dict[str, tf.Variable]:
  """Named variables of several groups, in order; a name must not occur twice."""
  merged = {}
  for group in groups:
    for name, variable in group.named_variables.items():
      if name in merged:
        raise ValueError(f"Two weights are called {name}.")
      merged[name] = variable
  return merged
