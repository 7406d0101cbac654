"""What the trainer asks of a learner, in which order, and what it makes of the answers."""

import dataclasses
import json

import numpy as np
import pytest
import tensorflow as tf

from lasem_tf import types
from lasem_tf.knowledge import hard_sharing
from lasem_tf.learners import composed, single_task
from lasem_tf.nn import workload
from lasem_tf.selection import exhaustive
from lasem_tf.training import events, schedule, steps
from tests.training import scripted, streams


def _run(stream=None, training_options=None, reference=types.ReferenceBehaviour(), learner="stl", **arguments):
  """(what it measured, events, learner) of a run."""
  memory = events.MemorySink()
  life = streams.life(learner, stream, training_options, reference, sinks=[memory], **arguments)
  return life.run().measured, memory, life.session.learner


def _scripted(**script):
  return lambda context: scripted.Scripted(context, **script)


def test_calls_come_in_the_order_of_the_contract():
  result, _, learner = _run(streams.TinyStream(num_tasks=2), streams.options(epochs_per_task=2),
                            learner=_scripted(phases=[("a", 1), ("none", 0), ("b", 5)], ends=[("b", 0)]))
  names = [call[0] if call[0] != "begin_visit" else call for call in learner.calls]
  visit = ["next_phase", "begin_epoch", "end_epoch", "next_phase", "next_phase", "begin_epoch", "end_epoch",
           "next_phase", "end_visit"]
  assert names == [("begin_visit", 0, 0, True), *visit, ("begin_visit", 1, 1, True), *visit]
  assert [call[1] for call in learner.calls if call[0] == "next_phase"] == [0, 1, 2, 3] * 2
  assert result.status == "completed" and result.configurations == ["01", "01"]
  assert result.learner_summary == [{"visits": 1}, {"visits": 2}]


def test_every_epoch_feeds_full_batches_of_a_fresh_permutation_and_the_decayed_rate():
  _, memory, learner = _run(learner=_scripted())
  assert len(learner.steps) == 3 * 3 * 2
  rates = [rate for _, _, rate, _ in learner.steps]
  expected = [schedule.learning_rate(0.02, 0.1, epoch) for epoch in range(9) for _ in range(2)]
  np.testing.assert_allclose(rates, expected, rtol=1e-6)
  orders = [tuple(np.concatenate([learner.steps[2 * epoch + step][0] for step in range(2)])) for epoch in range(9)]
  assert len(set(orders)) == 9 and all(len(set(order)) == 8 and max(order) < 11 for order in orders)
  assert len({seed for _, seed, _, _ in learner.steps}) == 18
  assert [event.global_epoch for event in memory.of(events.EpochEnded)] == list(range(10))


def test_methods_see_the_same_batches_and_seeds():
  one = _run(learner=_scripted())[2].steps
  other = _run(learner=_scripted(phases=[("a", 1), ("b", 2)]))[2].steps
  assert [(tuple(rows), seed) for rows, seed, *_ in one] == [(tuple(rows), seed) for rows, seed, *_ in other]


def test_candidates_of_an_exhaustive_search_are_trained_alike():
  steps_taken = _run(streams.TinyStream(num_tasks=1), streams.options(epochs_per_task=2),
                     learner=_scripted(phases=[("candidate0", 2), ("candidate1", 2)]))[2].steps
  assert [(tuple(rows), seed, rate) for rows, seed, rate, _ in steps_taken[:4]] == [
      (tuple(rows), seed, rate) for rows, seed, rate, _ in steps_taken[4:]]


def test_validation_batches_come_where_they_are_asked_for():
  asked = _run(learner=_scripted(needs_validation=True))[2].steps
  assert all(len(set(rows)) == 4 and max(rows) < 5 for *_, rows in asked)
  assert len({tuple(rows) for *_, rows in asked}) > 3
  assert all(len(rows) == 0 for *_, rows in _run(learner=_scripted())[2].steps)


