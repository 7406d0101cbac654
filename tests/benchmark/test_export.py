"""Exports are read back and compared with the records they came from."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy import io

from benchmark import export, records, run_details
from tests.benchmark import synthetic_records


@pytest.fixture(name="runs_dir")
def fixture_runs_dir(tmp_path):
  folder = tmp_path / "runs"
  for run in synthetic_records.suite(learners=("stl", "lasem_hps"), seeds=(0, 1)):
    synthetic_records.write_run(run, folder)
  diverged = synthetic_records.record(learner="snn", status="diverged", reason="loss is NaN")
  synthetic_records.write_run(diverged, folder)
  return folder


def test_a_collection_holds_everything_that_a_report_needs(runs_dir, tmp_path):
  assert export.main(["export", f"--results_dir={runs_dir}", f"--output_dir={tmp_path / 'out'}"]) == 0
  before, after = records.load_records([runs_dir]), records.load_records([tmp_path / "out"])
  assert [(run.identity, run.result, run.provenance) for run in before] == [
      (run.identity, run.result, run.provenance) for run in after]
  assert run_details.load_details(after) == run_details.load_details(before)
  assert len(run_details.load_details(after)) == 5


def test_a_collection_exported_twice_is_the_same_file(runs_dir, tmp_path):
  for name in ("a", "b"):
    export.main(["export", f"--results_dir={runs_dir}", f"--output_dir={tmp_path / name}"])
  export.main(["export", f"--results_dir={tmp_path / 'a'}", f"--output_dir={tmp_path / 'c'}"])
  for name in ("records.jsonl", "details.jsonl"):
    contents = {(tmp_path / folder / name).read_bytes() for folder in "abc"}
    assert len(contents) == 1


def test_long_courses_are_thinned_to_their_ends_and_even_steps(tmp_path):
  run = synthetic_records.record(num_tasks=2)
  path = records.write_record(run, tmp_path)
  lines = [json.dumps({**event, "global_epoch": index}) for index, event in
           enumerate(synthetic_records.events(run, epochs=1000))]
  (path.parent / "events.jsonl").write_text("\n".join(lines))
  epochs = run_details.load_details(records.load_records([tmp_path]))[run.identity].epochs
  assert len(epochs["visit"]) == 2 * run_details.MAX_EPOCHS_PER_VISIT
  assert [epochs["global_epoch"][index] for index in (0, 59, 60, 119)] == [0, 999, 1000, 1999]


def test_csv_has_a_row_per_run_and_a_row_per_known_accuracy(runs_dir, tmp_path):
  assert export.main(["export", f"--results_dir={runs_dir}", f"--output_dir={tmp_path}", "--format=csv"]) == 0
  runs = pd.read_csv(tmp_path / "runs.csv").set_index("identity")
  assert runs["status"].value_counts().to_dict() == {"completed": 4, "diverged": 1}
  record = records.load_records([runs_dir])[0]
  assert runs.loc[record.identity, "final"] == pytest.approx(record.matrix.after_visit[-1].mean())
  accuracies = pd.read_csv(tmp_path / "accuracies.csv")
  assert len(accuracies) == 4 * (1 + 2 + 3)
  own = accuracies[(accuracies["identity"] == record.identity) & (accuracies["visit"] == 2)]
  np.testing.assert_array_equal(own["accuracy"], record.matrix.after_visit[2])


def test_mat_has_the_original_structure(runs_dir, tmp_path):
  assert export.main(["export", f"--results_dir={runs_dir}", f"--output_dir={tmp_path}", "--format=mat"]) == 0
  assert sorted(
      path.name for path in tmp_path.glob("*.mat")) == ["cifar100-smoke-lasem_hps.mat", "cifar100-smoke-stl.mat"]
  summary = io.loadmat(tmp_path / "cifar100-smoke-lasem_hps.mat", simplify_cells=True)["training_summary"]
  runs = [run for run in records.load_records([runs_dir]) if run.learner == "lasem_hps"]
  np.testing.assert_array_equal(summary["task_order"], [0, 1, 2])
  np.testing.assert_array_equal(summary["train_valid_data_group"], [0, 1])
  np.testing.assert_array_equal(summary["best_test_error_each_task"], [run.matrix.at_best_validation for run in runs])
  np.testing.assert_array_equal(summary["test_error_at_last_epoch"], [run.matrix.after_visit[-1] for run in runs])
  averages = [run.matrix.after_visit[-1].mean() for run in runs]
  assert summary["test_error_at_last_epoch_mean"] == pytest.approx(np.mean(averages))
  assert summary["test_error_at_last_epoch_std"] == pytest.approx(np.std(averages, ddof=1))
  np.testing.assert_allclose(summary["training_time"], [13.5, 13.5])
  assert summary["model_specific_info"]["number_of_trainable_parameters"] == 3000
  first = summary["result_of_each_run"][0]
  assert first["num_epoch"] == 12
  np.testing.assert_array_equal(first["task_changed_epoch"], [1, 5, 9])
  assert first["history_test_error"].shape == (13, 4)
  np.testing.assert_array_equal(first["history_test_error"][4, 1:3], [0, 0])
  np.testing.assert_array_equal(first["history_test_error"][12, :3], runs[0].matrix.after_visit[2])
  assert first["history_test_error"][12, 3] == pytest.approx(runs[0].matrix.after_visit[2].mean())
  np.testing.assert_allclose(first["history_validation_error"][5:9, 1], [1 - .9 / (epoch + 1) for epoch in range(4)],
                             atol=1e-6)
  assert first["history_net_prior"].shape == (12, 16)
  np.testing.assert_array_equal(first["conv_sharing"],
                                [[int(bit) for bit in bits] for bits in runs[0].result["configurations"]])


def test_mat_has_the_untrained_model_in_row_one_and_counts_it_as_no_epoch(tmp_path):
  run = synthetic_records.record(learner="lasem_hps")
  path = synthetic_records.write_run(run, tmp_path / "runs").parent / "events.jsonl"
  events = [json.loads(line) for line in path.read_text().splitlines()]
  first = next(event for event in events if event["event"] == "epoch")
  untrained = {**first, "epoch": -1, "global_epoch": 0, "loss": None, "validation_accuracy": .97, "test_accuracy": .125,
               "diagnostics": {}}
  trained = [{**event, "global_epoch": event["global_epoch"] + 1} for event in events if event["event"] == "epoch"]
  path.write_text("".join(json.dumps(event) + "\n" for event in [untrained, *trained]))
  assert export.main(["export", f"--results_dir={tmp_path / 'runs'}", f"--output_dir={tmp_path}", "--format=mat"]) == 0
  summary = io.loadmat(tmp_path / "cifar100-smoke-lasem_hps.mat", simplify_cells=True)["training_summary"]
  result = summary["result_of_each_run"]
  assert result["num_epoch"] == 12
  np.testing.assert_array_equal(result["task_changed_epoch"], [1, 5, 9])
  np.testing.assert_array_equal(result["history_test_error"][0], [.125, 0, 0, .125])
  assert result["history_validation_error"][0, 0] == .97
  # Three epochs do not reach the untrained model's validation accuracy; the fourth ends the visit.
  np.testing.assert_array_equal(result["history_best_test_error"][:4], [.125] * 4)
  assert result["history_net_prior"].shape == (12, 16)


def test_mat_without_a_course_has_the_ends_of_visits(tmp_path):
  run = synthetic_records.constant("stl", 0, .5)
  export.export([run], "mat", tmp_path)
  result = io.loadmat(tmp_path / "cifar100-smoke-stl.mat",
                      simplify_cells=True)["training_summary"]["result_of_each_run"]
  np.testing.assert_array_equal(result["history_test_error"][1:], [[.5, 0, .5], [.5, .5, .5]])
  np.testing.assert_array_equal(result["history_best_test_error"][1:], [.5, .5])


@pytest.mark.parametrize("arguments, message", [
    (["--output_dir=x"], "--results_dir is missing"),
    (["--results_dir=x"], "--output_dir is missing"),
    (["--results_dir=nowhere", "--output_dir=x"], "nowhere: no record.json"),
    (["--results_dir=x", "--output_dir=x", "--format=xls"], "format"),
    (["--results_dir=x", "--output_dir=x", "stray"], "stray"),
])
def test_bad_input_ends_with_status_two_and_one_line(arguments, message, capsys):
  with pytest.raises(SystemExit) as stop:
    export.main(["export", *arguments])
  assert stop.value.code == 2
  error = capsys.readouterr().err
  assert message in error and error.count("\n") == 1


def test_damaged_events_are_named(tmp_path):
  path = synthetic_records.write_run(synthetic_records.record(), tmp_path)
  (path.parent / "events.jsonl").write_text("{}\n{broken\n")
  with pytest.raises(records.RecordError, match="events.jsonl, line 2"):
    run_details.load_details(records.load_records([tmp_path]))
