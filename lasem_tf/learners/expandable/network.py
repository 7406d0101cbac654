"""The trunk that all tasks share, run for one task over the units that this task sees, and its values as views."""

from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from lasem_tf.learners.expandable import units
from lasem_tf.nn import initializers, layers, networks, weights


class ExpandableTrunk(keras.Model):
  """All convolutions and hidden dense layers at their current widths.

  A task is computed on the network cut down to its own units, never on masked activations: its shapes, hence its
  rounding, do not depend on what later tasks add.
  """

  def __init__(self, layout: units.UnitLayout, groups: list[weights.WeightGroup]):
    """Takes 'shared/conv{l}' and 'shared/dense{i}', each with a kernel and a bias."""
    super().__init__(name="expandable_trunk")
    self.layout, self.groups = layout, groups
    self.built = True

  def call(self, images: tf.Tensor, kernels: list[tuple[tf.Tensor, tf.Tensor]],
           dropout_seed: tf.Tensor | None = None) -> tf.Tensor:
    """Runs a cut-down network.

    Args:
      images: `[n, height, width, channels]`.
      kernels: what `cut` gave for the task, the head included.
      dropout_seed: int32 `[2]`, or None for no dropout on the flattened features.

    Returns:
      Logits `[n, classes]`.
    """
    depth = self.layout.spec.depth
    spec = self.layout.resized([kernel.shape[-1] for kernel, _ in kernels[:-1]])
    hidden = networks.convolutional_features(spec, kernels[:depth], images)
    hidden = layers.dropout(hidden, spec.dropout_keep_probability, dropout_seed)
    for kernel, bias in kernels[depth:-1]:
      hidden = tf.nn.relu(tf.matmul(hidden, kernel) + bias)
    return tf.matmul(hidden, kernels[-1][0]) + kernels[-1][1]

  def cut(self, head: weights.WeightGroup, visible: units.Mask) -> list[tuple[tf.Tensor, tf.Tensor]]:
    """Kernel and bias of every layer between visible units, the task's head last."""
    kernels = []
    for layer, group in enumerate([*self.groups, head]):
      below = self.layout.below(visible, layer)
      above = visible[layer] if layer < len(visible) else np.ones(group["bias"].shape[0], bool)
      kernels.append((self._cut_kernel(layer, group["kernel"], below, above), _gather(group["bias"], above, 0)))
    return kernels

  def _cut_kernel(self, layer: int, kernel: tf.Tensor, below: np.ndarray, above: np.ndarray) -> tf.Tensor:
    positions = int(np.prod(self.layout.leading(layer)))
    num_inputs = kernel.shape[-2] if self.layout.is_convolution(layer) else kernel.shape[0] // positions
    if below.all() and len(below) == num_inputs and above.all() and len(above) == kernel.shape[-1]:
      return tf.convert_to_tensor(kernel)
    view = tf.reshape(kernel, self.layout.view_shape(layer, num_inputs, kernel.shape[-1]))
    view = _gather(_gather(view, below, -2), above, -1)
    return tf.reshape(view, self.layout.stored_shape(layer, int(below.sum()), int(above.sum())))

  @property
  def widths(self) -> list[int]:
    """Number of units of every layer."""
    return [group["bias"].shape[0] for group in self.groups]

  @property
  def named_variables(self) -> dict[str, tf.Variable]:
    """Variables by their stable full name."""
    return weights.merge_variables(self.groups)


def _gather(tensor: tf.Tensor, units_: np.ndarray, axis: int) -> tf.Tensor:
  """The marked entries along an axis; entries beyond the mask are not marked."""
  if units_.all() and len(units_) == tensor.shape[axis]:
    return tf.convert_to_tensor(tensor)
  return tf.gather(tensor, np.flatnonzero(units_), axis=axis % len(tensor.shape))


def initial_trunk(layout: units.UnitLayout, initializer: initializers.Initializer) -> ExpandableTrunk:
  """The trunk before the first task, with the initial weights that other methods start from."""
  spec = layout.spec
  groups = [weights.plain_convolution(layout.name(layer), spec, layer, initializer) for layer in range(spec.depth)]
  groups += [weights.dense_layer(layout.name(spec.depth + i), shape, initializer)
             for i, shape in enumerate(spec.dense_shapes(1)[:-1])]
  return ExpandableTrunk(layout, groups)


def group_of(layout: units.UnitLayout, layer: int, kernel: np.ndarray, bias: np.ndarray,
             name: str) -> weights.WeightGroup:
  """A layer with given values; its kernel comes as a view."""
  return weights.WeightGroup(name, {
      "kernel": tf.constant(kernel.reshape(layout.stored_shape(layer, *kernel.shape[-2:]))), "bias": tf.constant(bias)})


def trunk_of(layout: units.UnitLayout, kernels: list[np.ndarray], biases: list[np.ndarray]) -> ExpandableTrunk:
  """A trunk with given values, kernels as views."""
  return ExpandableTrunk(layout, [group_of(layout, layer, kernel, bias, layout.name(layer))
                                  for layer, (kernel, bias) in enumerate(zip(kernels, biases))])


class LayerValues(NamedTuple):
  """Values of one layer.

  Attributes:
    kernel: a view.
    bias: `[out]`.
  """

  kernel: np.ndarray
  bias: np.ndarray


def read_layer(layout: units.UnitLayout, layer: int, group: weights.WeightGroup) -> LayerValues:
  """Values of a layer."""
  kernel = group["kernel"].numpy()
  if not layout.is_convolution(layer):
    kernel = kernel.reshape(layout.leading(layer) + (-1, kernel.shape[-1]))
  return LayerValues(kernel, group["bias"].numpy())


def read(layout: units.UnitLayout, groups: list[weights.WeightGroup]) -> units.UnitWeights:
  """Values of the first layers, and the head if there is one for every layer and one more."""
  values = [read_layer(layout, layer, group) for layer, group in enumerate(groups)]
  return units.UnitWeights([layer.kernel for layer in values], [layer.bias for layer in values])


def float_type() -> str:
  """The type of all weights."""
  return keras.config.floatx()


def moved_slots(slots: LayerValues, layer: int, sources: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
  """A layer's slots after a change of structure: those of each unit's source, one where there is none."""
  kernel, bias = slots
  # Index -1 reads what is appended here.
  if layer > 0:
    kernel = np.concatenate([kernel, np.ones_like(kernel[..., :1, :])], axis=-2)[..., sources[layer - 1], :]
  if layer < len(sources):
    kernel = np.concatenate([kernel, np.ones_like(kernel[..., :1])], axis=-1)[..., sources[layer]]
    bias = np.concatenate([bias, np.ones_like(bias[:1])])[sources[layer]]
  return kernel, bias
