"""Paired comparisons as cells, tables and sentences."""

import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence

from benchmark.reporting import cells
from benchmark.reporting.cells import BETTER, Cell, EQUIVALENT, GAP, UNDECIDED, WORSE
from benchmark.results import comparison, measures, methods
from lasem_tf.metrics import paired, power, robust

Robust = Mapping[tuple[str, str, str], robust.Interval]  # Stream, scale and learner.
_DETAILED = (measures.PEAK, measures.FINAL)
_MARKS = {paired.Outcome.BETTER: BETTER, paired.Outcome.WORSE: WORSE, paired.Outcome.EQUIVALENT: EQUIVALENT,
          paired.Outcome.UNDECIDED: UNDECIDED, paired.Outcome.UNTESTED: ""}


def headings(panel: comparison.Panel) -> list[str]:
  """Column headings of a panel: its measures, the differences in final accuracy, and what is missing."""
  return [*cells.headings(panel), *difference_headings(panel), *(["Gaps"] if cells.has_gaps(panel) else [])]


def difference_headings(panel: comparison.Panel) -> list[str]:
  """Those of the differences in final accuracy: from the baseline, if there is one, and from the best."""
  references = [methods.learner_label(panel.baseline)] if panel.baseline else []
  return [f"{measures.FINAL.title} - {reference} (pp)" for reference in (*references, "best")]


def ranks(panel: comparison.Panel, columns: Sequence[str]) -> list[int]:
  """How long each column stays where there is no room for all: 0 longest. The heading of a table has the stream."""
  first = ["Learner", measures.FINAL.heading, *difference_headings(panel)[:1], "n", measures.PEAK.heading,
           measures.CLASS_INCREMENTAL.heading, *difference_headings(panel), measures.FORGETTING.heading,
           measures.PARAMETERS.heading, measures.MACS.heading]
  rank = {column: number for number, column in reversed(list(enumerate(first)))} | {"Stream": len(first) + 1}
  order = sorted(columns, key=lambda column: rank.get(column, len(first)))
  return [order.index(column) for column in columns]


def row_cells(panel: comparison.Panel, row: comparison.Row) -> list[Cell]:
  """The entries of a row under these headings."""
  name = measures.FINAL.name
  line = cells.cells(panel, row)
  if panel.baseline:
    is_baseline = row.learner == panel.baseline
    line.append(difference_cell(row.against_baseline.get(name), "baseline" if is_baseline else GAP))
  line.append(difference_cell(row.against_best.get(name), "best" if name in row.best else GAP))
  return line + ([cells.gaps_cell(row)] if cells.has_gaps(panel) else [])


def difference_cell(found: paired.Comparison | None, otherwise: str = GAP) -> Cell:
  """'-0.82 ± 1.73', marked with its outcome."""
  if found is None or found.difference is None:
    return Cell(otherwise)
  return Cell(difference_text(found.difference, found.half_width), mark=_MARKS[found.outcome], value=found.difference)


def difference_text(difference: float, half_width: float | None) -> str:
  """'-0.82 ± 1.73' percentage points of two fractions; the ends in brackets where they are cut off at ±100."""
  text = f"{100 * difference:+.2f}"
  if half_width is None:
    return text
  if abs(difference) + half_width <= 1:
    return f"{text} ± {100 * half_width:.2f}"
  return f"{text} [{100 * max(difference - half_width, -1):+.2f}, {100 * min(difference + half_width, 1):+.2f}]"


