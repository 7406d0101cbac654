"""Brute force: candidates that start alike, the winner's weights, both first tasks' configuration, resume, and cost."""

import numpy as np
import pytest

from lasem_tf import types
from lasem_tf.learners import base
from lasem_tf.selection import exhaustive, static
from lasem_tf.selection.configuration import TransferConfiguration
from tests.selection import pairs
from tests.support import tiny_stream

BITS = ("11", "01", "10", "00")


def _bound(depth=2, **options):
  selection = exhaustive.Exhaustive(**options)
  selection.bind(depth, types.ReferenceBehaviour())
  return selection


def _begun():
  return _bound().begin_search(1, 2)


def _score(selection, accuracies):
  """Goes through the candidates with one list of validation accuracies for each."""
  for index, values in enumerate(accuracies):
    phase = selection.next_phase(index, len(values))
    for epoch, value in enumerate(values):
      selection.begin_epoch(epoch)
      assert not selection.end_epoch(epoch, value)
    yield phase, selection.choice() == phase.configuration


def test_candidates_in_the_order_of_lasem():
  selection = _begun()
  phases = [selection.next_phase(index, 3) for index in range(5)]
  assert phases[4] is None
  assert [str(phase.configuration) for phase in phases[:4]] == list(BITS)
  assert all(phase.restart and phase.num_epochs == 3 for phase in phases[:4])
  assert len({phase.name for phase in phases[:4]}) == 4


def test_score_is_the_best_epoch_and_ties_keep_the_lowest_index():
  selection = _begun()
  leads = [lead for _, lead in _score(selection, [[.5, .2], [.3, .6], [.6, .1], [.0, .0]])]
  assert leads == [True, True, False, False]
  assert str(selection.choice()) == "01" and selection.summary().peak_phase == "candidate1"
  assert selection.diagnostics()["scores"] == [.5, .6, .6, .0]


def test_the_mean_of_the_last_epochs_can_be_the_score():
  selection = _bound(last_epochs=2).begin_search(1, 3)
  leads = [lead for _, lead in _score(selection, [[.9, .2, .2], [.1, .5, .6], [.6, .6, .4], [.0, .0, .0]])]
  assert leads == [True, True, False, False] and str(selection.choice()) == "01"
  np.testing.assert_allclose(selection.diagnostics()["scores"], [.2, .55, .5, .0])
  with pytest.raises(ValueError, match="Exhaustive.last_epochs"):
    exhaustive.Exhaustive(last_epochs=-1)


def test_a_candidate_without_any_correct_answer_still_counts():
  selection = _begun()
  list(_score(selection, [[.0], [.0], [.0], [.0]]))
  assert str(selection.choice()) == "11"


def test_structure_survives():
  selection, other = _begun(), _begun()
  list(_score(selection, [[.5, .2], [.3, .6]]))
  other.restore_structure(selection.structure())
  assert other.choice() == selection.choice() and str(other.choice()) == "01"
  # The candidate in progress is known before its phase is asked for.
  np.testing.assert_array_equal(other.sharing(), [False, True])


def _train(learner, task, visit, accuracies=None, watch=None):
  """A visit of two steps an epoch; `accuracies[phase name]` is what validation says, `watch` sees a phase's ends."""
  learner.begin_visit(task, visit)
  for phase in tiny_stream.phases(learner):
    for epoch in range(phase.num_epochs):
      learner.begin_epoch(epoch)
      if watch and epoch == 0:
        watch("begin", phase, learner)
      _steps(learner, phase, epoch)
      learner.end_epoch(epoch, (accuracies or {}).get(phase.name, 0.5))
    if watch:
      watch("end", phase, learner)
  return learner.end_visit()


def _steps(learner, phase, epoch):
  for step in range(2):
    number = 2 * epoch + step
    rows = [(4 * number + i) % 12 for i in range(4)]
    phase.step(tiny_stream.batch_of(learner.task, rows), tiny_stream.step_context(learner, number))


