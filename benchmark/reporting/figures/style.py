"""What all figures share: fonts and axes, legends, how a method is drawn, and the files written."""

import contextlib
import dataclasses
import hashlib
import io
import json
import math
import pathlib
import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import matplotlib
import matplotlib.ticker
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from benchmark.results import methods, texts
from benchmark.suites.identity import split_variant

INK = "#1c2733"  # Text, axes and grid; the page replaces it by its own ink, in light and dark.
# Why captions say that a method is left out.
INCOMPLETE = "no completed run"
MIXED = "measured otherwise than most: other data, another task order for the same seed, or several settings"
_CHARACTERS_PER_INCH, _INCHES_PER_HANDLE, INCHES_PER_LINE = 16, 0.65, 0.19  # Of legends.
_TITLE_CHARACTERS_PER_INCH = 9
MOST_INCHES = 15.0  # Wider figures have letters of less than nine pixels in the page's whole width.
_MARKER_POINTS = 4.8
# Matplotlib's markers of one size cover areas of very different size.
_MARKER_SCALES = {"*": 1.65, "P": 1.3, "X": 1.3, "p": 1.25, **dict.fromkeys("^v<>", 1.2), **dict.fromkeys("hd", 1.15)}
_RC: dict[str, Any] = {
    "font.size": 9, "font.family": "sans-serif", "font.sans-serif": ["DejaVu Sans"], "text.color": INK,
    "axes.edgecolor": INK, "axes.labelcolor": INK, "axes.titlecolor": INK, "axes.titlesize": 9, "axes.grid": True,
    "axes.spines.top": False, "axes.spines.right": False, "xtick.color": INK, "ytick.color": INK, "grid.color": INK,
    "grid.alpha": 0.12, "grid.linewidth": 0.6, "lines.linewidth": 1.5, "legend.frameon": False,
    "legend.fontsize": 8, "svg.fonttype": "none", "figure.dpi": 100, "path.simplify": False,
}


@dataclasses.dataclass(frozen=True)
class ReportFigure:
  """A drawn figure.

  Attributes:
    name: file name without ending.
    title: heading for people, without the data.
    data: what the data are called.
    caption: what is shown, in a sentence or two.
    figure: the drawing.
    stream: the stream it belongs to.
  """

  name: str
  title: str
  data: str
  caption: str
  figure: Figure
  stream: str


@dataclasses.dataclass(frozen=True)
class RenderedFigure:
  """A figure as the contents of files.

  Attributes:
    name: file name without ending.
    title: heading for people, without the data.
    data: what the data are called.
    caption: what is shown, in a sentence or two.
    stream: the stream it belongs to.
    digest: of the data that are drawn, see `data_digest`.
    png: content of the PNG file.
    svg: content of the SVG file.
  """

  name: str
  title: str
  data: str
  caption: str
  stream: str
  digest: str
  png: bytes
  svg: str

  @property
  def points(self) -> float:
    """Width of the drawing, in points of 1/72 inch."""
    found = re.search(r'<svg [^>]*?width="([0-9.]+)pt"', self.svg)
    assert found is not None, "Matplotlib gives the width of a drawing in points"
    return float(found[1])


def shared_look(further: Mapping[str, Any] | None = None) -> contextlib.AbstractContextManager:
  """Matplotlib's parameters of all figures, and further ones."""
  return matplotlib.rc_context(cast(Any, {**_RC, **(further or {})}))


def label(learner: str) -> str:
  """The method's name as Matplotlib draws it: a dollar sign must not start a formula."""
  return texts.printable(methods.learner_label(learner)).replace("$", r"\$")


def line_options(learner: str, look: methods.Look, size: float = _MARKER_POINTS) -> dict:
  """Keyword arguments of `Axes.plot` for a method, with markers of so many points; the page hides by the group id."""
  return {"color": look.colour, "marker": look.marker, "linestyle": look.line, "fillstyle": look.fill,
          "markersize": size * _MARKER_SCALES.get(look.marker, 1.0), "gid": f"method:{learner}"}


def new_figure(width: float, height: float, rows: int = 1, columns: int = 1, **options):
  """A figure with a grid of axes.

  Args:
    width: inches.
    height: inches.
    rows: rows of axes.
    columns: columns of axes.
    **options: further arguments of `Figure.subplots`.

  Returns:
    The figure and an object array of axes `[rows, columns]`.
  """
  with shared_look():
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, squeeze=False, **options)
  return figure, axes


