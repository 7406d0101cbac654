"""The numbers that tables and figures show for a run: what they are, how they are printed, which way is better."""

import dataclasses
import difflib
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from benchmark.results import json_types, methods
from benchmark.results.record_schema import RecordError
from benchmark.results.records import Record
from benchmark.suites import tuning
from lasem_tf.metrics import lifelong, run_result


@dataclasses.dataclass(frozen=True)
class Measure:
  """A column of a table.

  Attributes:
    name: column name in data frames and CSV files, where accuracies are fractions.
    title: heading for people.
    unit: after rendering.
    factor: rendered value / stored value.
    digits: decimals when rendered.
    better: 'higher', 'lower' or None for costs, which are not ranked.
    explanation: one line for captions and tooltips.
    bounds: least and largest possible value, where intervals are cut off; None for none.
    symbol: of counts, which are rendered with a prefix such as k or M before it; None for other numbers.
  """

  name: str
  title: str
  unit: str
  factor: float
  digits: int
  better: str | None
  explanation: str
  bounds: tuple[float, float] | None = None
  symbol: str | None = None

  @property
  def heading(self) -> str:
    """Title with unit."""
    return f"{self.title} ({self.unit})" if self.unit else self.title

  def render(self, value: float) -> str:
    """The number as shown: '63.21', or '1.23 M' of a count."""
    if self.symbol is not None:
      return _with_prefix([value], self.symbol)
    return f"{value * self.factor:,.{self.digits}f}"

  def render_interval(self, mean: float, half_width: float) -> str:
    """'63.21 ± 1.05', '1.23 ± 0.04 M'; '93.50 [64.91, 100.00]' where the interval reaches beyond what is possible."""
    if self.symbol is not None:
      return _with_prefix([mean, half_width], self.symbol)
    ends = mean - half_width, mean + half_width
    if self.bounds is None or (ends[0] >= self.bounds[0] - _ROUNDING and ends[1] <= self.bounds[1] + _ROUNDING):
      return f"{self.render(mean)} ± {self.render(half_width)}"
    return f"{self.render(mean)} [{', '.join(self.render(float(np.clip(end, *self.bounds))) for end in ends)}]"


_ROUNDING = 1e-12  # Of ends of intervals that are at a bound.
_PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
_SHARE, _CHANGE = (0.0, 1.0), (-1.0, 1.0)


def _with_prefix(values: Sequence[float], symbol: str) -> str:
  """Three digits of a count, '1.23 M' or '24.7 MMAC'; of several, joined by '±', those that the first one gets."""
  size = abs(values[0])
  # What rounds to a thousand takes the next prefix.
  scale, prefix = next(((scale, prefix) for scale, prefix in _PREFIXES if size >= 0.9995 * scale), (1.0, ""))
  shown = size / scale
  digits = 0 if float(shown).is_integer() and scale == 1.0 or shown >= 99.95 else 1 if shown >= 9.995 else 2
  numbers = " ± ".join(f"{value / scale:.{digits}f}" for value in values)
  return f"{numbers} {prefix}{symbol}".rstrip()


PEAK = Measure("peak", "Peak", "%", 100, 2, "higher",
               "peak per-task accuracy: test accuracy at the best validation epoch of each visit, averaged", _SHARE)
FINAL = Measure("final", "Final", "%", 100, 2, "higher", "test accuracy of all tasks after the last visit, averaged",
                _SHARE)
FORGETTING = Measure("forgetting", "Forgetting", "pp", 100, 2, "lower",
                     "best accuracy since a task's last visit less its final accuracy, averaged without the last task; "
                     "never negative, as the final accuracy is among those the best is taken of", _SHARE)
FORGETTING_CHAUDHRY = Measure(
    "forgetting_chaudhry", "Forgetting (Chaudhry)", "pp", 100, 2, "lower",
    "best accuracy after any visit before the last one less the final accuracy, averaged without the last task "
    "(Chaudhry et al. 2018); negative where the last visit improved a task", _CHANGE)
LEARNING = Measure("learning", "Learning", "%", 100, 2, "higher",
                   "accuracy right after a task's last visit, averaged (learning accuracy)", _SHARE)
CLASS_INCREMENTAL = Measure(
    "class_incremental", "Class-incremental", "%", 100, 2, "higher",
    "test accuracy of all tasks after the last visit by the largest logit over all heads, the task unknown; needs "
    "`experiment.scenario = 'class_incremental'`", _SHARE)
INCREMENTAL = Measure("incremental", "Incremental", "%", 100, 2, "higher",
                      "accuracy of the tasks learned so far, averaged over them and then over visits", _SHARE)
FORWARD_TRANSFER = Measure(
    "forward_transfer", "FWT", "pp", 100, 2, "higher",
    "accuracy right after learning less that of `stl` on the same task and seed, averaged without the first task",
    _CHANGE)
