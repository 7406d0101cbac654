"""Changes of structure, on values in NumPy: which units a new task reaches, units added, removed and duplicated.

Three rules decide what splits. 'distance' is the paper's: the L2 norm of the change of a unit's incoming weights and
bias; 'relative' divides it by their norm before, so that one threshold suits layers of any width. 'cosine' is that of
an earlier convolutional implementation by the authors of the reference: |cosine| between the two vectors. The released
code sorts by drift the wrong way round and splits the units that moved least; here those that moved most come first.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import gin
import numpy as np

from lasem_tf.learners import checks
from lasem_tf.learners.expandable import units

RULES = ("cosine", "distance", "relative")
# Of a unit's weights, below which its relative change is not told from an absolute one.
SMALLEST_NORM = 1e-12

# --- search -----------------------------------------------------------------------------------------------------------


def root_mean_square(view: np.ndarray) -> np.ndarray:
  """Strength of the connection from every unit to every unit above, `leading + (in, out)` -> `[in, out]`."""
  return np.sqrt(np.mean(np.square(view, dtype=np.float64), axis=tuple(range(view.ndim - 2))))


def head_strength(view: np.ndarray) -> np.ndarray:
  """Strength of every top unit in the head, over *all* classes: `leading + (in, classes)` -> `[in]`."""
  return np.sqrt(np.mean(np.square(view, dtype=np.float64), axis=(*range(view.ndim - 2), view.ndim - 1)))


def reachable_units(head: np.ndarray, connections: Sequence[np.ndarray], head_threshold: float,
                    thresholds: Sequence[float]) -> units.Mask:
  """Searches breadth-first from the head down.

  Args:
    head: `[top]`, strength of each top unit in the head.
    connections: `[in, out]` for every layer but the first, bottom first.
    head_threshold: a top unit is reached if its strength is above.
    thresholds: one for each of the connections: a unit is reached if some connection to a reached unit above is
      stronger.

  Returns:
    The reached units of every layer, bottom first.
  """
  reached = [head > head_threshold]
  for strengths, threshold in zip(reversed(connections), reversed(thresholds)):
    reached.append(np.any(strengths[:, reached[-1]] > threshold, axis=1))
  return reached[::-1]


def select(layout: units.UnitLayout, weights: units.UnitWeights, visible: units.Mask, threshold: float,
           relative: bool = False) -> units.Mask:
  """The units of a task's sub-network.

  Args:
    layout: of the network.
    weights: trunk and the task's head.
    visible: the units that the task sees; no other is reached.
    threshold: of the root mean square of a convolution's slice, and of all positions at the flatten boundary.
      Element-wise shrinkage hardly ever empties a whole slice, so zero would select nearly everything. Single dense
      weights do become zero, and any other counts as a connection.
    relative: the threshold is in multiples of the root mean square over all visible connections of a layer, and holds
      for every layer and the head.

  Returns:
    The reached units of every layer; empty ones where the head is empty.
  """
  top = layout.num_layers
  strengths = [root_mean_square(weights.kernels[layer]) * np.outer(visible[layer - 1], visible[layer])
               for layer in range(1, top)] + [head_strength(weights.kernels[top]) * visible[-1]]

  def threshold_of(layer: int) -> float:
    if relative:
      seen = strengths[layer - 1][strengths[layer - 1] > 0]
      return threshold * float(np.sqrt(np.mean(np.square(seen)))) if seen.size else 0.0
    return threshold if layer <= layout.spec.depth else 0.0

  return reachable_units(strengths[-1], strengths[:-1], threshold_of(top),
                         [threshold_of(layer) for layer in range(1, top)])


# --- expansion and pruning --------------------------------------------------------------------------------------------


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
          old_widths: list[int]) -> tuple[units.UnitWeights, units.Mask, units.Mask]:
  """Removes new units whose whole group, incoming weights and bias, is exactly zero.

  Such a unit puts out ReLU(0) = 0, so the function does not change. Layers are taken from the bottom up, since a unit
  may be empty once the units below it are gone.

  Args:
    weights: trunk and the task's head.
    visible: units that the task sees.
    old_widths: units of every layer that existed before the expansion; they stay.

  Returns:
    Smaller weights and visible units, and which units of every layer were kept.
  """
  weights, visible, kept = weights.copy(), list(visible), []
  for layer, old_width in enumerate(old_widths):
    kernel, bias = weights.kernels[layer], weights.biases[layer]
    keep = np.any(kernel != 0, axis=tuple(range(kernel.ndim - 1))) | (bias != 0)
    keep[:old_width] = True
    weights.kernels[layer], weights.biases[layer] = kernel[..., keep], bias[keep]
    weights.kernels[layer + 1] = weights.kernels[layer + 1][..., keep, :]
    visible[layer] = visible[layer][keep]
    kept.append(keep)
  return weights, visible, kept


# --- split ------------------------------------------------------------------------------------------------------------


@gin.register
@dataclasses.dataclass(frozen=True)
class Splitting:
  """When to split a unit.

  Attributes:
    rule: 'cosine', 'distance' or 'relative'. The released code's threshold of 0.05 is a relative one of 0.064 for units
      of 312 weights of standard deviation 0.044.
    convolution_threshold: a channel splits if its |cosine| is below, or its distance above.
    dense_threshold: the same for a neuron.
    convolution_cap: most splits of a layer, in multiples of the units that an expansion adds; None: no limit.
    dense_cap: the same for dense layers.
    only_after_expansion: as in the released code; the paper always splits.
  """

  rule: str = "cosine"
  convolution_threshold: float = 0.98
  dense_threshold: float = 0.01
  convolution_cap: float | None = 1.0
  dense_cap: float | None = 15.0
  only_after_expansion: bool = False

  def __post_init__(self):
    if self.rule not in RULES:
      raise ValueError(f"Splitting.rule must be one of {RULES}, not {self.rule!r}.")
    checks.refuse_negative(
        "Splitting", convolution_threshold=self.convolution_threshold, dense_threshold=self.dense_threshold,
        convolution_cap=self.convolution_cap, dense_cap=self.dense_cap)

  def drift(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """How far units moved, larger is farther: `[weights, units]` twice -> `[units]`."""
    if self.rule == "cosine":
      return -absolute_cosine(before, after)
    moved = distance(before, after)
    return moved if self.rule == "distance" else moved / np.maximum(np.linalg.norm(before, axis=0), SMALLEST_NORM)

  def choose(self, drift: np.ndarray, candidates: np.ndarray, is_convolution: bool, num_new: int) -> np.ndarray:
    """Ascending positions of the units to split.

    Args:
      drift: `[units]` as `drift` gives it.
      candidates: boolean `[units]`.
      is_convolution: which threshold and cap to use.
      num_new: units that an expansion adds to a layer.
    """
    threshold = self.convolution_threshold if is_convolution else self.dense_threshold
    cap = self.convolution_cap if is_convolution else self.dense_cap
    limit = -threshold if self.rule == "cosine" else threshold
    chosen = np.flatnonzero(candidates & (drift > limit))
    if cap is not None:
      chosen = chosen[np.argsort(-drift[chosen], kind="stable")][:int(cap * num_new)]
    return np.sort(chosen)


def distance(before: np.ndarray, after: np.ndarray) -> np.ndarray:
  """L2 norm of the change of every column."""
  return np.linalg.norm(after - before, axis=0)


def absolute_cosine(before: np.ndarray, after: np.ndarray) -> np.ndarray:
  """|cosine| of the angle between the columns; 1 where neither has a direction, 0 where one has none."""
  norms = np.linalg.norm(before, axis=0), np.linalg.norm(after, axis=0)
  product = norms[0] * norms[1]
  dots = np.abs(np.sum(before * after, axis=0))
  unmoved = (norms[0] == 0) & (norms[1] == 0)
  return np.where(product > 0, dots / np.where(product > 0, product, 1.0), np.where(unmoved, 1.0, 0.0))


def incoming(weights: units.UnitWeights, layer: int, num_inputs: int, num_outputs: int) -> np.ndarray:
  """Incoming weights and bias of the first units of a layer from the first units below, `[weights, units]`."""
  kernel, bias = weights.kernels[layer][..., :num_inputs, :num_outputs], weights.biases[layer][:num_outputs]
  return np.concatenate([kernel.reshape(-1, num_outputs), bias[np.newaxis]]).astype(np.float64)


def duplicate(weights: units.UnitWeights, before: units.UnitWeights, visible: units.Mask, chosen: Sequence[np.ndarray],
              replace: bool) -> tuple[units.UnitWeights, units.Mask]:
  """Restores the chosen units of every layer and appends copies with their current weights.

  A restored unit gets back all its weights from before the task, and reads nothing that is newer. A copy puts out what
  its original did, and hands it on with the same weights.

  Args:
    weights: trunk and the task's head as trained.
    before: the trunk before the task (its `kernels` and `biases` have no head).
    visible: units that the task sees.
    chosen: positions of old units for every layer.
    replace: the task sees the copies *instead of* their originals, so that its logits do not change at this moment;
      otherwise it sees both, as published, and the following training must repair its logits.

  Returns:
    Larger weights and visible units.
  """
  kernels, biases, masks = [], [], []
  num_layers = len(chosen)
  for layer in range(num_layers + 1):
    kernel, bias = weights.kernels[layer], weights.biases[layer]
    is_head = layer == num_layers
    restored = np.array([], int) if is_head else chosen[layer]
    if not is_head:
      kernel = np.concatenate([kernel, kernel[..., restored]], axis=-1)
      bias = np.concatenate([bias, bias[restored]])
    if layer > 0:
      kernel = _hand_on(kernel, chosen[layer - 1], _newer(kernel.shape[-1], before, layer, is_head), replace)
    if restored.size:
      old_kernel = before.kernels[layer]
      kernel[..., restored] = 0.0
      kernel[..., :old_kernel.shape[-2], restored] = old_kernel[..., restored]
      bias[restored] = before.biases[layer][restored]
    kernels.append(kernel)
    biases.append(bias)
    if not is_head:
      mask = np.concatenate([visible[layer], visible[layer][restored]])
      mask[restored] &= not replace
      masks.append(mask)
  return units.UnitWeights(kernels, biases), masks


def _newer(num_outputs: int, before: units.UnitWeights, layer: int, is_head: bool) -> np.ndarray:
  """Boolean `[out]`: units that did not exist before the task; all outputs of its own head."""
  return np.arange(num_outputs) >= (0 if is_head else len(before.biases[layer]))


def _hand_on(kernel: np.ndarray, copied: np.ndarray, newer: np.ndarray, replace: bool) -> np.ndarray:
  """Appends the rows of copied units; where these replace originals, units of this task alone drop the originals."""
  rows = kernel[..., copied, :]
  kernel = np.concatenate([kernel, rows], axis=-2)
  if replace and copied.size:
    kernel[..., copied, :] = np.where(newer, 0.0, rows).astype(kernel.dtype)
  return kernel


def changed(report: Mapping) -> bool:
  """Whether a visit selected fewer than all units, kept new ones or split some; a report as the learner's summary."""
  return (min(report.get("selected_fraction", [1.0])) < 1.0 or sum(report.get("added_units", [])) > 0
          or sum(report.get("split_units", [])) > 0)
