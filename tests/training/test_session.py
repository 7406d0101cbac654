"""What a session keeps, saves and brings back."""

import numpy as np
import pytest
import tensorflow as tf

from lasem_tf.training import checkpoints, events, lifetime, session as session_lib
from tests.training import scripted, streams


class _Watched(events.MemorySink):
  """Acts on an event."""

  def __init__(self, act):
    super().__init__()
    self._act = act

  def emit(self, event):
    super().emit(event)
    self._act(event)


def test_checkpoints_are_due_by_the_clock_that_the_session_was_given(tmp_path, monkeypatch):
  saved = []
  monkeypatch.setattr(checkpoints.CheckpointStore, "save", lambda self, state, arrays: saved.append(state["progress"]))
  options = streams.options(epochs_per_task=2, checkpoint_seconds=5.0)
  streams.life("stl", streams.TinyStream(num_tasks=1), options, checkpoint_dir=tmp_path, now=streams.Clock(0.0)).run()
  assert [len(progress["visits"]) for progress in saved] == [1]  # The end of the visit, whatever the time.
  saved.clear()
  streams.life("stl", streams.TinyStream(num_tasks=1), options, checkpoint_dir=tmp_path, now=streams.Clock(6.0)).run()
  # Four steps and two ends of epochs, each asked about after more than five seconds.
  assert [(progress["current"]["num_epochs"], progress["current"]["step"]) for progress in saved] == [
      (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (2, 0), (0, 0)]


def test_rates_and_batches_of_alternative_phases_are_those_of_one():
  life = streams.life(lambda context: scripted.Scripted(context, phases=[("a", 2), ("b", 2)]),
                      training_options=streams.options(epochs_per_task=2))
  seen = []
  life.session._sinks = [_Watched(lambda event: isinstance(event, events.EpochEnded) and seen.append(
      (life.session.epoch_of_visit, life.session.learning_rate())))]
  life.run()
  first, second = seen[1:3], seen[3:5]  # After the untrained network.
  assert first == second and first[0][0] == 0 and first[1][0] == 1 and first[0][1] > first[1][1]


def test_the_weights_of_the_best_epoch_are_part_of_a_checkpoint(tmp_path):
  """A run is stopped when its best epoch is past; the values come back as they were after that epoch."""
  options = streams.options(epochs_per_task=6, learning_rate=0.05)
  arguments = {"training_options": options, "checkpoint_dir": tmp_path, "now": streams.Clock(1.0)}
  noisy = lambda: streams.TinyStream(sizes=(24, 15, 30), noise=1.5)

  def is_past_its_best():
    current = first.session.progress.current
    best = current.best.phases.get("train")
    return bool(best and best.test is None and first.session.progress.global_epoch > best.global_epoch)

  first = streams.life("hps", noisy(), should_stop=is_past_its_best, **arguments)
  with pytest.raises(lifetime.Interrupted):
    first.run()
  kept = first.session.progress.current.best.weights
  assert kept and any(not np.array_equal(values, first.session.learner.variables()[name].numpy())
                      for name, values in kept.items())
  again = streams.life("hps", noisy(), **arguments)
  again.session.begin()
  found = again.session.progress.current.best
  assert found.to_json() == first.session.progress.current.best.to_json() and found.weights.keys() == kept.keys()
  for name, values in kept.items():
    np.testing.assert_array_equal(found.weights[name], values)
  undisturbed = streams.life("hps", noisy(), options).run().measured
  assert streams.life("hps", noisy(), **arguments).run().measured == undisturbed


def test_a_phase_is_the_same_until_it_ends():
  life = streams.life(scripted.Scripted)
  session = life.session
  session.learner.begin_visit(session.load_task(), 0)
  phase = session.begin_phase()
  assert session.begin_phase() is phase
  session.end_phase()
  assert session.progress.current.phase == 1 and session.begin_phase() is None


def test_values_are_assigned_to_variables_of_the_same_name_shape_and_type_only():
  variables = {"a": tf.Variable([1.0, 2.0])}
  session_lib.assign_strictly(variables, {"a": np.array([3.0, 4.0], np.float32)})
  np.testing.assert_array_equal(variables["a"], [3.0, 4.0])
  for arrays, message in (({}, "lacks .'a'."), ({"a": np.zeros(2, np.float32), "b": np.zeros(1)}, "has .'b'. too many"),
                          ({"a": np.zeros(2)}, "a is float64"), ({"a": np.zeros(3, np.float32)}, "3,")):
    with pytest.raises(checkpoints.CheckpointError, match=message):
      session_lib.assign_strictly(variables, arrays)
