"""What a completed run keeps of its network, when, and what becomes of damage."""

import json
import shutil

import gin
import numpy as np
import pytest

from benchmark.execution import run_once
from benchmark.execution.settings import Settings
from benchmark.models import saved_run
from lasem_tf import types
from lasem_tf.training import checkpoints
from tests.benchmark.models import short_runs


def test_the_model_holds_configuration_tasks_and_all_weights(two_tasks):
  saved = saved_run.read(two_tasks)
  claim = json.loads((two_tasks / "run.json").read_text())
  assert saved.run.configuration_hash == claim["configuration_hash"]
  assert saved.run.parse()["experiment.learner"].name == "Composed"  # The text belongs to the hash.
  assert saved.image_shape == (16, 16, 3) and saved.order == [0, 1]
  assert [task.info.num_classes for task in saved.tasks] == [4, 4]
  assert all(set(task.fingerprints) == set(types.SPLITS) for task in saved.tasks)
  learner = saved.learner()
  assert learner.learned_tasks == (0, 1) and learner.variables().keys() == saved.checkpoint.arrays.keys()
  for name, variable in learner.variables().items():
    np.testing.assert_array_equal(variable, saved.checkpoint.arrays[name])
  record = json.loads((two_tasks / "record.json").read_text())
  assert [saved.configuration(task) for task in (0, 1)] == record["result"]["configurations"]


def test_what_is_kept_beside_the_record_decides_nothing_about_the_result(two_tasks, tmp_path):
  """Without predictions and final model, the same run has the same result block and the same losses."""
  bare = short_runs.train(tmp_path / "out", short_runs.plan(tmp_path, "lasem_hps"), predictions=False, keep_model=False)
  kept = [{name for name in ("predictions.npz", "model") if (run / name).exists()} for run in (two_tasks, bare)]
  assert kept == [{"predictions.npz", "model"}, set()]
  results, losses = [], []
  for run in (two_tasks, bare):
    results.append(json.loads((run / "record.json").read_text())["result"])
    events = map(json.loads, (run / "events.jsonl").read_text().splitlines())
    losses.append([event["loss"] for event in events if event["event"] == "epoch"])
  assert results[0] == results[1] and results[0]["status"] == "completed"
  assert losses[0] == losses[1] and any(losses[0])


def test_a_task_keeps_what_its_stream_declared():
  for details in ({}, {types.BEST_CONFIGURATION: "0110"}):
    task = saved_run.SavedTask(types.TaskInfo(1, 2, ("a", "b"), (), details), None, {"train": "x"})
    assert saved_run.SavedTask.from_json(1, json.loads(json.dumps(task.to_json()))) == task


def test_building_leaves_gin_as_it_was(two_tasks):
  gin.parse_config("KEPT = 3\nSynthetic.noise = %KEPT")
  before = gin.config_str()
  saved_run.read(two_tasks).build()
  assert gin.config_str() == before and "KEPT" in before


def test_no_model_is_kept_where_none_is_wanted(tmp_path):
  folder = short_runs.train(tmp_path / "out", short_runs.plan(tmp_path, "stl", 1), keep_model=False)
  assert (folder / "record.json").exists() and not (folder / "model").exists()
  with pytest.raises(saved_run.ModelError, match="trained with --nokeep_model"):
    saved_run.read(folder)


def test_a_kill_while_the_model_is_written_loses_nothing(tmp_path, monkeypatch):
  """Neither the training nor, the second time, the model; and there is no record without a model."""
  run, settings = short_runs.plan(tmp_path, "stl", 1), Settings(output_dir=str(tmp_path / "out"), tensorboard=False)
  write, steps = saved_run.SavedRun.write, []

  def killed(self, directory):
    with monkeypatch.context() as patch:
      patch.setattr(checkpoints.files, "write_atomically", _die)  # The manifest, after the arrays.
      write(self, directory)

  monkeypatch.setattr(saved_run.SavedRun, "write", killed)
  with pytest.raises(SystemExit):
    run_once.execute(run, settings, lambda event: None, lambda: False)
  folder = settings.run_dir(run)
  assert not (folder / "record.json").exists() and list((folder / "model").glob("*.npz"))
  monkeypatch.setattr(saved_run.SavedRun, "write", write)
  record = run_once.execute(run, settings, lambda event: steps.append(event.to_json()["event"]), lambda: False)
  assert record.status == "completed" and "epoch" not in steps
  saved_run.read(folder).learner()
  (manifest,) = (folder / "model").glob("*.json")
  assert len(list((folder / "model").iterdir())) == 1 + len(set(json.loads(manifest.read_text())["groups"].values()))


def _die(*_):
  raise SystemExit(9)


def _damage_array(folder):
  path = sorted((folder / "model").glob("*.npz"))[0]
  content = bytearray(path.read_bytes())
  content[len(content) // 2] ^= 255
  path.write_bytes(content)


def _damage_manifest(folder):
  (path,) = (folder / "model").glob("*.json")
  path.write_text(path.read_text()[:-20])


def _forge(folder):
  """A sound file of another kind."""
  shutil.rmtree(folder / "model")
  checkpoints.CheckpointStore(folder / "model").save({"model_format": 99}, {"a": np.zeros(1)})


def _forge_state(**changes):
  """A sound file that says odd things."""
  def spoil(folder):
    found = checkpoints.read_newest(folder / "model")
    shutil.rmtree(folder / "model")
    checkpoints.CheckpointStore(folder / "model").save(found.state | changes, found.arrays)
  return spoil


@pytest.mark.parametrize("spoil, message", [
    (_forge_state(tasks=[5]), "lacks or garbles"), (_forge_state(session={}), "lacks or garbles 'identity'"),
    (_forge_state(session={"identity": {"order": [7]}, "progress": {"visits": []}}), "lacks or garbles"),
    (_forge_state(run={}), "lacks or garbles"), (_forge_state(image_shape=None), "lacks or garbles"),
    (_damage_array, "npz.* is damaged"), (_damage_manifest, "json is damaged"), (_forge, "model of format 1, but 99"),
    (shutil.rmtree, "no such folder"), (lambda folder: shutil.rmtree(folder / "model"), "no model")])
def test_a_damaged_or_foreign_model_gets_one_line(two_tasks, tmp_path, spoil, message):
  copy = tmp_path / "copy"
  shutil.copytree(two_tasks, copy)
  spoil(copy)
  with pytest.raises(saved_run.ModelError, match=message) as caught:
    saved_run.read(copy)
  assert "\n" not in str(caught.value) and str(copy) in str(caught.value)


def test_a_program_of_another_precision_is_told_so(two_tasks, float64):
  with pytest.raises(saved_run.ModelError, match=r"Keras computes in float64, .*set_floatx\('float32'\) first"):
    saved_run.read(two_tasks).learner()


def test_reading_changes_nothing(two_tasks):
  before = {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in two_tasks.rglob("*")}
  saved_run.read(two_tasks)
  assert {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in two_tasks.rglob("*")} == before


def test_a_folder_above_runs_names_one(two_tasks):
  with pytest.raises(saved_run.ModelError, match=f"such as {two_tasks}"):
    saved_run.read(two_tasks.parents[3])