def test_losses_and_metrics_are_means_over_the_epoch():
  _, memory, _ = _run(streams.TinyStream(num_tasks=1), learner=_scripted(losses={0: 3.0, 1: 4.0, 2: 0.5}))
  untrained, *epochs = memory.of(events.EpochEnded)
  assert (untrained.phase, untrained.epoch, untrained.loss) == ("untrained", -1, None)
  assert [event.loss for event in epochs] == [3.5, 0.75, 1.0]
  assert [event.metrics for event in epochs] == [{"twice": 7.0}, {"twice": 1.5}, {"twice": 2.0}]


@pytest.mark.parametrize("loss, word", [(np.nan, "nan"), (np.inf, "inf")])
def test_a_run_whose_loss_is_not_finite_has_diverged(loss, word):
  result, memory, _ = _run(learner=_scripted(losses={9: loss}))
  assert result.status == "diverged"
  assert f"became {word} in step 1 of epoch 1 of phase 'train', visit 1 (task 1)" in result.reason
  assert [row[0] is None for row in result.accuracy.after_visit] == [False, True, True]
  assert result.accuracy.at_best_validation[1:] == [None, None] and result.forward_macs_committed[1:] == [None, None]
  assert memory.events[-1] == events.RunEnded("diverged", result.reason)
  json.dumps(dataclasses.asdict(result), allow_nan=False)


def test_a_really_diverging_network_is_recorded_as_diverged():
  result, _, _ = _run(training_options=streams.options(learning_rate=1e20))
  assert result.status == "diverged" and "Try a smaller learning rate" in result.reason


def test_accuracies_before_the_commit_are_kept_apart():
  result, _, _ = _run(learner=_scripted(commits=True))
  assert len(result.accuracy.before_commit) == 3 and result.accuracy.before_commit != result.accuracy.after_visit
  reference, _, _ = _run(learner=_scripted(commits=True), reference=types.ReferenceBehaviour(record_before_commit=True))
  assert reference.accuracy.after_visit == reference.accuracy.before_commit == result.accuracy.before_commit
  assert reference.validation_accuracy != result.validation_accuracy  # Of the same moment as the test accuracies.
  assert _run(learner=_scripted())[0].accuracy.before_commit is None


def test_all_tasks_learned_so_far_are_validated_after_every_visit():
  options = streams.options(task_order=(0, 1, 2, 0), eval_every=1, curve_splits=("validation",))
  result, memory, _ = _run(training_options=options, learner="hps")
  last_curves = {event.visit: event.accuracies["validation"] for event in memory.of(events.CurveMeasured)}
  assert result.validation_accuracy == [last_curves[visit] for visit in range(4)]
  assert [[value is None for value in row] for row in result.validation_accuracy] == [
      [value is None for value in row] for row in result.accuracy.after_visit]


def test_the_peak_comes_from_the_phase_that_the_learner_names():
  phases = [("a", 2), ("b", 1)]
  memory = _run(learner=_scripted(phases=phases))[1]
  named = _run(learner=_scripted(phases=phases, peak_phase="b"))[0]
  of_b = [event.test_accuracy for event in memory.of(events.BestEpochMeasured) if event.phase == "b"]
  assert named.accuracy.at_best_validation == of_b  # One epoch: it is its own best.
  with pytest.raises(ValueError, match="reports its peak from phase 'c', but only trained in untrained, a, b"):
    _run(learner=_scripted(phases=phases, peak_phase="c"))


def test_a_search_that_decides_an_earlier_task_corrects_what_is_recorded_of_it():
  def make(context):
    return composed.Composed(context, hard_sharing.HardSharing(), exhaustive.Exhaustive())

  result, memory, learner = _run(streams.TinyStream(num_tasks=2), streams.options(epochs_per_task=1), learner=make)
  first, second = result.configurations
  assert first == second == learner.structure()["configurations"]["0"]
  epochs = [event for event in memory.of(events.EpochEnded) if event.visit == 1]
  # Every candidate learns at the rate of the visit's own epochs, and the run is as long as it was said to be.
  assert {event.learning_rate for event in epochs} == {schedule.learning_rate(0.02, 0.1, 1)} and len(epochs) == 4
  assert epochs[-1].global_epoch == epochs[-1].total_epochs == 5


class _CountTraces(events.MemorySink):
  """Notes (visit, networks compiled so far) after every trained epoch."""

  def __init__(self):
    super().__init__()
    self.counts, self.session = [], None

  def emit(self, event):
    if isinstance(event, events.EpochEnded) and event.epoch >= 0:
      self.counts.append((event.visit, self.session.evaluator.num_traces + self.session.num_step_traces))


