"""The transfer atlas as maps: what each configuration and each layer gives a target after a source."""

import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from benchmark.reporting import atlas, cells
from benchmark.reporting.atlas import Pair
from benchmark.reporting.figures import style
from benchmark.results import measures, methods, run_files
from lasem_tf.metrics import statistics

_LABELS = {atlas.GAIN.name: "Target less STL (pp)", atlas.SOURCE_CHANGE.name: "Source, after less before (pp)"}
_TITLES = {atlas.GAIN.name: "Transfer atlas: what the target gains",
           atlas.SOURCE_CHANGE.name: "Transfer atlas: what it costs the source"}
_Estimates = Sequence[Sequence[statistics.Estimate | None]]  # Rows of columns.


def draw_all(pairs: Sequence[Pair]) -> Iterator[style.ReportFigure]:
  """For every stream, scale and knowledge a figure of the targets' gains and one of the sources' changes."""
  key = lambda pair: (pair.stream, pair.scale, pair.knowledge)
  for _, group in itertools.groupby(pairs, key):
    own = [pair for pair in group if pair.transfers]
    for measure in atlas.MEASURES if own else ():
      with style.shared_look():
        drawn = _draw(own, measure)
      yield drawn


def _draw(pairs: Sequence[Pair], measure: measures.Measure) -> style.ReportFigure:
  """A row for every source: targets by configurations, and targets by layers."""
  configurations = sorted({each.configuration for pair in pairs for each in pair.transfers},
                          key=lambda bits: (bits.count("1"), bits))
  depth, sources = len(configurations[0]), sorted({pair.source for pair in pairs})
  rows = [[pair for pair in pairs if pair.source == source] for source in sources]
  figure, axes = style.new_figure(
      .42 * (len(configurations) + depth) + 2.4, sum(.34 * len(own) + 1.5 for own in rows), len(rows), 2,
      width_ratios=[len(configurations), depth], height_ratios=[len(own) + 2 for own in rows])
  largest = max([abs(estimate.mean) for pair in pairs for each in pair.transfers
                 if (estimate := each.estimates[measure.name]).mean is not None], default=0.0) or 1.0
  for (left, right), own in zip(axes, rows):
    found = [[None if each is None else each.estimates[measure.name] for each in map(pair.transfer, configurations)]
             for pair in own]
    mesh = _draw_map(left, found, 100 * largest)
    left.set_xticks(np.arange(len(configurations)) + .5, configurations, rotation=90)
    left.set_xlabel("Shared layers")
    left.set_title(f"Source: task {own[0].source}")
    for row, pair in enumerate(own):
      if pair.best in configurations:
        _frame(left, configurations.index(pair.best), row)
    of_layers = [[pair.layers[measure.name][layer] if measure.name in pair.layers else None for layer in range(depth)]
                 for pair in own]
    right.set_visible(any(any(row) for row in of_layers))
    _draw_map(right, of_layers, 100 * largest)
    right.set_xticks(np.arange(depth) + .5, [str(layer + 1) for layer in range(depth)])
    right.set_xlabel("Layer")
    right.set_title("Sharing it adds")
    for row, pair in enumerate(own):
      for layer in (layer for layer, bit in enumerate(pair.best or "") if bit == "1"):
        _frame(right, layer, row)
    for axis in (left, right):
      axis.set_yticks(np.arange(len(own)) + .5, [str(pair.target) for pair in own])
      axis.set_ylabel("Target")
  style.colour_bar(figure, mesh, axes, _LABELS[measure.name], shrink=.9)
  return _named(pairs[0], measure, figure)


def _named(first: Pair, measure: measures.Measure, figure) -> style.ReportFigure:
  subject = ("Accuracy of the target right after learning less STL's" if measure is atlas.GAIN else
             "Accuracy of the source after the target was learned less its accuracy before")
  return style.ReportFigure(
      f"{run_files.file_name(first.stream, first.scale)}-atlas_{first.knowledge}_{measure.name}",
      f"{_TITLES[measure.name]}, {methods.learner_label(first.knowledge)}", cells.panel_title(first.panel),
      f"{subject}, percentage points, mean over seeds. *: the 95 % t-interval excludes zero (not corrected for the "
      "number of cells, of which one in twenty does so by chance). Right: what sharing a layer adds, by least squares "
      "over all configurations. Digits stand for layers, 1 = shared, from the input side. Framed: the configuration "
      "that the stream declares best for the target, and the layers that it shares, where it declares one.",
      figure, first.stream)


def _draw_map(axis, found: _Estimates, largest: float):
  """Means in per cent as colours and numbers, from the first row down; blank where unknown."""
  means = np.array([[np.nan if each is None or each.mean is None else 100 * each.mean for each in row]
                    for row in found])
  mesh = axis.pcolormesh(np.ma.masked_invalid(means), cmap="RdBu", vmin=-largest, vmax=largest, edgecolors=style.INK,
                         linewidth=.3)
  for row, column in np.argwhere(~np.isnan(means)):
    estimate = found[row][column]
    mark = "*" if estimate is not None and estimate.excludes_zero else ""
    text = f"{means[row, column].round() + 0:.0f}{mark}"  # Zero has no sign.
    axis.text(column + .5, row + .5, text, ha="center", va="center", fontsize=7,
              color="white" if abs(means[row, column]) > .6 * largest else "black")
  axis.invert_yaxis()
  axis.grid(False)
  return mesh


def _frame(axis, column: int, row: int) -> None:
  """A line around a cell."""
  inset = .06
  left, right, top, bottom = column + inset, column + 1 - inset, row + inset, row + 1 - inset
  axis.plot([left, right, right, left, left], [top, top, bottom, bottom, top], color="black", linewidth=1.6)
