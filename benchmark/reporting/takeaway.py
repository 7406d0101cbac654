"""What a panel comes to, as a paragraph: a sentence per reference, and what to be wary of.

The baseline comes first, then every control. A sentence counts the methods that are better, worse, equivalent or not
shown to differ, with the largest difference of each kind that was decided and what could have been detected of the
others. Where fewer seeds are shared than a test needs, it gives differences and says that nothing was tested.
"""

import dataclasses
from collections.abc import Mapping, Sequence

from benchmark.reporting import (
  cautions as cautions_lib,
  cells,
  comparisons,
  controls,
  differences_in_words,
  flatness,
  references as references_lib,
  stream_facts,
)
from benchmark.reporting.references import Reference
from benchmark.results import comparison
from benchmark.results.records import Record
from benchmark.results.run_details import RunDetails
from lasem_tf.metrics import paired

_MOST_NAMED = 4
_DECIDED = (paired.Outcome.BETTER, paired.Outcome.WORSE, paired.Outcome.EQUIVALENT)
_NO_REFERENCE = (f"No baseline is named and no control ({', '.join(controls.CONTROLS)}) was run with what it controls, "
                 "so nothing is said of differences.")


@dataclasses.dataclass(frozen=True)
class Sentence:
  """One of the paragraph.

  Attributes:
    learner: the method that it compares with; '' for none.
    subject: its first words, for emphasis: 'Against STL'.
    rest: what follows.
  """

  learner: str
  subject: str
  rest: str


@dataclasses.dataclass(frozen=True)
class Finding:
  """What is said of one panel.

  Attributes:
    title: of the panel.
    stream: it belongs to.
    facts: what was trained on, and for how long; '' where no record says it.
    sentences: the paragraph.
    cautions: what to be wary of, a sentence or two each.
    details: every difference in words, and what the cautions leave out.
    criterion: what a caution about training is based on; '' without one.
  """

  title: str
  stream: str
  facts: str
  sentences: Sequence[Sentence]
  cautions: Sequence[str]
  details: Sequence[str]
  criterion: str


def of_panel(panel: comparison.Panel, records: Sequence[Record], details: Mapping[str, RunDetails]) -> Finding:
  """Puts a panel into words.

  Args:
    panel: the aggregates.
    records: all runs; those of other panels are left out here.
    details: course of the runs, by identity.
  """
  own = [record for record in records if (record.stream, record.scale) == (panel.stream, panel.scale)]
  references, endings = references_lib.of_panel(panel, own), flatness.of_runs(own, details)
  sentences = [_sentence(reference, panel.margin) for reference in references]
  if not panel.baseline and not references and len(panel.rows) > 1:
    sentences = [Sentence("", "", _NO_REFERENCE)]
  cautions = cautions_lib.of_panel(panel, endings)
  is_short = any(each.num_judged and each.is_short_of_flat for each in endings.values())
  return Finding(cells.panel_title(panel), panel.stream, stream_facts.line(panel, own, details), sentences,
                 [caution.text for caution in cautions],
                 [*differences_in_words.lines(panel, references), *(each.rest for each in cautions if each.rest)],
                 cautions_lib.CRITERION if is_short else "")


def _sentence(reference: Reference, margin: float) -> Sentence:
  """'Against STL (baseline; final accuracy 28.29 ± 1.48 %, n = 5), none of 3 methods is better; ...'."""
  untested = {label: each for label, each in reference.found.items() if each.outcome == paired.Outcome.UNTESTED}
  if len(untested) == len(reference.found):
    told = (f"no test was made, as fewer than {paired.FEWEST_PAIRS} seeds are shared: "
            f"{_differences(untested, reference.num_seeds)}")
  else:
    parts = [_decided(reference, outcome, margin) for outcome in _DECIDED]
    told = "; ".join(filter(None, [*parts, _undecided(reference), _untested(untested, reference.num_seeds)]))
  return Sentence(reference.learner, f"Against {reference.label}",
                  f" ({reference.role}; final accuracy {reference.value}), {told}.")


