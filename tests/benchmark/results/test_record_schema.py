"""The published format is the one that is checked."""

import json
import pathlib

import pytest

from benchmark.results import record_schema, records
from tests.benchmark import synthetic_records

ROOT = pathlib.Path(__file__).parents[3]


def test_the_published_schema_is_that_of_the_program():
  """`python -m benchmark.results.record_schema` writes it anew."""
  assert json.loads(record_schema.SCHEMA_PATH.read_text()) == record_schema.json_schema()


def _validator():
  jsonschema = pytest.importorskip("jsonschema")
  schema = json.loads(record_schema.SCHEMA_PATH.read_text())
  jsonschema.Draft202012Validator.check_schema(schema)
  return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize("report", sorted(path.name for path in (ROOT / "reports").glob("*") if
                                          (path / "records.jsonl").exists()))
def test_committed_records_fit_the_published_schema(report):
  validator = _validator()
  lines = (ROOT / "reports" / report / "records.jsonl").read_text().splitlines()
  assert lines
  for line in lines:
    assert not [error.message for error in validator.iter_errors(json.loads(line))]


@pytest.mark.parametrize("change", [
    {"seed": True}, {"status": "fine"}, {"configurations": ["01", "x", None]}, {"forward_macs_committed": [-1, 1, 1]},
    {"accuracy": {"after_visit": [], "at_best_validation": []}}, {"reason": 3}, {"learner": "x" * 10_001}])
def test_program_and_schema_refuse_alike(change):
  run = synthetic_records.record()
  content = run.to_json()
  content["result"] |= change
  content["result_digest"] = record_schema.digest(run.identity, content["result"])
  assert list(_validator().iter_errors(content))
  with pytest.raises(record_schema.RecordError):
    record_schema.check(content, "here")


@pytest.mark.parametrize("field, value, message", [
    ("parameters", {"after_visit": [1, None, 3], "super_network": None}, "after_visit.1. is null, though the run comp"),
    ("learner_summary", [], "learner_summary has 0 entries, not 3"),
    ("training_macs_per_image", [1e19] * 3, "training_macs_per_image.0. is 1e.19, not a number within 0 to 1e.18")])
def test_a_completed_run_lacks_nothing(field, value, message):
  run = synthetic_records.record()
  run.result[field] = value
  with pytest.raises(record_schema.RecordError, match=message):
    run.to_json()


def test_records_without_numbers_are_read():
  for status in ("diverged", "failed"):
    content = synthetic_records.record(status=status, reason="It ended.").to_json()
    assert records.Record(content["identity"], content["result"], {}).status == status
