"""In what two runs differ: results, settings, circumstances."""

import contextlib
import itertools
import json
import pathlib
import reprlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from benchmark.results import gin_texts, json_types, run_files
from benchmark.results.record_schema import RecordError
from benchmark.suites import gin_text
from lasem_tf.metrics import run_result

_MOST_NAMED = 4  # Differences in a message.
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
  """Two results without what one of them lacks because an older version measured it: fields, and facts of summaries."""
  later = {name for name in json_types.optional_fields(run_result.RunResult)
           if first.get(name) is None or second.get(name) is None}
  one, other = ({name: value for name, value in result.items() if name not in later} for result in (first, second))
  summaries = list(zip(one.get("learner_summary") or [], other.get("learner_summary") or []))
  for result, place in ((one, 0), (other, 1)):
    told = result.get("learner_summary") or []
    result["learner_summary"] = [
        _with_keys(pair[place], pair[1 - place]) for pair in summaries] + list(told[len(summaries):])
  return one, other


def _with_keys(facts: Any, other: Any) -> Any:
  """The facts that another dictionary tells, too."""
  if not isinstance(facts, Mapping) or not isinstance(other, Mapping):
    return facts
  return {name: value for name, value in facts.items() if name in other}


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
  return of_bindings(settings_of(first, identity), settings_of(second, identity))


def of_bindings(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[tuple[str, str, str]]:
  """Binding, first and second value, as Gin writes them, where two configurations differ; nothing if one is empty."""
  one, other = ({name: gin_text.render(value) for name, value in bound.items()} for bound in (first, second))
  return [(name, one.get(name, ""), other.get(name, "")) for name in sorted({*one, *other})
          if one and other and one.get(name) != other.get(name)]


def in_words(found: Iterable[tuple[str, Any, Any]]) -> str:
  """The first differences as text: 'a: 1 and 2, b: 3 and nothing'."""
  listed = list(itertools.islice(found, _MOST_NAMED + 1))
  shown = [f"{name}: {_short(first)} and {_short(second)}" for name, first, second in listed[:_MOST_NAMED]]
  return ", ".join(shown) + (", ..." if len(listed) > _MOST_NAMED else "")


def _short(value: Any) -> str:
  if value in ("", None):
    return "nothing"
  return value if isinstance(value, str) and len(value) < 40 else reprlib.repr(value)


def settings_of(source: pathlib.Path | None, identity: str) -> dict[str, Any]:
  """The bindings in force of a run, from beside its record or collection; none where they are not kept or readable.

  Args:
    source: file of the record.
    identity: of the run, as recorded.
  """
  try:
    bound = gin_texts.bound_values(_operative(source, identity), identity)
  except RecordError:  # This only explains and names: what is wrong is said where the file matters.
    return {}
  return {name: value for name, value in bound.items() if "." in name and not name.startswith("suite.")}


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
