"""What a run record must look like, and the errors that say where one does not.

A record has a `result`, which two runs of one identity must share bit for bit, and a `provenance`, which they need not.
A digest of identity and result travels in the record, so that a number edited by hand is noticed. The format is that of
`RecordFile`, published as `record.schema.json`; a JSON Schema validator would take minutes over ten thousand matrices,
the checks here are plain Python and NumPy.
"""

import dataclasses
import hashlib
import json
import math
import pathlib
import reprlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np

from benchmark.results import json_types, record_values
from benchmark.results.status import Status
from benchmark.suites import identity as identity_lib
from benchmark.suites.identity import Identity
from lasem_tf import files
from lasem_tf.metrics import run_result
from lasem_tf.metrics.accuracy_matrix import AccuracyMatrix

SCHEMA_VERSION = 1
SCHEMA_PATH = pathlib.Path(__file__).with_name("record.schema.json")


@dataclasses.dataclass(frozen=True, kw_only=True)
class RecordFile:
  """A run's record as it is written.

  Attributes:
    schema_version: of this format.
    identity: 'stream/learner/scale/seedN', unique within a suite.
    result: what the run measured; equal bit for bit whenever the run is repeated on the same kind of machine.
    result_digest: SHA-256 of identity and result, see `record_schema.digest`.
    provenance: how it was measured; may differ between equal results.
  """

  schema_version: Literal[1]
  identity: Annotated[str, run_result.Pattern(identity_lib.PATTERN)]
  result: run_result.RunResult
  result_digest: Annotated[str, run_result.Pattern("[0-9a-f]{64}")]
  provenance: dict[str, Any]


class RecordError(ValueError):
  """A record cannot be used; the message names the record and the remedy."""


class SchemaVersionError(RecordError):
  """The record was written by a version of the suite with another record format."""


class EditedRecordError(RecordError):
  """The result does not belong to its digest: somebody edited it, or it is damaged."""


class NonFiniteValueError(RecordError):
  """The record holds NaN or an infinity where only finite numbers make sense."""


class ContradictoryRecordsError(RecordError):
  """Two records of one identity disagree."""


class NoRecordsError(RecordError):
  """A folder holds no record."""


def to_json(value: Any, where: str) -> Any:
  """The value as JSON gives it back: lists for tuples, text keys.

  Raises:
    NonFiniteValueError: names the first field that is not finite.
  """
  try:
    return json.loads(json.dumps(value, allow_nan=False))
  except ValueError as error:
    field = next(_non_finite_fields(value, "result"), "a field")
    raise NonFiniteValueError(f"{where}: {field} is not a finite number; use null for what is not known.") from error


def digest(identity: str, result: Any) -> str:
  """SHA-256 of identity and result in canonical JSON (as `to_json` returns it), 64 hexadecimal digits.

  Raises:
    ValueError: a number is not finite.
  """
  return _sha256(_canonical(identity, result))


def parse(text: str, where: str) -> dict:
  """Reads and checks the JSON text of one record.

  Args:
    text: a JSON object.
    where: how messages call the record, e.g. its path.

  Raises:
    RecordError: one of its subclasses, by what is wrong.
  """
  def refuse(constant):
    raise NonFiniteValueError(f"{where}: holds {constant}, which is no finite number. Delete the record and run again.")

  try:
    record = json.loads(text, parse_constant=refuse)
  except RecordError:
    raise
  except (ValueError, RecursionError) as error:  # A number of thousands of digits is a ValueError.
    raise RecordError(f"{where}: not valid JSON ({error}). Delete the record and run again.") from error
  check(record, where)
  return record