def test_nothing_is_traced_again_after_the_first_epoch_of_a_task():
  for learner in ("snn", "lasem"):
    watch = _CountTraces()
    options = streams.options(task_order=(0, 1, 2, 0), eval_every=1)
    life = streams.life(learner, training_options=options, sinks=[watch])
    watch.session, counts = life.session, watch.counts
    result = life.run()
    assert result.num_retraces == 0
    for visit in range(4):
      assert len({count for number, count in counts if number == visit}) == 1
    assert result.num_traces <= 4 + (3 if learner == "snn" else 8)


def test_slots_are_one_when_a_task_begins():
  seen = []

  class Watched(single_task.SingleTask):
    def next_phase(self, num_completed):
      phase = super().next_phase(num_completed)
      if phase is not None:
        seen.append({name: slot.numpy() for name, slot in phase.state.items()})
      return phase

  _run(training_options=streams.options(task_order="twice"), learner=Watched)
  assert len(seen) == 6
  assert all(np.all(values == 1.0) for slots in seen for values in slots.values())


def test_cheap_steps_run_in_the_loop_and_of_searches_only_bounded_ones(monkeypatch):
  life = streams.life("lasem", streams.TinyStream(num_tasks=1))
  life.run()
  learner = life.session.learner
  assert steps.prefers_loop(learner, 0, 4)
  assert not steps.prefers_loop(learner, 0, 10**6)
  learner.super_network_parameters = lambda: 1
  assert not steps.prefers_loop(learner, 0, 4)
  monkeypatch.setattr(learner, "workload", lambda task_id: workload.Workload(macs_share=0.9))
  assert steps.prefers_loop(learner, 0, 4)
  assert not steps.prefers_loop(learner, 0, 10**6)


def test_chunks_of_an_epoch_do_not_change_the_result():
  calls, results = [], []
  for seconds_per_look in (0.0, 1.0):
    looks = streams.Clock(seconds_per_look)
    questions = []
    results.append(_run(learner="hps", stream=streams.TinyStream(sizes=(20, 5, 8)), now=looks,
                        should_stop=lambda questions=questions: bool(questions.append(1)))[0])
    calls.append(len(questions))
  assert results[0] == results[1] and calls[0] < calls[1]


def test_the_best_epoch_is_tested_once_with_its_own_weights():
  """What the test accuracy was at every epoch is known from curves, and from nothing else."""
  options = streams.options(epochs_per_task=6, learning_rate=0.05, eval_every=1, curve_splits=("validation", "test"))
  _, memory, _ = _run(streams.TinyStream(sizes=(24, 15, 30), noise=1.5), options, learner="hps")
  curves = {event.global_epoch: event.accuracies for event in memory.of(events.CurveMeasured)}
  bests = memory.of(events.BestEpochMeasured)
  assert [(event.visit, event.phase) for event in bests] == [(0, "untrained"), (0, "train"), (1, "train"), (2, "train")]
  for event in bests:
    assert curves[event.global_epoch]["test"][event.task] == event.test_accuracy
    assert curves[event.global_epoch]["validation"][event.task] == event.validation_accuracy
  ends = {event.visit: event.global_epoch for event in memory.of(events.VisitEnded)}
  assert any(event.global_epoch < ends[event.visit] for event in bests[1:]), "some best epoch should not be the last"


def test_a_network_that_changes_within_a_phase_is_refused():
  class Growing(scripted.Scripted):
    def end_epoch(self, epoch, validation_accuracy):
      self.weight = tf.Variable(self.weight)
      self.extra = tf.Variable(tf.zeros([3]))
      self.structure_changed()
      return super().end_epoch(epoch, validation_accuracy)

    def logits(self, images, task_id):
      return super().logits(images, task_id) + getattr(self, "extra", 0.0)

    def variables(self):
      return {**super().variables(), **({"extra": self.extra} if hasattr(self, "extra") else {})}

  with pytest.raises(RuntimeError, match="changed its network within a phase"):
    _run(streams.TinyStream(num_tasks=1), streams.options(epochs_per_task=1), learner=Growing)
