"""The numbers that tables and figures show for a run: what they are, how they are printed, which way is better."""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from benchmark.results.records import Record
from lasem_tf.metrics import lifelong


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
  """

  name: str
  title: str
  unit: str
  factor: float
  digits: int
  better: str | None
  explanation: str

  @property
  def heading(self) -> str:
    """Title with unit."""
    return f"{self.title} ({self.unit})" if self.unit else self.title

  def render(self, value: float) -> str:
    """The number as shown."""
    return f"{value * self.factor:,.{self.digits}f}"


PEAK = Measure("peak", "Peak", "%", 100, 2, "higher",
               "peak per-task accuracy: test accuracy at the best validation epoch of each visit, averaged")
FINAL = Measure("final", "Final", "%", 100, 2, "higher", "test accuracy of all tasks after the last visit, averaged")
FORGETTING = Measure("forgetting", "Forgetting", "pp", 100, 2, "lower",
                     "best accuracy since a task's last visit less its final accuracy, averaged without the last task")
BACKWARD_TRANSFER = Measure(
    "backward_transfer", "BWT", "pp", 100, 2, "higher",
    "final accuracy less accuracy right after a task's last visit, averaged without the last task")
RETENTION = Measure("retention", "Retention", "%", 100, 2, "higher",
                    "final accuracy / accuracy right after a task's last visit, averaged without the last task")
RETENTION_OF_PEAK = Measure("retention_of_peak", "Retention of peak", "%", 100, 2, "higher",
                            "final accuracy / peak accuracy of a task, averaged without the last task")
PARAMETERS = Measure("parameters", "Parameters", "", 1, 0, None,
                     "parameters of the committed model after the last visit")
MACS = Measure("macs_per_image", "MACs per image", "M", 1e-6, 3, None,
               "multiply-accumulates to classify one image with the committed model, averaged over tasks")
CPU_SECONDS = Measure("cpu_seconds", "CPU time", "s", 1, 1, None, "process CPU time of the whole run")

MEASURES = (PEAK, FINAL, FORGETTING, BACKWARD_TRANSFER, RETENTION, RETENTION_OF_PEAK, PARAMETERS, MACS, CPU_SECONDS)
# The second retention ratio goes to data frames only: it adds little information and widens every table.
SHOWN = tuple(measure for measure in MEASURES if measure is not RETENTION_OF_PEAK)
PER_TASK = {
    PEAK: lifelong.peak_per_task, FINAL: lifelong.final_per_task, FORGETTING: lifelong.forgetting_per_task,
}


_RUN_COLUMNS = ("identity", "stream", "scale", "learner", "seed", "status", "reason", "display_name",
                "design_fingerprint", "data_fingerprint")
_FURTHER = ("retention_all", "retention_of_peak_all")  # With the task of the last visit.


def runs_frame(records: Sequence[Record]) -> pd.DataFrame:
  """One row per record: who, on what, how it ended, and every measure (NaN unless completed)."""
  rows = []
  for record in records:
    stream = record.result["stream"]
    row = {"identity": record.identity, "stream": record.stream, "scale": record.scale, "learner": record.learner,
           "seed": record.seed, "status": str(record.status), "reason": record.result["reason"],
           "display_name": stream["display_name"], "design_fingerprint": stream["design_fingerprint"],
           "data_fingerprint": stream["data_fingerprint"]}
    row.update({measure.name: math.nan for measure in MEASURES})
    if record.is_completed:
      row.update(dataclasses.asdict(lifelong.summarise(record.matrix)))
      row["parameters"] = float(record.result["parameters"]["after_visit"][-1])
      macs = record.result["forward_macs_committed"]
      row["macs_per_image"] = float(np.mean([macs[task] for task in record.matrix.task_ids]))
      row["cpu_seconds"] = float(record.provenance.get("cpu_seconds", math.nan))
    rows.append(row)
  return pd.DataFrame(rows, columns=[*_RUN_COLUMNS, *(measure.name for measure in MEASURES), *_FURTHER])


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
