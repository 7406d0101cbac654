"""What a panel comes to, in words: the best, differences from the baseline and the controls, and what to be wary of.

A claim that one method is better than another stands with its interval, its outcome and, where it is not that of the
method it is compared with, its number of seeds; where fewer seeds are shared than a test needs, no outcome is said, as
tables mark none.
"""

import dataclasses
from collections.abc import Mapping, Sequence

from benchmark.reporting import cells, comparisons, controls, flatness
from benchmark.results import comparison, measures
from benchmark.results.records import Record
from benchmark.results.run_details import RunDetails
from lasem_tf.metrics import curves, paired

_MOST_NAMED = 6
_RANKED = (measures.PEAK, measures.FINAL, measures.FORGETTING)
_TOLD = (paired.Outcome.BETTER, paired.Outcome.EQUIVALENT, paired.Outcome.UNDECIDED, paired.Outcome.WORSE)
CAPTION = (
    "Differences in words are means over the seeds that both methods share ± half-width of the 95 % t-interval; n is "
    "given where it is not that of the method they are compared with. Outcomes are those of the tests described below "
    "the tables, Holm-corrected among all that one method is compared with; undecided is no sign of equality. "
    "Detectable: the smallest true differences that Holm's first step would have found with 80 % power, were the "
    "standard deviations the observed ones.")
CRITERION = (
    "Short of flat: from the last fifth but one of a visit's recorded epochs to the last fifth, the mean training loss "
    f"fell by more than {100 * curves.FALL_LIMIT:.0f} % of the way from the visit's largest loss to the mean of the "
    "last fifth, and by more than two standard errors of that difference. Methods are named where most visits ended "
    "so; longer training would change their numbers.")


@dataclasses.dataclass(frozen=True)
class Finding:
  """What is said of one panel.

  Attributes:
    title: of the panel.
    stream: it belongs to.
    lines: differences from the baseline and each control, then the best by measure.
    cautions: what to be wary of, a sentence each.
    caption: what the cautions are based on; '' without them.
  """

  title: str
  stream: str
  lines: Sequence[str]
  cautions: Sequence[str]
  caption: str


def of_panel(panel: comparison.Panel, records: Sequence[Record], details: Mapping[str, RunDetails]) -> Finding:
  """Puts a panel into words.

  Args:
    panel: the aggregates.
    records: all runs; those of other panels are left out here.
    details: course of the runs, by identity.
  """
  own = [record for record in records if (record.stream, record.scale) == (panel.stream, panel.scale)]
  lines = [*_differences(panel, own), *(line for measure in _RANKED if (line := _best(panel, measure)))]
  endings = flatness.of_runs(own, details)
  cautions = [*_few_seeds(panel), *_not_flat(panel, endings)]
  if sentence := cells.of_several_devices(panel):
    cautions.append(sentence)
  caption = CRITERION if any(each.num_judged and each.is_short_of_flat for each in endings.values()) else ""
  return Finding(cells.panel_title(panel), panel.stream, lines, cautions, caption)


def _best(panel: comparison.Panel, measure: measures.Measure) -> str:
  """'Peak: A with 82.88 ± 1.93 % (n = 10). Against it: undecided: B (-0.80 ± 1.20 pp).'; '' without a best."""
  best = [row for row in panel.rows if measure.name in row.best]
  if not best:
    return ""
  shown = []
  for row in best:
    estimate = row.estimates[measure.name]
    count = f"n = {estimate.n}" + (f" of {row.num_expected}" if estimate.n < row.num_expected else "")
    shown.append(f"{row.label} with {cells.estimate_text(estimate, measure)} {measure.unit} ({count})")
  found = {row.label: row.against_best[measure.name] for row in panel.rows if measure.name in row.against_best}
  told = _outcomes(found, panel.margin, best[0].estimates[measure.name].n)
  return f"{measure.title}: {', '.join(shown)}{f'. Against it: {told}' if told else ''}."


def _differences(panel: comparison.Panel, records: Sequence[Record]) -> list[str]:
  """A sentence on the baseline and one on every control."""
  sentences = []
  name = measures.FINAL.name
  baseline = next((row for row in panel.rows if row.learner == panel.baseline), None)
  labels = {row.learner: row.label for row in panel.rows}
  if baseline is not None:
    found = {row.label: row.against_baseline[name] for row in panel.rows if name in row.against_baseline}
    sentences += _against(baseline, "the baseline", found, panel.margin)
  against_controls = controls.against_controls(panel, records)
  for each in against_controls:
    found = {labels[learner]: compared for learner, compared in each.found.items()}
    sentences += _against(each.control, f"control: {each.description}", found, panel.margin)
  if baseline is not None or against_controls or len(panel.rows) < 2:
    return sentences
  return [f"No baseline is named and no control ({', '.join(controls.CONTROLS)}) was run with what it controls, so "
          "nothing is said of differences."]


