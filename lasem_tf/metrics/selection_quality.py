"""How well layers to share were chosen, as pure functions of choices and accuracies.

A *decision* is one bit: whether a task shares a layer. Choices are boolean `[tasks, layers]`. Where a stream declares
the best configurations, `declared` has the same shape, and `decided` says which of its bits are certified; only these
count.
"""

import dataclasses
import itertools
import math
from collections.abc import Sequence

import numpy as np

from lasem_tf.metrics import statistics


@dataclasses.dataclass(frozen=True)
class Ratio:
  """An estimate with an interval that need not be symmetric.

  Attributes:
    value: the estimate.
    low: lower end.
    high: upper end.
  """

  value: float
  low: float
  high: float


def hits(choices: np.ndarray, declared: np.ndarray, decided: np.ndarray) -> np.ndarray:
  """float64 `[tasks, layers]`: 1 where the choice is the declared one, 0 where not, NaN where nothing is scored."""
  choices, declared, decided = (np.asarray(values, dtype=bool) for values in (choices, declared, decided))
  if not choices.shape == declared.shape == decided.shape:
    raise ValueError(f"Choices {choices.shape}, declared {declared.shape} and decided {decided.shape} bits must be of "
                     "the same tasks and layers.")
  return np.where(decided, choices == declared, np.nan)


def recovery(choices: np.ndarray, declared: np.ndarray, decided: np.ndarray) -> float:
  """Share of the scored decisions that are as declared; NaN where none is scored. A coin has 0.5 in expectation."""
  return share(hits(choices, declared, decided))


def always_share(declared: np.ndarray, decided: np.ndarray) -> float:
  """The recovery of sharing every layer: what a method without any choice reaches."""
  return recovery(np.ones_like(np.asarray(declared, dtype=bool)), declared, decided)


def share(scored: np.ndarray) -> float:
  """Mean of the scored entries of `hits`, or of a part of it; NaN where there are none."""
  known = scored[~np.isnan(scored)]
  return float(known.mean()) if known.size else math.nan


def agreement(choices: Sequence[np.ndarray]) -> float | None:
  """Mean over pairs of seeds of Cohen's kappa of their decisions: 1 equal, 0 no more alike than by chance.

  kappa = (p - e) / (1 - e), p the share of equal bits and e what is expected of two seeds that share as often as these,
  independently (Cohen, Educational and Psychological Measurement 1960). A pair without any variation (e = 1) has none.

  Args:
    choices: boolean `[tasks, layers]` of every seed.

  Returns:
    The mean; None where no pair has a kappa.
  """
  found = []
  for first, second in itertools.combinations([np.asarray(each, dtype=bool).ravel() for each in choices], 2):
    expected = first.mean() * second.mean() + (1 - first.mean()) * (1 - second.mean())
    if not math.isclose(expected, 1.0):
      found.append(((first == second).mean() - expected) / (1 - expected))
  return float(np.mean(found)) if found else None


def skill(accuracy: Sequence[float], random: Sequence[float], reference: Sequence[float],
          confidence: float = 0.95) -> Ratio | None:
  """(A - A_random) / (A_reference - A_random): 0 is as good as drawn configurations, 1 as good as the reference.

  The interval is Fieller's for a ratio of two means of paired observations (Fieller, Journal of the Royal Statistical
  Society B 1954).

  Args:
    accuracy: final accuracy of every seed.
    random: of drawn configurations, for the same seeds.
    reference: of the reference, for the same seeds.
    confidence: coverage of the interval.

  Returns:
    None for fewer than two seeds, and where the interval of the denominator contains zero: then no ratio is known.
  """
  gained = np.asarray(accuracy, dtype=np.float64) - np.asarray(random, dtype=np.float64)
  possible = np.asarray(reference, dtype=np.float64) - np.asarray(random, dtype=np.float64)
  n = gained.size
  if n < 2:
    return None
  covariance = np.cov(gained, possible) * statistics.t_quantile(0.5 + confidence / 2, n - 1)**2 / n
  numerator, denominator = float(gained.mean()), float(possible.mean())
  # The interval holds the ratios r with (numerator - r denominator)^2 <= t^2 variance of that difference.
  square = denominator**2 - covariance[1, 1]
  if square <= 0:
    return None
  middle = numerator * denominator - covariance[0, 1]
  # Rounding may take the root of what is zero.
  root = math.sqrt(max(0.0, middle**2 - square * (numerator**2 - covariance[0, 0])))
  return Ratio(numerator / denominator, (middle - root) / square, (middle + root) / square)


@dataclasses.dataclass(frozen=True)
class Decision:
  """When a search made up its mind about a task.

  Attributes:
    epoch: completed epochs after which the leading configuration never changed; 1 is after the first.
    mass: what the leader had of the prior then, from 0 to 1.
  """

  epoch: int
  mass: float


def decision_time(priors: np.ndarray) -> Decision:
  """The first epoch after which the leader stays the same to the end.

  Args:
    priors: `[epochs, configurations]`, after every epoch of a task's search.
  """
  leaders = np.argmax(priors, axis=1)
  changes = np.flatnonzero(leaders != leaders[-1])
  epoch = int(changes[-1]) + 1 if changes.size else 0
  return Decision(epoch + 1, float(priors[epoch, leaders[-1]]))
