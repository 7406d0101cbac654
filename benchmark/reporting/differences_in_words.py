"""Every difference of a panel in words: from the baseline, from the controls, and from the best of each measure.

A claim that one method is better than another stands with its interval, its outcome and, where it is not that of the
method it is compared with, its number of seeds; where fewer seeds are shared than a test needs, no outcome is said, as
tables mark none.
"""

from collections.abc import Mapping, Sequence

from benchmark.reporting import cells, comparisons
from benchmark.reporting.references import Reference
from benchmark.results import comparison, measures
from lasem_tf.metrics import paired

_MOST_NAMED = 6
_RANKED = (measures.PEAK, measures.FINAL, measures.FORGETTING)
_TOLD = (paired.Outcome.BETTER, paired.Outcome.EQUIVALENT, paired.Outcome.UNDECIDED, paired.Outcome.WORSE)
CAPTION = (
    "Differences in words are means over the seeds that both methods share ± half-width of the 95 % t-interval; n is "
    "given where it is not that of the method they are compared with. Outcomes are those of the tests described below "
    "the tables, Holm-corrected among all that one method is compared with; undecided is no sign of equality. "
    "Detectable: the smallest true differences that Holm's first step would have found with 80 % power, were the "
    "standard deviations the observed ones.")


def lines(panel: comparison.Panel, references: Sequence[Reference]) -> list[str]:
  """A sentence on every reference, then one on the best of every measure that is no reference."""
  spoken_of = {reference.learner for reference in references}
  of_best = (_best(panel, measure, spoken_of) for measure in _RANKED)
  return [*(_against(reference, panel.margin) for reference in references), *filter(None, of_best)]


def difference(found: paired.Comparison, num_seeds: int) -> str:
  """'+3.10 ± 1.20 pp', with its n where that is not the other's number of seeds."""
  n = f", n = {found.n}" if found.n != num_seeds else ""
  return f"{comparisons.difference_text(found.difference or 0.0, found.half_width)} pp{n}"


def by_size(found: Mapping[str, paired.Comparison], *outcomes: paired.Outcome) -> list[tuple[str, paired.Comparison]]:
  """Label and comparison of those outcomes, the largest difference first."""
  return sorted(((label, each) for label, each in found.items() if each.outcome in outcomes),
                key=lambda item: -abs(item[1].difference or 0.0))


def _best(panel: comparison.Panel, measure: measures.Measure, spoken_of: set[str]) -> str:
  """'Peak: A with 82.88 ± 1.93 % (n = 10). Against it: undecided: B (-0.80 ± 1.20 pp).'.

  '' where there is none, where it is spoken of already, and where it has fewer seeds than a test needs.
  """
  best = [row for row in panel.rows if measure.name in row.best]
  num_seeds = max((row.estimates[measure.name].n for row in best), default=0)
  if num_seeds < paired.FEWEST_PAIRS or all(row.learner in spoken_of for row in best):
    return ""
  labels, estimate = panel.short_labels, best[0].estimates[measure.name]
  told = f"{len(best)} methods with {measure.render(estimate.mean or 0.0)} {measure.unit}"
  if len(best) == 1:
    missing = f" of {best[0].num_expected}" if num_seeds < best[0].num_expected else ""
    told = (f"{labels[best[0].learner]} with {cells.estimate_text(estimate, measure)} {measure.unit} "
            f"(n = {num_seeds}{missing})")
  found = {labels[row.learner]: row.against_best[measure.name] for row in panel.rows
           if measure.name in row.against_best and row.against_best[measure.name].n}
  against = _outcomes(found, panel.margin, num_seeds)
  return f"{measure.title}: {told}{f'. Against {_it(best)}: {against}' if against else ''}."


def _it(best: Sequence[comparison.Row]) -> str:
  return "it" if len(best) == 1 else "them"


def _against(reference: Reference, margin: float) -> str:
  told = _outcomes(reference.found, margin, reference.num_seeds)
  return f"Final accuracy less that of {reference.label} ({reference.role}; {reference.value}): {told}."


def _outcomes(found: Mapping[str, paired.Comparison], margin: float, num_seeds: int) -> str:
  """'better: A (+3.10 ± 1.20 pp); undecided: B (+1.40 ± 2.20 pp, n = 8)'.

  Args:
    found: by label.
    margin: of equivalence, a fraction.
    num_seeds: of the method that they are compared with.
  """
  parts = []
  for outcome in _TOLD:
    if members := by_size(found, outcome):
      within = f" within ±{100 * margin:g} pp" if outcome == paired.Outcome.EQUIVALENT else ""
      parts.append(f"{outcome.value}{within}: {_named(members, num_seeds)}")
  if least := comparisons.detectable_text(each for each in found.values() if each.outcome in _TOLD):
    parts.append(f"detectable: {least}")
  untested = [f"{label} ({difference(each, num_seeds)})" for label, each in found.items()
              if each.outcome == paired.Outcome.UNTESTED]  # In the order of rows: none of them leads.
  if untested:
    parts.append(f"not tested, as fewer than {paired.FEWEST_PAIRS} seeds are shared: {', '.join(untested)}")
  return "; ".join(parts)


def _named(members: Sequence[tuple[str, paired.Comparison]], num_seeds: int) -> str:
  """The first with their differences, the range of the rest."""
  num_named = len(members) if len(members) <= _MOST_NAMED + 1 else _MOST_NAMED
  texts = [f"{label} ({difference(each, num_seeds)})" for label, each in members[:num_named]]
  rest = [100 * (each.difference or 0.0) for _, each in members[num_named:]]
  if rest:
    texts.append(f"and {len(rest)} more from {min(rest):+.2f} to {max(rest):+.2f} pp, with intervals in the tables")
  return ", ".join(texts)
