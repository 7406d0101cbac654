"""Curves of many methods in small multiples, one per family: two dozen lines in one frame cannot be read."""

import collections
import math
from collections.abc import Sequence

import numpy as np

from benchmark.reporting.figures import style
from benchmark.results import methods

MOST_IN_ONE_FRAME = 12
_MOST_IN_A_PANEL = 6
_COLUMNS = 3
_FRAME_WIDTH, _MOST_WIDTH = 3.5, 4.6  # Inches; legends of long names need more.
_USUAL_LINES = 4  # Of a frame's legend; the height of a frame allows for them.
_OTHER = "Other methods"


def panels(learners: Sequence[str]) -> dict[str, list[str]]:
  """The methods by the panel that shows them, in their own order; one panel without a title for few of them."""
  if len(learners) <= MOST_IN_ONE_FRAME:
    return {"": list(learners)}
  result: dict[str, list[str]] = {}
  found = {learner: methods.family(learner) for learner in learners}
  sizes = collections.Counter(family.panel for family in found.values() if family)
  for learner, family in found.items():
    title = family and (family.narrow_panel if sizes[family.panel] > _MOST_IN_A_PANEL else family.panel)
    result.setdefault(title or _OTHER, []).append(learner)
  return result


def frames(learners: Sequence[str], x_label: str, y_label: str):
  """A figure with a frame for every panel of methods.

  Args:
    learners: all methods that will be drawn.
    x_label: of the lowest frames.
    y_label: of the leftmost frames.

  Returns:
    The figure; and (axes, title, methods) per panel.
  """
  shown = panels(learners)
  columns = min(_COLUMNS, len(shown))
  rows = math.ceil(len(shown) / columns)
  frame_width = min(max(_FRAME_WIDTH, style.legend_width(learners)), _MOST_WIDTH)
  width, height = (7.2, 4.6) if len(shown) == 1 else (frame_width * columns + .4, 3.1 * rows + .3)
  figure, axes = style.new_figure(width, height, rows, columns, sharex=True, sharey=True)
  for number, axis in enumerate(axes.flat):
    axis.set_visible(number < len(shown))
    if number + columns >= len(shown):
      axis.set_xlabel(x_label)
      axis.tick_params(labelbottom=True)
    if number % columns == 0:
      axis.set_ylabel(y_label)
  return figure, [(axis, *panel) for axis, panel in zip(axes.flat, shown.items())]


def add_legends(figure, framed: Sequence[tuple]) -> None:
  """Below a single frame; above each of several, under the panel's title."""
  if len(framed) == 1:
    style.add_legend(figure, framed[0][0], 4)
    return
  num_columns = framed[0][0].get_subplotspec().get_gridspec().ncols
  lines = []
  for axis, title, _ in framed:
    handles, texts = axis.get_legend_handles_labels()
    columns = style.legend_columns(texts, 2, figure.get_figwidth() / num_columns)
    lines.append(math.ceil(len(texts) / columns))
    with style.shared_look():
      legend = axis.legend(handles, texts, title=title, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=.2,
                           ncols=columns, handlelength=2.6, columnspacing=1, alignment="left",
                           title_fontproperties={"weight": "bold", "size": 9})
    style.name_entries(legend, handles)
  # A long legend takes its height from no frame.
  longest = [max(lines[first:first + num_columns]) for first in range(0, len(lines), num_columns)]
  more = sum(max(0, number - _USUAL_LINES) for number in longest)
  figure.set_figheight(figure.get_figheight() + style.INCHES_PER_LINE * more)


def mark_sparsely(num_points: int, index: int, num_lines: int) -> tuple[int, int]:
  """`markevery` of line `index`: some eight markers, at other points than those of the other lines."""
  step = max(1, num_points // 8)
  return index * step // max(1, num_lines), step


def mark_segments(lengths: Sequence[int], index: int, num_lines: int) -> list[int]:
  """`markevery` of line `index` of segments that are joined by one gap each: a marker in each of eight at most.

  Args:
    lengths: points of each segment.
    index: of the line.
    num_lines: in the frame; each has its markers at another place.
  """
  starts = np.cumsum([0, *(length + 1 for length in lengths)])
  step = math.ceil(len(lengths) / 8)
  return [int(start + round((index + .5) / num_lines * (length - 1))) for start, length in
          zip(starts[::step], lengths[::step])]


def draw_background(axis, learner: str, x: np.ndarray, y: np.ndarray) -> None:
  """Another panel's curve, for comparison: thin, without a name."""
  axis.plot(x, y, color=style.INK, alpha=.16, linewidth=.7, label=f"_{learner}", zorder=1, gid=f"method:{learner}")
