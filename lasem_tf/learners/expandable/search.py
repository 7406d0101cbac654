"""Selective retraining: which units a new task reaches from its head through connections that are there."""

from collections.abc import Sequence

import numpy as np

from lasem_tf.learners.expandable import units


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


def select(layout: units.UnitLayout, weights: units.UnitWeights, visible: units.Mask, threshold: float) -> units.Mask:
  """The units of a task's sub-network.

  Args:
    layout: of the network.
    weights: trunk and the task's head.
    visible: the units that the task sees; no other is reached.
    threshold: of the root mean square of a convolution's slice, and of all positions at the flatten boundary.
      Element-wise shrinkage hardly ever empties a whole slice, so zero would select nearly everything. Single dense
      weights do become zero, and any other counts as a connection.

  Returns:
    The reached units of every layer; empty ones where the head is empty.
  """
  top = layout.num_layers

  def masked_strength(layer: int) -> np.ndarray:
    return root_mean_square(weights.kernels[layer]) * np.outer(visible[layer - 1], visible[layer])

  def threshold_of(layer: int) -> float:
    return threshold if layer <= layout.spec.depth else 0.0

  return reachable_units(head_strength(weights.kernels[top]) * visible[-1],
                         [masked_strength(layer) for layer in range(1, top)], threshold_of(top),
                         [threshold_of(layer) for layer in range(1, top)])
