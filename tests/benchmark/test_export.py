"""Exports are read back and compared with the records they came from."""

import json
import pathlib

import numpy as np
import pandas as pd
import pytest
from scipy import io

from benchmark import export
from benchmark.results import records, run_details
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


def _model_info(run, operative, tmp_path):
  path = synthetic_records.write_run(run, tmp_path / "runs")
  (path.parent / "operative.gin").write_text(operative)
  assert export.main(["export", f"--results_dir={tmp_path / 'runs'}", f"--output_dir={tmp_path}", "--format=mat"]) == 0
  mat = io.loadmat(tmp_path / f"cifar100-smoke-{run.learner}.mat", simplify_cells=True)
  return mat["training_summary"]["model_specific_info"]


_OPERATIVE = """
BATCH_SIZE = 16
SIZES = (%BATCH_SIZE, 8)
ConvNetSpec.channels = (32, 32, 64)
ConvNetSpec.dense_sizes = %SIZES
ConvNetSpec.dropout_keep_probability = 0.5
ConvNetSpec.image_shape = (32, 32, 3)
ConvNetSpec.kernel_sizes = (5, 3, 3)
ConvNetSpec.padding = 'same'
ConvNetSpec.pool_sizes = (1, 2, 2)
ConvNetSpec.skips = ((0, 1), (1, 2))
Composed.knowledge = @Deconvolution()
Deconvolution.sizes = ((2, 8), (2, 16), (2, 32))
Expectation.commit_threshold = None
Expectation.layer_groups = ((0, 1), (2,))
Expectation.prior = 'count'
Expectation.reset_prior_each_epoch = False
Synthetic.groups = ('texture', 'both')
experiment.batch_size = %BATCH_SIZE
experiment.epochs_per_task = 20
experiment.learning_rate = 1e-4
experiment.learning_rate_decay = 0.00025
experiment.reference = {'soft_gates': True}
experiment.task_order = 'once'
"""


def test_mat_describes_the_network_the_training_and_all_hyper_parameters(tmp_path):
  info = _model_info(synthetic_records.record(learner="lasem_hps"), _OPERATIVE, tmp_path)
  assert (info["architecture"], info["learner"], info["stream"], info["scale"]) == ("lasem_hps", "lasem_hps",
                                                                                   "cifar100", "smoke")
  training = [info[name] for name in ("learning_rate", "learning_rate_decay", "batch_size", "epochs_per_task")]
  assert training == [1e-4, .00025, 16, 20]
  network = {name: np.asarray(value).tolist() for name, value in info["network"].items()}
  assert network == {"image_shape": [32, 32, 3], "kernel_sizes": [5, 3, 3], "channels": [32, 32, 64],
                     "pool_sizes": [1, 2, 2], "dense_sizes": [16, 8], "padding": "same", "skips": [[0, 1], [1, 2]],
                     "dropout_keep_probability": .5}
  others = info["hyper_parameters"]
  assert sorted(others) == ["Composed", "Deconvolution", "Expectation", "Synthetic", "experiment"]
  assert others["Composed"] == {"knowledge": "@Deconvolution()"}
  np.testing.assert_array_equal(others["Deconvolution"]["sizes"], [[2, 8], [2, 16], [2, 32]])
  assert others["Expectation"]["prior"] == "count" and others["Expectation"]["reset_prior_each_epoch"] == 0
  assert others["Expectation"]["commit_threshold"].size == 0
  assert [np.atleast_1d(group).tolist() for group in others["Expectation"]["layer_groups"]] == [[0, 1], [2]]
  assert others["Synthetic"]["groups"].tolist() == ["texture", "both"]
  assert others["experiment"] == {"reference": {"soft_gates": 1}, "task_order": "once"}
  assert len(info["not_recorded"]) == 0


def test_mat_counts_the_committed_model_and_the_one_under_search_apart(tmp_path):
  info = _model_info(synthetic_records.record(learner="lasem_hps"), _OPERATIVE, tmp_path)
  assert info["number_of_trainable_parameters"] == 3000
  assert info["number_of_trainable_parameters_in_search"] == 5000
  info = _model_info(synthetic_records.record(learner="stl"), _OPERATIVE, tmp_path)
  assert info["number_of_trainable_parameters"] == 3000
  assert info["number_of_trainable_parameters_in_search"].size == 0


