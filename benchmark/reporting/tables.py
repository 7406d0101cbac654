"""The tables of a suite: Markdown to read, LaTeX to print, CSV to compute with. No TensorFlow here."""

import os
import pathlib
from collections.abc import Iterator, Sequence

import pandas as pd

from benchmark.reporting import cells, chosen_configurations, comparisons, tuning_tables
from benchmark.reporting.cells import Cell
from benchmark.results import choice as choice_lib, comparison, inference, measures, methods, robust_means, texts
from benchmark.results.records import Record
from lasem_tf.files import write_atomically
from lasem_tf.metrics import paired, statistics

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
  means = robust_means.of_final_accuracy(records)
  sections = [chosen_configurations.section(records, cells.markdown_table),
              tuning_tables.section(choices, cells.markdown_table)]
  return {
      **({"tuning.csv": _csv(tuning_tables.frame(choices))} if choices else {}),
      "table.md": "\n".join([markdown(panels, means), *filter(None, sections)]),
      "table.csv": _csv(suite_frame(panels, means)),
      "table.tex": _latex(panels), "table_per_task.md": _per_task_markdown(in_tasks),
      "table_per_task.csv": _csv(per_task), "table_per_task.tex": _per_task_latex(in_tasks),
  }


def markdown(panels: Sequence[comparison.Panel], means: comparisons.Robust | None = None) -> str:
  """Panels, comparisons of streams and of methods, and what columns and marks mean."""
  parts = [_markdown_section(title, columns, rows) for title, columns, rows in _tables(panels)]
  definitions = "\n".join(f"- {line}" for line in cells.definitions(panels))
  parts += [comparisons.caption(panels) + "\n", f"{definitions}\n"]
  differences = [_markdown_section(f"{cells.panel_title(panel)}: {title}", columns, [line for _, line in rows])
                 for panel, title, columns, rows in comparisons.tables(panels, means or {})]
  if differences:
    parts += [*differences, comparisons.details_caption() + "\n"]
  return "\n".join(parts)


