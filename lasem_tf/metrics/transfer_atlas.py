"""What sharing each layer gives a target task after a source task, from the gains of several configurations."""

from collections.abc import Sequence

import numpy as np

_DECIMALS = 12


def layer_effects(configurations: Sequence[Sequence[bool]], gains: Sequence[float]) -> np.ndarray | None:
  """The additive model gain = c + sum over shared layers l of e_l, fitted by least squares.

  Over all 2^L configurations e_l is the mean gain of those that share layer l less that of those that do not (the main
  effect of a factorial design).

  Args:
    configurations: bits of every configuration, `[n, L]`; true: the layer is shared.
    gains: of every configuration, n finite numbers.

  Returns:
    float64 `[L]`, e_l; None where these configurations do not tell the layers apart.

  Raises:
    ValueError: the numbers of configurations and gains differ.
  """
  shared = np.asarray(configurations, dtype=np.float64)
  if shared.ndim != 2 or len(shared) != len(gains):
    raise ValueError(f"{len(gains)} gains need as many configurations of one depth, not the shape {shared.shape}.")
  design = np.column_stack([np.ones(len(shared)), shared])
  if np.linalg.matrix_rank(design) < design.shape[1]:
    return None
  effects = np.linalg.lstsq(design, np.asarray(gains, dtype=np.float64), rcond=None)[0][1:]
  # Rounding must not make an effect of zero, equal for all seeds, differ from zero.
  return np.round(effects, _DECIMALS) + 0.0