def add_legend(figure: Figure, axis, columns: int) -> None:
  """One legend below the figure, one entry per method of `axis`, in fewer columns where names are long."""
  handles, texts = axis.get_legend_handles_labels()
  wanted, columns = columns, legend_columns(texts, columns, figure.get_figwidth())
  more_lines = math.ceil(len(texts) / columns) - math.ceil(len(texts) / wanted) if texts else 0
  figure.set_figheight(figure.get_figheight() + INCHES_PER_LINE * more_lines)
  with shared_look():
    legend = figure.legend(handles, texts, loc="outside lower center", ncols=columns, handlelength=2.6)
  name_entries(legend, handles)


def legend_width(learners: Iterable[str]) -> float:
  """Inches of a legend's column that holds these methods."""
  return max(len(label(learner)) for learner in learners) / _CHARACTERS_PER_INCH + _INCHES_PER_HANDLE


def legend_columns(texts: Sequence[str], most: int, width: float) -> int:
  """Columns of a legend that fit into so many inches, as far as the lengths of its entries tell; one at least."""
  for columns in range(most, 1, -1):
    parts = np.array_split(np.array([len(text) for text in texts]), columns)
    if sum(part.max() / _CHARACTERS_PER_INCH + _INCHES_PER_HANDLE for part in parts if part.size) <= width:
      return columns
  return 1


def titled(learner: str, width: float) -> str:
  """The label as a title that fits into so many inches: a variant's values on lines of their own."""
  method, variant = split_variant(learner)
  if not variant:
    return label(learner)
  room = int(width * _TITLE_CHARACTERS_PER_INCH)
  return "\n".join([label(method), *textwrap.wrap(methods.variant_label(learner), room, break_long_words=False)])


def more_width(learners: Iterable[str]) -> float:
  """Inches that labels beside an axis need beyond those of the usual names."""
  return max(0.0, max(len(methods.learner_label(learner)) for learner in learners) - 26) / _CHARACTERS_PER_INCH


def limit_to_percent(axis) -> None:
  """Keeps the range of a y axis near 0-100, with room for lines and markers at its ends."""
  low, high = axis.get_ylim()
  axis.set_ylim(max(low, -3), min(high, 103))


def count_whole(axis) -> None:
  """Ticks of an axis at whole numbers only: there is no task between two tasks."""
  axis.set_major_locator(matplotlib.ticker.MaxNLocator("auto", integer=True, steps=[1, 2, 5, 10], min_n_ticks=1))


def number_cells(axis, count: int, most: int, first: int = 0, names: Sequence[int] | None = None) -> None:
  """Ticks in the middle of `count` cells, numbered from `first` unless named; every n-th where more than `most`."""
  cells = range(0, count, math.ceil(count / most))
  axis.set_ticks([cell + .5 for cell in cells], [str(names[cell] if names else cell + first) for cell in cells])


def draw_share_maps(figure: Figure, axes, maps: Mapping[str, np.ndarray], label: str) -> None:
  """A map of shares from 0 to 1 for every method, with one colour bar; axes that are left over are hidden.

  Args:
    figure: with the axes.
    axes: one for every method, or more.
    maps: `[rows, columns]` by learner; not a number: blank.
    label: of the colour bar.
  """
  meshes, rows = [], len(axes)
  titles = [titled(learner, figure.get_figwidth() / axes.shape[1]) for learner in maps]
  most_lines = max(title.count("\n") for title in titles)
  figure.set_figheight(figure.get_figheight() + INCHES_PER_LINE * max(0, most_lines - 1) * rows)
  for axis, title, (learner, values) in zip(axes.flat, titles, maps.items()):
    axis.set_gid(f"method:{learner}")  # The page hides whole panels.
    meshes.append(axis.pcolormesh(np.ma.masked_invalid(values), cmap="cividis", vmin=0, vmax=1, edgecolors=INK,
                                  linewidth=.3))
    axis.set_title(title, fontsize="medium" if "\n" in title else None)
    axis.grid(False)
  for axis in axes.flat[len(maps):]:
    axis.set_visible(False)
  colour_bar(figure, meshes[-1], axes, label, shrink=.9 / rows, anchor=(0., 1.), aspect=15,
             fraction=.15 / axes.shape[1])


