"""The table of how well searches chose. No TensorFlow here."""

import dataclasses
from collections.abc import Sequence

import pandas as pd

from benchmark.reporting import cells
from benchmark.reporting.cells import Cell
from benchmark.results import comparison, measures, methods, selection_quality, texts
from benchmark.results.records import Record
from benchmark.results.selection_quality import Quality
from lasem_tf.metrics import statistics
from lasem_tf.metrics.selection_quality import Ratio

TITLE = "How well layers were chosen"
COLUMNS = ("Learner", "Stream", "n", "Recovery (%)", "Regret (pp)", "Skill", "Skill against", "Agreement (kappa)",
           "Decision (epoch)", "Its mass")
_EXPLANATIONS = {
    "Recovery (%)": "Recovery: share of the decisions on layers that are as the stream declares, where that is "
                    "certified; a coin has 50 %.",
    "Regret (pp)": "Regret: final accuracy of the planted configurations less the learner's, paired by seed.",
    "Skill": "Skill: (final accuracy - random) / (reference - random), with its 95 % interval (Fieller); 0 is a drawn "
             "configuration, 1 the reference; not shown where the interval of the denominator contains zero.",
    "Agreement (kappa)": "Agreement: mean pairwise Cohen's kappa of the chosen bits between seeds.",
    "Decision (epoch)": "Decision: first epoch of a task after which the leading configuration never changes, and what "
                        "it had of the prior then; where the prior is recorded."}
_PERCENT = measures.Measure("recovery", "Recovery", "%", 100, 1, "higher", "", (0.0, 1.0))
_POINTS = measures.Measure("regret", "Regret", "pp", 100, 2, "lower", "", (-1.0, 1.0))


def lines(found: Sequence[Quality]) -> list[list[Cell]]:
  """The rows under `COLUMNS`."""
  return [[Cell(methods.learner_label(each.learner), value=each.learner), Cell(each.stream, value=each.stream),
           Cell(str(each.num_runs), value=each.num_runs),
           _estimate(each.recovery, _PERCENT), _estimate(each.regret, _POINTS),
           Cell(_ratio(each.skill), value=None if each.skill is None else each.skill.value),
           Cell(methods.learner_label(each.reference) if each.reference else cells.GAP, value=each.reference),
           _number(each.agreement, 2), _number(each.decision_epoch, 1), _number(each.decision_mass, 2)]
          for each in found]


def table(found: Sequence[Quality]) -> tuple[list[str], list[list[Cell]]]:
  """The columns of which something is known, and the rows below them."""
  rows = lines(found)
  kept = [place for place in range(len(COLUMNS)) if any(row[place].text != cells.GAP for row in rows)]
  return [COLUMNS[place] for place in kept], [[row[place] for place in kept] for row in rows]


def ranks(columns: Sequence[str], found: Sequence[Quality]) -> list[int]:
  """How long each column stays where there is no room for all: 0 longest; a single stream goes first."""
  order = ["Learner", "Recovery (%)", "Skill", "n", "Regret (pp)", "Agreement (kappa)", "Skill against",
           "Decision (epoch)", "Its mass"]
  order.insert(len(order) if len({each.stream for each in found}) == 1 else 1, "Stream")
  by_rank = sorted(columns, key=order.index)
  return [by_rank.index(column) for column in columns]


def explanation(columns: Sequence[str]) -> str:
  """What these columns mean."""
  return " ".join(_EXPLANATIONS[column] for column in columns if column in _EXPLANATIONS)


def markdown(found: Sequence[Quality], remarks: Sequence[str]) -> str:
  """The content of `selection.md`; '' where nothing chose.

  Args:
    found: from `selection_quality.qualities`.
    remarks: from `always_share` and `tuning_remark`.
  """
  if not found:
    return ""
  columns, rows = table(found)
  told = "".join(f"\n{cells.escape_markdown(remark)}\n" for remark in remarks)
  return (f"### {TITLE}\n\n{cells.markdown_table(columns, rows)}\n{told}\n"
          f"{cells.escape_markdown(explanation(columns))}\n")


def always_share(records: Sequence[Record]) -> list[str]:
  """A sentence for every stream with certified configurations: what a coin and sharing everything recover."""
  sentences = {}
  for record in records:
    truth = selection_quality.declared(record)
    if truth is not None and record.stream not in sentences:
      sentences[record.stream] = (
          f"On {record.stream} {int(truth.decided.sum())} of {truth.decided.size} decisions are scored; a coin "
          f"recovers 50.0 %, sharing every layer {100 * truth.always_share:.1f} %.")
  return list(sentences.values())


def tuning_remark(found: Sequence[Quality], panels: Sequence[comparison.Panel]) -> list[str]:
  """How those that chose were tuned, as a sentence; none where no panel says it."""
  chose = {(each.stream, each.learner) for each in found}
  told = cells.tuning_remark([
      dataclasses.replace(panel, rows=[row for row in panel.rows if (panel.stream, row.learner) in chose])
      for panel in panels])
  return [told] if told else []


def csv(found: Sequence[Quality]) -> str:
  """All numbers, fractions as such; empty where unknown."""
  frame = []
  for each in found:
    row: dict[str, object] = {}
    for field in dataclasses.fields(each):
      value = getattr(each, field.name)
      if field.name in ("recovery", "regret"):
        row |= {f"{field.name}_mean": value and value.mean, f"{field.name}_half_width": value and value.half_width}
      elif field.name == "skill":
        row |= {"skill": value and value.value, "skill_low": value and value.low, "skill_high": value and value.high}
      else:
        row[field.name] = value
    frame.append(row)
  return texts.csv_table(pd.DataFrame(frame), float_format="%.10g")


def _estimate(estimate: statistics.Estimate | None, measure: measures.Measure) -> Cell:
  return Cell(cells.estimate_text(estimate, measure), value=None if estimate is None else estimate.mean)


def _ratio(skill: Ratio | None) -> str:
  return cells.GAP if skill is None else f"{skill.value:.2f} [{skill.low:.2f}, {skill.high:.2f}]"


def _number(value: float | None, digits: int) -> Cell:
  return Cell(cells.GAP if value is None else f"{value:.{digits}f}", value=value)
