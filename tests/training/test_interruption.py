"""A run that is interrupted anywhere goes on to the same result, bit for bit."""

import dataclasses
import json
import os
import pathlib

import numpy as np
import pytest
import tensorflow as tf

from lasem_tf import seeding
from lasem_tf.training import checkpoints, events, json_lines, lifetime, progress as progress_lib
from tests.training import scripted, streams

_OPTIONS = {"epochs_per_task": 2, "eval_every": 2, "task_order": (0, 1, 0), "batch_size": 4}


def _stream():
  return streams.TinyStream(num_tasks=2, sizes=(14, 5, 8))


def _comparable(result):
  assert result.num_retraces == 0
  return dataclasses.asdict(result.measured)


def _lines(path):
  """Events that a resumed run must repeat exactly, without what tells of time and of the resumption itself."""
  parsed = [json.loads(line) for line in path.read_text().splitlines()]
  return [{key: value for key, value in event.items() if key != "seconds"}
          for event in parsed if event["event"] != "run_started"]


class _StopAt:
  """Answers true for ever from the n-th question on."""

  def __init__(self, number):
    self.number, self.questions = number, 0

  def __call__(self):
    self.questions += 1
    return self.questions >= self.number


def _life(learner, directory, should_stop=lambda: False, seconds_per_look=0.0, configuration_hash="c0ffee",
          **overrides):
  """With a whole second a look, every call takes one step and asks once whether to stop, on any machine."""
  sink = json_lines.JsonLinesSink(directory / "events.jsonl")
  return streams.life(learner, _stream(), streams.options(**{**_OPTIONS, **overrides}),
                      checkpoint_dir=directory / "checkpoints", sinks=[sink], should_stop=should_stop,
                      configuration_hash=configuration_hash, now=streams.Clock(seconds_per_look))


def _final_variables(life):
  return {name: variable.numpy() for name, variable in life.session.learner.variables().items()}


def _assert_same(first, second):
  assert list(first) == list(second)
  for name, value in first.items():
    np.testing.assert_array_equal(value, second[name], err_msg=name)


@pytest.fixture(scope="module", name="uninterrupted")
def fixture_uninterrupted(tmp_path_factory):
  """Learner name -> (result, events, variables, how often the run asked whether to stop)."""
  known = {}

  def run(learner):
    if learner not in known:
      directory = tmp_path_factory.mktemp(learner)
      never = _StopAt(10**9)
      life = _life(learner, directory, never, 1.0)
      result = life.run()
      known[learner] = _comparable(result), _lines(directory / "events.jsonl"), _final_variables(life), never.questions
    return known[learner]

  return run


