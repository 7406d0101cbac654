"""Signed but odd records: each is refused in one line that names record and field, or read, tabled and exported."""

import copy
import json
import pathlib

import pytest

from benchmark import export
from benchmark.reporting import tables
from benchmark.results import comparison, record_schema, record_values, records
from tests.benchmark import synthetic_records
from tests.benchmark.results import test_choice

_DEEP = json.loads("[" * 60 + "]" * 60)
_ODD = (None, True, -1, 0, 1.5, 1e300, 2**70, 10**400, "", "text", "x" * 20_000, "\x1b[31m\x00\u202e", "\ud800", "=1+1",
        "../../victim/seed0", "0011", [], {}, [None], [[]], [[1.0]], ["a"], [True], [{}], {"a": None}, {"a": [1]},
        _DEEP)
_REMOVED = object()


def _paths(value, path=()):
  """Every field of a JSON value, and the first entry of its lists."""
  if path:
    yield path
  entries = value.items() if isinstance(value, dict) else enumerate(value[:1]) if isinstance(value, list) else ()
  for key, entry in entries:
    yield from _paths(entry, (*path, key))


def _changed(content, path, value):
  changed = copy.deepcopy(content)
  block = changed
  for key in path[:-1]:
    block = block[key]
  if value is _REMOVED:
    del block[path[-1]]
  else:
    block[path[-1]] = value
  return changed


def _sign(content) -> bool:
  """Makes the digest fit; whether that is possible."""
  try:
    content["result_digest"] = record_schema.digest(content["identity"], content["result"])
    return True
  except (KeyError, TypeError, ValueError):
    return False


def _valid(**options):
  content = synthetic_records.record(**options).to_json()
  content["provenance"] |= {
      "files": {"operative.gin": "0" * 64}, "design_seed": 0, "deterministic": False,
      "finished": "2026-11-27T09:00:00+00:00",
      "flags": {"data_dirs": ["Data"], "cache_dir": None, "threads": 1, "deterministic": False}}
  return content


def _use(path: pathlib.Path, folder: pathlib.Path) -> None:
  """All that `benchmark.report`, without drawing, and `benchmark.export` do."""
  found = records.load_records([path])
  panels = comparison.panels(found, comparison.expected_identities(found))
  tables.write_suite_tables(found, panels, folder)
  tables.plain(found, panels)
  # Scores on the Hub are of completed runs alone.
  for form in export.FORMATS if any(record.is_completed for record in found) else ("jsonl", "csv", "mat"):
    export.export(found, form, folder, "owner/name")


_VALID = {"search": _valid(learner="lasem_hps", num_tasks=2),
          "diverged": _valid(num_tasks=2, status="diverged", reason="loss is NaN")}


@pytest.mark.parametrize("kind", list(_VALID))
def test_an_odd_field_is_refused_by_name_or_does_no_harm(kind, tmp_path):
  num_refused = num_used = 0
  for path in _paths(_VALID[kind]):
    for value in (_REMOVED, *_ODD):
      content = _changed(_VALID[kind], path, value)
      if path[0] != "result_digest" and not _sign(content):
        continue
      text = json.dumps(content)
      try:
        record_schema.parse(text, "the record")
      except record_schema.RecordError as error:
        assert str(error).startswith("the record: ") and "\n" not in str(error) and len(str(error)) < 500, (path, value)
        num_refused += 1
        continue
      # Values of one kind take one way; using each would take minutes.
      if num_used % 9 == 0:
        (tmp_path / "record.json").write_text(text)
        _use(tmp_path / "record.json", tmp_path / "out")
      num_used += 1
  assert num_refused > 500 and num_used > 200


def test_a_sound_record_passes(tmp_path):
  for content in _VALID.values():
    assert record_values.provenance_problem(content["provenance"]) is None
    (tmp_path / "record.json").write_text(json.dumps(content))
    _use(tmp_path / "record.json", tmp_path / "out")


@pytest.mark.parametrize("path, value, message", [
    (("identity",), "../../victim/seed0", "identity '..' cannot name a stream"),
    (("identity",), "a/b/seed0", "identity 'a/b/seed0' is no identity"),
    (("result", "stream", "task_order"), ["0", "1"], "result.stream.task_order[0] is '0', not a whole number"),
    (("result", "accuracy", "after_visit"), [["0.5", None], [0.5, 0.5]], "after_visit[0][0] is '0.5', not a number"),
    (("result", "configurations"), ["0011", 5], "result.configurations[1] is 5"),
    (("result", "configurations"), ["0011", "0021"], "result.configurations[1] is '0021'"),
    (("result", "configurations"), ["0011", "001"], "result.configurations are of different lengths"),
    (("result", "stream", "task_order"), [0, 2], "task_order names other tasks than 0 to 1"),
    (("result", "stream", "protocol"), {"best_configuration": ["01"]}, "best_configuration is not a configuration for"),
    (("result", "stream", "protocol"), {"best_configuration": ["01", "0"]}, "is not a configuration for every task"),
    (("result", "stream", "protocol"), {"best_configuration": 1e300}, "is not a configuration for every task"),
    (("result", "tuning"), test_choice.facts(seeds=()), "result.tuning names no variant or no seed"),
    (("result", "tuning"), test_choice.facts() | {"sampler": "tpe", "space": {}}, "a sampler without its seed"),
    (("result", "parameters", "after_visit"), [1, 10**30], "parameters.after_visit[1] is 1"),
    (("result", "parameters", "super_network"), _REMOVED, "parameters.super_network is missing"),
    (("result", "forward_macs_committed"), [True, 1], "forward_macs_committed[0] is True"),
    (("result", "stream", "display_name"), "x" * 500, "display_name is 'xx"),
    (("result", "reason"), "\ud800", "half a surrogate pair"),
    (("result", "learner_summary"), _DEEP, "nests blocks deeper than"),
    (("provenance", "cpu_seconds"), "12", "provenance.cpu_seconds is '12', not a number"),
    (("provenance", "finished"), "yesterday", "provenance.finished is 'yesterday'"),
    (("provenance", "seconds"), [5], "provenance.seconds[0] is 5, not a block"),
    (("provenance", "flags"), [], "provenance.flags is [], not a block"),
    (("provenance", "flags", "data_dirs"), "Data", "provenance.flags.data_dirs is 'Data', not a list"),
    (("schema_version",), True, "record format True"),
])
def test_messages_name_the_field(path, value, message):
  content = _changed(_VALID["search"], path, value)
  _sign(content)
  with pytest.raises(record_schema.RecordError) as error:
    record_schema.parse(json.dumps(content), "the record")
  assert message in str(error.value)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"schema_version": ' + "1" * 5000 + "}", "\x00", '{"a": 1e999}'])
def test_texts_that_json_cannot_hold_are_refused(text):
  with pytest.raises(record_schema.RecordError, match="^the record: "):
    record_schema.parse(text, "the record")
