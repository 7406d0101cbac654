"""Renders panels as Markdown, LaTeX and plain text; the page uses the same cells."""

import dataclasses
import math
import re
from collections.abc import Sequence

import tabulate

from benchmark.results import comparison, measures, texts
from lasem_tf.metrics import statistics

GAP = "-"
BEST = "*"  # In plain text.
BETTER, WORSE, EQUIVALENT, UNDECIDED = "↑", "↓", "≈", "?"
MIXED = "‡"
INACTIVE = "§"
NOT_TUNED = "not tuned"
_LATEX_SPECIALS = {"\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#",
                   "_": r"\_", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}",
                   ">": r"\textgreater{}", "|": r"\textbar{}", "`": r"\`{}", "±": r"$\pm$",
                   BETTER: r"$\uparrow$", WORSE: r"$\downarrow$", EQUIVALENT: r"$\approx$", "µ": r"$\mu$",
                   MIXED: r"$^\ddagger$", INACTIVE: r"$^{\S}$",
                   # In LaTeX's default encoding only the typewriter font has a straight quotation mark.
                   '"': r"\texttt{\char34}"}


@dataclasses.dataclass(frozen=True)
class Cell:
  """One entry of a table before it takes a format.

  Attributes:
    text: plain text, not escaped; control characters are replaced.
    is_best: shown in bold.
    mark: a symbol after the text that the caption explains.
    value: what a sortable table sorts by; None sorts last.
  """

  text: str
  is_best: bool = False
  mark: str = ""
  value: float | str | None = None

  def __post_init__(self):
    object.__setattr__(self, "text", texts.printable(self.text))


def estimate_text(estimate: statistics.Estimate | None, measure: measures.Measure) -> str:
  """'63.21 ± 1.05'; without the interval where there is none or where it is exactly zero for a cost."""
  if estimate is None or estimate.mean is None:
    return GAP
  if estimate.half_width is None or (measure.better is None and estimate.half_width == 0):
    return measure.render(estimate.mean)
  return measure.render_interval(estimate.mean, estimate.half_width)


def headings(panel: comparison.Panel) -> list[str]:
  """Column headings of a panel's measures."""
  return ["Learner", "Stream", "n", *(measure.heading for measure in panel.columns)]


def cells(panel: comparison.Panel, row: comparison.Row) -> list[Cell]:
  """The entries of one row, in the order of `headings`."""
  line = [learner_cell(row), Cell(panel.stream, value=panel.stream), count_cell(row)]
  for measure in panel.columns:
    estimate = row.estimates.get(measure.name)
    line.append(Cell(text_in_row(estimate, measure, row), measure.name in row.best,
                     value=estimate.mean if estimate else None))
  return line


def has_gaps(panel: comparison.Panel) -> bool:
  """Whether some run is missing or has no result."""
  return any(row.gaps for row in panel.rows)


def gaps_cell(row: comparison.Row) -> Cell:
  """What is missing of a row, and why."""
  return Cell("; ".join(row.gaps), value=f"{len(row.gaps)} {'; '.join(row.gaps)}")


def learner_cell(row: comparison.Row) -> Cell:
  """The name of a row, marked if it was measured otherwise, and if its mechanism never acted."""
  mark = f"{MIXED if row.mixed else ''}{INACTIVE if row.inactive else ''}"
  return Cell(row.label, mark=mark, value=row.learner)


def count_cell(row: comparison.Row) -> Cell:
  """How many seeds are behind the means of a row, '2 of 3' if more were asked for."""
  missing = f" of {row.num_expected}" if row.num_completed < row.num_expected else ""
  return Cell(f"{row.num_completed}{missing}", value=row.num_completed)


def text_in_row(estimate: statistics.Estimate | None, measure: measures.Measure, row: comparison.Row) -> str:
  """An estimate of a row, with its own n where some completed run does not define the measure, as retention of 0 %."""
  text = "diverged" if row.all_diverged else estimate_text(estimate, measure)
  return f"{text} (n = {estimate.n})" if estimate and 0 < estimate.n < row.num_completed else text


def per_task_caption(panels: Sequence[comparison.Panel]) -> str:
  """What n, ± and the marks mean in tables with a column per task."""
  return " ".join([
      "n: seeds with a completed run, of those asked for if some are missing. Mean ± half-width of the 95 % t-interval "
      "over these seeds, or the ends of the interval in brackets where it was cut off at 0 or 100; a row of n = 1 is "
      "one measurement, without interval.",
      *remarks(panels, "not comparable with it")])


def remarks(panels: Sequence[comparison.Panel], consequence: str) -> list[str]:
  """Sentences on marks and gaps, where there are any."""
  sentences = [tuning] if (tuning := tuning_remark(panels)) else []
  if any(row.mixed for panel in panels for row in panel.rows):
    sentences.append(f"{MIXED}: measured on other data than the rest of the table or with "
                     f"several settings, so {consequence}.")
  if any(row.inactive for panel in panels for row in panel.rows):
    sentences.append(f"{INACTIVE}: in a run or more, what gives the method its name happened in no visit "
                     "(mechanism_acted in the record), so that row shows what is left without it.")
  if any(row.gaps for panel in panels for row in panel.rows):
    sentences.append(
        f"{GAP}: no completed run. Runs that diverged, failed or are missing are never averaged; full tables "
        "name them under Gaps.")
  return sentences


