"""All figures of a report: panel by panel, then those over all panels."""

import collections
import dataclasses
from collections.abc import Iterator, Mapping, Sequence

from benchmark.reporting import cells
from benchmark.reporting.figures import (
  accuracy,
  cost,
  critical_differences,
  learning_curves,
  profiles,
  recovery,
  style,
  transfer,
)
from benchmark.results import comparison, methods, run_files
from benchmark.results.records import Record
from benchmark.results.run_details import RunDetails


def draw_all(records: Sequence[Record], panels: Sequence[comparison.Panel],
             details: Mapping[str, RunDetails]) -> Iterator[style.ReportFigure]:
  """Draws what the records allow; a figure without data is left out, a method without comparable runs is named.

  Args:
    records: finished runs.
    panels: their aggregates, from `comparison.panels`.
    details: course of the runs, by identity; may be empty.
  """
  for panel in panels:
    name, title = run_files.file_name(panel.stream, panel.scale), cells.panel_title(panel)
    groups, left_out = _groups(records, panel)
    looks = methods.looks(row.learner for row in panel.rows)
    with style.shared_look():  # Titles and ticks take their size when they are made.
      drawn = _draw_panel(name, title, groups, details, looks)
      pareto = cost.pareto(name, title, panel)
    named = [dataclasses.replace(figure, caption=figure.caption + style.left_out(left_out))
             for figure in drawn if figure is not None]
    yield from named if pareto is None else [*named, pareto]
  with style.shared_look():
    ranks = critical_differences.critical_differences(panels)
  if ranks is not None:
    yield ranks


def _draw_panel(name: str, title: str, groups: dict[str, list[Record]], details: Mapping[str, RunDetails],
               looks: methods.Looks) -> list[style.ReportFigure | None]:
  """The figures of one panel's comparable runs; None for those without data."""
  return [accuracy.mean_accuracy(name, title, groups, looks), accuracy.task_accuracy(name, title, groups, looks),
          accuracy.forgetting_map(name, title, groups), profiles.performance_profiles(name, title, groups, looks),
          transfer.configuration_grid(name, title, groups), recovery.recovery_map(name, title, groups),
          transfer.prior_evolution(name, title, groups, details),
          learning_curves.learning_curves(name, title, groups, details, looks)]


def _groups(records: Sequence[Record],
            panel: comparison.Panel) -> tuple[dict[str, list[Record]], dict[str, list[str]]]:
  """Completed, comparable runs by learner in the panel's order; curves need one task order, the most common one.

  Returns:
    The runs; and by reason, for the captions, the methods of which some or all runs are not among them.
  """
  own: dict[str, list[Record]] = {}
  for record in records:
    if (record.stream, record.scale) == (panel.stream, panel.scale) and record.is_completed:
      own.setdefault(record.learner, []).append(record)
  order = lambda record: tuple(record.result["stream"]["task_order"])
  orders = collections.Counter(order(record) for runs in own.values() for record in runs)
  common = max(sorted(orders), key=lambda found: orders[found], default=None)
  groups: dict[str, list[Record]] = {}
  left_out: dict[str, list[str]] = {}
  for row in panel.rows:
    completed = own.get(row.learner, [])
    runs = [record for record in completed if order(record) == common]
    if not completed:
      reason = style.INCOMPLETE
    elif not runs:
      reason = "learned the tasks in another order than most"
    elif row.mixed:
      reason = style.MIXED
    else:
      groups[row.learner] = runs
      other = len(completed) - len(runs)
      reason = f"{other} of {len(completed)} runs, which learned the tasks in another order than most" if other else ""
    if reason:
      left_out.setdefault(reason, []).append(row.learner)
  return groups, left_out
