"""Suites expand to checked runs."""

import json

import pytest

from benchmark.suites import catalogue, suite
from benchmark.suites.bindings import ConfigurationError

_SUITE = """
suite.streams = ('synthetic',)
suite.learners = ('stl', 'hps_top2')
suite.scale = 'smoke'
suite.seeds = (0, 3)
"""


@pytest.fixture(name="load")
def _load(tmp_path):
  def load(text=_SUITE, bindings=()):
    path = tmp_path / "small.gin"
    path.write_text(text)
    return suite.load([str(path)], bindings)

  return load


def test_runs_are_streams_times_learners_times_seeds(load):
  the_suite, runs = load()
  assert the_suite.name == "small"
  assert [run.identity for run in runs] == ["synthetic/stl/smoke/seed0", "synthetic/stl/smoke/seed3",
                                            "synthetic/hps_top2/smoke/seed0", "synthetic/hps_top2/smoke/seed3"]
  assert runs[0].configuration_hash == runs[1].configuration_hash != runs[2].configuration_hash


def test_a_run_survives_its_journey_to_a_worker(load):
  _, runs = load(bindings=["EPOCHS_PER_TASK = 5"])
  assert suite.Run.from_json(runs[2].to_json()) == runs[2]
  assert runs[2].parse()["EPOCHS_PER_TASK"] == 5


def test_the_overlay_and_the_command_line_win(load):
  assert load()[1][0].parse()["EPOCHS_PER_TASK"] == 2
  assert load(_SUITE + "EPOCHS_PER_TASK = 7")[1][0].parse()["EPOCHS_PER_TASK"] == 7
  assert load(_SUITE + "EPOCHS_PER_TASK = 7", ["EPOCHS_PER_TASK = 8"])[1][0].parse()["EPOCHS_PER_TASK"] == 8


def test_design_seed_is_part_of_the_configuration(load):
  assert load()[1][0].configuration_hash != load(bindings=["suite.design_seed = 1"])[1][0].configuration_hash


@pytest.mark.parametrize("binding, message", [
    ("suite.learners = ('stl', 'hps_topp2')", "learners/hps_topp2.gin.*Did you mean hps_top2"),
    ("suite.streams = ('cifar10',)", "streams/cifar10.gin.*Did you mean cifar10"),
    ("suite.scale = 'smok'", "scale/smok.gin.*Did you mean smoke"),
    ("suite.seeds = (0, 0)", "suite.seeds.*none twice"),
    ("suite.seeds = ()", "suite.seeds"),
    ("suite.seeds = 5", "suite.seeds = 5: expected tuple"),
    ("suite.learners = 'stl'", "suite.learners = 'stl': expected tuple"),
    ("EPOCHS_PER_TSK = 3", "EPOCHS_PER_TSK.*used by no run.*Did you mean EPOCHS_PER_TASK"),
    ("Expectation.prior = 'mean'", "Expectation.prior.*used by no run"),
    ("EPOCHS_PER_TASK = 'many'", "experiment.epochs_per_task = %EPOCHS_PER_TASK: expected int, got str"),
    ("Static.configuraton = 'all'", "Did you mean configuration"),
])
def test_bad_suites_are_refused_with_the_remedy(load, binding, message):
  with pytest.raises(ConfigurationError, match=message):
    load(bindings=[binding])


def test_a_file_that_is_no_suite_is_explained():
  with pytest.raises(ConfigurationError, match="binds no suite.streams.*takes suites"):
    suite.load(["scale/smoke.gin"])


@pytest.fixture(name="own_class")
def _own_class(tmp_path, monkeypatch):
  """A learner of one's own in the working folder, imported by its own file alone."""
  (tmp_path / "own_trunk.py").write_text(
      "import gin\nfrom lasem_tf.learners import trunk\n@gin.register\nclass OwnTrunk(trunk.TrunkLearner):\n"
      "  def __init__(self, context, width: int = 1):\n    super().__init__(context)\n")
  (tmp_path / "learners").mkdir()
  (tmp_path / "learners" / "own_trunk.gin").write_text("import own_trunk\nexperiment.learner = @OwnTrunk\n")
  monkeypatch.chdir(tmp_path)
  monkeypatch.syspath_prepend(str(tmp_path))


def test_code_that_is_edited_after_planning_trains_nothing(load, own_class, tmp_path):
  """Workers start one after the other, and each imports the module for itself."""
  _, runs = load(bindings=["suite.learners = ('stl', 'own_trunk')"])
  assert runs[0].code == () and [module for module, _ in runs[-1].code] == ["own_trunk"]
  sent = suite.Run.from_json(json.loads(json.dumps(runs[-1].to_json())))
  assert sent == runs[-1]
  with open(tmp_path / "own_trunk.py", "a") as file:
    file.write("# One line more.\n")
  catalogue.digest.cache_clear()  # As in a worker that starts now.
  with pytest.raises(ConfigurationError, match="module own_trunk was edited after .*Restore it"):
    sent.parse()


def test_bindings_for_a_class_of_ones_own_need_no_second_import(load, own_class):
  learners = "suite.learners = ('stl', 'own_trunk')"
  plain, bound = (load(bindings=[learners, *more])[1] for more in ((), ("OwnTrunk.width = 3",)))
  assert [run.configuration_hash for run in plain[:2]] == [run.configuration_hash for run in bound[:2]]
  assert plain[2].configuration_hash != bound[2].configuration_hash
  assert "OwnTrunk.width = 3" in bound[2].text and "OwnTrunk" not in bound[0].text
  for binding, message in (("OwnTrunk.widht = 3", "Did you mean width"), ("OwnTrunk.width = 'a'", "expected int"),
                           ("OwnTrnk.width = 3", "No configurable matching 'OwnTrnk'")):
    with pytest.raises(ConfigurationError, match=message):
      load(bindings=[learners, binding])