def tuning_remark(panels: Sequence[comparison.Panel]) -> str:
  """How the methods of tables were tuned, as a sentence; '' where no run says it."""
  by_tuning: dict[str, list[str]] = {}
  for panel in panels:
    for row in panel.rows:
      if row.tuning is None:
        continue
      labels = by_tuning.setdefault(row.tuning, [])
      labels += [row.label] if row.label not in labels else []
  if not by_tuning:
    return ""
  if set(by_tuning) == {""}:
    return f"Hyper-parameters were {NOT_TUNED}."
  if len(by_tuning) == 1:
    return f"Hyper-parameters by {next(iter(by_tuning))} per learner."
  parts = (f"{', '.join(labels)} by {text} per learner" if text else f"{', '.join(labels)} {NOT_TUNED}"
           for text, labels in by_tuning.items())
  return f"Hyper-parameters, by protocols or budgets that differ: {'; '.join(parts)}."


def definitions(panels: Sequence[comparison.Panel]) -> list[str]:
  """One line per measure that is shown, and one on measures that are of several kinds of processors."""
  shown = dict.fromkeys(measure for panel in panels for measure in panel.columns)
  lines = [f"{measure.title}: {measure.explanation}." for measure in shown]
  return lines + [f"{panel_title(panel)}: {sentence}" for panel in panels if (sentence := of_several_devices(panel))]


def of_several_devices(panel: comparison.Panel) -> str:
  """That times of a panel are of several kinds of processors, and whose are of which; '' where they are of one."""
  if len(panel.devices) < 2:
    return ""
  whose: dict[str, list[str]] = {}
  for row in panel.rows:
    if row.devices:
      whose.setdefault(" and ".join(sorted(row.devices)), []).append(row.label)
  parts = "; ".join(f"{texts.printable(device)}: {', '.join(labels)}" for device, labels in whose.items())
  return f"{timed_measures(panel) or 'times'} may be compared only within one kind of processor ({parts})."


def timed_measures(panel: comparison.Panel) -> str:
  """The shown measures that depend on the processor: 'CPU time and Latency per image'; '' of none."""
  return " and ".join(measure.title for measure in (measures.CPU_SECONDS, measures.LATENCY)
                      if measure in panel.columns)


def panel_title(panel: comparison.Panel) -> str:
  """'CIFAR-100 (cifar100, scale paper)'."""
  name = panel.stream if panel.title == panel.stream else f"{panel.title}, {panel.stream}"
  return texts.printable(f"{name}, scale {panel.scale}")


def markdown_table(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
  """A pipe table with padded columns; text columns to the left, numbers to the right."""
  alignments = ["right" if _is_numeric(rows, i) else "left" for i in range(len(columns))]
  return tabulate.tabulate([[_markdown_cell(cell) for cell in row] for row in rows],
                           [escape_markdown(column) for column in columns], tablefmt="pipe", disable_numparse=True,
                           colalign=alignments if rows else None)


def plain_table(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
  """Aligned text for a terminal, without markup; the best have a `BEST` before them."""
  alignments = ["right" if _is_numeric(rows, i) else "left" for i in range(len(columns))]
  lines = [[f"{BEST if cell.is_best else ''}{cell.text}{f' {cell.mark}' if cell.mark else ''}" for cell in row]
           for row in rows]
  return tabulate.tabulate(lines, columns, tablefmt="simple", disable_numparse=True,
                           colalign=alignments if rows else None)


def latex_table(columns: Sequence[str], rows: Sequence[Sequence[Cell]], title: str) -> str:
  """A booktabs table environment; needs `\\usepackage{booktabs}`."""
  specification = "".join("r" if _is_numeric(rows, i) else "l" for i in range(len(columns)))
  body = [_latex_row([_latex_cell(cell) for cell in row]) for row in rows]
  heading = _latex_row([escape_latex(column) for column in columns])
  return "\n".join([r"\begin{table}", r"\centering", rf"\caption{{{escape_latex(title)}}}",
                    rf"\begin{{tabular}}{{{specification}}}", r"\toprule", heading, r"\midrule", *body, r"\bottomrule",
                    r"\end{tabular}", r"\end{table}"])


def escape_markdown(text: str) -> str:
  """Text that Markdown shows as it is, also inside a table."""
  for character in "\\`*_[]|~":
    text = text.replace(character, "\\" + character)
  text = re.sub(r"<(?=[A-Za-z/!?])", "&lt;", text.replace("&", "&amp;")).replace("\n", " ")
  # Two dollar signs of one line are mathematics to GitHub, which has no other escape outside of it than a tag.
  return text.replace("$", "<span>$</span>")


def escape_latex(text: str) -> str:
  """Text that LaTeX shows as it is."""
  text = "".join(_LATEX_SPECIALS.get(character, character) for character in text.replace("\n", " "))
  # A second hyphen or apostrophe would make a dash or a closing quotation mark of two.
  return re.sub(r"([-'])(?=\1)", r"\1{}", text)


def sort_value(cell: Cell) -> str:
  """The sort key of a cell as an attribute of a page: a number or text; empty sorts last."""
  if cell.value is None or (isinstance(cell.value, float) and math.isnan(cell.value)):
    return ""
  return f"{float(cell.value):.10g}" if not isinstance(cell.value, str) else texts.printable(cell.value)


def _is_numeric(rows: Sequence[Sequence[Cell]], column: int) -> bool:
  return bool(rows) and not isinstance(rows[0][column].value, str)


def _markdown_cell(cell: Cell) -> str:
  text = escape_markdown(cell.text)
  return (f"**{text}**" if cell.is_best and text else text) + (f" {cell.mark}" if cell.mark else "")


def _latex_row(texts: Sequence[str]) -> str:
  text = " & ".join(texts)
  # The line before ends with a command that takes a star or an optional argument, and looks for them across lines.
  return ("{}" if text.lstrip().startswith(("[", "*")) else "") + text + r" \\"


def _latex_cell(cell: Cell) -> str:
  text = escape_latex(cell.text)
  return (rf"\textbf{{{text}}}" if cell.is_best and text else text) + escape_latex(cell.mark)
