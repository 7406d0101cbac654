"""Which methods of a panel have the best means, and what paired comparisons with the baseline and the best come to."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from benchmark.results import measures
from lasem_tf.metrics import paired

MARGIN = 0.01  # One percentage point: differences within it count as none.
TESTED = (measures.PEAK, measures.FINAL, measures.FORGETTING)
Values = Mapping[str, Mapping[str, Mapping[int, float]]]  # Method, measure, seed.
_ByMethod = dict[str, dict[str, paired.Comparison]]  # Method, measure.


@dataclasses.dataclass(frozen=True)
class Findings:
  """What was found in a panel.

  Attributes:
    best: methods with the best mean, by measure; none where fewer than two methods have values.
    against_baseline: by method and measure; without the baseline.
    against_best: the same; without the best.
  """

  best: Mapping[str, set[str]]
  against_baseline: Mapping[str, Mapping[str, paired.Comparison]]
  against_best: Mapping[str, Mapping[str, paired.Comparison]]


def compare(values: Values, baseline: str | None, margin: float) -> Findings:
  """Ranks and tests methods that were measured alike.

  Args:
    values: of every method, by measure and seed.
    baseline: one of the methods, or None.
    margin: of equivalence, as a fraction.
  """
  best = {measure.name: _best(values, measure) for measure in measures.MEASURES if measure.better is not None}
  against_baseline: _ByMethod = {}
  against_best: _ByMethod = {}
  for measure in TESTED:
    name = measure.name
    if baseline is not None:
      _add(against_baseline, values, baseline, {baseline}, measure, margin)
    if best[name]:
      # Of several best, the one that shares most seeds with the others.
      reference = max(sorted(best[name]), key=lambda learner: len(values[learner][name]))
      _add(against_best, values, reference, best[name], measure, margin)
  return Findings(best, against_baseline, against_best)


def _add(found: _ByMethod, values: Values, reference: str, without: set[str], measure: measures.Measure,
         margin: float) -> None:
  """Adds one family of tests, those of a measure against a reference."""
  name = measure.name
  own = {learner: by_measure[name] for learner, by_measure in values.items()
         if by_measure.get(name) and learner not in without}
  compared = paired.compare(own, values[reference].get(name, {}), margin, measure.better == "higher")
  for learner, comparison in compared.items():
    found.setdefault(learner, {})[name] = comparison


def _best(values: Values, measure: measures.Measure) -> set[str]:
  seeds = {learner: own[measure.name] for learner, own in values.items() if own.get(measure.name)}
  if len(seeds) < 2:
    return set()
  means = {learner: float(np.mean(list(own.values()))) for learner, own in seeds.items()}
  top = max(means.values()) if measure.better == "higher" else min(means.values())
  # Equal numbers summed in another order differ in the last bits; such a tie has two winners.
  return {learner for learner, mean in means.items() if abs(mean - top) <= 1e-12}