def _markdown_section(title: str, columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
  return f"### {cells.escape_markdown(title)}\n\n{cells.markdown_table(columns, rows)}\n"


def plain(records: Sequence[Record], panels: Sequence[comparison.Panel],
          choices: Sequence[choice_lib.Choice] = (), width: int | None = None) -> str:
  """The same for a terminal, without markup; what columns mean is left to `table.md`.

  Args:
    records: finished runs.
    panels: their aggregates.
    choices: of hyper-parameters.
    width: characters a line has; columns of panels that do not fit are named instead. None for no limit.
  """
  parts = [_plain_panel(panel, width) for panel in panels]
  parts += [f"{title}\n\n{cells.plain_table(columns, rows)}\n" for title, columns, rows in _overviews(panels)]
  sections = [chosen_configurations.section(records, cells.plain_table),
              tuning_tables.section(choices, cells.plain_table)]
  return "\n".join([*parts, *filter(None, sections), comparisons.caption(panels, best=cells.BEST)])


def _plain_panel(panel: comparison.Panel, width: int | None) -> str:
  columns, rows = comparisons.headings(panel), _rows(panel)
  ranks = comparisons.ranks(panel, columns)
  kept, table = len(columns), cells.plain_table(columns, rows)
  while width is not None and kept > 2 and max(map(len, table.splitlines())) > width:
    kept -= 1
    shown = [index for index, rank in enumerate(ranks) if rank < kept]
    table = cells.plain_table([columns[index] for index in shown], [[row[index] for index in shown] for row in rows])
  rest = ", ".join(column for column, rank in zip(columns, ranks) if rank >= kept)
  note = f"\nToo wide for this terminal, in table.md: {rest}.\n" if rest else ""
  return f"{cells.panel_title(panel)}\n\n{table}\n{note}"


def suite_frame(panels: Sequence[comparison.Panel], means: comparisons.Robust | None = None) -> pd.DataFrame:
  """One row per panel and method; accuracies as fractions, missing values empty.

  Columns: stream, data, scale, learner, n, n_expected, tuning (in words); per measure `<measure>_mean`, `_sd`,
  `_half_width`, `_best`; of tested measures `<measure>_vs_baseline_` and `_vs_best_` with `pairs`, `difference`,
  `half_width`, `p`, `p_equivalent`, `detectable`, `outcome` (p-values Holm-corrected); final_iqm, `_low`, `_high`;
  mixed_data, gaps.
  """
  rows = []
  for panel in panels:
    for row in panel.rows:
      line = {"stream": panel.stream, "data": panel.title, "scale": panel.scale, "learner": row.learner,
              "n": row.num_completed, "n_expected": row.num_expected,
              "tuning": cells.NOT_TUNED if row.tuning == "" else row.tuning}
      for measure in measures.MEASURES:
        estimate = row.estimates.get(measure.name) or statistics.estimate([])
        line[f"{measure.name}_mean"] = estimate.mean
        line[f"{measure.name}_sd"] = estimate.standard_deviation
        line[f"{measure.name}_half_width"] = estimate.half_width
        if measure.better is not None:
          line[f"{measure.name}_best"] = measure.name in row.best
      for measure in inference.TESTED:
        for reference, found in (("baseline", row.against_baseline), ("best", row.against_best)):
          line |= _comparison_values(f"{measure.name}_vs_{reference}", found.get(measure.name))
      mean = (means or {}).get((panel.stream, panel.scale, row.learner))
      line |= {f"final_iqm{end}": getattr(mean, name, None)
               for end, name in (("", "value"), ("_low", "low"), ("_high", "high"))}
      rows.append({**line, "mixed_data": row.mixed, "gaps": "; ".join(row.gaps)})
  return pd.DataFrame(rows)


def _comparison_values(prefix: str, found: paired.Comparison | None) -> dict[str, object]:
  values = {} if found is None else {
      "pairs": found.n, "difference": found.difference, "half_width": found.half_width, "p": found.corrected_p_value,
      "p_equivalent": found.corrected_equivalence_p_value, "detectable": found.detectable,
      "outcome": found.outcome.value}
  return {f"{prefix}_{name}": values.get(name) for name in
          ("pairs", "difference", "half_width", "p", "p_equivalent", "detectable", "outcome")}


def per_task_estimates(records: Sequence[Record]) -> pd.DataFrame:
  """One row per stream, scale, learner, measure and task with n, mean, sd and half_width over seeds."""
  frame = measures.per_task_frame(records)
  keys = ["stream", "scale", "learner", "measure", "task"]
  rows = []
  for key, values in frame.groupby(keys, sort=True)["value"].agg(list).items():
    estimate = statistics.estimate(values)
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
    yield cells.panel_title(panel), comparisons.headings(panel), _rows(panel)
  yield from _overviews(panels)


def _overviews(panels: Sequence[comparison.Panel]) -> Iterator[tuple[str, list[str], list[list[Cell]]]]:
  for measure in _compared(panels):
    yield (f"{measure.title}, methods x streams", *_overview(panels, measure))


def _compared(panels: Sequence[comparison.Panel]) -> list[measures.Measure]:
  return [measure for measure in _COMPARED if measure in panels[0].columns] if len(panels) > 1 else []


def _latex(panels: Sequence[comparison.Panel]) -> str:
  parts = []
  for panel in panels:
    title = f"{cells.panel_title(panel)}. {comparisons.caption([panel])}"
    parts.append(cells.latex_table(comparisons.headings(panel), _rows(panel), title))
  for measure in _compared(panels):
    title = f"{measure.title} ({measure.unit}), methods by streams. {comparisons.caption(panels)}"
    parts.append(cells.latex_table(*_overview(panels, measure), title))
  return "\n\n".join(parts) + "\n"


def _rows(panel: comparison.Panel) -> list[list[Cell]]:
  return [comparisons.row_cells(panel, row) for row in panel.rows]


def _overview(panels: Sequence[comparison.Panel], measure: measures.Measure) -> tuple[list[str], list[list[Cell]]]:
  """One measure, a row per method and a column per panel."""
  learners = list(dict.fromkeys(row.learner for panel in panels for row in panel.rows))
  lines = []
  for learner in learners:
    line = [Cell(methods.learner_label(learner), value=learner)]
    for panel in panels:
      row = next((row for row in panel.rows if row.learner == learner), None)
      column = cells.headings(panel).index(measure.heading)
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
