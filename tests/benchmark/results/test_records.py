"""Records survive the disk, merge over folders, and are refused by name when they cannot be trusted."""

import json
import subprocess
import sys
import textwrap

import pytest

from benchmark.results import record_schema, records
from tests.benchmark import synthetic_records


def write(run: records.Record, folder):
  return records.write_record(run, folder / run.identity)


def edit(path, change):
  content = json.loads(path.read_text())
  change(content)
  path.write_text(json.dumps(content))


def test_record_reads_back_equal(tmp_path):
  run = synthetic_records.record(learner="lasem_hps", seed=3)
  path = write(run, tmp_path)
  assert path == tmp_path / "cifar100/lasem_hps/smoke/seed3/record.json"
  again = records.read_record(path.parent)
  assert (again.identity, again.result, again.provenance) == (run.identity, run.result, run.provenance)
  assert (again.stream, again.learner, again.scale, again.seed) == ("cifar100", "lasem_hps", "smoke", 3)
  assert again.source == path
  assert again.matrix.num_tasks == 3
  assert [file.name for file in path.parent.iterdir()] == ["record.json"]


def test_floats_are_kept_to_the_last_bit(tmp_path):
  value = 0.1 + 0.2
  run = synthetic_records.constant("stl", 0, value)
  again = records.read_record(write(run, tmp_path))
  assert again.result["accuracy"]["at_best_validation"][0].hex() == value.hex()


def test_folders_and_collections_merge_and_equal_duplicates_count_once(tmp_path):
  runs = synthetic_records.suite(learners=("stl", "snn"), seeds=(0, 1, 10, 2))
  for run in runs[:5]:
    write(run, tmp_path / "first")
  records.write_collection(runs[3:], tmp_path / "second" / "records.jsonl")
  merged = records.load_records([tmp_path / "first", tmp_path / "second"])
  assert [run.identity for run in merged] == [f"cifar100/{learner}/smoke/seed{seed}" for learner in ("snn", "stl")
                                              for seed in (0, 1, 2, 10)]
  assert records.load_records([tmp_path / "second" / "records.jsonl"])[0].learner == "snn"


def test_other_files_of_a_run_are_not_records(tmp_path):
  path = write(synthetic_records.record(), tmp_path)
  (path.parent / "events.jsonl").write_text("{}\n")
  (path.parent / "checkpoints").mkdir()
  (path.parent / "checkpoints" / "record.json").write_text("not a record")
  assert len(records.load_records([tmp_path])) == 1


def test_a_failed_attempt_yields_to_a_finished_one(tmp_path):
  write(synthetic_records.record(status="failed", reason="out of memory"), tmp_path / "a")
  write(synthetic_records.record(), tmp_path / "b")
  for order in (("a", "b"), ("b", "a")):
    assert [run.status for run in records.load_records([tmp_path / name for name in order])] == ["completed"]


def test_contradictory_duplicates_are_refused_with_both_files_and_the_field(tmp_path):
  first = write(synthetic_records.constant("stl", 0, .5), tmp_path / "a")
  second = write(synthetic_records.constant("stl", 0, .6), tmp_path / "b")
  with pytest.raises(record_schema.ContradictoryRecordsError) as error:
    records.load_records([tmp_path / "a", tmp_path / "b"])
  assert str(first) in str(error.value) and str(second) in str(error.value)
  assert "result.accuracy.after_visit" in str(error.value)


def test_provenance_may_differ_between_duplicates(tmp_path):
  write(synthetic_records.record(cpu_seconds=1), tmp_path / "a")
  write(synthetic_records.record(cpu_seconds=2), tmp_path / "b")
  assert records.load_records([tmp_path / "a", tmp_path / "b"])[0].provenance["cpu_seconds"] == 1


