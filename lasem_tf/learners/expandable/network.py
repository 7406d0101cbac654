"""What an expandable network consists of at a moment: shared layers, heads, who sees which unit, and a snapshot."""

from collections.abc import Sequence
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from lasem_tf.learners.expandable import structure, units
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


class ExpandableState:
  """Owns all variables of the learner.

  Attributes:
    layout: where units are.
    trunk: the shared layers at their current widths.
    heads: by task.
    visible: the units that each task sees. A mask never changes once its task is learned; it may be shorter than a
      layer.
    snapshot: the shared layers as the visit in progress found them; empty outside of visits and in the first.
  """

  def __init__(self, layout: units.UnitLayout, num_classes: Sequence[int], initializer: initializers.Initializer):
    """Creates the shared layers."""
    self.layout, self._num_classes, self._initializer = layout, num_classes, initializer
    self.trunk = initial_trunk(layout, initializer)
    self.heads: dict[int, weights.WeightGroup] = {}
    self.visible: dict[int, units.Mask] = {}
    self.snapshot: list[weights.WeightGroup] = []

  # --- tasks ----------------------------------------------------------------------------------------------------------

  def add_task(self, task_id: int, like: int | None) -> None:
    """Creates a task's head; the task sees what another task sees, or all units."""
    widths = self.trunk.widths
    self.visible[task_id] = units.all_units(widths) if like is None else [
        units.padded(seen, width) for seen, width in zip(self.visible[like], widths)]
    self._create_head(task_id, widths[-1])

  def _create_head(self, task_id: int, num_units: int) -> None:
    num_inputs, num_classes = self.layout.stored_shape(self.layout.num_layers, num_units, self._num_classes[task_id])
    self.heads[task_id] = weights.dense_layer(self._head_name(task_id), (num_inputs, num_classes), self._initializer)

  def _head_name(self, task_id: int) -> str:
    return f"task{task_id}/head/dense{len(self.layout.spec.dense_sizes)}"

  def logits(self, images: tf.Tensor, task_id: int, dropout_seed: tf.Tensor | None = None) -> tf.Tensor:
    """Logits of a task, computed on the units it sees."""
    return self.trunk(images, self.trunk.cut(self.heads[task_id], self.visible[task_id]), dropout_seed=dropout_seed)

  def exclusive_units(self, task_id: int) -> units.Mask:
    """Units that no other task sees."""
    widths = self.trunk.widths
    others = units.all_units(widths)
    for other, seen in self.visible.items():
      if other != task_id:
        others = [alone & ~units.padded(mask, width) for alone, mask, width in zip(others, seen, widths)]
    return others

  # --- values ---------------------------------------------------------------------------------------------------------

  def read(self, task_id: int) -> units.UnitWeights:
    """The shared layers and a task's head."""
    return read(self.layout, [*self.trunk.groups, self.heads[task_id]])

  def rebuild(self, task_id: int, values: units.UnitWeights, visible: units.Mask) -> None:
    """Takes up shared layers, head and visible units of other widths."""
    self.trunk = trunk_of(self.layout, values.kernels[:-1], values.biases[:-1])
    self.heads[task_id] = group_of(self.layout, self.layout.num_layers, values.kernels[-1], values.biases[-1],
                                           self._head_name(task_id))
    self.visible[task_id] = visible

  def take_snapshot(self) -> None:
    """Remembers the shared layers."""
    self._make_snapshot(read(self.layout, self.trunk.groups))

  def _make_snapshot(self, values: units.UnitWeights) -> None:
    self.snapshot = [group_of(self.layout, layer, kernel, bias, f"snapshot/{self.layout.name(layer)}")
                     for layer, (kernel, bias) in enumerate(zip(values.kernels, values.biases))]

  def read_snapshot(self) -> units.UnitWeights:
    """The shared layers, without a head, as the visit found them."""
    return read(self.layout, self.snapshot)

  @property
  def old_widths(self) -> list[int]:
    """Number of units of every layer when the visit began."""
    return [group["bias"].shape[0] for group in self.snapshot]

  def new_units(self) -> units.Mask:
    """Units that the visit added."""
    return [np.arange(width) >= old for width, old in zip(self.trunk.widths, self.old_widths)]

  def anchor(self, layer: int, kind: str) -> tuple[tf.Tensor | None, tf.Tensor | None]:
    """Snapshot of a kernel or bias at today's widths, and 1 for the entries that it has; None without a snapshot."""
    if layer >= len(self.snapshot):
      return None, None
    stored = self.trunk.groups[layer][kind]
    now, old = (getattr(read_layer(self.layout, layer, group), kind)
                for group in (self.trunk.groups[layer], self.snapshot[layer]))
    return tuple(tf.constant(view.reshape(stored.shape), stored.dtype) for view in (
        units.enlarged(old, now.shape), units.leading_block(now.shape, old.shape)))

  def mean_drift(self) -> list[float]:
    """Mean distance of the old units of every layer from where they were."""
    before, now = self.read_snapshot(), read(self.layout, self.trunk.groups)
    shapes = [kernel.shape[-2:] for kernel in before.kernels]
    return [float(np.mean(structure.distance(*(structure.incoming(each, layer, *shape) for each in (before, now)))))
            for layer, shape in enumerate(shapes)]

  # --- resume ---------------------------------------------------------------------------------------------------------

  @property
  def named_variables(self) -> dict[str, tf.Variable]:
    """All variables by their stable full name."""
    return weights.merge_variables([*self.trunk.groups, *self.heads.values(), *self.snapshot])

  def structure(self) -> dict:
    """JSON-able: what decides which variables there are, and who sees what."""
    return {"widths": self.trunk.widths, "old_widths": self.old_widths,
            "visible": {str(task_id): units.to_text(seen) for task_id, seen in self.visible.items()}}

  def restore(self, structure: dict) -> None:
    """Makes the variables of a structure; their values are still to be assigned."""
    self.trunk = trunk_of(self.layout, *_zeros(self.layout, structure["widths"]))
    self._make_snapshot(units.UnitWeights(*_zeros(self.layout, structure["old_widths"])))
    self.visible = {int(task_id): units.from_text(seen) for task_id, seen in structure["visible"].items()}
    for task_id, seen in self.visible.items():
      self._create_head(task_id, len(seen[-1]))

  # --- counts ---------------------------------------------------------------------------------------------------------

  def used_parameters(self) -> int:
    """Parameters that some task uses."""
    visible = list(self.visible.values()) or [units.all_units(self.trunk.widths)]
    num_classes = [self._num_classes[task_id] for task_id in self.visible]
    return units.count_parameters(self.layout, visible, num_classes)

  def stored_parameters(self) -> int:
    """Scalars of the shared layers and all heads, those included that no task uses."""
    return sum(group.num_parameters for group in [*self.trunk.groups, *self.heads.values()])


def _zeros(layout: units.UnitLayout, widths: Sequence[int]) -> tuple[list[np.ndarray], list[np.ndarray]]:
  """Views of kernels and biases of given widths."""
  dtype = float_type()
  return ([np.zeros(layout.view_shape(layer, layout.num_inputs(layer, widths), width), dtype)
           for layer, width in enumerate(widths)], [np.zeros(width, dtype) for width in widths])