def _weights(learner):
  return {name: value for name, value in tiny_stream.values(learner.variables()).items()
          if not name.startswith(("snapshot/", "best/"))}


@pytest.mark.parametrize("knowledge", list(pairs.KNOWLEDGE))
def test_first_task_is_not_searched(knowledge):
  stream, learner = pairs.make(knowledge, exhaustive.Exhaustive())
  learner.begin_visit(stream.tasks[0], 0)
  phases = list(tiny_stream.phases(learner))
  assert [phase.name for phase in phases] == ["train"] and not learner.commit_changes_weights
  summary = learner.end_visit()
  assert summary == base.TaskSummary("00" if knowledge == "hard_sharing" else "11")


@pytest.mark.parametrize("knowledge", list(pairs.KNOWLEDGE))
def test_second_tasks_search_decides_both(knowledge):
  stream, learner = pairs.make(knowledge, exhaustive.Exhaustive())
  _train(learner, stream.tasks[0], 0)
  images = stream.tasks[0].train[0]
  logits = learner.logits(images, 0).numpy()
  frozen = {name: value for name, value in _weights(learner).items() if name.startswith("task0/")}
  starts, ends = [], {}

  def watch(moment, phase, learner):
    if moment == "end":
      ends[phase.name] = _weights(learner)
      return
    starts.append(_weights(learner))
    bits = BITS[len(starts) - 1]
    # Whatever the configuration, the first task computes what it learned.
    np.testing.assert_allclose(learner.logits(images, 0), logits, rtol=1e-4, atol=1e-4, err_msg=bits)
    for layer, bit in enumerate(bits):
      assert (f"task1/conv{layer}/kernel" in phase.trained) == (bit == "0")
    assert not [name for name in phase.trained if name.startswith("task0/")]

  summary = _train(learner, stream.tasks[1], 1, {"candidate2": 0.75, "candidate1": 0.6}, watch)
  assert len(starts) == 4
  for start in starts[1:]:
    tiny_stream.assert_same(starts[0], start)
  assert summary.configuration == "10" and summary.peak_phase == "candidate2"
  assert summary.earlier_configurations == {0: "10"}
  assert learner.structure()["configurations"] == {"0": "10", "1": "10"}
  final = _weights(learner)
  shared = {"hard_sharing": ("shared/conv0/kernel", "shared/conv0/bias")}.get(knowledge, ("kb/conv0",))
  for name in (*shared, "task1/conv1/kernel", "task1/head/dense1/bias"):
    np.testing.assert_array_equal(final[name], ends["candidate2"][name], err_msg=name)
  # Not chosen: the other routes of both tasks.
  for task in (0, 1):
    assert f"task{task}/conv0/kernel" not in final and f"task{task}/conv1/kernel" in final
  assert not [name for name in final if "/tf1/" in name or "/dfcnn1/" in name]
  for name, value in frozen.items():
    if name in final:
      np.testing.assert_array_equal(final[name], value, err_msg=name)
  # The third task searches for itself, and its shared layer that nobody uses begins anew.
  unused = {"hard_sharing": "shared/conv1/kernel"}.get(knowledge, "kb/conv1")
  learner.begin_visit(stream.tasks[2], 2)
  assert not np.array_equal(learner.variables()[unused], final[unused])
  np.testing.assert_array_equal(learner.variables()[shared[0]], final[shared[0]])
  assert learner.structure()["configurations"] == {"0": "10", "1": "10"}


def test_later_tasks_share_without_reopening_earlier_ones():
  stream, learner = pairs.make("hard_sharing", exhaustive.Exhaustive())
  _train(learner, stream.tasks[0], 0)
  _train(learner, stream.tasks[1], 1, {"candidate1": 0.7})
  summary = _train(learner, stream.tasks[2], 2, {"candidate2": 0.7})
  assert summary.configuration == "10" and not summary.earlier_configurations
  assert learner.structure()["configurations"] == {"0": "01", "1": "01", "2": "10"}
  assert learner.structure()["adopted"] == [True, True]


