"""Annotations as checks, and as JSON Schema."""

import dataclasses
from typing import Annotated, Any, Literal

import pytest

from benchmark.results import json_types
from lasem_tf.metrics.run_result import Entries, Limits, Pattern

Share = Annotated[float, Limits(0, 1)]


@dataclasses.dataclass
class Inner:
  """A block.

  Attributes:
    rows: of shares,
      over two lines.
  """

  rows: Annotated[list[Annotated[list[Share | None], Entries("task")]], Entries("visit")] | None


@dataclasses.dataclass
class Outer(Inner):
  """Another.

  Attributes:
    name: a text.
    kind: a choice.
    inner: a block.
    counts: by name.
    free: whatever.
  """

  name: Annotated[str, Limits(1, 5), Pattern("[a-z]*")]
  kind: Literal["one", 2]
  inner: Inner
  counts: dict[str, int]
  free: dict[str, Any]


def value(**changes):
  return {"rows": [[0.5, None], [1, 0]], "name": "abc", "kind": "one", "inner": {"rows": None}, "counts": {"a": 1},
          "free": {"x": [object]}, **changes}


def test_what_fits_is_accepted():
  for fits in (value(), value(rows=None), value(kind=2), value(rows=[]), value(further="unknown")):
    assert json_types.accepts(Outer)(fits) and json_types.problem(Outer, fits, "it") is None


@pytest.mark.parametrize("changes, sentence", [
    ({"rows": [[0.5], [1.5]]}, "it.rows[1][0] is 1.5, not a number within 0 to 1"),
    ({"rows": [[True]]}, "it.rows[0][0] is True, not a number within 0 to 1"),
    ({"rows": {}}, "it.rows is {}, not a list"), ({"name": ""}, "it.name is '', not a text within 1 to 5"),
    ({"name": "ABC"}, "it.name is 'ABC', not a text within 1 to 5 of the form [a-z]*"),
    ({"name": None}, "it.name is None, not a text"), ({"kind": 1}, "it.kind is 1, not one of one, 2"),
    ({"counts": {"a": 1.0}}, "it.counts.a is 1.0, not a whole number"), ({"inner": {}}, "it.inner.rows is missing"),
    ({"inner": 3}, "it.inner is 3, not a block"), ({"free": []}, "it.free is [], not a block")])
def test_what_does_not_fit_is_named_with_its_place(changes, sentence):
  assert not json_types.accepts(Outer)(value(**changes))
  assert json_types.problem(Outer, value(**changes), "it").startswith(sentence)


def test_lists_of_annotated_length_are_found():
  found = [(name, entries.each, len(values)) for name, entries, values in json_types.lists(Outer, value(), "it")]
  assert found == [("it.rows", "visit", 2), ("it.rows[0]", "task", 2), ("it.rows[1]", "task", 2)]


def test_the_schema_says_the_same():
  schema = json_types.schema(Outer)
  assert schema["required"] == ["rows", "name", "kind", "inner", "counts", "free"]
  assert schema["properties"]["rows"]["description"] == "of shares, over two lines."
  assert schema["properties"]["name"] == {"type": "string", "minLength": 1, "maxLength": 5, "pattern": "^([a-z]*)$",
                                          "description": "a text."}
  assert schema["properties"]["counts"]["additionalProperties"] == {"type": "integer"}
  share = {"anyOf": [{"type": "number", "minimum": 0, "maximum": 1}, {"type": "null"}]}
  assert schema["properties"]["rows"]["anyOf"][0]["items"]["items"] == share
