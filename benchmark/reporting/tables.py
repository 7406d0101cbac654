"""The tables of a suite: Markdown to read, LaTeX to print, CSV to compute with. No TensorFlow here."""

import os
import pathlib
from collections.abc import Iterable, Iterator, Sequence

import pandas as pd

from benchmark.reporting import cells, chosen_configurations
from benchmark.reporting.cells import Cell
from benchmark.results import comparison, measures, methods
from benchmark.results.records import Record, write_atomically
from lasem_tf.metrics import statistics

_PER_TASK = tuple(measures.PER_TASK)


def write_suite_tables(records: Sequence[Record], output_dir: str | os.PathLike,
                       expected_identities: Iterable[str] | None = None, baseline: str | None = None,
                       allow_mixed_data: bool = False) -> pathlib.Path:
  """Writes `table.{md,csv,tex}` and `table_per_task.{md,csv,tex}`.

  Args:
    records: finished runs, as `records.load_records` returns them.
    output_dir: folder of the tables.
    expected_identities: runs the suite asked for; those without a record are shown as gaps.
    baseline: learner that the others are tested against.
    allow_mixed_data: mark methods measured on other data instead of refusing them.

  Returns:
    Path of `table.md`.

  Raises:
    comparison.MixedDataError: methods of one table were measured on different data.
    record_schema.RecordError: unknown baseline.
  """
  panels = comparison.panels(records, expected_identities, baseline, allow_mixed_data)
  per_task = per_task_estimates(records)
  in_tasks = list(per_task_tables(panels, per_task))
  output_dir = pathlib.Path(output_dir)
  contents = {
      "table.md": _markdown(panels) + _appended(chosen_configurations.markdown(records)),
      "table.csv": _csv(suite_frame(panels)), "table.tex": _latex(panels),
      "table_per_task.md": _per_task_markdown(in_tasks),
      "table_per_task.csv": _csv(per_task), "table_per_task.tex": _per_task_latex(in_tasks),
  }
  for name, content in contents.items():
    write_atomically(output_dir / name, content)
  return output_dir / "table.md"


def render_markdown(records: Sequence[Record], expected_identities: Iterable[str] | None = None,
                    baseline: str | None = None, allow_mixed_data: bool = False) -> str:
  """The content of `table.md`, e.g. for a terminal; arguments as `write_suite_tables`."""
  return _markdown(comparison.panels(records, expected_identities, baseline, allow_mixed_data))


def _appended(section: str) -> str:
  return f"\n{section}" if section else ""


def suite_frame(panels: Sequence[comparison.Panel]) -> pd.DataFrame:
  """One row per panel and method; accuracies as fractions, missing values empty.

  Columns: stream, data, scale, learner, n, n_expected, then `<measure>_mean`, `_sd`, `_half_width`, `_best`,
  `_indistinguishable` per measure, `p_<measure>` where a baseline was chosen, mixed_data, gaps.
  """
  rows = []
  for panel in panels:
    for row in panel.rows:
      line = {"stream": panel.stream, "data": panel.title, "scale": panel.scale, "learner": row.learner,
              "n": row.num_completed, "n_expected": row.num_expected}
      for measure in measures.MEASURES:
        estimate = row.estimates.get(measure.name) or statistics.estimate([])
        line[f"{measure.name}_mean"] = estimate.mean
        line[f"{measure.name}_sd"] = estimate.standard_deviation
        line[f"{measure.name}_half_width"] = estimate.half_width
        if measure.better is not None:
          line[f"{measure.name}_best"] = measure.name in row.best
          line[f"{measure.name}_indistinguishable"] = measure.name in row.indistinguishable
      for measure in comparison.TESTED_AGAINST_BASELINE:
        line[f"p_{measure.name}"] = row.p_values.get(measure.name)
      rows.append({**line, "mixed_data": row.mixed, "gaps": "; ".join(row.gaps)})
  return pd.DataFrame(rows)


def per_task_estimates(records: Sequence[Record]) -> pd.DataFrame:
  """One row per stream, scale, learner, measure and task with n, mean, sd and half_width over seeds."""
  frame = measures.per_task_frame(records)
  keys = ["stream", "scale", "learner", "measure", "task"]
  rows = []
  for key, group in frame.groupby(keys, sort=True):
    estimate = statistics.estimate(group["value"].tolist())
    rows.append((*key, estimate.n, estimate.mean, estimate.standard_deviation, estimate.half_width))
  return pd.DataFrame(rows, columns=[*keys, "n", "mean", "sd", "half_width"])


