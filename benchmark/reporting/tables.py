"""The tables of a suite: Markdown to read, LaTeX to print, CSV to compute with. No TensorFlow here."""

import os
import pathlib
from collections.abc import Iterator, Sequence

import pandas as pd

from benchmark.reporting import cells, chosen_configurations, tuning_tables
from benchmark.reporting.cells import Cell
from benchmark.results import choice as choice_lib, comparison, measures, methods, texts
from benchmark.results.records import Record
from lasem_tf.files import write_atomically
from lasem_tf.metrics import statistics

_COMPARED = (measures.PEAK, measures.FINAL)  # Over streams.


def write_suite_tables(records: Sequence[Record], panels: Sequence[comparison.Panel], output_dir: str | os.PathLike,
                       choices: Sequence[choice_lib.Choice] = ()) -> pathlib.Path:
  """Writes `table.{md,csv,tex}`, `table_per_task.{md,csv,tex}` and, of tuned suites, `tuning.csv`.

  Args:
    records: finished runs, as `records.load_records` returns them.
    panels: their aggregates, from `comparison.panels`.
    output_dir: folder of the tables.
    choices: of hyper-parameters, from `choice.choices`.

  Returns:
    The path of `table.md`.
  """
  folder = pathlib.Path(output_dir)
  for name, content in contents(records, panels, per_task_estimates(records), choices).items():
    write_atomically(folder / name, content)
  return folder / "table.md"


def contents(records: Sequence[Record], panels: Sequence[comparison.Panel], per_task: pd.DataFrame,
             choices: Sequence[choice_lib.Choice] = ()) -> dict[str, str]:
  """The texts of all tables by file name.

  Args:
    records: finished runs.
    panels: their aggregates.
    per_task: from `per_task_estimates`.
    choices: of hyper-parameters.
  """
  in_tasks = list(per_task_tables(panels, per_task))
  sections = [chosen_configurations.section(records, cells.markdown_table),
              tuning_tables.section(choices, cells.markdown_table)]
  return {
      **({"tuning.csv": _csv(tuning_tables.frame(choices))} if choices else {}),
      "table.md": "\n".join([markdown(panels), *filter(None, sections)]), "table.csv": _csv(suite_frame(panels)),
      "table.tex": _latex(panels), "table_per_task.md": _per_task_markdown(in_tasks),
      "table_per_task.csv": _csv(per_task), "table_per_task.tex": _per_task_latex(in_tasks),
  }


def markdown(panels: Sequence[comparison.Panel]) -> str:
  """Panels, comparisons of streams, and what columns and marks mean."""
  parts = [f"### {cells.escape_markdown(title)}\n\n{cells.markdown_table(columns, rows)}\n"
           for title, columns, rows in _tables(panels)]
  definitions = "\n".join(f"- {line}" for line in cells.definitions())
  return "\n".join([*parts, cells.caption(panels) + "\n", definitions]) + "\n"


def plain(records: Sequence[Record], panels: Sequence[comparison.Panel],
          choices: Sequence[choice_lib.Choice] = ()) -> str:
  """The same for a terminal, without markup; what columns mean is left to `table.md`."""
  parts = [f"{title}\n\n{cells.plain_table(columns, rows)}\n" for title, columns, rows in _tables(panels)]
  sections = [chosen_configurations.section(records, cells.plain_table),
              tuning_tables.section(choices, cells.plain_table)]
  return "\n".join([*parts, *filter(None, sections), cells.caption(panels, best=cells.BEST)])


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
    for measure in measures.PER_TASK if tasks else ():
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
  return texts.csv_table(frame, float_format="%.10g")


def _tables(panels: Sequence[comparison.Panel]) -> Iterator[tuple[str, list[str], list[list[Cell]]]]:
  """Title, columns and rows: a table per panel; of several, one per measure that compares them."""
  for panel in panels:
    yield cells.panel_title(panel), cells.headings(panel), _rows(panel)
  for measure in _COMPARED if len(panels) > 1 else ():
    yield (f"{measure.title}, methods x streams", *_overview(panels, measure))


def _latex(panels: Sequence[comparison.Panel]) -> str:
  parts = []
  for panel in panels:
    title = f"{cells.panel_title(panel)}. {cells.caption([panel])}"
    parts.append(cells.latex_table(cells.headings(panel), _rows(panel), title))
  for measure in _COMPARED if len(panels) > 1 else ():
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
