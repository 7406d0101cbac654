"""Average ranks of methods over many data sets, and which of them were not shown to differ.

Demsar, "Statistical comparisons of classifiers over multiple data sets" (JMLR 2006). Pairs are compared by Wilcoxon's
signed-rank test with Holm's correction, not by the distance of ranks (Nemenyi): that verdict on two methods depends on
which others are compared (Benavoli, Corani and Mangili, JMLR 2016).
"""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import scipy.stats

from lasem_tf.metrics import power, statistics

FEWEST = 10  # Data sets: with fewer, the smallest p of a signed-rank test leaves nothing to Holm's correction.


@dataclasses.dataclass(frozen=True)
class AverageRanks:
  """Methods ranked on every data set, 1 for the best, equal ones by their mean.

  Attributes:
    ranks: mean rank by method, the best first.
    num_data_sets: n.
    p_value: Friedman's test that all methods have equal ranks; None for two methods.
    groups: methods that follow each other in `ranks` and no pair of which was shown to differ; the longest such only,
      of two or more.
  """

  ranks: Mapping[str, float]
  num_data_sets: int
  p_value: float | None
  groups: tuple[tuple[str, ...], ...]


def average_ranks(values: Mapping[str, Sequence[float]], level: float = power.LEVEL) -> AverageRanks:
  """Compares methods over data sets.

  Args:
    values: by method, one number for each data set, in the same order; more is better.
    level: family-wise error of the pairs.

  Raises:
    ValueError: fewer than two methods or than `FEWEST` data sets, or methods without the same number of them.
  """
  names = list(values)
  matrix = np.array([list(values[name]) for name in names], np.float64)
  if len(names) < 2 or matrix.ndim != 2 or matrix.shape[1] < FEWEST:
    raise ValueError(f"average ranks need two methods and {FEWEST} data sets, not {matrix.shape}")
  means = scipy.stats.rankdata(-matrix, axis=0).mean(axis=1)
  order = sorted(range(len(names)), key=lambda index: (means[index], index))
  pairs = list(itertools.combinations(order, 2))
  corrected = statistics.holm([_signed_rank(matrix[one] - matrix[other]) for one, other in pairs])
  differing = {pair for pair, p_value in zip(pairs, corrected) if p_value is not None and p_value <= level}
  p_value = float(scipy.stats.friedmanchisquare(*matrix).pvalue) if len(names) > 2 else None
  return AverageRanks({names[index]: float(means[index]) for index in order}, matrix.shape[1], p_value,
                      tuple(tuple(names[index] for index in group) for group in _groups(order, differing)))


def _signed_rank(differences: np.ndarray) -> float | None:
  """Two-sided p of Wilcoxon's test; None where all differences are zero."""
  if not differences.any():
    return None
  return float(scipy.stats.wilcoxon(differences).pvalue)


def _groups(order: Sequence[int], differing: set[tuple[int, int]]) -> list[Sequence[int]]:
  """The longest runs of the order without a differing pair."""
  found: list[Sequence[int]] = []
  reached = 0
  for first in range(len(order)):
    last = first
    while last + 1 < len(order) and not any((before, order[last + 1]) in differing for before in order[first:last + 1]):
      last += 1
    if last > max(first, reached):
      found.append(order[first:last + 1])
      reached = last
  return found