def _against(reference: comparison.Row, role: str, found: Mapping[str, paired.Comparison], margin: float) -> list[str]:
  estimate = reference.estimates.get(measures.FINAL.name)
  if not found or estimate is None or not estimate.n:
    return []
  told = _outcomes(found, margin, estimate.n)
  value = f"{cells.estimate_text(estimate, measures.FINAL)} %, n = {estimate.n}"
  return [f"Final accuracy less that of {reference.label} ({role}; {value}): {told}."] if told else []


def _outcomes(found: Mapping[str, paired.Comparison], margin: float, num_seeds: int) -> str:
  """'better: A (+3.10 ± 1.20 pp); undecided: B (+1.40 ± 2.20 pp, n = 8)'; '' of one with too few seeds.

  Args:
    found: by label.
    margin: of equivalence, a fraction.
    num_seeds: of the method that they are compared with.
  """
  parts = []
  for outcome in _TOLD:
    members = {label: each for label, each in found.items() if each.outcome == outcome}
    if members:
      within = f" within ±{100 * margin:g} pp" if outcome == paired.Outcome.EQUIVALENT else ""
      parts.append(f"{outcome.value}{within}: {_named(members, num_seeds)}")
  if least := comparisons.detectable_text(each for each in found.values() if each.outcome in _TOLD):
    parts.append(f"detectable: {least}")
  untested = [each.n for each in found.values() if each.outcome == paired.Outcome.UNTESTED]
  if untested and (parts or num_seeds >= paired.FEWEST_PAIRS):  # Else the caution of few seeds says so.
    seeds = f"{min(untested)}" if min(untested) == max(untested) else f"{min(untested)} to {max(untested)}"
    parts.append(f"no outcome is stated of {len(untested)} method{'s' * (len(untested) > 1)} with {seeds} shared "
                 f"seed{'s' * (max(untested) != 1)}, as {paired.FEWEST_PAIRS} are needed")
  return "; ".join(parts)


def _named(members: Mapping[str, paired.Comparison], num_seeds: int) -> str:
  """The largest differences, each with its interval, and pairs where they are others; the range of the rest."""
  ordered = sorted(members.items(), key=lambda item: -abs(item[1].difference or 0.0))
  num_named = len(ordered) if len(ordered) <= _MOST_NAMED + 1 else _MOST_NAMED
  texts = [f"{label} ({comparisons.difference_text(each.difference or 0.0, each.half_width)} pp"
           f"{f', n = {each.n}' if each.n != num_seeds else ''})" for label, each in ordered[:num_named]]
  rest = [100 * (each.difference or 0.0) for _, each in ordered[num_named:]]
  if rest:
    texts.append(f"and {len(rest)} more from {min(rest):+.2f} to {max(rest):+.2f} pp, with intervals in the tables")
  return ", ".join(texts)


def _few_seeds(panel: comparison.Panel) -> list[str]:
  run = [row for row in panel.rows if row.num_completed]
  few = [row for row in run if row.num_completed < paired.FEWEST_PAIRS]
  if not few:
    return []
  numbers = sorted({row.num_completed for row in few})
  seeds = f"{'-'.join(map(str, numbers[:1] + numbers[1:][-1:]))} seed{'s' * (numbers[-1] > 1)}"
  return [f"Few seeds: {seeds} of {_named_methods(few, run)}. Fewer than {paired.FEWEST_PAIRS} seeds leave wide "
          "intervals, and no differences are tested."]


def _not_flat(panel: comparison.Panel, endings: Mapping[str, flatness.Flatness]) -> list[str]:
  run = [row for row in panel.rows if row.num_completed]
  judged = [row for row in run if row.learner in endings and endings[row.learner].num_judged]
  falling = [row for row in judged if endings[row.learner].is_short_of_flat]
  short = [row for row in run if row.learner in endings and endings[row.learner].num_short]
  unknown = [row for row in run if row.learner not in endings]
  sentences = []
  if falling:
    visits = sum(endings[row.learner].num_judged for row in falling)
    fell = sum(endings[row.learner].num_falling for row in falling)
    sentences.append(f"Training ended short of flat in {fell} of {visits} visits of {_named_methods(falling, judged)}.")
  if short:
    sentences.append(f"Visits of fewer than {curves.FEWEST_EPOCHS} recorded epochs, too few to tell whether training "
                     f"loss was flat: {_named_methods(short, run)}.")
  if unknown:
    sentences.append("Whether training loss was flat at the end of visits is unknown, as the course was not kept, of "
                     f"{_named_methods(unknown, run)}.")
  return sentences


def _named_methods(some: Sequence[comparison.Row], of_all: Sequence[comparison.Row]) -> str:
  """'A, B', 'all 24 methods', or '21 of 24 methods, not of X, Y, Z': the shorter list."""
  others = [row.label for row in of_all if row not in some]
  if not others and len(some) > 1:
    return f"all {len(some)} methods"
  if len(some) > _MOST_NAMED and len(others) < len(some):
    return f"{len(some)} of {len(of_all)} methods, not of {', '.join(others)}"
  return ", ".join(row.label for row in some)