@pytest.mark.parametrize("learner", ["stl", "hps", "lasem"])
def test_interrupted_at_random_points_the_result_is_the_same(learner, uninterrupted, tmp_path):
  expected, lines, variables, num_questions = uninterrupted(learner)
  draws = seeding.generator("interruptions", learner)
  resumptions = 0
  while True:
    # Short lives, so that every run dies several times, in steps as in evaluations.
    life = _life(learner, tmp_path, _StopAt(int(draws.integers(1, num_questions // 2))), 1.0)
    try:
      result = life.run()
      break
    except lifetime.Interrupted:
      resumptions += 1
      assert resumptions < 50
  assert resumptions >= 2 and result.resumptions == resumptions
  assert _comparable(result) == expected
  assert _lines(tmp_path / "events.jsonl") == lines
  _assert_same(_final_variables(life), variables)


def test_interrupted_around_a_commit_the_next_life_finishes_alike(uninterrupted, tmp_path):
  """One interruption at each of several neighbouring questions around a LASEM run's first commit."""
  expected, lines, _, num_questions = uninterrupted("lasem")
  for number in range(num_questions // 3 - 4, num_questions // 3 + 3):
    directory = tmp_path / str(number)
    with pytest.raises(lifetime.Interrupted):
      _life("lasem", directory, _StopAt(number), 1.0).run()
    # The rest in calls of several steps.
    assert _comparable(_life("lasem", directory).run()) == expected, f"interrupted at question {number}"
    assert _lines(directory / "events.jsonl") == lines


def test_interrupted_while_tasks_are_validated_they_are_validated_again(uninterrupted, tmp_path):
  def life(directory, question):
    """Stops at the n-th question of the evaluation after the second visit, which ends with validation."""
    asked = []

    def ask():
      progress = made.session.progress
      if (progress.visit, progress.current.stage) == (1, progress_lib.Stage.COMMITTED):
        asked.append(len(asked) + 1)
      return question in asked

    made = _life("lasem", directory, ask, 1.0)
    return made, asked

  whole, asked = life(tmp_path / "whole", None)
  whole.run()
  first, _ = life(tmp_path / "stopped", asked[-1])
  with pytest.raises(lifetime.Interrupted):
    first.run()
  expected, lines, variables, _ = uninterrupted("lasem")
  second = _life("lasem", tmp_path / "stopped")
  assert _comparable(second.run()) == expected
  assert _lines(tmp_path / "stopped" / "events.jsonl") == lines
  _assert_same(_final_variables(second), variables)


class _Killed(BaseException):
  """Stands for SIGKILL: nothing is written any more."""


@pytest.mark.parametrize("learner", ["hps", "lasem"])
def test_killed_between_checkpoints_the_work_since_is_done_again(learner, uninterrupted, tmp_path):
  expected, lines, variables, num_questions = uninterrupted(learner)
  draws = seeding.generator("kills", learner)

  def killer():
    fuse = _StopAt(int(draws.integers(num_questions // 4, num_questions * 3 // 4)))

    def ask():
      if fuse():
        raise _Killed
      return False
    return ask

  for _ in range(3):
    try:
      _life(learner, tmp_path, killer(), 1.0, checkpoint_seconds=7.0).run()
      break
    except _Killed:
      pass
  life = _life(learner, tmp_path, seconds_per_look=1.0, checkpoint_seconds=7.0)
  assert _comparable(life.run()) == expected
  assert _lines(tmp_path / "events.jsonl") == lines
  _assert_same(_final_variables(life), variables)


def test_a_finished_run_started_again_only_repeats_its_result(uninterrupted, tmp_path):
  _life("hps", tmp_path).run()
  again = _life("hps", tmp_path)
  assert _comparable(again.run()) == {**uninterrupted("hps")[0]}
  assert again.session.num_step_traces == 0


def test_a_torn_checkpoint_costs_time_but_no_digit(uninterrupted, tmp_path):
  with pytest.raises(lifetime.Interrupted):
    _life("hps", tmp_path, _StopAt(uninterrupted("hps")[3] // 2), 1.0, checkpoint_seconds=0.0).run()
  newest = max((tmp_path / "checkpoints").glob("checkpoint-*.json"))
  newest.write_bytes(newest.read_bytes()[:100])
  with pytest.warns(checkpoints.CheckpointWarning):
    result = _life("hps", tmp_path).run()
  assert _comparable(result) == uninterrupted("hps")[0]
  assert _lines(tmp_path / "events.jsonl") == uninterrupted("hps")[1]


@pytest.mark.parametrize("learner, overrides, field", [("hps", {"batch_size": 5}, "batch_size"), ("snn", {}, "learner"),
                                                       ("hps", {"task_order": (1, 0, 1)}, "order"),
                                                       ("hps", {"configuration_hash": "other"}, "configuration")])
def test_a_checkpoint_of_another_run_is_refused(tmp_path, learner, overrides, field):
  with pytest.raises(lifetime.Interrupted):
    _life("hps", tmp_path, _StopAt(6)).run()
  message = f"{tmp_path}/checkpoints belongs to another run .it differs in {field}.*delete this run's folder"
  with pytest.raises(checkpoints.CheckpointError, match=message):
    _life(learner, tmp_path, **overrides).run()


def test_restoring_is_strict(tmp_path):
  class Forgetful(scripted.Scripted):
    def variables(self):
      return {"weight": self.weight}

  class Misshapen(scripted.Scripted):
    def __init__(self, context):
      super().__init__(context)
      self.weight = tf.Variable(tf.zeros([2]))

  with pytest.raises(lifetime.Interrupted):
    _life(scripted.Scripted, tmp_path, _StopAt(6)).run()
  Forgetful.__name__ = Misshapen.__name__ = "Scripted"
  with pytest.raises(checkpoints.CheckpointError, match="has \\['num_steps'\\] too many"):
    _life(Forgetful, tmp_path).run()
  with pytest.raises(checkpoints.CheckpointError, match="weight is float32 .*in the checkpoint, float32 \\(2,\\)"):
    _life(Misshapen, tmp_path).run()


def test_stopping_without_checkpoints_just_stops():
  with pytest.raises(lifetime.Interrupted):
    streams.life("stl", _stream(), streams.options(**_OPTIONS), should_stop=_StopAt(5)).run()


def test_finished_tasks_are_written_once(tmp_path, monkeypatch):
  writes, replace = [], os.replace

  def counting(source, target):
    writes.append(pathlib.Path(target).suffix)
    replace(source, target)

  monkeypatch.setattr(os, "replace", counting)
  _life("stl", tmp_path, task_order=(0, 1)).run()
  # Task 0 at the end of its visit, task 1 at the end of its.
  assert sorted(writes) == [".json"] * 2 + [".npz"] * 2


def test_events_that_cannot_be_written_stop_the_run_with_a_remedy(tmp_path):
  class Full(events.MemorySink):
    def emit(self, event):
      raise OSError(28, "No space left on device")

  with pytest.raises(checkpoints.CheckpointError, match="Writing events .memory. failed.*No space left.*Make room"):
    streams.life("stl", _stream(), sinks=[Full()]).run()


def test_a_listener_that_is_gone_is_not_taken_for_a_full_disk():
  """A worker whose parent was killed must end without the record of a failure, to be taken up again."""
  class Gone(events.MemorySink):
    def emit(self, event):
      raise BrokenPipeError(32, "Broken pipe")

  with pytest.raises(BrokenPipeError):
    streams.life("stl", _stream(), sinks=[Gone()]).run()


def test_an_epoch_that_goes_on_is_begun_again_before_values_are_restored(tmp_path):
  class Marking(scripted.Scripted):
    def begin_epoch(self, epoch):
      super().begin_epoch(epoch)
      self.weight.assign(tf.zeros_like(self.weight))

  first = _life(Marking, tmp_path, lambda: first.session.progress.current.step == 2, 1.0)
  with pytest.raises(lifetime.Interrupted):
    first.run()
  second = _life(Marking, tmp_path, lambda: second.session.progress.resumptions > 0)
  with pytest.raises(lifetime.Interrupted):
    second.run()
  assert [call for call in second.session.learner.calls if call[0] == "begin_epoch"] == [
      ("begin_epoch", first.session.progress.current.epoch)]
  assert np.any(first.session.learner.weight.numpy())
