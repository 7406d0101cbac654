"""What a run record must look like, and the errors that say where one does not.

A record has a `result`, which two runs of one identity must share bit for bit, and a `provenance`, which they need not.
A digest of identity and result travels in the record, so that a number edited by hand is noticed. A JSON-schema
validator would take minutes over ten thousand matrices; the checks here are plain Python and NumPy.
"""

import hashlib
import json
import math
import reprlib
from collections.abc import Iterator, Mapping
from typing import Any

from benchmark.results import record_values, status
from benchmark.results.status import Status
from benchmark.suites.identity import Identity
from lasem_tf.metrics.accuracy_matrix import AccuracyMatrix

SCHEMA_VERSION = 1
STATUSES = status.RECORDED

_NUMBER = (int, float)
_RESULT_FIELDS = {
    "stream": Mapping, "learner": str, "scale": str, "seed": int, "configuration_hash": str, "status": str,
    "reason": (str, type(None)), "accuracy": Mapping, "configurations": list, "parameters": Mapping,
    "forward_macs_committed": list, "training_macs_per_image": list, "learner_summary": list,
}
_STREAM_FIELDS = {
    "name": str, "display_name": str, "protocol": object, "design_fingerprint": str, "data_fingerprint": str,
    "task_order": list, "counts": Mapping, "num_classes": list,
}


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
  text = json.dumps([identity, result], sort_keys=True, separators=(",", ":"), allow_nan=False)
  return hashlib.sha256(text.encode()).hexdigest()


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
  except (ValueError, RecursionError) as error:  # A number of thousands of digits is a ValueError.
    if isinstance(error, RecordError):
      raise
    raise RecordError(f"{where}: not valid JSON ({error}). Delete the record and run again.") from error
  check(record, where)
  return record


def check(record: Any, where: str) -> None:
  """Raises a `RecordError` unless the object is a complete record whose digest fits."""
  if not isinstance(record, Mapping) or "schema_version" not in record:
    raise RecordError(f"{where}: not a run record (no schema_version).")
  defect = record_values.unwritable(record)
  if defect is not None:
    raise RecordError(f"{where}: {defect}. Delete the record and run again.")
  version = record["schema_version"]
  if type(version) is not int or version != SCHEMA_VERSION:
    raise SchemaVersionError(
        f"{where}: has record format {reprlib.repr(version)}, this version of the suite reads {SCHEMA_VERSION}. "
        "Read it with the version that wrote it, or run again.")
  _check_fields(record, {"identity": str, "result": Mapping, "result_digest": str, "provenance": Mapping}, where, "")
  identity, result = record["identity"], record["result"]
  try:
    is_intact = digest(identity, result) == record["result_digest"]
    json.dumps(record["provenance"], allow_nan=False)
  except ValueError as error:
    field = next(_non_finite_fields({"result": result, "provenance": record["provenance"]}, ""), ".a field")[1:]
    raise NonFiniteValueError(f"{where}: {field} is not a finite number. Delete the record and run again.") from error
  if not is_intact:
    raise EditedRecordError(
        f"{where}: the result does not fit its digest, so it was edited by hand or damaged. Restore "
        "it, or delete it and run again.")
  _check_result(identity, result, where)
  defect = record_values.problem(result, record["provenance"])
  if defect is not None:
    raise RecordError(f"{where}: {defect}. The program does not write such records; delete it and run again.")
  if result["status"] == Status.COMPLETED:
    _check_measured(result, where)


def _check_result(identity: str, result: Mapping, where: str) -> None:
  _check_fields(result, _RESULT_FIELDS, where, "result.")
  _check_fields(result["stream"], _STREAM_FIELDS, where, "result.stream.")
  try:
    named = Identity.parse(identity)
  except ValueError as error:
    raise RecordError(f"{where}: {error}") from error
  if (named.learner, named.scale, named.seed) != (result["learner"], result["scale"], result["seed"]):
    raise RecordError(f"{where}: identity {identity!r} does not fit result.learner, result.scale and result.seed.")
  if result["status"] not in STATUSES:
    raise RecordError(f"{where}: status {reprlib.repr(result['status'])} is not one of {', '.join(STATUSES)}.")
  if result["status"] != Status.COMPLETED and not result["reason"]:
    raise RecordError(f"{where}: a {result['status']} run must state its reason.")


def _check_measured(result: Mapping, where: str) -> None:
  """Numbers of entries, and the accuracies."""
  accuracy, stream = result["accuracy"], result["stream"]
  num_visits, num_tasks = len(stream["task_order"]), len(stream["num_classes"])
  lengths = {"accuracy.after_visit": (accuracy["after_visit"], num_visits),
             "configurations": (result["configurations"], num_tasks),
             "parameters.after_visit": (result["parameters"]["after_visit"], num_visits),
             "forward_macs_committed": (result["forward_macs_committed"], num_tasks),
             "training_macs_per_image": (result["training_macs_per_image"], num_visits)}
  for name, (values, length) in lengths.items():
    if len(values) != length:
      raise RecordError(f"{where}: result.{name} has {len(values)} entries, not {length}.")
  try:
    matrix = AccuracyMatrix.from_rows(accuracy["after_visit"], accuracy["at_best_validation"], stream["task_order"])
  except ValueError as error:
    raise RecordError(f"{where}: result.accuracy is not an accuracy matrix. {error}") from error
  if matrix.num_tasks != num_tasks:
    raise RecordError(f"{where}: result.accuracy has {matrix.num_tasks} columns for {num_tasks} tasks.")


def _check_fields(block: Mapping, fields: Mapping[str, Any], where: str, prefix: str) -> None:
  for name, kind in fields.items():
    if name not in block:
      raise RecordError(f"{where}: {prefix}{name} is missing.")
    if not isinstance(block[name], kind) or (kind in (int, _NUMBER) and isinstance(block[name], bool)):
      raise RecordError(f"{where}: {prefix}{name} is of type {type(block[name]).__name__}.")


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
