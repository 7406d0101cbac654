"""Where searches choose as the stream declares: recovery by layer and kind of task."""

import math

import numpy as np

from benchmark.reporting.figures import style
from benchmark.results import selection_quality
from benchmark.results.records import Record


def recovery_map(name: str, title: str, groups: dict[str, list[Record]]) -> style.ReportFigure | None:
  """One map per method that chooses, of kinds of task (best configurations) by layers.

  Args:
    name: prefix of the file name.
    title: what the data are called.
    groups: completed runs of one panel by learner.

  Returns:
    The figure; None where no method chooses or the stream declares nothing.
  """
  shares = {learner: selection_quality.hit_shares(runs) for learner, runs in groups.items()
            if all(map(selection_quality.searched, runs))}
  shares = {learner: found for learner, found in shares.items() if found}
  if not shares:
    return None
  # Of a method with shares: what is certified holds for a knowledge, and some methods have none.
  first = groups[next(iter(shares))][0]
  truth = selection_quality.declared(first)
  assert truth is not None, "only a stream that declares configurations has shares"
  kinds, depth = sorted({kind for found in shares.values() for kind, _ in found}), truth.best.shape[1]
  columns = min(3, len(shares))
  rows = math.ceil(len(shares) / columns)
  figure, axes = style.new_figure(2.6 * columns + .6, (.32 * len(kinds) + 1.1) * rows + .4, rows, columns)
  maps = {learner: np.array([[found.get((kind, layer), np.nan) for layer in range(depth)] for kind in kinds])
          for learner, found in shares.items()}
  style.draw_share_maps(figure, axes, maps, "Recovery")
  for axis, values in zip(axes.flat, maps.values()):
    for row, column in np.argwhere(~np.isnan(values)):
      axis.text(column + .5, row + .5, f"{100 * values[row, column]:.0f}", ha="center", va="center", fontsize=8,
                color="white" if values[row, column] < .5 else "black")
    style.number_cells(axis.xaxis, depth, 12, first=1)
    axis.set_yticks(np.arange(len(kinds)) + .5, kinds)
    axis.set_xlabel("Layer (1 = input)")
    axis.set_ylabel("Best configuration")
  return style.ReportFigure(
      f"{name}-recovery", "Recovery of the planted configurations", title,
      "Per cent of seeds and tasks in which a layer is shared or not as the stream declares, by what is best for the "
      "task (1 = shared). Blank: not certified, not scored. A coin has 50.", figure, first.stream)