def test_a_record_of_an_older_version_is_valid_and_yields_to_an_equal_one_that_measured_more(tmp_path):
  older, newer = synthetic_records.record(), synthetic_records.record()
  rows = [[None if value is None else .25 for value in row] for row in older.result["accuracy"]["after_visit"]]
  newer.result["validation_accuracy"] = rows
  for name, run in (("a", older), ("b", newer)):
    write(run, tmp_path / name)
  for order in (("a", "b"), ("b", "a")):
    merged, = records.load_records([tmp_path / name for name in order])
    assert merged.result["validation_accuracy"] == rows
  newer.result["accuracy"]["after_visit"][0][0] = .125
  write(newer, tmp_path / "b")
  with pytest.raises(record_schema.ContradictoryRecordsError, match=r"disagree in result.accuracy.after_visit\[0\]"):
    records.load_records([tmp_path / "a", tmp_path / "b"])


def test_another_schema_version_is_refused(tmp_path):
  path = write(synthetic_records.record(), tmp_path)
  edit(path, lambda content: content.update(schema_version=2))
  with pytest.raises(record_schema.SchemaVersionError, match=f"{path}.*format 2.*reads 1"):
    records.load_records([tmp_path])


@pytest.mark.parametrize("change", [
    lambda content: content["result"]["accuracy"]["at_best_validation"].__setitem__(0, .99),
    lambda content: content["result"].update(configuration_hash="other"),
    lambda content: content.update(identity="cifar100/stl/smoke/seed1"),
    lambda content: content.update(result_digest="0" * 64),
])
def test_an_edited_record_is_refused(tmp_path, change):
  path = write(synthetic_records.record(), tmp_path)
  edit(path, change)
  with pytest.raises(record_schema.EditedRecordError, match=str(path)):
    records.load_records([tmp_path])


def test_an_edited_line_of_a_collection_is_named(tmp_path):
  path = tmp_path / "records.jsonl"
  records.write_collection(synthetic_records.suite(learners=("stl",)), path)
  lines = path.read_text().splitlines()
  lines[1] = lines[1].replace('"completed"', '"diverged"')
  path.write_text("\n".join(lines))
  with pytest.raises(record_schema.EditedRecordError, match="records.jsonl, line 2"):
    records.load_records([tmp_path])


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_non_finite_values_are_refused_on_reading(tmp_path, constant):
  path = write(synthetic_records.constant("stl", 0, .5), tmp_path)
  path.write_text(path.read_text().replace("0.5", constant, 1))
  with pytest.raises(record_schema.NonFiniteValueError, match=str(path)):
    records.load_records([tmp_path])


def test_non_finite_values_are_refused_on_writing(tmp_path):
  run = synthetic_records.record()
  run.result["training_macs_per_image"][1] = float("nan")
  with pytest.raises(record_schema.NonFiniteValueError, match=r"training_macs_per_image\[1\]"):
    write(run, tmp_path)
  assert not list(tmp_path.rglob("record.json"))


@pytest.mark.parametrize("field, value, message", [
    ("status", "fine", "status is 'fine', not one of completed, diverged, failed"),
    ("seed", True, "result.seed is True, not a whole number"),
    ("seed", 5, "identity"),
    ("learner", 5, "result.learner is 5, not a text"),
    ("configurations", [None], "configurations has 1 entries, not 3"),
    ("forward_macs_committed", [], "forward_macs_committed has 0 entries"),
    ("accuracy", {"after_visit": [[.5] * 3] * 3, "before_commit": None,
                  "at_best_validation": [.5] * 3}, "before it was learned"),
    ("accuracy", {"after_visit": [["a"] * 3] * 3, "before_commit": None, "at_best_validation": [.5] * 3},
     r"after_visit\[0\]\[0\] is 'a', not a number"),
    ("accuracy", {"after_visit": [], "before_commit": None}, "at_best_validation is missing"),
    ("validation_accuracy", [[.5] * 3] * 3, "validation_accuracy is null for other tasks"),
    ("validation_accuracy", [[.5] * 3] * 2, "validation_accuracy has 2 entries, not 3"),
])
def test_a_record_that_breaks_the_format_cannot_be_written(tmp_path, field, value, message):
  run = synthetic_records.record()
  run.result[field] = value
  with pytest.raises(record_schema.RecordError, match=message):
    write(run, tmp_path)


