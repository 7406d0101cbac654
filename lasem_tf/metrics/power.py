"""What a paired t-test can find: its power, the smallest detectable difference, and the number of seeds that one needs.

The test is two-sided over the differences of n seeds. Its statistic has a noncentral t-distribution with n - 1 degrees
of freedom and the noncentrality effect * sqrt(n), where effect = difference / standard deviation of the differences
(Cohen, "Statistical Power Analysis for the Behavioral Sciences", 1988, chapter 2).
"""

import functools
import math

from scipy import optimize, stats

LEVEL = 0.05
POWER = 0.8
MOST_SEEDS = 10**6


@functools.cache
def power(n: int, effect: float, level: float = LEVEL) -> float:
  """Probability that the test finds a true difference.

  Args:
    n: pairs, at least 2.
    effect: true difference in standard deviations of the differences.
    level: of the two-sided test.

  Raises:
    ValueError: fewer than two pairs, or a level outside (0, 1).
  """
  if n < 2 or not 0 < level < 1:
    raise ValueError(f"A paired t-test needs two pairs or more and a level within 0 to 1, not n = {n}, level {level}.")
  critical = float(stats.t.isf(level / 2, n - 1))
  noncentrality = abs(effect) * math.sqrt(n)
  # P(T > c) as the mean over the standard deviation's distribution: SciPy's noncentral t fails for large arguments.
  chi_squares = _chi_square_nodes(n - 1)
  scaled = critical * (chi_squares / (n - 1))**0.5
  return float((stats.norm.sf(scaled - noncentrality) + stats.norm.cdf(-scaled - noncentrality)).mean())


@functools.cache
def detectable_effect(n: int, level: float = LEVEL, wanted: float = POWER) -> float:
  """The smallest true difference, in standard deviations of the differences, found with the wanted power."""
  most = 1.0
  while power(n, most, level) < wanted:
    most *= 2.0
  return float(optimize.brentq(lambda effect: power(n, effect, level) - wanted, 0.0, most, xtol=1e-6))


def detectable_difference(n: int, deviation: float | None, level: float = LEVEL, wanted: float = POWER) -> float | None:
  """The same in the unit of the differences.

  Args:
    n: pairs.
    deviation: standard deviation of the differences; None where it is unknown.
    level: of the two-sided test.
    wanted: power.

  Returns:
    None for fewer than two pairs or an unknown deviation.
  """
  return None if n < 2 or deviation is None else detectable_effect(n, level, wanted) * deviation


def seeds_needed(difference: float, deviation: float, level: float = LEVEL, wanted: float = POWER) -> int:
  """The smallest number of pairs, at least 2, whose test finds a true difference with the wanted power.

  Args:
    difference: to be found, positive.
    deviation: standard deviation of the differences between paired runs.
    level: of the two-sided test; divided by the number of comparisons for Holm's first step.
    wanted: power.

  Raises:
    ValueError: the difference is not positive.
  """
  if not difference > 0:
    raise ValueError(f"A difference to detect must be positive, not {difference}.")
  if deviation == 0:
    return 2
  effect = difference / deviation
  most = 2
  while power(most, effect, level) < wanted:
    most *= 2
    if most > MOST_SEEDS:
      return MOST_SEEDS
  least = most // 2
  while most - least > 1:
    middle = (least + most) // 2
    least, most = (least, middle) if middle >= 2 and power(middle, effect, level) >= wanted else (middle, most)
  return most


def deviation_interval(n: int, deviation: float, confidence: float = 0.95) -> tuple[float, float]:
  """Confidence interval of a standard deviation that n normal observations showed, from the chi-square distribution.

  Raises:
    ValueError: fewer than two observations.
  """
  if n < 2:
    raise ValueError(f"A standard deviation needs two observations, not {n}.")
  outside = (1 - confidence) / 2
  low, high = (float(deviation * math.sqrt((n - 1) / quantile))
               for quantile in stats.chi2.ppf([1 - outside, outside], n - 1))
  return low, high


@functools.cache
def _chi_square_nodes(degrees: int, count: int = 2001):
  """Quantiles of a chi-square distribution at the middle of `count` equally likely parts, float64 `[count]`."""
  return stats.chi2.ppf([(index + 0.5) / count for index in range(count)], degrees)
