"""How accuracy develops while tasks arrive: task by task, on average, and what is forgotten."""

import math
from collections.abc import Sequence

import matplotlib
import numpy as np

from benchmark.reporting.figures import families, style
from benchmark.results import methods
from benchmark.results.records import Record
from lasem_tf.metrics import lifelong, statistics

_MAX_BANDS = 8
_MAX_FRAMES = 20
_MAX_NUMBERED, _MAX_TICKS = 20, 40  # Tasks; cells with numbers make a wider figure.
_BANDS = "Bands are 95 % t-intervals over seeds, cut off at 0 and 100 %"


def task_accuracy(name: str, title: str, groups: dict[str, list[Record]],
                  looks: methods.Looks | None = None) -> style.ReportFigure | None:
  """Small multiples: the accuracy of each task after every visit since it was learned.

  Args:
    name: prefix of the file name.
    title: what the data are called.
    groups: completed runs of one panel by learner, all with one task order.
    looks: of these methods and more; by default of these alone.

  Returns:
    The figure; None without runs, and for more methods than a small frame can show.
  """
  if not 0 < len(groups) <= families.MOST_IN_ONE_FRAME:
    return None
  looks = looks or methods.looks(groups)
  task_ids = next(iter(groups.values()))[0].matrix.task_ids
  num_tasks = len(task_ids)
  # Layout takes seconds for dozens of frames and minutes for hundreds.
  tasks = [int(task) for task in np.linspace(0, num_tasks - 1, min(num_tasks, _MAX_FRAMES)).round()]
  columns = min(len(tasks), min((5, 4, 3), key=lambda count: -len(tasks) % count))  # Fewest places left over.
  rows = math.ceil(len(tasks) / columns)
  figure, axes = style.new_figure(2.1 * columns + .6, 1.8 * rows + .9, rows, columns, sharex=True, sharey=True)
  for axis in axes.flat[len(tasks):]:
    axis.set_visible(False)
  for number, (task, axis) in enumerate(zip(tasks, axes.flat)):
    axis.set_title(f"Task {task_ids[task]}")
    for learner, runs in groups.items():
      mean, low, high = band([run.matrix.after_visit[:, task] for run in runs])
      _plot(axis, learner, looks[learner], mean, low, high, is_crowded=len(groups) > _MAX_BANDS)
    if number + columns >= len(tasks):
      axis.set_xlabel("Tasks visited")
      axis.tick_params(labelbottom=True)
    style.count_whole(axis.xaxis)
    if number % columns == 0:
      axis.set_ylabel("Test accuracy (%)")
  style.limit_to_percent(axes.flat[0])
  style.add_legend(figure, axes.flat[0], min(6, columns + 1))
  some = f"Shown are {len(tasks)} of {num_tasks} tasks, evenly spaced. " if len(tasks) < num_tasks else ""
  return style.ReportFigure(
      f"{name}-task_accuracy", "Accuracy of every task while later tasks are learned", title,
      f"{some}Mean over seeds. {_BANDS}; there are none where more than {_MAX_BANDS} methods are drawn.", figure,
      _stream(groups))


def mean_accuracy(name: str, title: str, groups: dict[str, list[Record]],
                  looks: methods.Looks | None = None) -> style.ReportFigure | None:
  """Mean accuracy over the tasks learned so far, with bands; arguments as `task_accuracy`."""
  if not groups:
    return None
  looks = looks or methods.looks(groups)
  bands = {learner: band([lifelong.mean_over_learned(run.matrix) for run in runs]) for learner, runs in groups.items()}
  figure, framed = families.frames(list(groups), "Tasks visited", "Mean accuracy of learned tasks (%)")
  for axis, _, members in framed:
    for learner, (mean, _, _) in bands.items():
      if learner not in members:
        families.draw_background(axis, learner, np.arange(1, len(mean) + 1), 100 * mean)
    for learner in members:
      _plot(axis, learner, looks[learner], *bands[learner])
    style.count_whole(axis.xaxis)
  style.limit_to_percent(framed[0][0])
  families.add_legends(figure, framed)
  grey = (" Grey lines are the methods of the other panels. For so many methods the accuracies of every task are not "
          "drawn; the tables have them." if len(framed) > 1 else "")
  return style.ReportFigure(f"{name}-mean_accuracy", "Mean accuracy against tasks learned", title,
                            f"Mean test accuracy over the tasks learned so far and over seeds. {_BANDS}.{grey}",
                            figure, _stream(groups))