INTRANSIGENCE = Measure(
    "intransigence", "Intransigence", "pp", 100, 2, "lower",
    "accuracy of `joint` right after a task came less the method's, same task and seed, averaged", _CHANGE)
WORST_CASE = Measure(
    "worst_case", "Worst case", "%", 100, 2, "higher",
    "least accuracy that a task ever had after its last visit, averaged; needs evaluations in visits (`eval_every`)",
    _SHARE)
LEARNING_CURVE = Measure("learning_curve", "Learning curve", "%", 100, 2, "higher",
                         "area under the visited task's validation accuracy over its epochs, averaged over visits",
                         _SHARE)
BACKWARD_TRANSFER = Measure(
    "backward_transfer", "BWT", "pp", 100, 2, "higher",
    "final accuracy less accuracy right after a task's last visit, averaged without the last task", _CHANGE)
RETENTION = Measure("retention", "Retention", "%", 100, 2, "higher",
                    "final accuracy / accuracy right after a task's last visit, averaged without the last task")
RETENTION_OF_PEAK = Measure("retention_of_peak", "Retention of peak", "%", 100, 2, "higher",
                            "final accuracy / peak accuracy of a task, averaged without the last task")
PARAMETERS = Measure("parameters", "Parameters", "", 1, 0, None,
                     "parameters of the committed model after the last visit", symbol="")
MACS = Measure("macs_per_image", "MACs per image", "", 1, 0, None,
               "multiply-accumulates to classify one image with the committed model, averaged over tasks", symbol="MAC")
LATENCY = Measure("latency", "Latency per image", "µs", 1e6, 1, None,
                  "wall time to classify one test image, in the batches of an evaluation, averaged over tasks")
MEMORY = Measure("memory_floats", "Memory", "floats", 1, 0, None,
                 "32-bit numbers kept beside the model (importances, stored images, masks), as the learner reports "
                 "them after the last visit", symbol="")
CPU_SECONDS = Measure("cpu_seconds", "CPU time", "s", 1, 1, None, "process CPU time of the whole run")

MEASURES = (PEAK, FINAL, CLASS_INCREMENTAL, LEARNING, INCREMENTAL, FORGETTING, FORGETTING_CHAUDHRY, BACKWARD_TRANSFER,
            FORWARD_TRANSFER, INTRANSIGENCE, RETENTION, RETENTION_OF_PEAK, WORST_CASE, LEARNING_CURVE, PARAMETERS,
            MEMORY, MACS, LATENCY, CPU_SECONDS)
BY_NAME = {measure.name: measure for measure in MEASURES}
# Columns of tables unless a report names others: few enough to read.
SHOWN = (PEAK, FINAL, CLASS_INCREMENTAL, FORGETTING, BACKWARD_TRANSFER, RETENTION, PARAMETERS, MEMORY, MACS, LATENCY,
         CPU_SECONDS)
IF_KNOWN = (CLASS_INCREMENTAL, MEMORY, LATENCY)  # Not every record says them; a column without any value is left out.
FROM_COURSE = (WORST_CASE, LEARNING_CURVE)  # See `results.course`; the others come from records alone.
PER_TASK = {
    PEAK: lifelong.peak_per_task, FINAL: lifelong.final_per_task, FORGETTING: lifelong.forgetting_per_task,
}


_RUN_COLUMNS = ("identity", "stream", "scale", "learner", "seed", "status", "reason", "display_name",
                "design_fingerprint", "data_fingerprint")
# With the task of the last visit; and what makes the learner a variant of a method.
_FURTHER = ("retention_all", "retention_of_peak_all", "method", "variant", "tuning")
_REFERENCES = ("stl", "joint")
# What learners report under these names after a visit, and how many floats one of it is.
_KEPT = {"retention_floats": 1.0, "memory_logits": 1.0, "memory_bytes": 0.25}
_Course = Mapping[str, Mapping[str, float]]


def find(names: Iterable[str]) -> tuple[Measure, ...]:
  """The measures of these names.

  Raises:
    RecordError: there is none of a name.
  """
  names = tuple(names)
  for name in names:
    if name not in BY_NAME:
      near = difflib.get_close_matches(name, BY_NAME, 1)
      raise RecordError(f"--columns: {name!r} is no measure{f'; did you mean {near[0]!r}?' if near else '.'} There are "
                        f"{', '.join(BY_NAME)}.")
  return tuple(BY_NAME[name] for name in names)


