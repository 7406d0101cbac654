"""What sinks write, and what they take back."""

import glob
import json

import numpy as np
import pytest
import tensorflow as tf

from lasem_tf import files
from lasem_tf.training import checkpoints, events, json_lines, lifetime, tensorboard
from tests import event_files
from tests.training import streams


def _event(number):
  return events.CurveMeasured(visit=0, task=0, global_epoch=number, accuracies={"test": [0.5, None]})


def test_json_lines_hold_one_event_each(tmp_path):
  path = tmp_path / "new" / "events.jsonl"
  sink = json_lines.JsonLinesSink(path)
  sink.restore(None)
  sink.emit(_event(1))
  assert json.loads(path.read_text()) == {"event": "curve", "visit": 0, "task": 0, "global_epoch": 1,
                                          "accuracies": {"test": [0.5, None]}}
  sink.close()


def test_json_lines_forget_what_the_checkpoint_does_not_know(tmp_path):
  path = tmp_path / "events.jsonl"
  sink = json_lines.JsonLinesSink(path)
  sink.emit(_event(1))
  position = sink.position()
  sink.emit(_event(2))
  sink.close()
  with open(path, "a", encoding="utf-8") as file:
    file.write('{"event": "torn')
  sink = json_lines.JsonLinesSink(path)
  sink.restore(position)
  sink.emit(_event(3))
  assert sink.position() == path.stat().st_size
  sink.close()
  assert [json.loads(line)["global_epoch"] for line in path.read_text().splitlines()] == [1, 3]
  sink = json_lines.JsonLinesSink(path)
  sink.restore(None)
  sink.close()
  assert path.read_text() == ""


def test_a_file_shorter_than_its_checkpoint_is_an_error(tmp_path):
  sink = json_lines.JsonLinesSink(tmp_path / "events.jsonl")
  with pytest.raises(checkpoints.CheckpointError, match="shorter than the run's checkpoint says .5 bytes."):
    sink.restore(5)
  sink.close()


def test_planted_links_are_not_followed(tmp_path):
  victim = tmp_path / "victim"
  victim.mkdir()
  for name in ("events.jsonl", "events.out.tfevents.1"):
    (victim / name).write_text("precious")
  (tmp_path / "events.jsonl").symlink_to(victim / "events.jsonl")
  (tmp_path / "tensorboard").symlink_to(victim)
  (tmp_path / "files").mkdir()
  (tmp_path / "files" / "events.out.tfevents.1").symlink_to(victim / "events.out.tfevents.1")
  lines = json_lines.JsonLinesSink(tmp_path / "events.jsonl")
  linked = tensorboard.TensorBoardSink(tmp_path / "tensorboard")
  for use in (lambda: lines.emit(_event(1)), lines.position, lambda: lines.restore(None),
              lambda: linked.emit(_event(1)), linked.position, lambda: linked.restore(None),
              tensorboard.TensorBoardSink(tmp_path / "files").position):
    with pytest.raises(files.LinkError):
      use()
  tensorboard.TensorBoardSink(tmp_path / "files").restore(None)  # Removes the link itself.
  assert [path.read_text() for path in sorted(victim.iterdir())] == ["precious"] * 2
  with pytest.raises(files.LinkError, match="events.jsonl is a symbolic link"):  # Not taken for a full disk.
    streams.life("stl", sinks=[json_lines.JsonLinesSink(tmp_path / "events.jsonl")]).run()


def _scalars(directory):
  """{tag: {step: value}}; a value written twice is an error."""
  scalars = {}
  for path in sorted(glob.glob(f"{directory}/*.tfevents.*")):
    for record in tf.data.TFRecordDataset(path).as_numpy_iterator():
      event = tf.compat.v1.Event.FromString(record)
      for value in event.summary.value:
        if value.metadata.plugin_data.plugin_name == "scalars" or value.tag.startswith("visit/conf"):
          steps = scalars.setdefault(value.tag, {})
          assert event.step not in steps, f"{value.tag} twice at {event.step}"
          steps[event.step] = tf.make_ndarray(value.tensor) if not value.tag.startswith("visit/conf") else None
        else:
          scalars.setdefault(value.metadata.plugin_data.plugin_name, {})
  return scalars