def tables(panels: Sequence[comparison.Panel], robust_means: Robust
           ) -> Iterator[tuple[comparison.Panel, str, list[str], list[tuple[comparison.Row, list[Cell]]]]]:
  """Yields panel, title, columns and rows: one table per panel and tested measure, where there is something to compare.

  Args:
    panels: what to show.
    robust_means: interquartile means of final accuracy.
  """
  for panel in panels:
    for measure in _DETAILED:
      references = [("best", lambda row: row.against_best)]
      if panel.baseline:
        references.insert(0, (methods.learner_label(panel.baseline), lambda row: row.against_baseline))
      references = [(label, of_row) for label, of_row in references
                    if any(measure.name in of_row(row) for row in panel.rows)]
      if not references:
        continue
      columns, is_final = ["Learner"], measure is measures.FINAL
      for label, _ in references:
        columns += [f"To {label} (pp)", *(f"{name} ({label})" for name in
                                          ("Pairs", "Outcome", "p", "p equivalent", "Detects, pp"))]
      rows = []
      for row in panel.rows:
        line = [cells.learner_cell(row)]
        for _, of_row in references:
          line += _details(of_row(row).get(measure.name))
        key = panel.stream, panel.scale, row.learner
        rows.append((row, line + ([_interval_cell(robust_means.get(key))] if is_final else [])))
      title = f"{measure.title}, paired differences"
      yield panel, title, columns + (["Interquartile mean (%)"] if is_final else []), rows


def caption(panels: Sequence[comparison.Panel], best: str = "Bold") -> str:
  """What the numbers and marks mean, the tests included; `best` says how the best means are shown."""
  return " ".join([*_on_scenarios(panels), "Mean ± half-width of the 95 % t-interval over n seeds (no interval "
                   "for n < 2), or the interval's ends in brackets where it was cut off at what is possible, such as 0 "
                   "and 100 %. k, M and G: thousands, millions and thousands of millions.",
                   f"{best}: best mean of a stream, whatever its lead is worth.", *_on_differences(panels),
                   *cells.remarks(panels, "neither ranked nor tested")])


def short_caption(panels: Sequence[comparison.Panel]) -> str:
  """One line of it, for those who know such tables."""
  line = "Mean ± half-width of the 95 % t-interval over n seeds; bold: best mean."
  found = [each for _, of_column in _final_differences(panels) for each in of_column]
  if any(each.outcome != paired.Outcome.UNTESTED for each in found):
    return f"{line} {BETTER} better, {WORSE} worse, {EQUIVALENT} equivalent, {UNDECIDED} undecided."
  return f"{line} Nothing is tested: fewer than {paired.FEWEST_PAIRS} seeds are shared." if found else line


def _on_scenarios(panels: Sequence[comparison.Panel]) -> list[str]:
  """What is known of a test image."""
  sentences = ["Task-incremental: the task of every test image is known."]
  if any(measures.CLASS_INCREMENTAL in panel.columns for panel in panels):
    sentences.append("Class-incremental: it is not, and the largest logit over the heads of all tasks decides.")
  return sentences


def _on_differences(panels: Sequence[comparison.Panel]) -> list[str]:
  """Sentences on differences and marks; the reason where marks are missing."""
  by_column = _final_differences(panels)
  found = [each for _, of_column in by_column for each in of_column]
  if not found:
    return []
  margins = " or ".join(sorted({f"{100 * panel.margin:g}" for panel in panels}))
  sentences = ["Differences are means over shared seeds ± half-width of the 95 % t-interval, in percentage points."]
  if any(each.outcome != paired.Outcome.UNTESTED for each in found):
    sentences.append(
        f"{BETTER} better, {WORSE} worse: paired two-sided t-test over seeds on task-averaged values, Holm-corrected "
        f"within a column, level {power.LEVEL}. {EQUIVALENT} equivalent: neither, and two one-sided tests place the "
        f"difference within ±{margins} pp, corrected alike. {UNDECIDED} undecided: neither was shown, which is no sign "
        "of equality. The best is chosen by the same data, so differences to it look larger than they are.")
  if least := _detectable(by_column, False):
    sentences.append(f"Detectable with 80 % power at Holm's first step: {least}.")
  if any(each.outcome == paired.Outcome.UNTESTED for each in found):
    least = _detectable(by_column, True)
    reason = f": detectable with 80 % power would have been, {least}" if least else ""
    sentences.append(f"No outcome is marked where fewer than {paired.FEWEST_PAIRS} seeds are shared, because such "
                     f"tests find next to nothing{reason}.")
  return sentences


