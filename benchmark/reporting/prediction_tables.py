"""What predictions beside records add to a page: calibration, answers without a task's name, McNemar, confusion."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from benchmark.reporting import cells, comparisons
from benchmark.reporting.cells import Cell
from benchmark.results import comparison, measures, methods
from benchmark.results.predictions.summaries import Summary
from benchmark.results.records import Record
from lasem_tf.metrics import classification, statistics

CAPTION = (
    "From the logits after the last visit, mean over seeds. Calibration error: expected calibration error, "
    f"{classification.NUM_BINS} equal bins, mean over tasks, then of every task. Task-agnostic: the largest logit over "
    "the heads of all tasks must be the right one. Heads that were trained apart were never made to compare with each "
    "other, so this says how far a method is from doing without the task's name, and nothing against one that is told "
    "it; - where asking all heads was not cheap.")
MCNEMAR_CAPTION = (
    "Images on which one of two networks of the same seed is right and the other wrong, all tasks together, and the "
    "exact two-sided McNemar test, not corrected for several tests. It is about these trained networks: whether a "
    "method is better than another is decided over seeds, in the tables of paired differences.")
_STAYING = ("Learner", "Seed", "Calibration error (%)", "p", "Task-agnostic (%)")
_Rows = list[tuple[str, list[Cell]]]  # Learner and cells.


@dataclasses.dataclass(frozen=True)
class Confusion:
  """A method's confusion matrices as text.

  Attributes:
    learner: name.
    label: for people.
    stream: it belongs to.
    texts: one matrix per task, rows are labels, columns answers, summed over seeds.
  """

  learner: str
  label: str
  stream: str
  texts: Sequence[str]


def calibration(records: Sequence[Record], panels: Sequence[comparison.Panel], found: Mapping[str, Summary]
                ) -> Iterator[tuple[comparison.Panel, str, list[str], _Rows]]:
  """Yields panel, title, columns and rows: a column for the mean and for every task, in per cent."""
  for panel, by_learner in _by_panel(records, panels, found):
    tasks = sorted({task for own in by_learner.values() for summary in own.values()
                    for task in summary.calibration_errors})
    rows: _Rows = []
    for learner, own in by_learner.items():
      errors = [[summary.calibration_errors[task] for summary in own.values() if task in summary.calibration_errors]
                for task in tasks]
      agnostic = [summary.agnostic_accuracy for summary in own.values() if summary.agnostic_accuracy is not None]
      means = [float(np.mean(list(summary.calibration_errors.values()))) for summary in own.values()]
      rows.append((learner, [Cell(methods.learner_label(learner), value=learner), Cell(str(len(own)), value=len(own)),
                             *map(_percent, (agnostic, means, *errors))]))
    yield (panel, f"{cells.panel_title(panel)}: calibration error and task-agnostic accuracy",
           ["Learner", "n", "Task-agnostic (%)", "Calibration error (%)",
            *(f"Task {task}" for task in tasks)], rows)


def mcnemar(records: Sequence[Record], panels: Sequence[comparison.Panel], found: Mapping[str, Summary]
            ) -> Iterator[tuple[comparison.Panel, str, list[str], _Rows]]:
  """Yields panel, title, columns and rows: every method against the baseline, else the best, seed by seed."""
  for panel, by_learner in _by_panel(records, panels, found):
    best = [row.learner for row in panel.rows if measures.FINAL.name in row.best]
    reference = panel.baseline if panel.baseline in by_learner else next(
        (learner for learner in best if learner in by_learner), None)
    if reference is None:
      continue
    label, rows = methods.learner_label(reference), []
    for learner, own in by_learner.items():
      for seed, summary in sorted(own.items()):
        other = by_learner[reference].get(seed)
        if learner == reference or other is None or other.images != summary.images:
          continue
        result = classification.mcnemar(summary.correct, other.correct)
        counts = (result.only_first, result.only_second, len(summary.correct))
        rows.append((learner, [Cell(methods.learner_label(learner), value=learner), Cell(str(seed), value=seed),
                               *(Cell(str(count), value=count) for count in counts),
                               Cell(comparisons.p_value_text(result.p_value), value=result.p_value)]))
    if rows:
      yield (panel, f"{cells.panel_title(panel)}: McNemar against {label}",
             ["Learner", "Seed", "Right alone", f"{label} right alone", "Images", "p"], rows)


def confusions(records: Sequence[Record], panels: Sequence[comparison.Panel],
               found: Mapping[str, Summary]) -> list[Confusion]:
  """Of every panel and method, in the panel's order."""
  result = []
  for panel, by_learner in _by_panel(records, panels, found):
    for learner, own in by_learner.items():
      texts = []
      for task in sorted({task for summary in own.values() for task in summary.confusions}):
        matrices = [summary.confusions[task] for summary in own.values() if task in summary.confusions]
        if len({matrix.shape for matrix in matrices}) == 1:
          texts.append(f"Task {task}\n{_matrix_text(np.sum(matrices, axis=0))}")
      title = f"{cells.panel_title(panel)}: {methods.learner_label(learner)}"
      result.append(Confusion(learner, title, panel.stream, texts))
  return result


def ranks(columns: Sequence[str]) -> list[int]:
  """How long each column stays where there is no room for all: 0 longest."""
  by_rank = sorted(columns, key=lambda column: _STAYING.index(column) if column in _STAYING else len(_STAYING))
  return [by_rank.index(column) for column in columns]


def _by_panel(records: Sequence[Record], panels: Sequence[comparison.Panel], found: Mapping[str, Summary]
              ) -> Iterator[tuple[comparison.Panel, dict[str, dict[int, Summary]]]]:
  """Panels with predictions, and these by learner and seed; methods that were measured otherwise are left out."""
  for panel in panels:
    by_learner: dict[str, dict[int, Summary]] = {}
    for row in panel.rows:
      own = {record.seed: found[record.identity] for record in records
             if (record.stream, record.scale, record.learner) == (panel.stream, panel.scale, row.learner)
             and record.identity in found}
      if own and not row.mixed:
        by_learner[row.learner] = own
    if by_learner:
      yield panel, by_learner


def _percent(values: Sequence[float]) -> Cell:
  estimate = statistics.estimate(values)
  return Cell(cells.estimate_text(estimate, measures.FINAL), value=estimate.mean)


def _matrix_text(matrix: np.ndarray) -> str:
  width = len(str(matrix.max()))
  return "\n".join(" ".join(f"{count:{width}d}" for count in row) for row in matrix.tolist())