def test_tensorboard_gets_scalars_configurations_and_hyper_parameters(tmp_path):
  memory = events.MemorySink()
  accuracy = streams.life("lasem", training_options=streams.options(eval_every=3),
                          sinks=[memory, tensorboard.TensorBoardSink(tmp_path)]).run().measured.accuracy
  scalars = _scalars(tmp_path)
  assert "hparams" in scalars
  for event in memory.of(events.EpochEnded):
    assert scalars[f"validation_accuracy/task{event.task}"][event.global_epoch] == np.float32(event.validation_accuracy)
  bests = [event for event in memory.of(events.BestEpochMeasured) if event.task == 1]
  assert scalars["test_accuracy_at_best/task1"] == {
      event.global_epoch: np.float32(event.test_accuracy) for event in bests} and len(bests) == 1
  assert sorted(scalars["training/loss"]) == list(range(1, 10))
  assert sorted(scalars["visit/configurations"]) == [1, 2, 3]
  assert scalars["visit/test_accuracy/task1"] == {
      2: np.float32(accuracy.after_visit[1][1]), 3: np.float32(accuracy.after_visit[2][1])}
  assert scalars["visit/peak_accuracy"][3] == pytest.approx(np.mean(accuracy.at_best_validation))
  assert sorted(scalars["curve_test_accuracy/task0"]) == [0, 3, 6, 9]


def _hyper_parameters(directory, seed=0, learner="Composed", **options):
  """Group and values that a run without a visit leaves in its event file."""
  sink = tensorboard.TensorBoardSink(directory, **options)
  sink.emit(events.RunStarted(
      stream="Invented images", learner=learner, seed=seed, task_order=(0, 1), epochs_per_task=3, batch_size=8,
      learning_rate=.01, learning_rate_decay=.5, total_epochs=6, global_epoch=0, resumptions=0))
  sink.close()
  return event_files.hyper_parameters(directory)


def test_hyper_parameters_are_those_of_the_run_and_whoever_adds_to_them(tmp_path):
  _, alone = _hyper_parameters(tmp_path / "alone")
  expected = {"stream": "Invented images", "learner": "Composed", "seed": 0, "batch_size": 8, "epochs_per_task": 3,
              "learning_rate": .01, "learning_rate_decay": .5}
  assert alone == expected
  added = {"learner": "hps_top2", "Static.configuration": "top2", "a.flag": True, "a.number": 2.5}
  assert _hyper_parameters(tmp_path / "more", hyper_parameters=added)[1] == {**expected, **added}


def test_seeds_share_a_group_and_configurations_do_not(tmp_path):
  arguments = [{"seed": 0}, {"seed": 1}, {"learner": "Other"}, {"hyper_parameters": {"Static.configuration": "top2"}},
               {"hyper_parameters": {"Static.configuration": "all"}}]
  groups = [_hyper_parameters(tmp_path / str(number), **options)[0] for number, options in enumerate(arguments)]
  assert groups[0] == groups[1] and len(set(groups)) == 4


def test_a_resumed_run_leaves_no_scalar_twice_and_none_out(tmp_path):
  whole, parts = tmp_path / "whole", tmp_path / "parts"
  streams.life("hps", sinks=[tensorboard.TensorBoardSink(whole)]).run()
  asked = 0

  def stop_late():
    nonlocal asked
    asked += 1
    if asked == 30:
      raise KeyboardInterrupt  # Dies without a last checkpoint, some way after the one before.
    return False

  arguments = {"checkpoint_dir": tmp_path / "checkpoints"}
  with pytest.raises(KeyboardInterrupt):
    streams.life("hps", sinks=[tensorboard.TensorBoardSink(parts)], should_stop=stop_late, **arguments).run()
  assert streams.life("hps", sinks=[tensorboard.TensorBoardSink(parts)], **arguments).run().resumptions == 1
  assert event_files.hyper_parameters(whole) == event_files.hyper_parameters(parts)
  expected, found = _scalars(whole), _scalars(parts)
  assert found.keys() == expected.keys()
  for tag, steps in expected.items():
    assert found[tag] == steps, tag


def test_the_configuration_grid_is_a_row_of_cells_for_every_task():
  grid = tensorboard.configuration_grid({0: "10", 2: "01"}, num_tasks=3)
  assert grid.shape == (48, 32, 1) and grid.dtype == np.uint8
  assert grid[::16, ::16, 0].tolist() == [[255, 80], [0, 0], [80, 255]]


def test_all_sinks_are_closed_when_a_run_fails():
  closed = []

  class Watched(events.MemorySink):
    def close(self):
      closed.append(True)

  with pytest.raises(lifetime.Interrupted):
    streams.life("stl", sinks=[Watched()], should_stop=lambda: True).run()
  assert closed == [True]
