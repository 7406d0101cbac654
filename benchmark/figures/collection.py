"""All figures of a report, panel by panel."""

from typing import Iterator, Mapping, Sequence

from benchmark import comparison, table_formats
from benchmark.figures import accuracy, cost, style, transfer
from benchmark.records import Record
from benchmark.run_details import RunDetails


def draw_all(records: Sequence[Record], panels: Sequence[comparison.Panel],
             details: Mapping[str, RunDetails]) -> Iterator[style.ReportFigure]:
  """Draws what the records allow; a figure without data is left out.

  Args:
    records: finished runs.
    panels: their aggregates, from `comparison.panels`.
    details: course of the runs, by identity; may be empty.
  """
  for panel in panels:
    name, title = style.slug(panel.stream, panel.scale), table_formats.panel_title(panel)
    groups = _groups(records, panel)
    drawn = [accuracy.mean_accuracy(name, title, groups), accuracy.task_accuracy(name, title, groups),
             accuracy.forgetting_map(name, title, groups), transfer.configuration_grid(name, title, groups),
             transfer.prior_evolution(name, title, groups, details), cost.pareto(name, title, panel),
             cost.learning_curves(name, title, groups, details)]
    yield from (figure for figure in drawn if figure is not None)


def _groups(records: Sequence[Record], panel: comparison.Panel) -> dict[str, list[Record]]:
  """Completed, comparable runs by learner in the panel's order; curves need one task order, the most common one."""
  own = [record for record in records
         if (record.stream, record.scale) == (panel.stream, panel.scale) and record.is_completed]
  orders = [record.matrix.task_order for record in own]
  common = max(sorted(set(orders)), key=orders.count, default=None)
  groups = {}
  for row in panel.rows:
    runs = [record for record in own if record.learner == row.learner and record.matrix.task_order == common]
    if runs and not row.mixed:
      groups[row.learner] = runs
  return groups
