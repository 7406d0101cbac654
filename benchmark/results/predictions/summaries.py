"""What a run's predictions say, small enough to commit: `predictions.jsonl` beside a collection, one run a line.

`benchmark.export` reduces every `predictions.npz` to a line; `benchmark.report` reads it to the same numbers, bit for
bit. A line names the SHA-256 of the file it was made from, which the run's record has too, and ends with its own.
"""

import base64
import binascii
import dataclasses
import hashlib
import json
import pathlib
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np

from benchmark.results import json_types, run_files
from benchmark.results.record_schema import RecordError
from benchmark.results.records import Record
from lasem_tf.files import write_atomically
from lasem_tf.metrics.run_result import Count, Fraction, Text


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Line:
  """A run's line; tasks ascend."""

  identity: Text
  source: Text  # SHA-256 of the run's `predictions.npz`.
  confusions: list[list[list[Count]]]
  calibration_errors: list[Fraction]
  correct: str  # Bits of all tasks' images, packed, in Base64.
  images: Text
  agnostic_accuracy: Fraction | None
  digest: Text  # SHA-256 of all entries but this one.


@dataclasses.dataclass(frozen=True, eq=False)
class Summary:
  """What one run's predictions say.

  Attributes:
    confusions: int64 `[classes, classes]` of every visited task, see `classification.confusion_matrix`.
    calibration_errors: of every visited task.
    correct: bool `[images of all tasks]`.
    images: digest of which images these are; runs of equal digests are comparable image by image.
    agnostic_accuracy: share of all images whose largest logit over all heads is the right one; None where not all heads
      were asked.
  """

  confusions: dict[int, np.ndarray]
  calibration_errors: dict[int, float]
  correct: np.ndarray
  images: str
  agnostic_accuracy: float | None


def expected(record: Record) -> dict[int, tuple[int, int]]:
  """Numbers of test images and of classes of every visited task, ascending."""
  stream = record.result["stream"]
  images, classes = stream["counts"].get("test", []), stream["num_classes"]
  return {task: (images[task], classes[task]) for task in record.matrix.task_ids
          if task < len(images) and images[task]}


def recorded_digest(record: Record) -> str | None:
  """SHA-256 of the run's `predictions.npz` as its record has it; None where the run wrote none."""
  return record.provenance.get("files", {}).get(run_files.PREDICTIONS_FILE)


def write(summaries: Mapping[str, Summary], records: Collection[Record], path: pathlib.Path) -> bool:
  """Writes the summaries, sorted by identity; where there are none, removes the file of an earlier export.

  Args:
    summaries: by identity.
    records: among them those of the summaries.
    path: file to write.

  Returns:
    Whether there were any.
  """
  if not summaries:
    path.unlink(missing_ok=True)
    return False
  by_identity = {record.identity: record for record in records}
  lines = [json.dumps(_to_json(by_identity[identity], summaries[identity]), sort_keys=True)
           for identity in sorted(summaries)]
  write_atomically(path, "".join(line + "\n" for line in lines))
  return True


def read(path: pathlib.Path, by_name: Mapping[str, Record], known: Collection[str]) -> Iterator[tuple[Record, Summary]]:
  """Reads the summaries of a collection's runs.

  Args:
    path: file that `write` wrote.
    by_name: the collection's records by the identity they were recorded as.
    known: such identities of all records, other folders' too: a run that was found twice counts for one of them.

  Raises:
    RecordError: a line is damaged, or of a run of another collection.
  """
  for where, line in run_files.read_lines(path):
    try:
      content = json.loads(line)
      _check(content)
    except (ValueError, TypeError, RecursionError) as error:
      raise RecordError(f"{where}: not the predictions of a run ({error!r:.200}). Export the collection again, or "
                        "delete the file to report without predictions.") from error
    identity = content["identity"]
    if identity in by_name:
      yield by_name[identity], _from_json(content, by_name[identity], where)
    elif identity not in known:
      raise _foreign(where, f"{identity!r:.200} is not among the runs")


def _to_json(record: Record, summary: Summary) -> dict[str, Any]:
  content = {
      "identity": record.identity,
      "source": recorded_digest(record),
      "images": summary.images,
      "agnostic_accuracy": summary.agnostic_accuracy,
      "correct": base64.b64encode(np.packbits(summary.correct).tobytes()).decode(),
      "confusions": [summary.confusions[task].tolist() for task in expected(record)],
      "calibration_errors": [summary.calibration_errors[task] for task in expected(record)],
  }
  return {**content, "digest": line_digest(content)}


def line_digest(content: Mapping[str, Any]) -> str:
  return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _check(content: Any) -> None:
  """Raises ValueError unless a line is whole by itself."""
  defect = json_types.problem(_Line, content, "")
  if defect is not None:
    raise ValueError(defect)
  if content["digest"] != line_digest({name: value for name, value in content.items() if name != "digest"}):
    raise ValueError("it does not fit its digest, so it was edited or damaged")


def _from_json(content: Mapping[str, Any], record: Record, where: str) -> Summary:
  """The summary, once its shapes and counts are those that the record speaks of."""
  if not record.is_completed or content["source"] != recorded_digest(record):
    raise _foreign(where, f"not reduced from the predictions that the record of {record.identity} speaks of")
  tasks = expected(record)
  try:
    confusions = [np.asarray(rows, np.int64) for rows in content["confusions"]]
    packed = np.frombuffer(base64.b64decode(content["correct"], validate=True), np.uint8)
    totals = [int(matrix.sum()) for matrix in confusions]
    num_errors = len(content["calibration_errors"])
    if not len(confusions) == num_errors == len(tasks):
      raise ValueError(f"{len(confusions)} matrices and {num_errors} calibration errors of {len(tasks)} tasks")
    for total, matrix, (most, num_classes) in zip(totals, confusions, tasks.values()):
      if matrix.shape != (num_classes, num_classes) or matrix.max() > most or not 0 < total <= most:
        raise ValueError(f"a matrix {matrix.shape} of {total} images")
    if len(packed) != (sum(totals) + 7) // 8:
      raise ValueError(f"{len(packed)} bytes of {sum(totals)} answers")
    correct = np.unpackbits(packed, count=sum(totals)).astype(bool)
    for matrix, answers in zip(confusions, np.split(correct, np.cumsum(totals)[:-1])):
      if np.trace(matrix) != answers.sum():
        raise ValueError("answers and matrices disagree")
  except (ValueError, OverflowError, binascii.Error) as error:
    raise _foreign(where, f"not the predictions of {record.identity} ({error!r:.200})") from error
  return Summary(dict(zip(tasks, confusions)), dict(zip(tasks, content["calibration_errors"])), correct,
                 content["images"], content["agnostic_accuracy"])


def _foreign(where: str, what: str) -> RecordError:
  return RecordError(f"{where}: {what} beside it. Export the collection again, or delete the file to report without "
                     "predictions.")
