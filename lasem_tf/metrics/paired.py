"""Paired comparisons of methods with one reference: better, worse, equivalent or undecided, and what could be found.

Pairs are seeds. A difference is tested by the two-sided t-test of the paired differences; equivalence within a margin
by two one-sided t-tests (TOST; Schuirmann, Journal of Pharmacokinetics and Biopharmaceutics 1987): both must reject, so
its p-value is the larger. Holm's correction is made in each of the two families. A large p-value alone decides nothing.
"""

import dataclasses
import enum
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from scipy import stats

from lasem_tf.metrics import power as power_lib, statistics

FEWEST_PAIRS = 5  # With fewer, Holm's first step asks for differences of tens of percentage points.


class Outcome(str, enum.Enum):  # noqa: UP042, as Python 3.10 has no StrEnum.
  """What a comparison came to."""

  BETTER = "better"
  WORSE = "worse"
  EQUIVALENT = "equivalent"
  UNDECIDED = "undecided"
  UNTESTED = "untested"  # Fewer than `FEWEST_PAIRS` pairs.


@dataclasses.dataclass(frozen=True)
class PairedDifference:
  """Treatment less reference over the keys (seeds) that both have.

  Attributes:
    n: number of pairs.
    difference: mean; None for n = 0.
    deviation: standard deviation with denominator n-1; None for n < 2. 0 where differences vary by rounding alone.
    half_width: half the width of the 95 % t-interval; None for n < 2.
    p_value: of the two-sided t-test; None for n < 2 and for differences that are equal but not zero: accuracies are
      multiples of 1/test size, so two seeds often differ by the same amount by chance, and p = 0 would call that
      certain. 1 where all differences are zero.
    equivalence_p_value: larger p-value of the two one-sided tests; None where `p_value` is None. 0 where all
      differences are zero.
  """

  n: int
  difference: float | None
  deviation: float | None = None
  half_width: float | None = None
  p_value: float | None = None
  equivalence_p_value: float | None = None


@dataclasses.dataclass(frozen=True)
class Comparison(PairedDifference):
  """A paired difference among several that are tested together.

  Attributes:
    corrected_p_value: after Holm's correction; None where untested.
    corrected_equivalence_p_value: the same of the equivalence tests.
    detectable: the smallest true difference that Holm's first step would have found with 80 % power, were the standard
      deviation the observed one; None for n < 2. The family is that of the tests made; where a method is untested, all
      of two pairs or more, as if they were tested.
    outcome: at the family's level.
  """

  corrected_p_value: float | None = None
  corrected_equivalence_p_value: float | None = None
  detectable: float | None = None
  outcome: Outcome = Outcome.UNTESTED


def paired_difference(treatment: Mapping[Any, float], reference: Mapping[Any, float],
                      margin: float, confidence: float = 0.95) -> PairedDifference:
  """Mean difference, its interval, and the p-values of both kinds of test, uncorrected.

  Args:
    treatment: one finite value per seed.
    reference: one finite value per seed.
    margin: largest difference that counts as none, positive.
    confidence: coverage of the interval.

  Raises:
    ValueError: a value is not finite, or the margin is not positive.
  """
  if not margin > 0:
    raise ValueError(f"A margin of equivalence must be positive, not {margin}.")
  seeds = [seed for seed in treatment if seed in reference]
  left, right = (statistics.finite([side[seed] for seed in seeds]) for side in (treatment, reference))
  differences, n = left - right, len(seeds)
  if n < 2:
    return PairedDifference(n, float(differences[0]) if n else None)
  mean = float(differences.mean())
  # Up to rounding of the subtraction.
  rounding = 8 * np.finfo(np.float64).eps * max(np.abs(left).max(), np.abs(right).max())
  if np.ptp(differences) <= rounding:
    is_equal = abs(mean) <= rounding
    return PairedDifference(n, mean, 0.0, 0.0, *((1.0, 0.0) if is_equal else (None, None)))
  deviation = float(differences.std(ddof=1))
  error = deviation / math.sqrt(n)
  two_sided = 2 * float(stats.t.sf(abs(mean) / error, n - 1))
  # The further bound is passed more easily, so the nearer one decides.
  equivalence = float(stats.t.sf((margin - abs(mean)) / error, n - 1))
  return PairedDifference(n, mean, deviation, statistics.t_quantile(0.5 + confidence / 2, n - 1) * error, two_sided,
                          equivalence)


def compare(treatments: Mapping[str, Mapping[Any, float]], reference: Mapping[Any, float], margin: float,
            higher_is_better: bool = True, level: float = power_lib.LEVEL) -> dict[str, Comparison]:
  """Compares several methods with one reference.

  Args:
    treatments: values by seed, by method, without the reference's own.
    reference: values by seed.
    margin: see `paired_difference`.
    higher_is_better: whether a positive difference is an improvement.
    level: of each family of tests.

  Returns:
    A comparison for every method. Those of fewer than `FEWEST_PAIRS` pairs are untested and in no family.
  """
  found = {name: paired_difference(values, reference, margin) for name, values in treatments.items()}
  tested = [name for name, pair in found.items() if pair.n >= FEWEST_PAIRS]
  corrected = _corrected(tested, (found[name].p_value for name in tested))
  equivalences = _corrected(tested, (found[name].equivalence_p_value for name in tested))
  num_paired = sum(pair.n >= 2 for pair in found.values())
  num_tested = sum(found[name].p_value is not None for name in tested)
  comparisons = {}
  for name, pair in found.items():
    outcome = Outcome.UNTESTED
    if name in tested:
      outcome = _outcome(pair, corrected[name], equivalences[name], higher_is_better, level)
    family = max(1, num_tested if name in tested else num_paired)
    detectable = power_lib.detectable_difference(pair.n, pair.deviation, level / family)
    comparisons[name] = Comparison(**vars(pair), corrected_p_value=corrected.get(name),
                                   corrected_equivalence_p_value=equivalences.get(name), detectable=detectable,
                                   outcome=outcome)
  return comparisons


def _corrected(names: Sequence[str], p_values: Iterable[float | None]) -> dict[str, float | None]:
  return dict(zip(names, statistics.holm(list(p_values))))


def _outcome(pair: PairedDifference, p_value: float | None, equivalence: float | None, higher_is_better: bool,
             level: float) -> Outcome:
  if p_value is not None and p_value <= level and pair.difference is not None:
    return Outcome.BETTER if (pair.difference > 0) == higher_is_better else Outcome.WORSE
  return Outcome.EQUIVALENT if equivalence is not None and equivalence <= level else Outcome.UNDECIDED
