"""In what two runs differ: results, settings, circumstances."""

import contextlib
import json
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

from benchmark.results import gin_texts, json_types, run_files
from benchmark.results.record_schema import RecordError
from benchmark.suites import gin_text
from lasem_tf.metrics import run_result

_CIRCUMSTANCES = ("versions", "device", "threads", "deterministic", "onednn", "commit", "dirty")


def of_values(first: Any, second: Any, name: str = "result") -> Iterator[tuple[str, Any, Any]]:
  """Field, first and second value wherever two JSON values differ."""
  if isinstance(first, Mapping) and isinstance(second, Mapping):
    for key in sorted({*first, *second}):
      yield from of_values(first.get(key), second.get(key), f"{name}.{key}")
  elif isinstance(first, list) and isinstance(second, list) and len(first) == len(second):
    for index, (one, other) in enumerate(zip(first, second)):
      yield from of_values(one, other, f"{name}[{index}]")
  elif first != second:
    yield name, first, second


def comparable(first: Mapping[str, Any], second: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
  """Two results without the fields that one of them lacks because an older version measured it."""
  later = {name for name in json_types.optional_fields(run_result.RunResult)
           if first.get(name) is None or second.get(name) is None}
  one, other = ({name: value for name, value in result.items() if name not in later} for result in (first, second))
  return one, other


def of_circumstances(first: Mapping, second: Mapping) -> Iterator[tuple[str, Any, Any]]:
  """What differs in machine, versions and code, from the provenance of two runs."""
  for name in _CIRCUMSTANCES:
    yield from of_values(first.get(name), second.get(name), name)


def of_settings(first: pathlib.Path | None, second: pathlib.Path | None, identity: str) -> list[tuple[str, str, str]]:
  """Binding, first and second value where the configurations beside two records of one identity differ.

  Args:
    first: file of the one record.
    second: file of the other.
    identity: of both.

  Returns:
    Values as Gin writes them, '' where there is none; nothing where a configuration is not kept or not readable.
  """
  values = []
  for source in (first, second):
    try:
      bound = gin_texts.bound_values(_operative(source, identity), identity)
    except RecordError:  # This only explains an error, which must not become another.
      return []
    values.append({name: gin_text.render(value) for name, value in bound.items() if "." in name})
  one, other = values
  return [(name, one.get(name, ""), other.get(name, "")) for name in sorted({*one, *other})
          if one and other and one.get(name) != other.get(name)]


def _operative(source: pathlib.Path | None, identity: str) -> str:
  """The configuration in force of a run, from beside its record or collection."""
  if source is None:
    return ""
  file = source.parent / (run_files.DETAILS_FILE if source.name == run_files.COLLECTION_FILE
                          else run_files.OPERATIVE_FILE)
  if not file.exists():
    return ""
  if file.name == run_files.OPERATIVE_FILE:
    return run_files.read_text(file)
  for _, line in run_files.read_lines(file):
    with contextlib.suppress(ValueError, RecursionError):
      details = json.loads(line)
      if isinstance(details, dict) and details.get("identity") == identity:
        return str(details.get("operative"))
  return ""
