"""Measures that need the course of a run beside its record: worst-case accuracy and the area under learning curves."""

import json
from collections.abc import Mapping, Sequence

from benchmark.results import json_types, measures, run_files
from benchmark.results.record_schema import RecordError
from benchmark.results.records import Record
from benchmark.results.run_details import RunDetails
from lasem_tf.metrics import curves, run_result


def of_runs(records: Sequence[Record], details: Mapping[str, RunDetails]) -> dict[str, dict[str, float]]:
  """By identity, those of `measures.FROM_COURSE` that the files beside a completed run's record allow.

  Args:
    records: finished runs.
    details: from `run_details.load_details`.

  Raises:
    RecordError: a run's events are damaged.
  """
  found: dict[str, dict[str, float]] = {}
  for record in records:
    own: dict[str, float] = {}
    if not record.is_completed:
      continue
    if record.identity in details and details[record.identity].num_epochs:
      epochs = details[record.identity].epochs
      trained = [index for index, epoch in enumerate(epochs["global_epoch"]) if epoch > 0]
      own[measures.LEARNING_CURVE.name] = curves.area_under_learning_curve(
          *([epochs[name][index] for index in trained] for name in ("visit", "global_epoch", "validation_accuracy")))
    if curve := _curve(record):
      own[measures.WORST_CASE.name] = curves.worst_case_accuracy(record.matrix, curve)
    found[record.identity] = own
  return found


def _curve(record: Record) -> list[tuple[int, list[float | None]]]:
  """(visit, test accuracy of every visited task) of each evaluation of all tasks within visits; none in collections."""
  if record.source is None or record.source.name != run_files.RECORD_FILE:
    return []
  path = record.source.parent / run_files.EVENTS_FILE
  curve, num_visits, num_tasks = [], record.matrix.num_visits, len(record.result["stream"]["num_classes"])
  for where, line in run_files.read_lines(path) if path.exists() else ():
    if '"curve"' not in line:
      continue
    try:
      event = json.loads(line)
      row = event["accuracies"].get("test")
      if row is None:
        continue
      visit = event["visit"]
      if not json_types.accepts(run_result.Row)(row) or type(visit) is not int or not 0 <= visit < num_visits or len(
          row) != num_tasks:
        raise ValueError(f"{visit}, {row}")
      curve.append((visit, [row[task] for task in record.matrix.task_ids]))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
      raise RecordError(f"{where}: not a curve of this run ({error!r:.200}). Delete the file to report without it."
                        ) from error
  return curve