def test_mat_names_what_the_record_lacks(tmp_path):
  info = _model_info(synthetic_records.record(), "experiment.batch_size = 10\nConvNetSpec.channels = (8,)\n", tmp_path)
  assert info["batch_size"] == 10 and info["network"] == {"channels": 8}
  missing = info["not_recorded"].split(", ")
  assert {"network.kernel_sizes", "learning_rate", "epochs_per_task", "hyper_parameters"} <= set(missing)
  assert not {"batch_size", "network.channels"} & set(missing)
  assert not {"learning_rate", "hyper_parameters"} & set(info)
  (tmp_path / "runs/cifar100/stl/smoke/seed0/operative.gin").unlink()
  export.main(["export", f"--results_dir={tmp_path / 'runs'}", f"--output_dir={tmp_path}", "--format=mat"])
  info = io.loadmat(tmp_path / "cifar100-smoke-stl.mat", simplify_cells=True)["training_summary"]["model_specific_info"]
  assert len(info["not_recorded"].split(", ")) == 13 and "network" not in info and info["architecture"] == "stl"


@pytest.mark.parametrize("operative, message", [("experiment.batch_size = = 3", "seed0: .* no Gin text"),
                                                ("experiment.batch_size = %SIZE", "batch_size is the macro %SIZE")])
def test_mat_refuses_a_damaged_configuration(operative, message, tmp_path):
  path = synthetic_records.write_run(synthetic_records.record(), tmp_path)
  (path.parent / "operative.gin").write_text(operative)
  with pytest.raises(records.RecordError, match=message):
    export.export(records.load_records([tmp_path]), "mat", tmp_path / "out")


def test_mat_refuses_runs_of_other_settings_in_one_file(tmp_path):
  runs = [synthetic_records.constant("stl", seed, .5) for seed in (0, 1)]
  runs[0].result["configuration_hash"] = "other"
  with pytest.raises(records.RecordError, match="stl/smoke/seed0 and .*seed1 were trained with different settings"):
    export.export(runs, "mat", tmp_path)


@pytest.mark.parametrize("collection", ["planted", "standin_cifar100"])
def test_mat_of_a_committed_report_lacks_nothing(collection, tmp_path):
  folder = pathlib.Path(__file__).parents[2] / "reports" / collection
  paths = export.export(records.load_records([folder]), "mat", tmp_path)
  assert len(paths) >= 8
  for path in paths:
    info = io.loadmat(path, simplify_cells=True)["training_summary"]["model_specific_info"]
    assert len(info["not_recorded"]) == 0 and info["learning_rate"] > 0, path.name
    assert len(info["network"]["channels"]) == len(info["network"]["kernel_sizes"])


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


def test_files_of_long_and_like_names_do_not_meet(tmp_path):
  learners = ["a" * 100, "hps_x", "hps-x", "hps[x]"]
  export.export([synthetic_records.constant(learner, 0, .5, stream="s" * 100) for learner in learners], "mat", tmp_path)
  assert len(list(tmp_path.glob("*.mat"))) == len(learners)


def test_odd_parameters_have_names_that_matlab_allows(tmp_path):
  operative = f"_scope/Thing.{'long' * 30} = 1\nThing.{'long' * 29}_two = {10**18}\na1/b.c = {{'{'k' * 90}': 1}}\n"
  info = _model_info(synthetic_records.record(), operative, tmp_path)["hyper_parameters"]
  names = [*info, *(name for section in info.values() for name in section)]
  assert len(names) == 6 and all(len(name) <= 63 and name[0].isalpha() for name in names)


def test_a_course_that_does_not_fit_its_record_is_refused(tmp_path):
  path = synthetic_records.write_run(synthetic_records.record(), tmp_path).parent / "events.jsonl"
  lines = path.read_text().splitlines()
  for kept, message in ((lines[:4], "epochs of other visits than 0 to 2"), (lines[::-1], "goes backwards in visit")):
    path.write_text("\n".join(kept))
    with pytest.raises(records.RecordError, match=message):
      run_details.load_details(records.load_records([tmp_path]))


@pytest.mark.parametrize("field, value", [("visit", "0"), ("task", None), ("global_epoch", -1), ("loss", "low"),
                                          ("test_accuracy", 1e300), ("diagnostics", {"prior": [[1], [2, 3]]}),
                                          ("diagnostics", {"prior": ["a"]}), ("diagnostics", 5)])
def test_odd_events_are_named(tmp_path, field, value):
  run = synthetic_records.record()
  path = synthetic_records.write_run(run, tmp_path).parent / "events.jsonl"
  events = synthetic_records.events(run)
  events[1][field] = value
  path.write_text("".join(json.dumps(event) + "\n" for event in events))
  with pytest.raises(records.RecordError, match="events.jsonl, line 2: not an event of a run"):
    run_details.load_details(records.load_records([tmp_path]))
