"""What stands beside records of their predictions, reduced to what pages show. The files are data of strangers.

Beside a run's record that is `predictions.npz`, beside a collection `predictions.jsonl`, see `summaries`.
"""

import hashlib
import io
import pathlib
import zipfile
from collections.abc import Mapping, Sequence

import numpy as np

from benchmark.results import run_files
from benchmark.results.predictions import summaries as kept
from benchmark.results.predictions.summaries import expected, Summary
from benchmark.results.record_schema import RecordError
from benchmark.results.records import Record
from lasem_tf import files
from lasem_tf.metrics import classification

_HEADER_BYTES = 1024  # Of an array's file, at most.


def summaries(records: Sequence[Record]) -> dict[str, Summary]:
  """Of every completed run with predictions beside its record, by identity.

  Args:
    records: all that `records.load_records` returned, trials too: a line beside a collection must be of one of them.

  Raises:
    RecordError: predictions do not belong to their record.
  """
  found: dict[str, Summary] = {}
  known = {record.recorded_as for record in records}
  for source in dict.fromkeys(record.source for record in records if record.source is not None):
    path = source.parent / run_files.SUMMARIES_FILE
    if source.name == run_files.COLLECTION_FILE and path.exists():
      by_name = {record.recorded_as: record for record in records if record.source == source}
      found |= {record.identity: summary for record, summary in kept.read(path, by_name, known)}
  for record in records:
    own = _path(record)
    if own is not None and record.is_completed:
      found[record.identity] = _summary(record, _read(record, own))
  return found


def _path(record: Record) -> pathlib.Path | None:
  if record.source is None or record.source.name != run_files.RECORD_FILE:
    return None
  path = record.source.parent / run_files.PREDICTIONS_FILE
  return path if path.is_file() and not path.is_symlink() else None


def _read(record: Record, path: pathlib.Path) -> Mapping[str, np.ndarray]:
  """The arrays, once file, sizes, types and values are those that the record speaks of."""
  tasks = expected(record)
  of_an_image = 4 * max((classes for _, classes in tasks.values()), default=0) + 12
  of_an_image += 4 * sum(classes for _, classes in tasks.values())
  most = 2 * _HEADER_BYTES * (4 * len(tasks) + 1) + sum(images for images, _ in tasks.values()) * of_an_image
  if path.stat().st_size > most:
    raise RecordError(f"{path}: larger than the predictions of {record.identity} can be. Delete it to report without.")
  content = path.read_bytes()
  if hashlib.sha256(content).hexdigest() != kept.recorded_digest(record):
    raise RecordError(f"{path}: not the file that the record speaks of (its checksum differs). Delete it to report "
                      "without predictions, or train the run again.")
  try:
    files.refuse_compressed(io.BytesIO(content))
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
      loaded = {name: arrays[name] for name in arrays.files}
    _check(loaded, tasks)
    return loaded
  except (ValueError, KeyError, OSError, zipfile.BadZipFile) as error:
    raise RecordError(f"{path}: not the predictions of {record.identity} ({error!r:.200}). Delete it to report without."
                      ) from error


def _check(arrays: Mapping[str, np.ndarray], tasks: Mapping[int, tuple[int, int]]) -> None:
  """Raises ValueError or KeyError unless every array is there with its type, shape and range."""
  all_classes = sum(classes for _, classes in tasks.values())
  for task, (most, num_classes) in tasks.items():
    logits, labels, rows = (arrays[f"{name}_{task}"] for name in ("logits", "labels", "rows"))
    count = len(logits)
    wanted = [(logits, np.float32, (count, num_classes)), (labels, np.int32, (count,)), (rows, np.int64, (count,))]
    if f"all_logits_{task}" in arrays:
      wanted.append((arrays[f"all_logits_{task}"], np.float32, (count, all_classes)))
    for array, kind, shape in wanted:
      if array.dtype != kind or array.shape != shape or not 0 < count <= most or not np.isfinite(array).all():
        raise ValueError(f"task {task}: {array.dtype} {array.shape}")
    if labels.min() < 0 or labels.max() >= num_classes:
      raise ValueError(f"task {task}: labels up to {labels.max()}")


def _summary(record: Record, arrays: Mapping[str, np.ndarray]) -> Summary:
  tasks, digest = expected(record), hashlib.sha256()
  for task in tasks:
    digest.update(arrays[f"rows_{task}"].tobytes() + b"|" + arrays[f"labels_{task}"].tobytes() + b"|")
  agnostic = None
  if all(f"all_logits_{task}" in arrays for task in tasks):
    first_classes = np.cumsum([0, *(classes for _, classes in tasks.values())])
    agnostic = float(np.concatenate([
        classification.task_agnostic_correct(arrays[f"all_logits_{task}"], arrays[f"labels_{task}"], int(first_class))
        for task, first_class in zip(tasks, first_classes)]).mean())
  own = [(arrays[f"logits_{task}"], arrays[f"labels_{task}"]) for task in tasks]
  return Summary({task: classification.confusion_matrix(*pair) for task, pair in zip(tasks, own)},
                 {task: classification.expected_calibration_error(*pair) for task, pair in zip(tasks, own)},
                 np.concatenate([logits.argmax(axis=1) == labels for logits, labels in own]), digest.hexdigest(),
                 agnostic)
