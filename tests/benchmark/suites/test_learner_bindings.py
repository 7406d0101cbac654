"""TensorBoard's table of runs tells the methods of a suite apart, and puts the seeds of one together."""

import pytest

from benchmark.execution import run_once
from benchmark.execution.settings import Settings
from benchmark.results import records
from benchmark.suites import learner_bindings, suite
from tests.benchmark import small_suite
from tests.support import event_files


@pytest.fixture(name="runs", scope="module")
def _runs(tmp_path_factory):
  """Runs by (learner, seed)."""
  path = small_suite.write(tmp_path_factory.mktemp("suite"), ("hps_all", "hps_top2", "lasem_hps", "ewc"), (0, 1), 1)
  _, found = suite.load([str(path)])
  return {(run.learner, run.seed): run for run in found}


@pytest.fixture(name="trained", scope="module")
def _trained(runs, tmp_path_factory):
  """Output folder, with hps_top2's runs and one of hps_all and lasem_hps."""
  folder = tmp_path_factory.mktemp("output")
  for key in (("hps_top2", 0), ("hps_top2", 1), ("hps_all", 0), ("lasem_hps", 0)):
    run_once.execute(runs[key], Settings(str(folder)), lambda event: None, lambda: False)
  return folder


def _read(folder, run):
  return event_files.hyper_parameters(folder / run.identity / "tensorboard")


def test_event_files_hold_the_configurations_names_and_the_learners_own_values(trained, runs):
  run = runs["hps_top2", 1]
  _, values = _read(trained, run)
  expected = {"learner": "hps_top2", "stream": "synthetic", "scale": "smoke", "seed": 1, "epochs_per_task": 1,
              "configuration_hash": run.configuration_hash, "experiment.learner": "@Composed",
              "Composed.selection": "@Static()", "Composed.knowledge": "@HardSharing()",
              "Static.configuration": "top2"}
  assert {name: values.get(name) for name in expected} == expected
  assert values["batch_size"] > 0 and values["learning_rate"] > 0 and "learning_rate_decay" in values
  assert not [name for name in values if name.startswith(("SyntheticStream", "ConvNetSpec", "experiment.stream"))]


def test_methods_differ_and_seeds_share_a_group(trained, runs):
  group, values = _read(trained, runs["hps_top2", 0])
  again, other_seed = _read(trained, runs["hps_top2", 1])
  assert group == again and {**other_seed, "seed": 0} == values
  others = [_read(trained, runs[learner, 0]) for learner in ("hps_all", "lasem_hps")]
  assert len({group, *(name for name, _ in others)}) == 3
  assert others[0][1]["learner"] == "hps_all" and others[0][1]["Static.configuration"] == "all"
  assert others[1][1]["learner"] == "lasem_hps" and "Static.configuration" not in others[1][1]


def test_macros_are_resolved_and_defaults_known(runs, tmp_path):
  run_once.build(runs["ewc", 0], Settings(str(tmp_path)))
  values = learner_bindings.describe(runs["ewc", 0])
  assert values["ElasticWeightConsolidation.strength"] == 1000.0
  assert values["ElasticWeightConsolidation.form"] == "online"
  run_once.build(runs["lasem_hps", 0], Settings(str(tmp_path)))
  searched = learner_bindings.describe(runs["lasem_hps", 0])
  assert any(name.startswith("Expectation.") for name in searched)
  assert all(isinstance(value, (bool, int, float, str)) for value in {**values, **searched}.values())


def test_the_result_is_the_same_without_tensorboard(trained, runs, tmp_path):
  run = runs["hps_top2", 0]
  settings = Settings(str(tmp_path), tensorboard=False)
  without = run_once.execute(run, settings, lambda event: None, lambda: False)
  assert without.result == records.load_records([trained / run.identity])[0].result