def test_a_run_that_did_not_complete_must_say_why_and_has_no_matrix(tmp_path):
  with pytest.raises(record_schema.RecordError, match="must state its reason"):
    write(synthetic_records.record(status="diverged"), tmp_path)
  run = synthetic_records.record(status="diverged", reason="loss is NaN")
  assert records.read_record(write(run, tmp_path)).status == "diverged"
  with pytest.raises(record_schema.RecordError, match="has no accuracies"):
    _ = run.matrix


def test_missing_and_empty_folders_are_named(tmp_path):
  for folder in (tmp_path, tmp_path / "nowhere"):
    with pytest.raises(record_schema.NoRecordsError, match=str(folder)):
      records.load_records([folder])
  with pytest.raises(record_schema.NoRecordsError, match="has not finished"):
    records.read_record(tmp_path)


@pytest.mark.parametrize("text, message", [("", "not valid JSON"), ("[1]", "not a run record"),
                                           ("{}", "not a run record"),
                                           ('{"schema_version": 1}', "identity is missing")])
def test_other_files_called_record_are_refused(tmp_path, text, message):
  (tmp_path / "record.json").write_text(text)
  with pytest.raises(record_schema.RecordError, match=message):
    records.load_records([tmp_path])


def test_interrupted_write_leaves_the_old_record(tmp_path, monkeypatch):
  path = write(synthetic_records.constant("stl", 0, .5), tmp_path)
  before = path.read_bytes()

  def fail(_):
    raise OSError("No space left on device")

  monkeypatch.setattr("os.fsync", fail)
  with pytest.raises(OSError, match="No space left"):
    records.write_record(synthetic_records.constant("stl", 0, .6), path.parent)
  assert path.read_bytes() == before
  assert [file.name for file in path.parent.iterdir()] == ["record.json"]


@pytest.mark.parametrize("number", [1_000, pytest.param(10_000, marks=pytest.mark.slow)])
def test_many_records_of_twenty_tasks_fit_in_memory(number, tmp_path):
  # One template, renamed and digested anew: making matrices at random would take longer than reading them.
  template = synthetic_records.record(learner="hps_all", num_tasks=20).to_json()
  with open(tmp_path / "records.jsonl", "w", encoding="utf-8") as file:
    for index in range(number):
      stream, seed = f"stream{index % 4}", index // 100
      learner = f"learner{index // 4 % 25}"
      template["identity"] = f"{stream}/{learner}/smoke/seed{seed}"
      template["result"].update(learner=learner, seed=seed)
      template["result"]["stream"].update(name=stream, data_fingerprint=f"data{seed}")
      template["result_digest"] = record_schema.digest(template["identity"], template["result"])
      file.write(json.dumps(template) + "\n")
  program = textwrap.dedent(f"""
      import resource, sys
      sys.modules["tensorflow"] = None
      from benchmark.reporting import tables
      from benchmark.results import comparison, records
      found = records.load_records([{str(tmp_path)!r}])
      tables.write_suite_tables(found, comparison.panels(found), {str(tmp_path)!r})
      used = resource.getrusage(resource.RUSAGE_SELF)
      print(len(found), used.ru_maxrss, round(used.ru_utime + used.ru_stime))
  """)
  output = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True,
                          timeout=300).stdout
  count, kilobytes, cpu_seconds = map(int, output.split())
  assert count == number
  assert kilobytes < 2_000_000
  if number == 10_000:  # A promise of time, which the slow form alone checks; other processes do not add CPU time.
    assert cpu_seconds < 60
  assert len((tmp_path / "table.csv").read_text().splitlines()) == 1 + 100
