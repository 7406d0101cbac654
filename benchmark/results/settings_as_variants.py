"""Runs of one method with different settings as variants of it, named by the bindings that differ."""

import collections
import dataclasses
import os
from collections.abc import Mapping, Sequence
from typing import Any

from benchmark.results import differences, records
from benchmark.results.records import Record
from benchmark.suites import gin_text, variants
from benchmark.suites.identity import split_variant


def load(folders: Sequence[str | os.PathLike]) -> list[Record]:
  """As `records.load_records`; runs of one identity may have different settings.

  Args:
    folders: result folders.

  Returns:
    The records, sorted by identity. Where runs of a method differ in their settings, each is called
    'learner[parameter=value,...]', after the bindings that differ between the configurations beside the records, or
    after the hash of its configuration where these are not kept or do not tell the runs apart.
  """
  found = records.load_records(folders, by_configuration=True)
  groups: dict[tuple, dict[str, Record]] = collections.defaultdict(dict)
  for record in found:
    groups[_method(record)].setdefault(_configuration(record), record)
  names = {method: _names(examples) for method, examples in groups.items() if len(examples) > 1}
  renamed = [_rename(record, *names[_method(record)][_configuration(record)]) if _method(record) in names else record
             for record in found]
  return sorted(renamed, key=records.identity_key)


def _method(record: Record) -> tuple[str, str, str]:
  return record.stream, record.learner, record.scale


def _configuration(record: Record) -> str:
  return record.result["configuration_hash"]


def _names(examples: Mapping[str, Record]) -> dict[str, tuple[str, dict[str, str]]]:
  """By configuration hash, the name of the variant and the values that make it one, as gin writes them."""
  bound = {key: differences.settings_of(record.source, record.recorded_as) for key, record in examples.items()}
  every = sorted({name for values in bound.values() for name in values})
  differing = [name for name in every if len({gin_text.render(values.get(name)) for values in bound.values()}) > 1]
  points = {key: {name: values.get(name) for name in differing} for key, values in bound.items()}
  learner = next(iter(examples.values())).learner
  names = {key: _name(learner, point) for key, point in points.items()} if all(bound.values()) and differing else {}
  if len(set(names.values())) < len(examples):
    points = {key: {"configuration": key} for key in examples}
    names = {key: _name(learner, point) for key, point in points.items()}
  return {key: (names[key], {name: gin_text.render(value) for name, value in points[key].items()}) for key in examples}


def _name(learner: str, point: Mapping[str, Any]) -> str:
  """The name of a variant, of one that is a variant already in one pair of brackets."""
  method, variant = split_variant(learner)
  name = variants.name_of(method, point)
  return f"{method}[{variant},{split_variant(name)[1]}]" if variant else name


def _rename(record: Record, learner: str, values: Mapping[str, str]) -> Record:
  own = record.result.get("variant") or {}
  return dataclasses.replace(record, result={**record.result, "variant": {**own, **values}}).called(learner)
