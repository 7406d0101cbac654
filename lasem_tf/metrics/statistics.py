"""Estimates over seeds, and the correction for several tests.

The unit of observation is a run, summarised by a task average; seeds pair the methods, because a seed fixes data, order
and initial weights for all of them (see `metrics.paired`). Fewer than two observations give no spread: `None`, never
zero.
"""

import dataclasses
import functools
import math
from collections.abc import Sequence

import numpy as np
from scipy import stats


@dataclasses.dataclass(frozen=True)
class Estimate:
  """Mean of n observations and how well it is known.

  Attributes:
    n: number of observations.
    mean: arithmetic mean; None for n = 0.
    standard_deviation: with denominator n-1; None for n < 2.
    half_width: half the width of the two-sided t-interval of the mean; None for n < 2.
  """

  n: int
  mean: float | None
  standard_deviation: float | None
  half_width: float | None

  @property
  def interval(self) -> tuple[float, float] | None:
    """Lower and upper end of the interval; None for n < 2."""
    if self.mean is None or self.half_width is None:
      return None
    return self.mean - self.half_width, self.mean + self.half_width

  @property
  def excludes_zero(self) -> bool:
    """Whether there is an interval and zero is not in it."""
    return self.interval is not None and not self.interval[0] <= 0 <= self.interval[1]


def estimate(values: Sequence[float], confidence: float = 0.95) -> Estimate:
  """Mean, standard deviation and t-interval.

  Args:
    values: finite observations, one per seed.
    confidence: coverage of the interval.

  Raises:
    ValueError: a value is not finite.
  """
  observed = finite(values)
  n = observed.size
  if n < 2:
    return Estimate(n, float(observed[0]) if n else None, None, None)
  deviation = 0.0 if np.ptp(observed) == 0 else float(observed.std(ddof=1))
  mean = float(observed[0]) if deviation == 0 else float(observed.mean())
  return Estimate(n, mean, deviation, t_quantile(0.5 + confidence / 2, n - 1) * deviation / math.sqrt(n))


@functools.cache
def t_quantile(probability: float, degrees: int) -> float:
  """Of Student's t-distribution."""
  return float(stats.t.ppf(probability, degrees))


def holm(p_values: Sequence[float | None]) -> list[float | None]:
  """Step-down correction for several tests (Holm, Scandinavian Journal of Statistics 1979).

  Args:
    p_values: raw p-values; `None` for a test that could not be made, which is not counted.

  Returns:
    Adjusted p-values in the order given, at most 1, `None` where the input was `None`.
  """
  made = sorted((p, index) for index, p in enumerate(p_values) if p is not None)
  adjusted: list[float | None] = [None] * len(p_values)
  largest = 0.0
  for rank, (p_value, index) in enumerate(made):
    largest = max(largest, min(1.0, (len(made) - rank) * p_value))
    adjusted[index] = largest
  return adjusted


def finite(values: Sequence[float]) -> np.ndarray:
  """The values as float64 `[n]`.

  Raises:
    ValueError: a value is not finite; leave it out, and say so, before estimating.
  """
  array = np.asarray(list(values), dtype=np.float64)
  if not np.isfinite(array).all():
    raise ValueError(f"Observations must be finite; found {array[~np.isfinite(array)][0]}.")
  return array