def forgetting_map(name: str, title: str, groups: dict[str, list[Record]]) -> style.ReportFigure | None:
  """Forgetting per method and task in percentage points, mean over seeds; arguments as `task_accuracy`."""
  if not groups:
    return None
  values = 100 * np.array([np.mean([lifelong.forgetting_per_task(run.matrix) for run in runs], axis=0)
                           for runs in groups.values()])
  height, width = values.shape
  is_numbered = width <= _MAX_NUMBERED
  figure, axes = style.new_figure((.55 * width if is_numbered else 11.0) + 2.6 + style.more_width(groups),
                                  .28 * height + 1.3)
  axis = axes[0, 0]
  # A scale that ends at one point at least keeps rounding noise of frozen methods from looking like forgetting.
  top = max(values.max(), 1.0)
  colours = matplotlib.colormaps["Blues"]
  style.number_cells(axis.xaxis, width, _MAX_TICKS, names=next(iter(groups.values()))[0].matrix.task_ids)
  axis.set_yticks(np.arange(height) + .5, [style.label(learner) for learner in groups])
  # Every row is drawn by itself, with a group id, so that the page can hide it.
  for row, (learner, tick) in enumerate(zip(groups, axis.yaxis.get_major_ticks())):
    gid = f"method:{learner}"
    tick.set_gid(gid)
    mesh = axis.pcolormesh(np.arange(width + 1), [row, row + 1], values[row:row + 1], cmap="Blues", vmin=0, vmax=top,
                           gid=gid)
    for column, value in enumerate(values[row] if is_numbered else ()):
      dark = np.dot(colours(value / top)[:3], (.299, .587, .114)) < .5
      axis.text(column + .5, row + .5, f"{value:.1f}", ha="center", va="center", fontsize=8,
                color="#ffffff" if dark else "#000000", gid=gid)
  axis.set_ylim(height, 0)
  axis.grid(False)
  axis.set_xlabel("Task")
  style.colour_bar(figure, mesh, axis, "Forgetting (pp)")
  return style.ReportFigure(f"{name}-forgetting", "Forgetting", title,
                            "Best accuracy since a task's last visit less its final accuracy, mean over seeds.", figure,
                            _stream(groups))


def band(curves: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
  """Mean and ends of the 95 % t-interval, within [0, 1], over curves of equal length; NaN where any curve has none."""
  stacked = np.stack(curves)
  result = np.full((3, stacked.shape[1]), np.nan)
  for point, values in enumerate(stacked.T):
    if not np.isnan(values).any():
      estimate = statistics.estimate(values)
      result[:, point] = (estimate.mean, *(estimate.interval or (np.nan, np.nan)))
  return result[0], *np.clip(result[1:], 0, 1)


def _plot(axis, learner: str, look: methods.Look, mean: np.ndarray, low: np.ndarray, high: np.ndarray,
          is_crowded: bool = False) -> None:
  x = np.arange(1, len(mean) + 1)
  known = np.flatnonzero(~np.isnan(mean))
  # In a crowd the end points carry the markers, which is enough to tell the lines apart.
  axis.plot(x, 100 * mean, label=style.label(learner), markevery=[known[0], known[-1]] if is_crowded else None,
            **style.line_options(learner, look))
  if not is_crowded and not np.isnan(low).all():
    axis.fill_between(x, 100 * low, 100 * high, color=look.colour, alpha=.12, linewidth=0,
                      gid=f"method:{learner}")


def _stream(groups: dict[str, list[Record]]) -> str:
  return next(iter(groups.values()))[0].stream
