"""One look for every figure: the same colour, marker and line for a method wherever it appears.

Colours are those of Okabe and Ito (with two of Tol's), told apart under the common colour vision deficiencies. There
are more methods than colours, so a family has a colour and its members differ by marker and line, which also serves
print.
"""

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
_FAMILIES = {  # Colour, line, and the markers of the variants that share the colour with another family.
    "stl": ("#767676", "-", {"": "o"}), "snn": ("#767676", "--", {"": "X"}), "hps": ("#0072B2", "-", {}),
    "tf": ("#E69F00", "-", {}), "dfcnn": ("#009E73", "-", {}),
    "lasem": ("#D55E00", "-", {"hps": "o", "tf": "s", "dfcnn": "^"}),
    "lasemg": ("#D55E00", "--", {"hps": "D", "tf": "P", "dfcnn": "v"}),
    "lasemg32": ("#D55E00", ":", {"hps": "<", "tf": ">"}), "lasemg64": ("#D55E00", ":", {"hps": "p", "tf": "h"}),
    "lasemg128": ("#D55E00", ":", {"hps": "d", "tf": "*"}), "lasemg256": ("#D55E00", ":", {"hps": "8", "tf": "H"}),
    "darts": ("#CC79A7", "-", {"hps": "o", "tf": "s", "dfcnn": "^"}),
    "exhaustive": ("#CC79A7", "--", {"hps": "D", "tf": "P", "dfcnn": "v"}),
    "prognn": ("#56B4E9", "-", {"": "o"}), "den": ("#56B4E9", "--", {"": "s"}),
    "channel_gated": ("#56B4E9", ":", {"": "^", "soft": "v"}), "apd": ("#56B4E9", "-.", {"": "D"}),
    "ewc": ("#882255", "-", {"": "o"}), "lwf": ("#882255", "--", {"": "s"}),
    "replay": ("#999933", "-", {"": "o"}), "a_gem": ("#999933", "--", {"": "s"}),
    "fine_tuning": ("#767676", ":", {"": "s"}), "joint": ("#767676", "-.", {"": "D"}),
    "random": ("#767676", (0, (1, 2)), {"hps": "<", "tf": ">", "dfcnn": "^"}),
    "hat": ("#8C564B", "-", {"": "o"}), "packnet": ("#8C564B", "--", {"": "s"}),
    "mntdp": ("#8C564B", "-.", {"": "D"}), "der_pp": ("#999933", "-.", {"": "D"}),
    "gpm": ("#882255", "-.", {"": "D"}), "si": ("#882255", ":", {"": "^"}),
    "mas": ("#882255", (0, (1, 2)), {"": "v"}), "wsn": ("#8C564B", ":", {"": "^"}),
}
_STATIC_MARKERS = {
    "all": "o", "top1": "s", "top2": "D", "top3": "^", "top4": "P", "top5": "X", "top6": "8", "bottom1": "v",
    "bottom2": "<", "bottom3": ">", "bottom4": "p", "bottom5": "h", "bottom6": "H", "alternating": "d",
    "alternating_odd": "*",
}
_FILLS = {"2021": "none", "early": "left", "second_order": "right", "validation": "top", "release": "none",
          "separate": "none", "office_home": "bottom"}
# Dashes of the variants that a fill sets apart: small markers in print do not show what they are filled with.
_FILL_LINES = {"none": (0, (5, 1.5, 1, 1.5, 1, 1.5)), "left": (0, (8, 2)), "right": (0, (2, 1)),
               "top": (0, (8, 1.5, 2, 1.5)), "bottom": (0, (3, 1, 3, 3))}
_SPARE_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#882255", "#999933")
_SPARE_MARKERS = "osD^v<>pPX*hd"
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
class MethodStyle:
  """How a method is drawn."""

  colour: str
  marker: str
  line: str | tuple
  fill: str


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


def method_style(learner: str) -> MethodStyle:
  """The style of a method; depends on its name alone, never on who else is in the figure."""
  own = methods.family(learner)
  if own is None:
    number = int(hashlib.sha256(learner.encode()).hexdigest(), 16)
    return MethodStyle(_SPARE_COLOURS[number % len(_SPARE_COLOURS)], _SPARE_MARKERS[number // 8 % len(_SPARE_MARKERS)],
                       ":", "none")
  variant, fill = learner[len(own) + 1:], "full"
  for modifier, changed in _FILLS.items():
    if modifier in variant:
      variant, fill = variant.replace(modifier, "").strip("_"), changed
  colour, line, markers = _FAMILIES[own]
  spare = _SPARE_MARKERS[sum(variant.encode()) % len(_SPARE_MARKERS)]
  return MethodStyle(colour, {**_STATIC_MARKERS, **markers}.get(variant, spare), _FILL_LINES.get(fill, line), fill)


def label(learner: str) -> str:
  """The method's name as Matplotlib draws it: a dollar sign must not start a formula."""
  return methods.learner_label(learner).replace("$", r"\$")


def line_options(learner: str) -> dict:
  """Keyword arguments of `Axes.plot` for a method; the group id lets the page hide it."""
  style = method_style(learner)
  return {"color": style.colour, "marker": style.marker, "linestyle": style.line, "fillstyle": style.fill,
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
