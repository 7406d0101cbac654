"""What differs between two runs is named: values, settings, circumstances."""

import pytest

from benchmark import export
from benchmark.results import differences, record_schema, records
from tests.benchmark import synthetic_records


def test_every_field_is_named():
  first = {"a": [1, {"b": None}], "c": 0.5, "d": [1]}
  second = {"a": [1, {"b": 2}], "c": 0.5, "d": [1, 2]}
  assert list(differences.of_values(first, second)) == [("result.a[1].b", None, 2), ("result.d", [1], [1, 2])]
  assert not list(differences.of_values(first, first))


def test_facts_that_an_older_version_did_not_tell_are_no_difference():
  first = {"learner_summary": [{}, {"units": 3}, None]}
  second = {"learner_summary": [{"mechanism_acted": True}, {"units": 4, "mechanism_acted": False}, None]}
  pairs = (first, second), (second, first)
  assert [[name for name, _, _ in differences.of_values(*differences.comparable(*pair))] for pair in pairs] == [
      ["result.learner_summary[1].units"]] * 2
  shorter = differences.comparable(first, {"learner_summary": [{}]})
  assert [name for name, _, _ in differences.of_values(*shorter)] == ["result.learner_summary"]


def test_circumstances_are_named_version_by_version():
  first, second = {"versions": {"numpy": "1", "keras": "3"}, "device": "a"}, {"versions": {"numpy": "2", "keras": "3"}}
  assert list(differences.of_circumstances(first, second)) == [("versions.numpy", "1", "2"), ("device", "a", None)]


def _write(folder, operative, **options):
  run = synthetic_records.constant("stl", 0, options.pop("final", .5), **options)
  run.result["configuration_hash"] = operative
  path = synthetic_records.write_run(run, folder)
  (path.parent / "operative.gin").write_text(operative)


def _message(tmp_path) -> str:
  with pytest.raises(record_schema.ContradictoryRecordsError) as error:
    records.load_records([tmp_path / "a", tmp_path / "b"])
  assert "\n" not in str(error.value)
  return str(error.value)


@pytest.mark.parametrize("as_collection", [False, True])
def test_two_records_of_other_settings_say_which(tmp_path, as_collection):
  for name, epochs in (("a", 2), ("b", 20)):
    _write(tmp_path / name, f"EPOCHS = {epochs}\nexperiment.epochs_per_task = %EPOCHS\nexperiment.batch_size = 10\n")
  if as_collection:
    export.export(records.load_records([tmp_path / "b"]), "jsonl", tmp_path / "c")
    (tmp_path / "c").rename(tmp_path / "b2")
    (tmp_path / "b").rename(tmp_path / "old")
    (tmp_path / "b2").rename(tmp_path / "b")
  message = _message(tmp_path)
  assert "trained with different settings (experiment.epochs_per_task: 2 and 20)" in message
  assert "Report their folders apart" in message and "trust" not in message


def test_without_configurations_the_hashes_are_named(tmp_path):
  for name in "ab":
    _write(tmp_path / name, name)
  assert "different settings (a and b)" in _message(tmp_path)


def test_a_failed_attempt_at_other_settings_is_no_rival(tmp_path):
  _write(tmp_path / "a", "a")
  records.write_record(synthetic_records.record(status="failed", reason="out of memory"), tmp_path / "b" / "x")
  assert "different settings" in _message(tmp_path)


def test_equal_settings_and_other_results_name_the_field_and_the_circumstances(tmp_path):
  for name, final, device in (("a", .5, "CPU 1"), ("b", .6, "CPU 2")):
    run = synthetic_records.constant("stl", 0, final)
    run.provenance["device"] = device
    records.write_record(run, tmp_path / name)
  message = _message(tmp_path)
  assert "result.accuracy.after_visit[0][0]: 0.5 and 0.6" in message and "device: CPU 1 and CPU 2" in message
  assert "Keep the record you trust" in message
