"""Expansion: units that a new task adds to every layer, and the removal of those that the group lasso emptied."""

from collections.abc import Callable

import numpy as np

from lasem_tf.learners.expandable import units


def expand(layout: units.UnitLayout, weights: units.UnitWeights, visible: units.Mask, num_new: int,
           draw: Callable[[int, str, tuple[int, ...]], np.ndarray]) -> tuple[units.UnitWeights, units.Mask]:
  """Appends units to every layer below the head.

  New units read all units below that the task sees, old and new; old units that the task sees, and its head, read the
  new units below. A new bias is 0: with a positive one an empty unit would emit a constant, and removing it would
  change the function.

  Args:
    layout: of the network.
    weights: trunk and the task's head.
    visible: units that the task sees.
    num_new: units to add to each layer.
    draw: function (layer, 'incoming' | 'outgoing', shape) -> initial values.

  Returns:
    Larger weights and visible units.
  """
  kernels, biases = [], []
  for layer, (kernel, bias) in enumerate(zip(weights.kernels, weights.biases)):
    is_head = layer == layout.num_layers
    num_outputs, added_below = kernel.shape[-1], 0 if layer == 0 else num_new
    outgoing = draw(layer, "outgoing", layout.view_shape(layer, added_below, num_outputs))
    readers = np.ones(num_outputs, bool) if is_head else visible[layer]
    kernel = np.concatenate([kernel, outgoing * readers], axis=-2)
    if not is_head:
      incoming = draw(layer, "incoming", layout.view_shape(layer, kernel.shape[-2], num_new))
      seen_below = np.concatenate([layout.below(visible, layer), np.ones(added_below, bool)])
      kernel = np.concatenate([kernel, incoming * seen_below[:, np.newaxis]], axis=-1)
      bias = np.concatenate([bias, np.zeros(num_new, bias.dtype)])
    kernels.append(kernel)
    biases.append(bias)
  return units.UnitWeights(kernels, biases), [np.concatenate([mask, np.ones(num_new, bool)]) for mask in visible]


def prune(weights: units.UnitWeights, visible: units.Mask,
          old_widths: list[int]) -> tuple[units.UnitWeights, units.Mask]:
  """Removes new units whose whole group, incoming weights and bias, is exactly zero.

  Such a unit puts out ReLU(0) = 0, so the function does not change. Layers are taken from the bottom up, since a unit
  may be empty once the units below it are gone.

  Args:
    weights: trunk and the task's head.
    visible: units that the task sees.
    old_widths: units of every layer that existed before the expansion; they stay.
  """
  weights, visible = weights.copy(), list(visible)
  for layer, old_width in enumerate(old_widths):
    kernel, bias = weights.kernels[layer], weights.biases[layer]
    keep = np.any(kernel != 0, axis=tuple(range(kernel.ndim - 1))) | (bias != 0)
    keep[:old_width] = True
    weights.kernels[layer], weights.biases[layer] = kernel[..., keep], bias[keep]
    weights.kernels[layer + 1] = weights.kernels[layer + 1][..., keep, :]
    visible[layer] = visible[layer][keep]
  return weights, visible