def _decided(reference: Reference, outcome: paired.Outcome, margin: float) -> str:
  """'4 are worse, most of all A (-3.10 ± 1.20 pp), then B, C and D'; that none is better is said, too."""
  members = differences_in_words.by_size(reference.found, outcome)
  if not members:
    # That all are worse, or that none is shown to differ, says so by itself.
    is_mixed = len({each.outcome for each in reference.found.values()}) > 1
    return f"none of {_all(reference)} is better" if outcome == paired.Outcome.BETTER and is_mixed else ""
  (label, largest), rest = members[0], [label for label, _ in members[1:]]
  size = f"{label} ({differences_in_words.difference(largest, reference.num_seeds)})"
  if outcome == paired.Outcome.EQUIVALENT:
    return (f"{_count(reference, outcome)} {outcome.value} within ±{100 * margin:g} pp: "
            f"{_named([size, *rest], _MOST_NAMED)}")
  named = f", most of all {size}, then {_named(rest, _MOST_NAMED - 1)}" if rest else f": {size}"
  return f"{_count(reference, outcome)} {outcome.value}{named}"


def _count(reference: Reference, outcome: paired.Outcome) -> str:
  """'all 3 methods are', 'the one method compared is', '3 of 10 methods are' of the better, '4 are' of others."""
  number = sum(each.outcome == outcome for each in reference.found.values())
  if number == len(reference.found):
    return f"all {_all(reference)} are" if number > 1 else f"the one {reference.compared} compared is"
  of_all = f" of {_all(reference)}" if outcome == paired.Outcome.BETTER else ""
  return f"{number}{of_all} {_are(number)}"


def _undecided(reference: Reference) -> str:
  """'3 are not shown to differ (undecided; detectable: 3.4 to 6.5 pp): A, B and C'; '' of none."""
  undecided = {label: each for label, each in reference.found.items() if each.outcome == paired.Outcome.UNDECIDED}
  if not undecided:
    return ""
  count = f"{_count(reference, paired.Outcome.UNDECIDED)} not"
  if 1 < len(undecided) == len(reference.found):
    count = f"none of {_all(reference)} is"
  named = f": {_named(list(undecided), _MOST_NAMED)}" if len(undecided) <= _MOST_NAMED else ""
  least = comparisons.detectable_range(undecided.values())
  return f"{count} shown to differ (undecided{f'; detectable: {least}' if least else ''}){named}"


def _untested(untested: Mapping[str, paired.Comparison], num_seeds: int) -> str:
  if not untested:
    return ""
  return (f"{len(untested)} {_are(len(untested))} not tested (fewer than {paired.FEWEST_PAIRS} shared seeds): "
          f"{_differences(untested, num_seeds)}")


def _differences(untested: Mapping[str, paired.Comparison], num_seeds: int) -> str:
  """Every difference with its interval in the order of rows, or of many their range, so that none of them leads."""
  if len(untested) <= _MOST_NAMED + 1:
    return ", ".join(f"{label} ({differences_in_words.difference(each, num_seeds)})"
                     for label, each in untested.items())
  sizes = [100 * (each.difference or 0.0) for each in untested.values()]
  widths = [100 * each.half_width for each in untested.values() if each.half_width is not None]
  within = f", half-widths of their intervals from {min(widths):.2f} to {max(widths):.2f} pp" if widths else ""
  return f"differences of {len(untested)} methods from {min(sizes):+.2f} to {max(sizes):+.2f} pp{within}"


def _named(labels: Sequence[str], most: int) -> str:
  """'A, B and C', or of many 'A, B and 7 more'."""
  if len(labels) > most:
    labels = [*labels[:most - 1], f"{len(labels) - most + 1} more"]
  return " and ".join(filter(None, [", ".join(labels[:-1]), labels[-1]]))


def _all(reference: Reference) -> str:
  """'10 methods'."""
  plural = {"method": "methods", "search": "searches"}[reference.compared]
  return f"{len(reference.found)} {plural if len(reference.found) > 1 else reference.compared}"


def _are(count: int) -> str:
  return "is" if count == 1 else "are"
