"""Renders panels as Markdown, LaTeX and plain text; the page uses the same cells."""

import dataclasses
import math
import re
from collections.abc import Sequence

import tabulate

from benchmark.results import comparison, measures, methods, texts
from lasem_tf.metrics import statistics

GAP = "-"
BEST = "*"  # In plain text.
INDISTINGUISHABLE = "†"
MIXED = "‡"
_LATEX_SPECIALS = {"\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#",
                   "_": r"\_", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}",
                   ">": r"\textgreater{}", "|": r"\textbar{}", "`": r"\`{}", "±": r"$\pm$",
                   INDISTINGUISHABLE: r"$^\dagger$", MIXED: r"$^\ddagger$",
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
  text = measure.render(estimate.mean)
  if estimate.half_width is None or (measure.better is None and estimate.half_width == 0):
    return text
  return f"{text} ± {measure.render(estimate.half_width)}"


def p_value_text(p_value: float | None) -> str:
  """Three decimals; blank where no test could be made."""
  if p_value is None:
    return ""
  return "< 0.001" if p_value < 0.001 else f"{p_value:.3f}"


def headings(panel: comparison.Panel) -> list[str]:
  """Column headings of a panel."""
  tested = [f"p {measure.title.lower()}" for measure in comparison.TESTED_AGAINST_BASELINE] if panel.baseline else []
  return ["Learner", "Stream", "n", *(measure.heading for measure in measures.SHOWN), *tested,
          *(["Gaps"] if _has_gaps(panel) else [])]


def cells(panel: comparison.Panel, row: comparison.Row) -> list[Cell]:
  """The entries of one row, in the order of `headings`."""
  line = [learner_cell(row), Cell(panel.stream, value=panel.stream), count_cell(row)]
  for measure in measures.SHOWN:
    estimate = row.estimates.get(measure.name)
    line.append(Cell(text_in_row(estimate, measure, row), measure.name in row.best,
                     INDISTINGUISHABLE if measure.name in row.indistinguishable else "",
                     estimate.mean if estimate else None))
  if panel.baseline:
    for measure in comparison.TESTED_AGAINST_BASELINE:
      p_value = row.p_values.get(measure.name)
      line.append(Cell("baseline" if row.learner == panel.baseline else p_value_text(p_value), value=p_value))
  if _has_gaps(panel):
    line.append(Cell("; ".join(row.gaps), value=f"{len(row.gaps)} {'; '.join(row.gaps)}"))
  return line


def learner_cell(row: comparison.Row) -> Cell:
  """The name of a row, marked if it was measured otherwise."""
  return Cell(row.label, mark=MIXED if row.mixed else "", value=row.learner)


def count_cell(row: comparison.Row) -> Cell:
  """How many seeds are behind the means of a row, '2 of 3' if more were asked for."""
  missing = f" of {row.num_expected}" if row.num_completed < row.num_expected else ""
  return Cell(f"{row.num_completed}{missing}", value=row.num_completed)


def text_in_row(estimate: statistics.Estimate | None, measure: measures.Measure, row: comparison.Row) -> str:
  """An estimate of a row, with its own n where some completed run does not define the measure, as retention of 0 %."""
  text = "diverged" if row.all_diverged else estimate_text(estimate, measure)
  return f"{text} (n = {estimate.n})" if estimate and 0 < estimate.n < row.num_completed else text


def caption(panels: Sequence[comparison.Panel], best: str = "Bold") -> str:
  """What the numbers and marks mean, the test included; `best` says how the best means are shown."""
  level = comparison.SIGNIFICANCE_LEVEL
  sentences = [
      "Mean ± half-width of the 95 % t-interval over n seeds (no interval for n < 2).",
      f"{best}: best mean of a stream; {INDISTINGUISHABLE}: not significantly different from it (paired two-sided "
      f"t-test over seeds on task-averaged values, Holm-corrected within a column, level {level}; unmarked where "
      "fewer than two seeds are shared)."
  ]
  baselines = sorted({methods.learner_label(panel.baseline) for panel in panels if panel.baseline})
  if baselines:
    sentences.append(f"p: the same test against {', '.join(baselines)}; blank for fewer than two shared "
                     "seeds and where all differences are equal.")
  return " ".join([*sentences, *_remarks(panels, "neither ranked nor tested")])


def per_task_caption(panels: Sequence[comparison.Panel]) -> str:
  """What n, ± and the marks mean in tables with a column per task."""
  return " ".join([
      "n: seeds with a completed run, of those asked for if some are missing. Mean ± half-width of the 95 % t-interval "
      "over these seeds; a row of n = 1 is one measurement, without interval.",
      *_remarks(panels, "not comparable with it")])


def _remarks(panels: Sequence[comparison.Panel], consequence: str) -> list[str]:
  """Sentences on marks and gaps, where there are any."""
  sentences = [tuning] if (tuning := tuning_remark(panels)) else []
  if any(row.mixed for panel in panels for row in panel.rows):
    sentences.append(f"{MIXED}: measured on other data than the rest of the table or with "
                     f"several settings, so {consequence}.")
  if any(row.gaps for panel in panels for row in panel.rows):
    sentences.append(
        f"{GAP}: no completed run. Runs that diverged, failed or are missing are never averaged; full tables "
        "name them under Gaps.")
  return sentences


def tuning_remark(panels: Sequence[comparison.Panel]) -> str:
  """How the methods of tables were tuned, as a sentence; '' where none was."""
  by_tuning: dict[str, list[str]] = {}
  for panel in panels:
    for row in panel.rows:
      if not row.tuning and row.num_completed == 0:
        continue  # Nothing says how it would have been tuned.
      labels = by_tuning.setdefault(row.tuning, [])
      labels += [row.label] if row.label not in labels else []
  if set(by_tuning) <= {""}:
    return ""
  if len(by_tuning) == 1:
    return f"Hyper-parameters by {next(iter(by_tuning))} per learner."
  parts = (f"{', '.join(labels)} by {text} per learner" if text else f"{', '.join(labels)} not tuned"
           for text, labels in by_tuning.items())
  return f"Hyper-parameters, by protocols or budgets that differ: {'; '.join(parts)}."


def definitions() -> list[str]:
  """One line per measure."""
  return [f"{measure.title}: {measure.explanation}." for measure in measures.SHOWN]


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
  return f"{float(cell.value):.10g}" if not isinstance(cell.value, str) else cell.value


def _is_numeric(rows: Sequence[Sequence[Cell]], column: int) -> bool:
  return bool(rows) and not isinstance(rows[0][column].value, str)


def _has_gaps(panel: comparison.Panel) -> bool:
  return any(row.gaps for row in panel.rows)


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