def _final_differences(panels: Sequence[comparison.Panel]) -> list[tuple[str, list[paired.Comparison]]]:
  """What the columns of differences in final accuracy are from, and what they show."""
  name = measures.FINAL.name
  baselines = {methods.learner_label(panel.baseline) for panel in panels if panel.baseline}
  columns = [(next(iter(baselines)) if len(baselines) == 1 else "the baseline",
              [row.against_baseline.get(name) for panel in panels for row in panel.rows]),
             ("the best", [row.against_best.get(name) for panel in panels for row in panel.rows])]
  return [(label, [each for each in found if each is not None and each.n]) for label, found in columns]


def _detectable(by_column: Sequence[tuple[str, Sequence[paired.Comparison]]], is_untested: bool) -> str:
  """'from STL, differences of 3.4 to 14.5 pp or more; from the best, ...'; '' where nothing is known."""
  parts = []
  for label, found in by_column:
    own = (each for each in found if (each.outcome == paired.Outcome.UNTESTED) == is_untested)
    if least := detectable_text(own):
      parts.append(f"from {label}, {least}")
  return "; ".join(parts)


def detectable_text(found: Iterable[paired.Comparison]) -> str:
  """The smallest detectable differences of some comparisons: 'differences of 1.2 to 3.4 pp or more (median 2.1)'.

  Comparisons whose differences do not vary say nothing of it; '' where there are no others.
  """
  least = _least_detectable(found)
  if not least or least[0] > 100:
    return _range(least)
  middle = statistics.median(least)
  is_telling = len(least) > 2 and middle <= 100 and f"{least[0]:.1f}" != f"{least[-1]:.1f}"
  return f"differences of {_range(least)} or more{f' (median {middle:.1f})' if is_telling else ''}"


def detectable_range(found: Iterable[paired.Comparison]) -> str:
  """The same in short: '1.2 to 3.4 pp'."""
  return _range(_least_detectable(found))


def _least_detectable(found: Iterable[paired.Comparison]) -> list[float]:
  """In percentage points, sorted."""
  return sorted(100 * each.detectable for each in found if each.detectable)


def _range(least: Sequence[float]) -> str:
  if not least:
    return ""
  if least[0] > 100:
    return "no difference that accuracies can have"
  ends = [f"{value:.1f}" if value <= 100 else "more than 100" for value in (least[0], least[-1])]
  return f"{' to '.join(dict.fromkeys(ends))} pp"


def details_caption() -> str:
  """What the columns of `tables` mean."""
  return ("p: of the two-sided t-test, Holm-corrected; p equivalent: of the two one-sided tests, corrected alike; both "
          f"blank for fewer than {paired.FEWEST_PAIRS} pairs and where all differences are equal but not zero. "
          "Detects: the smallest true difference that Holm's first step would have found with 80 % power, were the "
          "standard deviation of the differences the observed one. Interquartile mean: of the middle half of all seeds "
          f"and tasks, with the 95 % interval of {robust.NUM_RESAMPLES} resamples of seeds, stratified by task.")


def _details(found: paired.Comparison | None) -> list[Cell]:
  if found is None or found.difference is None:
    return [Cell(GAP)] * 6
  is_tested = found.outcome != paired.Outcome.UNTESTED
  return [Cell(difference_cell(found).text, value=found.difference), Cell(str(found.n), value=found.n),
          Cell(found.outcome.value if is_tested else GAP, value=found.outcome.value),
          Cell(p_value_text(found.corrected_p_value), value=found.corrected_p_value),
          Cell(p_value_text(found.corrected_equivalence_p_value), value=found.corrected_equivalence_p_value),
          Cell(GAP if found.detectable is None else f"{100 * found.detectable:.2f}", value=found.detectable)]


def p_value_text(p_value: float | None) -> str:
  """Three decimals; blank where no test could be made."""
  if p_value is None:
    return ""
  return "< 0.001" if p_value < 0.001 else f"{p_value:.3f}"


def _interval_cell(found: robust.Interval | None) -> Cell:
  if found is None:
    return Cell(GAP)
  ends = "" if found.low is None or found.high is None else f" [{100 * found.low:.2f}, {100 * found.high:.2f}]"
  return Cell(f"{100 * found.value:.2f}{ends}", value=found.value)