def colour_bar(figure: Figure, mesh, axes, label: str, **options):
  """A colour bar in the page's ink; options: of `Figure.colorbar`."""
  bar = figure.colorbar(mesh, ax=axes, **options)
  bar.set_label(label, color=INK)
  bar.ax.tick_params(colors=INK)
  return bar


def name_entries(legend, handles: Sequence) -> None:
  """Gives a legend's entries the group ids of what they explain, so that the page hides both."""
  for handle, line, text in zip(handles, legend.legend_handles, legend.get_texts()):
    line.set_gid(handle.get_gid())
    text.set_gid(handle.get_gid())


def left_out(reasons: Mapping[str, Sequence[str]]) -> str:
  """A sentence for captions, after a blank: which methods a figure lacks, by reason; empty if it lacks none."""
  parts = [f"{', '.join(methods.learner_label(learner) for learner in learners)} ({reason})"
           for reason, learners in reasons.items() if learners]
  return f" Not drawn: {'; '.join(parts)}." if parts else ""


def render(drawn: ReportFigure, earlier: pathlib.Path | None = None) -> RenderedFigure:
  """The figure as PNG and SVG; both carry the digest of what is drawn and no date.

  Args:
    drawn: the figure.
    earlier: folder of figures of an earlier report; files that carry the same digest are taken from there.
  """
  digest = data_digest(drawn.figure)
  if earlier is not None and (stored := _stored(earlier / drawn.name, digest)) is not None:
    return RenderedFigure(drawn.name, drawn.title, drawn.data, drawn.caption, drawn.stream, digest, *stored)
  png, svg = io.BytesIO(), io.BytesIO()
  with shared_look({"svg.hashsalt": drawn.name}):
    drawn.figure.savefig(png, format="png", dpi=150, metadata={"Software": None, "Description": digest})
    drawn.figure.savefig(svg, format="svg", transparent=True, metadata={"Date": None, "Creator": None,
                                                                       "Description": digest})
  return RenderedFigure(drawn.name, drawn.title, drawn.data, drawn.caption, drawn.stream, digest, png.getvalue(),
                        _compact(svg.getvalue().decode()))


def _stored(path: pathlib.Path, digest: str) -> tuple[bytes, str] | None:
  """PNG and SVG of an earlier report, if both carry the digest."""
  files = [path.with_name(f"{path.name}{ending}") for ending in (".png", ".svg")]
  if not all(file.is_file() for file in files):
    return None
  png, svg = (file.read_bytes() for file in files)
  return (png, svg.decode()) if digest.encode() in png and digest.encode() in svg else None


def _compact(svg: str) -> str:
  """Two decimals suffice for points of 1/72 inch; group ids repeat over axes, so they become data attributes."""
  svg = re.sub(r' (?:d|x|y|x1|y1|x2|y2|width|height|transform|viewBox)="[^"]*"',
               lambda attribute: re.sub(r"(?<=\d\.)(\d\d)\d+", r"\1", attribute[0]), svg)
  svg = re.sub(r'\bid="method:', 'data-method="', svg)
  return re.sub(r"\n\s*", "\n", svg)


def data_digest(figure: Figure) -> str:
  """SHA-256 of the data and texts of a figure, whatever the version of Matplotlib and its fonts make of them."""
  drawn: list[Any] = []
  for axis in figure.axes:
    drawn.append([axis.get_title(), axis.get_xlabel(), axis.get_ylabel(), *(text.get_text() for text in axis.texts)])
    drawn.extend([line.get_label(), _numbers(line.get_xydata())] for line in axis.lines)
    for collection in axis.collections:
      array = collection.get_array()
      drawn.append(_numbers(collection.get_offsets()))
      drawn.append(_numbers(np.ma.filled(array.astype(float), np.nan)) if array is not None else
                   [_numbers(path.vertices) for path in collection.get_paths()])
  return hashlib.sha256(json.dumps(drawn).encode()).hexdigest()


def _numbers(values) -> list[str]:
  return [f"{value:.6g}" for value in np.ravel(np.ma.filled(values, np.nan))]