@pytest.mark.parametrize("knowledge", list(pairs.KNOWLEDGE))
def test_resume_in_the_middle_of_a_candidate(knowledge):
  """Everything that a run saves is enough to go on bit for bit."""
  accuracies = {"candidate1": 0.6}
  stream, straight = pairs.make(knowledge, exhaustive.Exhaustive())
  _train(straight, stream.tasks[0], 0)
  _train(straight, stream.tasks[1], 1, accuracies)

  _, learner = pairs.make(knowledge, exhaustive.Exhaustive(), stream)
  _train(learner, stream.tasks[0], 0)
  learner.begin_visit(stream.tasks[1], 1)
  for number in range(3):
    phase = learner.next_phase(number)
    for epoch in range(1 if number == 2 else 2):
      learner.begin_epoch(epoch)
      _steps(learner, phase, epoch)
      learner.end_epoch(epoch, accuracies.get(phase.name, 0.5))
  saved, state = tiny_stream.values(learner.variables()), tiny_stream.values(phase.state)

  _, resumed = pairs.make(knowledge, exhaustive.Exhaustive(), stream)
  resumed.restore_structure(learner.structure())
  assert list(resumed.variables()) == list(saved)
  for name, variable in resumed.variables().items():
    variable.assign(saved[name])
  resumed.attach(stream.tasks[1], 1)
  phase = resumed.next_phase(2)
  for name, variable in phase.state.items():
    variable.assign(state[name])
  for number in (2, 3):
    phase = phase if number == 2 else resumed.next_phase(number)
    for epoch in range(1 if number == 2 else 0, 2):
      resumed.begin_epoch(epoch)
      _steps(resumed, phase, epoch)
      resumed.end_epoch(epoch, accuracies.get(phase.name, 0.5))
  assert resumed.next_phase(4) is None
  assert resumed.end_visit().configuration == "01"
  tiny_stream.assert_same(_weights(straight), _weights(resumed))


def test_cost_beyond_the_bound_wants_consent():
  context = {"num_classes": (3,) * 10, "epochs_per_task": 2000}
  with pytest.raises(ValueError, match=r"9 tasks x 2\^2 configurations x 2000 epochs = 72000 epochs, more than "
                                       r"Exhaustive.max_epochs = 5000. Bind Exhaustive.accept_cost = True"):
    pairs.make("hard_sharing", exhaustive.Exhaustive(), **context)
  pairs.make("hard_sharing", exhaustive.Exhaustive(accept_cost=True), **context)
  pairs.make("hard_sharing", exhaustive.Exhaustive(max_epochs=72000), **context)
  with pytest.raises(ValueError, match="Exhaustive.max_epochs must be at least 1"):
    exhaustive.Exhaustive(max_epochs=0)


def test_seventeen_layers_are_refused_without_listing_configurations():
  with pytest.raises(ValueError, match=r"2\^17 configurations"):
    exhaustive.Exhaustive().bind(17, types.ReferenceBehaviour(), 2, 1)
  assert str(TransferConfiguration.from_index(2**17 - 1, (1,) * 17)) == "0" * 17


def test_epochs_of_a_run():
  stream, learner = pairs.make("hard_sharing", exhaustive.Exhaustive())
  # Three visits of two tasks, two epochs each: the second task's first visit tries four candidates.
  assert learner.planned_epochs((0, 1, 0)) == 2 + 4 * 2 + 2
  assert pairs.make("hard_sharing", static.Static("all"), stream)[1].planned_epochs((0, 1, 0)) == 6


def test_cost_is_that_of_all_candidates():
  assert _bound().training_macs([10, 20], [2.0, 4.0], 5) == 4 * (3 * (35 + 3) - 10)
