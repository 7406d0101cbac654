"""What TensorBoard is told, and what a resumed run takes back."""

import glob

import numpy as np
import pytest
import tensorflow as tf

from lasem_tf import files
from lasem_tf.training import events, tensorboard
from tests.support import event_files
from tests.training import streams


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

  arguments = {"checkpoint_dir": tmp_path / "checkpoints", "now": streams.Clock(1.0)}  # One step, one question.
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


def test_planted_links_are_not_followed(tmp_path):
  victim = tmp_path / "victim" / "events.out.tfevents.1"
  (tmp_path / "files").mkdir()
  victim.parent.mkdir()
  victim.write_text("precious")
  (tmp_path / "folder").symlink_to(victim.parent)
  (tmp_path / "files" / victim.name).symlink_to(victim)
  linked, holding = tensorboard.TensorBoardSink(tmp_path / "folder"), tensorboard.TensorBoardSink(tmp_path / "files")
  event = events.CurveMeasured(visit=0, task=0, global_epoch=1, accuracies={"test": [0.5]})
  for use in (lambda: linked.emit(event), linked.position, lambda: linked.restore(None), holding.position):
    with pytest.raises(files.PlantedError):
      use()
  holding.restore(None)  # Removes the link itself.
  assert not (tmp_path / "files" / victim.name).is_symlink() and victim.read_text() == "precious"