def check(record: Any, where: str) -> None:
  """Raises a `RecordError` unless the object is a complete record whose digest fits."""
  if not isinstance(record, Mapping) or "schema_version" not in record:
    raise RecordError(f"{where}: not a run record (no schema_version).")
  if record_values.is_too_deep(record):
    raise RecordError(f"{where}: nests blocks deeper than {record_values.MAX_DEPTH}. Delete the record and run again.")
  version = record["schema_version"]
  if type(version) is not int or version != SCHEMA_VERSION:
    raise SchemaVersionError(
        f"{where}: has record format {reprlib.repr(version)}, this version of the suite reads {SCHEMA_VERSION}. "
        "Read it with the version that wrote it, or run again.")
  missing = [field.name for field in dataclasses.fields(RecordFile) if field.name not in record]
  if missing:
    raise RecordError(f"{where}: {missing[0]} is missing.")
  try:
    texts = _canonical(record["identity"], record["result"]), json.dumps(record["provenance"], allow_nan=False)
  except ValueError as error:
    field = next(_non_finite_fields(record, ""), ".a field").removeprefix(".")
    raise NonFiniteValueError(f"{where}: {field} is not a finite number. Delete the record and run again.") from error
  if any(map(record_values.has_half_surrogate, texts)):
    raise RecordError(f"{where}: holds half a surrogate pair. Delete the record and run again.")
  if _sha256(texts[0]) != record["result_digest"]:
    raise EditedRecordError(
        f"{where}: the result does not fit its digest, so it was edited by hand or damaged. Restore "
        "it, or delete it and run again.")
  named = _identity(record["identity"], where)
  problem = json_types.problem(RecordFile, record, "") or record_values.provenance_problem(record["provenance"])
  if problem is not None:
    raise RecordError(f"{where}: {problem}. Delete the record and run again.")
  _check_result(named, record["result"], where)


def json_schema() -> dict[str, Any]:
  """The format of records as JSON Schema; lengths of lists, which depend on each other, are comments."""
  return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Run record",
          "description": "Generated from lasem_tf.metrics.run_result and benchmark.results.record_schema.",
          **json_types.schema(RecordFile)}


def _canonical(identity: str, result: Any) -> str:
  return json.dumps([identity, result], sort_keys=True, separators=(",", ":"), allow_nan=False)


def _sha256(text: str) -> str:
  return hashlib.sha256(text.encode()).hexdigest()


def _identity(text: Any, where: str) -> Identity:
  """The parts of an identity; its pattern in the schema says less clearly what is wrong."""
  try:
    return Identity.parse(str(text))
  except ValueError as error:
    raise RecordError(f"{where}: identity {error} Delete the record and run again.") from error


def _check_result(named: Identity, result: Mapping, where: str) -> None:
  if (named.learner, named.scale, named.seed) != (result["learner"], result["scale"], result["seed"]):
    raise RecordError(f"{where}: identity '{named}' does not fit result.learner, result.scale and result.seed.")
  if (defect := record_values.result_problem(result)) is not None:
    raise RecordError(f"{where}: {defect}. Delete the record and run again.")
  if result["status"] != Status.COMPLETED:
    if not result["reason"]:
      raise RecordError(f"{where}: a {result['status']} run must state its reason.")
    return
  lengths = {"visit": len(result["stream"]["task_order"]), "task": len(result["stream"]["num_classes"])}
  for name, entries, values in json_types.lists(run_result.RunResult, result, "result"):
    if len(values) != lengths[entries.each]:
      raise RecordError(f"{where}: {name} has {len(values)} entries, not {lengths[entries.each]}.")
    for index, value in enumerate(values if entries.padded else ()):
      if value is None and (entries.each == "visit" or index in result["stream"]["task_order"]):
        raise RecordError(f"{where}: {name}[{index}] is null, though the run completed.")
  accuracy = result["accuracy"]
  try:
    AccuracyMatrix.from_rows(accuracy["after_visit"], accuracy["at_best_validation"], result["stream"]["task_order"])
  except ValueError as error:
    raise RecordError(f"{where}: result.accuracy is not an accuracy matrix. {error}") from error
  validation = result.get("validation_accuracy")
  if validation is not None and not np.array_equal(_gaps(validation), _gaps(accuracy["after_visit"])):
    raise RecordError(f"{where}: result.validation_accuracy is null for other tasks than result.accuracy.after_visit.")


def _gaps(rows: Sequence) -> np.ndarray:
  """Where a matrix of a result has no number."""
  return np.isnan(np.array(rows, np.float64))


def _non_finite_fields(value: Any, name: str) -> Iterator[str]:
  # A float can be infinite without the word: 1e999 is valid JSON.
  if isinstance(value, float):
    if not math.isfinite(value):
      yield name
  elif isinstance(value, Mapping):
    for key, item in value.items():
      yield from _non_finite_fields(item, f"{name}.{key}")
  elif isinstance(value, (list, tuple)):
    for index, item in enumerate(value):
      yield from _non_finite_fields(item, f"{name}[{index}]")


def main() -> None:
  """Writes the published JSON Schema anew: `python -m benchmark.results.record_schema`."""
  files.write_atomically(SCHEMA_PATH, json.dumps(json_schema(), indent=1) + "\n")


if __name__ == "__main__":
  main()
