"""Run records: one JSON file per run, read from any number of folders. No TensorFlow here.

A folder may hold runs in the layout of `benchmark.run` (`.../record.json`, at any depth), collections of records, one a
line (`records.jsonl`, as `benchmark.export --format=jsonl` writes them), or both.
"""

import dataclasses
import functools
import json
import os
import pathlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from benchmark.results import record_schema, run_files
from benchmark.results.record_schema import ContradictoryRecordsError, NoRecordsError, RecordError, SCHEMA_VERSION
from lasem_tf.files import write_atomically
from lasem_tf.metrics.accuracy_matrix import AccuracyMatrix


@dataclasses.dataclass(frozen=True, eq=False)
class Record:
  """One finished run.

  Attributes:
    identity: 'stream/learner/scale/seedN', unique within a suite.
    result: what the run measured; equal bit for bit whenever the run is repeated on the same kind of machine.
    provenance: how it was measured.
    source: the file it was read from; None for one made in memory.
  """

  identity: str
  result: Mapping[str, Any]
  provenance: Mapping[str, Any]
  source: pathlib.Path | None = None

  @property
  def stream(self) -> str:
    """Name of the stream's configuration, e.g. 'cifar100'."""
    return self.identity.split("/", 1)[0]

  @property
  def learner(self) -> str:
    """Name of the learner's configuration, e.g. 'lasem_hps'."""
    return self.result["learner"]

  @property
  def scale(self) -> str:
    """Name of the scale's configuration, e.g. 'paper'."""
    return self.result["scale"]

  @property
  def seed(self) -> int:
    """The trial."""
    return self.result["seed"]

  @property
  def status(self) -> str:
    """'completed', 'diverged' or 'failed'."""
    return self.result["status"]

  @property
  def is_completed(self) -> bool:
    """Whether the run has numbers."""
    return self.status == "completed"

  @functools.cached_property
  def matrix(self) -> AccuracyMatrix:
    """The accuracies of a completed run."""
    if not self.is_completed:
      raise RecordError(f"{self.identity}: a {self.status} run has no accuracies.")
    accuracy = self.result["accuracy"]
    return AccuracyMatrix.from_rows(accuracy["after_visit"], accuracy["at_best_validation"],
                                    self.result["stream"]["task_order"])

  def to_json(self) -> dict:
    """The object that is written, digest included.

    Raises:
      RecordError: the record breaks the format; it would be refused when read.
    """
    result = record_schema.to_json(self.result, self.identity)
    provenance = record_schema.to_json(self.provenance, self.identity)
    record = {"schema_version": SCHEMA_VERSION, "identity": self.identity, "result": result,
              "result_digest": record_schema.digest(self.identity, result), "provenance": provenance}
    record_schema.check(record, self.identity)
    return record


def write_record(record: Record, path: str | os.PathLike) -> pathlib.Path:
  """Writes one record so that a reader sees all of it or none, even after a power cut.

  Args:
    record: what to write.
    path: the run's directory, or the file itself if the name ends in '.json'.

  Returns:
    The file written.
  """
  path = pathlib.Path(path)
  target = path if path.suffix == ".json" else path / run_files.RECORD_FILE
  write_atomically(target, json.dumps(record.to_json(), indent=1, sort_keys=True) + "\n")
  return target


def write_collection(records: Iterable[Record], path: str | os.PathLike) -> None:
  """Writes records to a JSON-lines file, sorted by identity."""
  lines = [json.dumps(record.to_json(), sort_keys=True) for record in sorted(records, key=identity_key)]
  write_atomically(pathlib.Path(path), "".join(line + "\n" for line in lines))


def read_record(path: str | os.PathLike) -> Record:
  """Reads the record of one run; `path` is the run's directory or the file.

  Raises:
    RecordError: it is missing, of another format, edited, incomplete or not finite.
  """
  path = pathlib.Path(path)
  source = path / run_files.RECORD_FILE if path.is_dir() else path
  if not source.exists():
    raise NoRecordsError(f"{source}: no such record; the run has not finished.")
  return _parse(_read_text(source), str(source), source)


def load_records(folders: Sequence[str | os.PathLike]) -> list[Record]:
  """Reads and merges the records of several folders, sorted by identity.

  A run found twice with equal results is kept once. A failed attempt yields to one that finished.

  Args:
    folders: result folders, or single record or collection files.

  Raises:
    NoRecordsError: a folder is missing or holds no record.
    ContradictoryRecordsError: two records of one identity disagree.
    RecordError: a record cannot be used.
  """
  merged: dict[str, Record] = {}
  for folder in folders:
    found = False
    for record in _records_of(pathlib.Path(folder)):
      found = True
      merged[record.identity] = _merge(merged.get(record.identity), record)
    if not found:
      raise NoRecordsError(
          f"{folder}: no {run_files.RECORD_FILE} or {run_files.COLLECTION_FILE} below it. Name the --output_dir of a "
          "suite that has finished at least one run.")
  return sorted(merged.values(), key=identity_key)


def identity_key(record: Record) -> tuple:
  """Sorts by stream, scale, learner and the seed as a number."""
  return record.stream, record.scale, record.learner, record.seed


def _records_of(folder: pathlib.Path) -> Iterator[Record]:
  for source in _sources(folder):
    if source.name == run_files.RECORD_FILE or source.suffix == ".json":
      yield _parse(_read_text(source), str(source), source)
      continue
    with open(source, encoding="utf-8") as file:
      for number, line in enumerate(file, start=1):
        if line.strip():
          yield _parse(line, f"{source}, line {number}", source)


def _sources(folder: pathlib.Path) -> Iterator[pathlib.Path]:
  if folder.is_file():
    yield folder
  for directory, names, files in os.walk(folder):
    names.sort()
    if run_files.RECORD_FILE in files:
      names.clear()  # A run's folder holds checkpoints and logs, no further runs.
    yield from (pathlib.Path(directory, name) for name in (run_files.RECORD_FILE, run_files.COLLECTION_FILE)
                if name in files)


def _read_text(source: pathlib.Path) -> str:
  try:
    return source.read_text(encoding="utf-8")
  except (OSError, UnicodeDecodeError) as error:
    raise RecordError(f"{source}: cannot be read ({error}).") from error


def _parse(text: str, where: str, source: pathlib.Path) -> Record:
  content = record_schema.parse(text, where)
  return Record(content["identity"], content["result"], content["provenance"], source)


def _merge(first: Record | None, second: Record) -> Record:
  if first is None or first.result == second.result:
    return first or second
  if "failed" in (first.status, second.status) and first.result["configuration_hash"] == second.result[
      "configuration_hash"]:
    return second if first.status == "failed" else first
  field = next(_differences(first.result, second.result, "result"))
  raise ContradictoryRecordsError(
      f"{second.identity}: {first.source} and {second.source} disagree in {field}. Keep the "
      "record you trust and move the other away.")


def _differences(first: Any, second: Any, name: str) -> Iterator[str]:
  if isinstance(first, Mapping) and isinstance(second, Mapping) and first.keys() == second.keys():
    for key in first:
      yield from _differences(first[key], second[key], f"{name}.{key}")
  elif first != second:
    yield name
