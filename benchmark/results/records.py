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

from benchmark.results import differences, record_schema, run_files
from benchmark.results.record_schema import ContradictoryRecordsError, NoRecordsError, RecordError, SCHEMA_VERSION
from benchmark.results.status import Status
from benchmark.suites.identity import Identity
from lasem_tf.files import write_atomically
from lasem_tf.metrics.accuracy_matrix import AccuracyMatrix

__all__ = ["Record", "RecordError", "identity_key", "load_records", "read_record", "write_collection",
           "write_record"]


@dataclasses.dataclass(frozen=True, eq=False)
class Record:
  """One finished run.

  Attributes:
    identity: 'stream/learner/scale/seedN', see `suites.identity`; unique within a suite.
    result: what the run measured; equal bit for bit whenever the run is repeated on the same kind of machine.
    provenance: how it was measured.
    source: the file it was read from; None for one made in memory.
    recorded_as: the identity there, where a report calls the run otherwise; by default the same.
  """

  identity: str
  result: Mapping[str, Any]
  provenance: Mapping[str, Any]
  source: pathlib.Path | None = None
  recorded_as: str = ""

  def __post_init__(self):
    if not self.recorded_as:
      object.__setattr__(self, "recorded_as", self.identity)

  @functools.cached_property
  def named(self) -> Identity:
    """The parts of the identity."""
    try:
      return Identity.parse(self.identity)
    except ValueError as error:
      raise RecordError(str(error)) from error

  @property
  def stream(self) -> str:
    """Name of the stream's configuration, e.g. 'cifar100'."""
    return self.named.stream

  @property
  def learner(self) -> str:
    """Name of the learner's configuration, e.g. 'lasem_hps'."""
    return self.named.learner

  @property
  def scale(self) -> str:
    """Name of the scale's configuration, e.g. 'paper'."""
    return self.named.scale

  @property
  def seed(self) -> int:
    """The trial."""
    return self.named.seed

  def called(self, learner: str) -> "Record":
    """The same run under another name of its learner."""
    if learner == self.learner:
      return self
    identity = Identity(self.stream, learner, self.scale, self.seed)
    return dataclasses.replace(self, identity=str(identity), result={**self.result, "learner": learner})

  @property
  def learner_as_recorded(self) -> str:
    """The learner's name in the file, where a report calls the run otherwise."""
    return Identity.parse(self.recorded_as).learner

  @property
  def status(self) -> Status:
    """One of `status.RECORDED`."""
    return Status(self.result["status"])

  @property
  def is_completed(self) -> bool:
    """Whether the run has numbers."""
    return self.status == Status.COMPLETED

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
  return _parse(run_files.read_text(source), str(source), source)


def load_records(folders: Sequence[str | os.PathLike], by_configuration: bool = False) -> list[Record]:
  """Reads and merges the records of several folders, sorted by identity.

  A run found twice with equal results is kept once. A failed attempt yields to one that finished.

  Args:
    folders: result folders, or single record or collection files.
    by_configuration: keep runs of one identity that have different settings.

  Raises:
    NoRecordsError: a folder is missing or holds no record.
    ContradictoryRecordsError: two records of one identity disagree.
    RecordError: a record cannot be used.
    OSError: a folder cannot be read, or a symbolic link leads nowhere.
  """
  merged: dict[tuple[str, str], Record] = {}
  for folder in folders:
    found = False
    for record in _records_of(pathlib.Path(folder)):
      found = True
      key = record.identity, record.result["configuration_hash"] if by_configuration else ""
      merged[key] = _merge(merged.get(key), record)
    if not found:
      raise NoRecordsError(
          f"{folder}: no {run_files.RECORD_FILE} or {run_files.COLLECTION_FILE} below it. Name the --output_dir of a "
          "suite that has finished at least one run.")
  return sorted(merged.values(), key=identity_key)


def identity_key(record: Record) -> tuple:
  """Sorts by stream, scale, learner and the seed as a number."""
  return record.stream, record.scale, record.learner, record.seed


def _records_of(folder: pathlib.Path) -> Iterator[Record]:
  for source in run_files.find(folder):
    if source.name == run_files.RECORD_FILE or source.suffix == ".json":
      yield _parse(run_files.read_text(source), str(source), source)
    else:
      yield from (_parse(line, where, source) for where, line in run_files.read_lines(source))


def _parse(text: str, where: str, source: pathlib.Path) -> Record:
  content = record_schema.parse(text, where)
  return Record(content["identity"], content["result"], content["provenance"], source)


def _merge(first: Record | None, second: Record) -> Record:
  if first is None or first.result == second.result:
    return first or second
  results = differences.comparable(first.result, second.result)
  if results[0] == results[1]:  # One of the two measured more.
    return max(first, second, key=lambda record: sum(value is not None for value in record.result.values()))
  hashes = [record.result["configuration_hash"] for record in (first, second)]
  if hashes[0] == hashes[1] and Status.FAILED in (first.status, second.status):
    return second if first.status == Status.FAILED else first
  both = f"{second.identity}: {first.source} and {second.source}"
  if hashes[0] != hashes[1]:
    settings = differences.of_settings(first.source, second.source, second.identity)
    raise ContradictoryRecordsError(
        f"{both} were trained with different settings ({differences.in_words(settings) or ' and '.join(hashes)}). "
        "Report their folders apart, or as variants of the method: benchmark.report --variants.")
  others = differences.in_words(differences.of_circumstances(first.provenance, second.provenance))
  raise ContradictoryRecordsError(
      f"{both} were trained with equal settings and disagree in "
      f"{differences.in_words(differences.of_values(*results))}. "
      f"{f'Circumstances differ in {others}. ' if others else ''}Keep the record you trust and move the other away.")
