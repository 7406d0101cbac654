"""A run that goes on from another one is the longer run, and says where it came from."""

import dataclasses
import json
import shutil

import pytest

from benchmark import run as run_command
from benchmark.execution import attempt, planning, run_once
from benchmark.execution.settings import Settings
from benchmark.models import growing, saved_run
from benchmark.results import records
from benchmark.suites.gin_files import ConfigurationError
from lasem_tf.training import growth
from tests.benchmark import small_suite
from tests.benchmark.models import short_runs


@pytest.fixture(name="longer", scope="module")
def _longer(tmp_path_factory):
  return short_runs.plan(tmp_path_factory.mktemp("three"), "lasem_hps", num_tasks=3)


@pytest.fixture(name="grown", scope="module")
def _grown(tmp_path_factory, two_tasks, longer):
  before = {path: path.read_bytes() for path in two_tasks.rglob("*") if path.is_file()}
  folder = short_runs.train(tmp_path_factory.mktemp("grown"), longer, grow=str(two_tasks))
  assert {path: path.read_bytes() for path in two_tasks.rglob("*") if path.is_file()} == before
  return folder


def test_the_grown_run_is_the_longer_run_bit_for_bit(grown, longer, tmp_path):
  at_once = records.read_record(short_runs.train(tmp_path, longer))
  record = records.read_record(grown)
  assert record.to_json()["result"] == at_once.to_json()["result"]
  assert len(record.result["accuracy"]["after_visit"]) == 3
  events = [json.loads(line) for line in (grown / "events.jsonl").read_text().splitlines()]
  assert {event["visit"] for event in events if event["event"] == "epoch"} == {2}  # The others were not trained again.


def test_the_record_names_its_parent(grown, two_tasks):
  parent = records.read_record(two_tasks)
  assert records.read_record(grown).provenance["parent"] == {
      "run_dir": str(two_tasks), "identity": "synthetic/lasem_hps/smoke/seed0", "num_visits": 2,
      "configuration_hash": parent.result["configuration_hash"], "result_digest": parent.to_json()["result_digest"]}
  assert parent.provenance["parent"] is None


def test_a_grown_run_that_was_stopped_goes_on_from_its_own_checkpoint(grown, two_tasks, longer, tmp_path):
  settings = Settings(output_dir=str(tmp_path), tensorboard=False, command="test", grow=str(two_tasks),
                      checkpoint_seconds=0.0)
  polls = iter(range(1000))
  assert attempt.attempt(longer, settings, lambda event: None, lambda: next(polls) > 8).status == "interrupted"
  assert attempt.attempt(longer, settings, lambda event: None, lambda: False).status == "completed"
  record = records.read_record(settings.run_dir(longer))
  assert record.to_json()["result"] == records.read_record(grown).to_json()["result"]
  assert record.provenance["parent"]["run_dir"] == str(two_tasks) and record.provenance["resumptions"] == 1


@pytest.mark.parametrize("bindings, num_tasks, message", [
    ("BATCH_SIZE = 5", 3, r"bindings differ in experiment.batch_size \(10 there, 5 here\)"),
    ("Synthetic.noise = 0.4", 3, "the train images or labels of task 0 are others"),
    ("Synthetic.num_classes = 5", 3, "task 0 had classes"),
    ("suite.design_seed = 1", 3, "suite.design_seed was 0, not 1"),
    ("", 1, "has 2 tasks, more than the 1"), ("experiment.first_tasks = 1", 3, "has 2 tasks, more than the 1")])
def test_another_method_or_other_tasks_are_refused(two_tasks, tmp_path, bindings, num_tasks, message):
  run = short_runs.plan(tmp_path, "lasem_hps", num_tasks, bindings)
  data = run_once.build(run, Settings(output_dir=str(tmp_path))).data
  with pytest.raises(growth.GrowthError, match=message):
    growing.parent(two_tasks, run, data)


@pytest.mark.parametrize("bindings, num_tasks, message", [
    ("", 2, "visits these and then more"), ("experiment.first_tasks = 2", 3, "visits these and then more"),
    ("experiment.task_order = (1, 0, 2)", 3, r"not \[1, 0, 2\]")])
def test_visits_must_follow_those_of_the_parent(two_tasks, tmp_path, bindings, num_tasks, message):
  run = short_runs.plan(tmp_path, "lasem_hps", num_tasks, bindings)
  settings = Settings(output_dir=str(tmp_path / "out"), tensorboard=False, grow=str(two_tasks))
  outcome = attempt.attempt(run, settings, lambda event: None, lambda: False)
  assert outcome.status == "failed" and message.replace("\\", "") in outcome.reason


def test_learners_that_planned_for_fewer_tasks_are_refused_by_name(tmp_path):
  for learner, message in (("packnet", "bind PackNet.planned_tasks"), ("replay", "bind the learner's budget")):
    run = short_runs.plan(tmp_path / learner, learner, 3)
    prepared = run_once.build(run, Settings(output_dir=str(tmp_path)))
    assert message in prepared.learner.refuses_growth(2, 3)
  assert prepared.learner.refuses_growth(2, 3).startswith("the memory of ExperienceReplay")


def test_what_the_learner_refuses_is_found_out_before_anything_is_trained(two_tasks, tmp_path):
  """A run that visits no further task, and one that would be written to where its parent lies."""
  settings = Settings(output_dir=str(tmp_path / "out"), tensorboard=False, grow=str(two_tasks))
  with pytest.raises(ConfigurationError, match="cannot go on from .*visits these and then more"):
    planning.check_parents([short_runs.plan(tmp_path, "lasem_hps", 2)], settings)
  suite_dir, longer = two_tasks.parents[3], short_runs.plan(tmp_path, "lasem_hps", 3)
  for folder in (two_tasks, suite_dir):
    with pytest.raises(ConfigurationError, match="is a folder that this suite writes to: name another --output_dir"):
      planning.check_parents([longer], dataclasses.replace(settings, output_dir=str(suite_dir), grow=str(folder)))


def test_the_command_refuses_before_anything_is_trained(two_tasks, tmp_path, capsys):
  path = small_suite.write(tmp_path, learners=("stl",), epochs=1, groups=short_runs.GROUPS)
  arguments = ["benchmark.run", f"--gin_file={path}", f"--output_dir={tmp_path / 'out'}"]
  for folder, message in ((two_tasks, "bindings differ in"), (tmp_path / "nothing", "no such folder")):
    with pytest.raises(SystemExit) as ended:
      run_command.main([*arguments, f"--grow={folder}"])
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert error.count("Error: ") == 1 and f"--grow={folder}" in error and message in error
  assert not (tmp_path / "out").exists()


def test_a_parent_without_its_model_is_refused(two_tasks, longer, tmp_path):
  copy = tmp_path / "copy"
  shutil.copytree(two_tasks, copy)
  shutil.rmtree(copy / "model")
  data = run_once.build(longer, Settings(output_dir=str(tmp_path))).data
  with pytest.raises(saved_run.ModelError, match="keeps no model"):
    growing.parent(copy, longer, data)
