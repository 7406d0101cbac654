"""What accuracy costs, and how fast it comes: Pareto fronts and learning curves."""

import math
from collections.abc import Mapping, Sequence

import matplotlib.ticker
import numpy as np

from benchmark.reporting.figures import families, style
from benchmark.results import comparison, measures, methods
from benchmark.results.records import Record
from benchmark.results.run_details import RunDetails


def pareto(name: str, title: str, panel: comparison.Panel) -> style.ReportFigure | None:
  """Final accuracy against parameters, MACs per image and CPU time, with the front of undominated methods.

  Args:
    name: prefix of the file name.
    title: what the data are called.
    panel: the aggregated methods of one stream.

  Returns:
    The figure; None without a completed run.
  """
  completed = [row for row in panel.rows if row.estimates.get("final") and row.estimates["final"].n]
  rows = [row for row in completed if not row.mixed]
  costs = (measures.PARAMETERS, measures.MACS, measures.CPU_SECONDS)
  if not rows:
    return None
  looks = methods.looks(row.learner for row in panel.rows)
  is_crowded = len(rows) > families.MOST_IN_ONE_FRAME
  figure, axes = style.new_figure(9.6, 6.4 if is_crowded else 4.4, 1, len(costs), sharey=True)
  for axis, cost in zip(axes.flat, costs):
    points = [(mean * cost.factor, 100 * (row.estimates["final"].mean or 0.0), row) for row in rows
              if (mean := row.estimates[cost.name].mean or 0.0) > 0]
    front = pareto_front([(x, y) for x, y, _ in points])
    if front:
      corners = [points[index][:2] for index in front]
      axis.step(*zip(*corners), where="post", color=style.INK, linewidth=1, linestyle=":", label="_front")
    for x, y, row in points:
      interval = row.estimates["final"].interval
      options = style.line_options(row.learner, looks[row.learner])
      if interval is not None:
        axis.plot([x, x], 100 * np.clip(interval, 0, 1), color=options["color"], linewidth=1, alpha=.6,
                  gid=options["gid"])
      # Points of equal cost lie on top of each other; an edge keeps them apart, where the edge is not all there is.
      edge = {"markeredgecolor": "#ffffff", "markeredgewidth": .6} if options["fillstyle"] == "full" else {}
      axis.plot([x], [y], label=style.label(row.learner), **{**options, **edge, "linestyle": "none", "markersize": 7})
    if points and max(x for x, _, _ in points) > 10 * min(x for x, _, _ in points):
      axis.set_xscale("log")
      axis.xaxis.set_major_locator(matplotlib.ticker.LogLocator(subs=(1, 2, 5)))
      axis.xaxis.set_minor_locator(matplotlib.ticker.NullLocator())
    else:
      axis.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(4))
    axis.xaxis.set_major_formatter(matplotlib.ticker.EngFormatter(sep=""))
    axis.set_xlabel(cost.heading)
  axes[0, 0].set_ylabel("Final accuracy (%)")
  style.limit_to_percent(axes[0, 0])
  style.add_legend(figure, axes[0, 0], 5)
  missing = {style.MIXED: [row.learner for row in completed if row.mixed],
             style.INCOMPLETE: [row.learner for row in panel.rows if row not in completed]}
  return style.ReportFigure(
      f"{name}-pareto", "Accuracy against cost", title,
      "Mean final accuracy with 95 % t-intervals, cut off at 0 and 100 %; the dotted line joins methods that no "
      f"other beats in both accuracy and cost.{style.left_out(missing)}", figure, panel.stream)


def pareto_front(points: Sequence[tuple[float, float]]) -> list[int]:
  """Indices of the points that no other point dominates (less cost and more accuracy), by rising cost."""
  front, best = [], -math.inf
  for index in sorted(range(len(points)), key=lambda index: (points[index][0], -points[index][1])):
    if points[index][1] > best:
      front.append(index)
      best = points[index][1]
  return front


def learning_curves(name: str, title: str, groups: dict[str, list[Record]],
                    details: Mapping[str, RunDetails],
                    looks: methods.Looks | None = None) -> style.ReportFigure | None:
  """Validation accuracy of the task being learned over all epochs, mean over seeds.

  Args:
    name: prefix of the file name.
    title: what the data are called.
    groups: completed runs of one panel by learner.
    details: course of the runs, by identity.
    looks: of these methods and more; by default of these alone.

  Returns:
    The figure; None when no run has its course.
  """
  curves = {}
  for learner, runs in groups.items():
    found = [details[run.identity].epochs for run in runs if run.identity in details
             and details[run.identity].num_epochs]
    if found:
      curves[learner] = found
  if not curves:
    return None
  looks = looks or methods.looks(groups)
  figure, framed = families.frames(list(curves), "Epoch (over all tasks)", "Validation accuracy of the task (%)")
  for axis, _, members in framed:
    for index, learner in enumerate(members):
      by_epoch: dict[int, list[float]] = {}
      for epochs in curves[learner]:
        for epoch, accuracy in zip(epochs["global_epoch"], epochs["validation_accuracy"]):
          if accuracy is not None:
            by_epoch.setdefault(epoch, []).append(accuracy)
      x = sorted(by_epoch)
      # A family shares colour and dash: without markers its lines could not be told apart.
      axis.plot(x, [100 * np.mean(by_epoch[epoch]) for epoch in x], label=style.label(learner), linewidth=1.0,
                markersize=4, markevery=families.mark_sparsely(len(x), index, len(members)),
                **style.line_options(learner, looks[learner]))
  families.add_legends(figure, framed)
  missing = style.left_out({"the course of its runs was not kept": [own for own in groups if own not in curves]})
  return style.ReportFigure(
      f"{name}-learning_curves", "Learning curves", title,
      f"Validation accuracy of the task being learned, mean over seeds; it drops where a task begins.{missing}", figure,
      next(iter(groups.values()))[0].stream)
