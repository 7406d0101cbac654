"""What all figures share: fonts and axes, legends, how a method is drawn, and the files written."""

import dataclasses
import hashlib
import io
import json
import pathlib
import re
from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from benchmark.results import methods, records

INK = "#1c2733"  # Text, axes and grid; the page replaces it by its own ink, in light and dark.
# Why captions say that a method is left out.
INCOMPLETE = "no completed run"
MIXED = "measured otherwise than most: other data, another task order for the same seed, or several settings"
RC = {
    "font.size": 9, "font.family": "sans-serif", "font.sans-serif": ["DejaVu Sans"], "text.color": INK,
    "axes.edgecolor": INK, "axes.labelcolor": INK, "axes.titlecolor": INK, "axes.titlesize": 9, "axes.grid": True,
    "axes.spines.top": False, "axes.spines.right": False, "xtick.color": INK, "ytick.color": INK, "grid.color": INK,
    "grid.alpha": 0.12, "grid.linewidth": 0.6, "lines.linewidth": 1.5, "lines.markersize": 4.5, "legend.frameon": False,
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


def label(learner: str) -> str:
  """The method's name as Matplotlib draws it: a dollar sign must not start a formula."""
  return methods.learner_label(learner).replace("$", r"\$")


def line_options(learner: str) -> dict:
  """Keyword arguments of `Axes.plot` for a method; the group id lets the page hide it."""
  look = methods.look(learner)
  return {"color": look.colour, "marker": look.marker, "linestyle": look.line, "fillstyle": look.fill,
          "gid": f"method:{learner}"}


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
  with matplotlib.rc_context(RC):
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, squeeze=False, **options)
  return figure, axes


def add_legend(figure: Figure, axis, columns: int) -> None:
  """One legend below the figure, one entry per method of `axis`."""
  handles, texts = axis.get_legend_handles_labels()
  with matplotlib.rc_context(RC):
    legend = figure.legend(handles, texts, loc="outside lower center", ncols=columns, handlelength=2.6)
  name_entries(legend, handles)


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


def save(drawn: ReportFigure, folder: pathlib.Path) -> None:
  """Writes PNG and SVG; both carry the digest of what is drawn and no date."""
  folder.mkdir(parents=True, exist_ok=True)
  digest = data_digest(drawn.figure)
  with matplotlib.rc_context({**RC, "svg.hashsalt": drawn.name}):
    drawn.figure.savefig(folder / f"{drawn.name}.png", dpi=150, metadata={"Software": None, "Description": digest})
    content = io.BytesIO()
    drawn.figure.savefig(content, format="svg", transparent=True, metadata={"Date": None, "Creator": None,
                                                                           "Description": digest})
  records.write_atomically(folder / f"{drawn.name}.svg", _compact(content.getvalue().decode()))


def _compact(svg: str) -> str:
  """Two decimals suffice for points of 1/72 inch; group ids repeat over axes, so they become data attributes."""
  svg = re.sub(r' (?:d|x|y|x1|y1|x2|y2|width|height|transform|viewBox)="[^"]*"',
               lambda attribute: re.sub(r"(?<=\d\.)(\d\d)\d+", r"\1", attribute[0]), svg)
  svg = re.sub(r'\bid="method:', 'data-method="', svg)
  return re.sub(r"\n\s*", "\n", svg)


def data_digest(figure: Figure) -> str:
  """SHA-256 of the data and texts of a figure, whatever the version of Matplotlib and its fonts make of them."""
  drawn = []
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