def runs_frame(records: Sequence[Record], course: _Course | None = None) -> pd.DataFrame:
  """One row per record: who, on what, how it ended, and every measure (NaN unless completed).

  Args:
    records: finished runs; forward transfer and intransigence need those of `stl` and `joint` among them.
    course: further measures by identity, from `results.course`.
  """
  rows, references = [], _references(records)
  for record in records:
    stream = record.result["stream"]
    row = {"identity": record.identity, "stream": record.stream, "scale": record.scale, "learner": record.learner,
           "seed": record.seed, "status": str(record.status), "reason": record.result["reason"],
           "display_name": stream["display_name"], "design_fingerprint": stream["design_fingerprint"],
           "data_fingerprint": stream["data_fingerprint"], "method": record.named.method,
           "variant": methods.variant_label(record.learner), "tuning": tuning.describe(record.result.get("tuning"))}
    row.update({measure.name: math.nan for measure in MEASURES})
    if record.is_completed:
      row.update(dataclasses.asdict(lifelong.summarise(record.matrix)))
      row["parameters"] = float(record.result["parameters"]["after_visit"][-1])
      macs = record.result["forward_macs_committed"]
      row["macs_per_image"] = float(np.mean([macs[task] for task in record.matrix.task_ids]))
      row["cpu_seconds"] = float(record.provenance.get("cpu_seconds", math.nan))
      row["class_incremental"] = _class_incremental(record)
      row["memory_floats"] = _memory_floats(record)
      row["latency"] = float(np.mean(record.provenance.get("latency_seconds") or math.nan))
      row.update(_between_runs(record, references))
      row.update((course or {}).get(record.identity, {}))
    rows.append(row)
  return pd.DataFrame(rows, columns=[*_RUN_COLUMNS, *(measure.name for measure in MEASURES), *_FURTHER])


def _class_incremental(record: Record) -> float:
  rows = record.result.get("over_all_heads")
  return float(np.mean([rows[-1][task] for task in record.matrix.task_ids])) if rows else math.nan


def _references(records: Sequence[Record]) -> dict[tuple, Record]:
  """By learner and place: the reference itself, or its variant where there is only one, as of tuned suites."""
  found: dict[tuple, list[Record]] = {}
  for record in records:
    if record.named.method in _REFERENCES and record.is_completed:
      found.setdefault((record.named.method, *_place(record)), []).append(record)
  named = {key: [record for record in own if record.learner == key[0]] or own for key, own in found.items()}
  return {key: own[0] for key, own in named.items() if len(own) == 1}


def _place(record: Record) -> tuple:
  """What two runs must share to be compared task by task."""
  return record.stream, record.scale, record.seed, record.result["stream"]["data_fingerprint"]


def _between_runs(record: Record, references: Mapping[tuple, Record]) -> dict[str, float]:
  single_task, joint = (references.get((learner, *_place(record))) for learner in _REFERENCES)
  found = {}
  if single_task is not None and single_task.matrix.task_ids == record.matrix.task_ids:
    found["forward_transfer"] = lifelong.average_forward_transfer(record.matrix, single_task.matrix)
  if joint is not None and joint.result["stream"]["task_order"] == record.result["stream"]["task_order"]:
    found["intransigence"] = lifelong.average_intransigence(record.matrix, joint.matrix)
  return found


def _memory_floats(record: Record) -> float:
  """As the run's provenance says; in earlier records as the learner's summary does, NaN where it says nothing."""
  if "memory_floats" in record.provenance:
    return float(record.provenance["memory_floats"])
  kept = kept_floats(record.result["learner_summary"][-1] or {})
  return math.nan if kept is None else kept


def kept_floats(summary: Mapping[str, Any]) -> float | None:
  """What a learner's summary of a visit says it keeps beside the model, in floats; None where it says nothing."""
  is_amount = json_types.accepts(run_result.Amount)
  kept = [floats * summary[name] for name, floats in _KEPT.items() if is_amount(summary.get(name))]
  return sum(kept) if kept else None


def per_task_frame(records: Sequence[Record]) -> pd.DataFrame:
  """One row per completed record, task and measure: columns stream, scale, learner, seed, task, measure, value."""
  rows: list[tuple] = []
  for record in records:
    if record.is_completed:
      for measure, function in PER_TASK.items():
        rows.extend((record.stream, record.scale, record.learner, record.seed, task, measure.name, value)
                    for task, value in zip(record.matrix.task_ids, function(record.matrix).tolist()))
  return pd.DataFrame(rows, columns=["stream", "scale", "learner", "seed", "task", "measure", "value"])


def accuracies_frame(records: Sequence[Record]) -> pd.DataFrame:
  """One row per completed run, visit and task learned by then: test accuracy as a fraction."""
  rows: list[tuple] = []
  for record in records:
    if record.is_completed:
      order, rows_of_run = record.result["stream"]["task_order"], record.result["accuracy"]["after_visit"]
      for visit, (task, row) in enumerate(zip(order, rows_of_run)):
        rows.extend(
            (record.identity, record.stream, record.scale, record.learner, record.seed, visit, task, other, value)
            for other, value in enumerate(row)
            if value is not None)
  return pd.DataFrame(rows, columns=["identity", "stream", "scale", "learner", "seed", "visit", "visited_task", "task",
                                     "accuracy"])