def per_task_tables(panels: Sequence[comparison.Panel], estimates: pd.DataFrame
                    ) -> Iterator[tuple[comparison.Panel, str, list[str], list[list[Cell]]]]:
  """Yields panel, title, columns and rows: one table per panel and measure, a column for n and one per task.

  Args:
    panels: what to show.
    estimates: from `per_task_estimates`.
  """
  known = {}
  for found in estimates.itertuples():
    half_width = None if pd.isna(found.half_width) else found.half_width
    known[found.stream, found.scale, found.learner, found.measure, found.task] = statistics.Estimate(
        found.n, found.mean, None, half_width)
  for panel in panels:
    own = estimates[(estimates["stream"] == panel.stream) & (estimates["scale"] == panel.scale)]
    tasks = sorted(own["task"].unique())
    for measure in _PER_TASK if tasks else ():
      rows = []
      for row in panel.rows:
        line = [cells.learner_cell(row), cells.count_cell(row)]
        for task in tasks:
          estimate = known.get((panel.stream, panel.scale, row.learner, measure.name, task))
          line.append(Cell(cells.text_in_row(estimate, measure, row),
                           value=None if estimate is None else estimate.mean))
        rows.append(line)
      yield (panel, f"{cells.panel_title(panel)}: {measure.title} per task ({measure.unit})",
             ["Learner", "n", *(f"Task {task}" for task in tasks)], rows)


def _csv(frame: pd.DataFrame) -> str:
  # The last digits of a mean depend on the machine that adds; a report that is checked elsewhere must not.
  return frame.to_csv(index=False, float_format="%.10g", lineterminator="\n")


def _markdown(panels: Sequence[comparison.Panel]) -> str:
  parts = []
  for panel in panels:
    table = cells.markdown_table(cells.headings(panel), _rows(panel))
    parts.append(f"### {cells.escape_markdown(cells.panel_title(panel))}\n\n{table}\n")
  if len(panels) > 1:
    parts += [f"### {measure.title}, methods x streams\n\n{cells.markdown_table(*_overview(panels, measure))}\n"
              for measure in (measures.PEAK, measures.FINAL)]
  definitions = "\n".join(f"- {line}" for line in cells.definitions())
  return "\n".join([*parts, cells.caption(panels) + "\n", definitions]) + "\n"


def _latex(panels: Sequence[comparison.Panel]) -> str:
  parts = []
  for panel in panels:
    title = f"{cells.panel_title(panel)}. {cells.caption([panel])}"
    parts.append(cells.latex_table(cells.headings(panel), _rows(panel), title))
  if len(panels) > 1:
    for measure in (measures.PEAK, measures.FINAL):
      title = f"{measure.title} ({measure.unit}), methods by streams. {cells.caption(panels)}"
      parts.append(cells.latex_table(*_overview(panels, measure), title))
  return "\n\n".join(parts) + "\n"


def _rows(panel: comparison.Panel) -> list[list[Cell]]:
  return [cells.cells(panel, row) for row in panel.rows]


def _overview(panels: Sequence[comparison.Panel], measure: measures.Measure) -> tuple[list[str], list[list[Cell]]]:
  """One measure, a row per method and a column per panel."""
  learners = list(dict.fromkeys(row.learner for panel in panels for row in panel.rows))
  column = cells.headings(panels[0]).index(measure.heading)
  lines = []
  for learner in learners:
    line = [Cell(methods.learner_label(learner), value=learner)]
    for panel in panels:
      row = next((row for row in panel.rows if row.learner == learner), None)
      line.append(Cell(cells.GAP) if row is None else cells.cells(panel, row)[column])
    lines.append(line)
  return ["Learner", *(cells.panel_title(panel) for panel in panels)], lines


def _per_task_markdown(tables: Sequence[tuple]) -> str:
  parts = [f"### {cells.escape_markdown(title)}\n\n{cells.markdown_table(columns, rows)}\n"
           for _, title, columns, rows in tables]
  panels = [panel for panel, *_ in tables]
  return "\n".join([*parts, f"{cells.per_task_caption(panels)} In per cent or percentage points."]) + "\n"


def _per_task_latex(tables: Sequence[tuple]) -> str:
  return "\n\n".join(
      cells.latex_table(columns, rows, f"{title}. {cells.per_task_caption([panel])}")
      for panel, title, columns, rows in tables) + "\n"
