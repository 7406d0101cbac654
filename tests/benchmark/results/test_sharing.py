"""Scores for a model on Hugging Face's Hub, and the published schema, as `benchmark.export` writes them."""

import json

import numpy as np
import pytest
import yaml

from benchmark import export
from benchmark.results import measures, records
from tests.benchmark import synthetic_records


@pytest.fixture(name="runs_dir")
def _runs_dir(tmp_path):
  folder = tmp_path / "runs"
  for run in synthetic_records.suite(learners=("stl", "lasem_hps"), seeds=(0, 1)):
    synthetic_records.write_run(run, folder)
  synthetic_records.write_run(synthetic_records.record(learner="snn", status="diverged", reason="loss is NaN"), folder)
  return folder


def _read(out, runs_dir):
  """Entries of every file by its name, after an export."""
  assert export.main(["export", f"--results_dir={runs_dir}", "--format=eval_results", f"--output_dir={out}",
                      "--hub_dataset=me/planted"]) == 0
  return {path.name: yaml.safe_load(path.read_text()) for path in (out / ".eval_results").iterdir()}


def test_scores_for_the_hub_are_means_in_per_cent(runs_dir, tmp_path):
  by_file = _read(tmp_path / "out", runs_dir)
  assert set(by_file) == {"cifar100-smoke-stl.yaml", "cifar100-smoke-lasem_hps.yaml"}  # One diverged: it has no score.
  found = records.load_records([runs_dir])
  for name, entries in by_file.items():
    own = measures.runs_frame([run for run in found if f"-{run.learner}.yaml" in name])
    by_task = {entry["dataset"]["task_id"]: entry["value"] for entry in entries}
    assert set(by_task) == {"cifar100_peak", "cifar100_final", "cifar100_forgetting"}
    assert by_task["cifar100_final"] == pytest.approx(np.mean(own["final"]) * 100, abs=1e-3)
    for entry in entries:
      assert set(entry) == {"dataset", "value", "notes"}  # Records without a time have no date.
      assert entry["dataset"]["id"] == "me/planted" and isinstance(entry["value"], float)
      assert entry["notes"].startswith("task-incremental: ") and "mean of 2 of 2 seeds" in entry["notes"]


def test_scores_without_a_data_set_are_refused(runs_dir, tmp_path, capsys):
  with pytest.raises(SystemExit):
    export.main(["export", f"--results_dir={runs_dir}", "--format=eval_results", f"--output_dir={tmp_path}"])
  assert "--hub_dataset" in capsys.readouterr().err


def test_the_date_is_that_of_the_last_run_and_both_scenarios_are_named(tmp_path):
  for seed, day in enumerate(("2026-11-26", "2026-11-27")):
    run = synthetic_records.record(seed=seed)
    run.provenance["finished"] = f"{day}T23:59:59+00:00"
    run.result["scenario"] = "class_incremental"
    run.result["over_all_heads"] = run.result["accuracy"]["after_visit"]
    synthetic_records.write_run(run, tmp_path / "runs")
  (entries,) = _read(tmp_path / "out", tmp_path / "runs").values()
  assert {entry["date"] for entry in entries} == {"2026-11-27"}
  notes = {entry["dataset"]["task_id"]: entry["notes"] for entry in entries}
  assert len(notes) == 4 and notes.pop("cifar100_class_incremental").startswith("class-incremental: ")
  assert all(note.startswith("task-incremental: ") for note in notes.values())


def test_the_schema_of_a_record_needs_no_records(tmp_path):
  assert export.main(["export", "--format=schema", f"--output_dir={tmp_path}"]) == 0
  assert "properties" in json.loads((tmp_path / "record.schema.json").read_text())
