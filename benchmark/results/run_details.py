"""What stands beside a run's record: its configurations and its course, epoch by epoch.

`benchmark.run` leaves `requested.gin`, `operative.gin` and `events.jsonl` beside `record.json`. A collection carries
the same, thinned, in `details.jsonl` beside `records.jsonl`, one run a line, so that a committed report needs no run
folder.
"""

import dataclasses
import json
import math
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from benchmark.results import record_values, run_files
from benchmark.results.record_schema import RecordError
from benchmark.results.records import Record
from lasem_tf.files import write_atomically

MAX_EPOCHS_PER_VISIT = 60
_COLUMNS = ("visit", "task", "global_epoch", "loss", "validation_accuracy", "test_accuracy", "prior")


@dataclasses.dataclass(frozen=True)
class RunDetails:
  """Configurations and course of one run.

  Attributes:
    requested: Gin text as the user composed it; empty where unknown.
    operative: Gin text of what was in force; empty where unknown.
    epochs: columns of equal length, one entry per kept epoch: visit, task, global_epoch, loss, validation_accuracy,
      test_accuracy (None where it was not measured), prior (list over configurations, None outside a search).
  """

  requested: str
  operative: str
  epochs: Mapping[str, list]

  @property
  def num_epochs(self) -> int:
    """Number of kept epochs."""
    return len(self.epochs["visit"])


def load_details(records: Sequence[Record], max_epochs_per_visit: int = MAX_EPOCHS_PER_VISIT) -> dict[str, RunDetails]:
  """Finds what stands beside the records; runs with nothing beside them are left out.

  Args:
    records: as `records.load_records` returns them.
    max_epochs_per_visit: keep no more epochs than this of each visit, evenly spaced, its first and last among them.

  Returns:
    Details by identity.

  Raises:
    RecordError: a file is damaged, or does not fit its record.
  """
  wanted = {record.identity: record for record in records}
  collected = {(record.source, record.recorded_as): record.identity for record in records}
  result: dict[str, RunDetails] = {}
  for source in dict.fromkeys(record.source for record in records if record.source is not None):
    if source.name == run_files.COLLECTION_FILE and (source.parent / run_files.DETAILS_FILE).exists():
      for identity, details in _read_collection(source.parent / run_files.DETAILS_FILE):
        if (source, identity) in collected:
          result[collected[source, identity]] = details
  for record in records:
    if record.source is not None and record.source.suffix == ".json" and (
        own := _read_folder(record.source.parent, max_epochs_per_visit)) is not None:
      result[record.identity] = own
  for identity, details in result.items():
    _check_visits(details, wanted[identity])
  return result


def write_details(details: Mapping[str, RunDetails], path: pathlib.Path) -> None:
  """Writes a collection, sorted by identity."""
  lines = [json.dumps({"identity": identity, **dataclasses.asdict(details[identity])}, sort_keys=True)
           for identity in sorted(details)]
  write_atomically(path, "".join(line + "\n" for line in lines))


def _read_folder(folder: pathlib.Path, max_epochs_per_visit: int) -> RunDetails | None:
  requested, operative = (run_files.read_text(folder / name) if (folder / name).exists() else ""
                          for name in (run_files.REQUESTED_FILE, run_files.OPERATIVE_FILE))
  events = folder / run_files.EVENTS_FILE
  rows = _epoch_rows(events) if events.exists() else []
  if not (requested or operative or rows):
    return None
  return RunDetails(requested, operative, _thin(rows, max_epochs_per_visit))


def _epoch_rows(path: pathlib.Path) -> list[tuple]:
  """A row for every epoch; test accuracies stand where a phase's best epoch was tested."""
  rows: dict[tuple, dict[str, Any]] = {}
  for where, line in run_files.read_lines(path):
    try:
      event = json.loads(line, parse_constant=lambda _: None)
      key = event.get("visit"), event.get("global_epoch")
      if event.get("event") == "epoch":
        prior = (event.get("diagnostics") or {}).get("prior")
        # Six decimals keep a committed report small; curves and heat maps cannot show more.
        rows[key] = {**{name: _rounded(event.get(name)) for name in _COLUMNS[:-1]},
                     "prior": None if prior is None else [_rounded(value) for value in np.ravel(prior).tolist()]}
      elif event.get("event") == "best_epoch":
        rows[key]["test_accuracy"] = _rounded(event["test_accuracy"])
      else:
        continue
      _check_epochs({name: [value] for name, value in rows[key].items()})
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
      raise RecordError(f"{where}: not an event of a run ({error!r:.200}). Delete the file to report without curves."
                        ) from error
  return [tuple(row.values()) for row in rows.values()]


def _thin(rows: Sequence[tuple], max_epochs_per_visit: int) -> dict[str, list]:
  kept: list[tuple] = []
  for visit in dict.fromkeys(row[0] for row in rows):
    own = [row for row in rows if row[0] == visit]
    count = min(len(own), max_epochs_per_visit)
    kept.extend(own[index] for index in np.unique(np.linspace(0, len(own) - 1, count).round().astype(int)))
  return {name: [row[column] for row in kept] for column, name in enumerate(_COLUMNS)}


def _read_collection(path: pathlib.Path) -> Iterator[tuple[str, RunDetails]]:
  for where, line in run_files.read_lines(path):
    try:
      content = json.loads(line)
      columns = {name: content["epochs"][name] for name in _COLUMNS}
      _check_epochs(columns)
      texts = content["identity"], content["requested"], content["operative"]
      "".join(texts).encode()
      yield texts[0], RunDetails(*texts[1:], columns)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
      raise RecordError(f"{where}: not the details of a run ({error!r:.200}). Export the collection again.") from error


def _check_epochs(columns: Mapping[str, Any]) -> None:
  defect = record_values.course_problem(columns)
  if defect is not None:
    raise ValueError(defect)


def _check_visits(details: RunDetails, record: Record) -> None:
  """The course of a completed run has epochs of each visit, and no course goes backwards."""
  epochs, order = details.epochs, record.result["stream"]["task_order"]
  where = f"{record.identity}: its course beside {record.source}"
  for name in ("visit", "global_epoch"):
    if any(later < earlier for earlier, later in zip(epochs[name], epochs[name][1:])):
      raise RecordError(f"{where} goes backwards in {name}. Delete it to report without curves.")
  if record.is_completed and details.num_epochs and set(epochs["visit"]) != set(range(len(order))):
    raise RecordError(f"{where} has epochs of other visits than 0 to {len(order) - 1}. Delete it to report without "
                      "curves.")


def _rounded(value: Any) -> Any:
  return round(value, 6) if isinstance(value, float) and math.isfinite(value) else value
