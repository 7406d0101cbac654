"""What accuracy costs: Pareto fronts."""

import math
from collections.abc import Sequence

import matplotlib.ticker
import numpy as np

from benchmark.reporting.figures import families, style
from benchmark.results import comparison, measures, methods

_COSTS = (measures.PARAMETERS, measures.MACS, measures.CPU_SECONDS)


def pareto(name: str, title: str, panel: comparison.Panel) -> style.ReportFigure | None:
  """Final accuracy against parameters, MACs per image and CPU time, with the front of undominated methods.

  A cost that is the same for all methods has no panel; the caption says it.

  Args:
    name: prefix of the file name.
    title: what the data are called.
    panel: the aggregated methods of one stream.

  Returns:
    The figure; None without a completed run.
  """
  completed = [row for row in panel.rows if row.estimates.get("final") and row.estimates["final"].n]
  rows = [row for row in completed if not row.mixed]
  if not rows:
    return None
  looks = methods.looks(row.learner for row in panel.rows)
  same = [cost for cost in _COSTS if len(rows) > 1 and _is_same(cost, rows)]
  costs = [cost for cost in _COSTS if cost not in same] or _COSTS[-1:]
  is_crowded = len(rows) > families.MOST_IN_ONE_FRAME
  width = 9.6 if is_crowded or len(costs) == len(_COSTS) else 7.2
  figure, axes = style.new_figure(width, 6.4 if is_crowded else 4.4, 1, len(costs), sharey=True)
  for axis, cost in zip(axes.flat, costs):
    _draw_cost(axis, cost, rows, looks)
  axes[0, 0].set_ylabel("Final accuracy (%)")
  style.limit_to_percent(axes[0, 0])
  style.add_legend(figure, axes[0, 0], 5)
  missing = {style.MIXED: [row.learner for row in completed if row.mixed],
             style.INCOMPLETE: [row.learner for row in panel.rows if row not in completed]}
  equal = "".join(f" {cost.title}: {cost.render(_mean(cost, rows[0]))} for all methods."
                  for cost in same if cost not in costs and _mean(cost, rows[0]))
  return style.ReportFigure(
      f"{name}-pareto", "Accuracy against cost", title,
      "Mean final accuracy with 95 % t-intervals, cut off at 0 and 100 %; the dotted line joins methods that no "
      f"other beats in both accuracy and cost.{equal}{style.left_out(missing)}", figure, panel.stream)


def _mean(cost: measures.Measure, row: comparison.Row) -> float:
  return row.estimates[cost.name].mean or 0.0


def _is_same(cost: measures.Measure, rows: Sequence[comparison.Row]) -> bool:
  """Whether all methods cost the same, up to a thousandth: a panel would show one vertical line."""
  means = [_mean(cost, row) for row in rows]
  return max(means) - min(means) <= 1e-3 * max(means)


def _draw_cost(axis, cost: measures.Measure, rows: Sequence[comparison.Row], looks: methods.Looks) -> None:
  """Accuracy against one cost."""
  points = [(mean * cost.factor, 100 * (row.estimates["final"].mean or 0.0), row) for row in rows
            if (mean := _mean(cost, row)) > 0]
  front = pareto_front([(x, y) for x, y, _ in points])
  if front:
    corners = [points[index][:2] for index in front]
    axis.step(*zip(*corners), where="post", color=style.INK, linewidth=1, linestyle=":", label="_front")
  for x, y, row in points:
    interval = row.estimates["final"].interval
    options = style.line_options(row.learner, looks[row.learner], size=6.5)
    if interval is not None:
      axis.plot([x, x], 100 * np.clip(interval, 0, 1), color=options["color"], linewidth=1, alpha=.6,
                gid=options["gid"])
    # Points of equal cost lie on top of each other; an edge keeps them apart, where the edge is not all there is.
    edge = {"markeredgecolor": "#ffffff", "markeredgewidth": .6} if options["fillstyle"] == "full" else {}
    axis.plot([x], [y], label=style.label(row.learner), **{**options, **edge, "linestyle": "none"})
  if points and max(x for x, _, _ in points) > 10 * min(x for x, _, _ in points):
    axis.set_xscale("log")
    axis.xaxis.set_major_locator(matplotlib.ticker.LogLocator(subs=(1, 2, 5)))
    axis.xaxis.set_minor_locator(matplotlib.ticker.NullLocator())
  else:
    axis.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(4))
  axis.xaxis.set_major_formatter(matplotlib.ticker.EngFormatter(sep=""))
  axis.set_xlabel(cost.heading)


def pareto_front(points: Sequence[tuple[float, float]]) -> list[int]:
  """Indices of the points that no other point dominates (less cost and more accuracy), by rising cost."""
  front, best = [], -math.inf
  for index in sorted(range(len(points)), key=lambda index: (points[index][0], -points[index][1])):
    if points[index][1] > best:
      front.append(index)
      best = points[index][1]
  return front
