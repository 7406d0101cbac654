import numpy as np
import pytest

from lasem_tf.learners import fine_tuning
from lasem_tf.learners.masks import packnet
from tests.support import tiny_stream


def lived(num_tasks=3, epochs=9, **options):
  stream = tiny_stream.TinyStream()
  learner = packnet.PackNet(stream.context(epochs_per_task=epochs), **options)
  summaries = [tiny_stream.run_visit(learner, task, visit, steps_per_epoch=3, learning_rate=0.02)[1]
               for visit, task in enumerate(stream.tasks[:num_tasks])]
  return stream, learner, summaries


def owners(learner):
  return {name: value for name, value in tiny_stream.values(learner.variables()).items() if name.startswith("owner/")}


def test_the_largest_candidates_are_kept():
  values = np.array([[0.1, -5.0, 2.0], [-2.0, 3.0, 0.0]])
  candidates = np.array([[True, False, True], [True, True, True]])
  np.testing.assert_array_equal(packnet.largest(values, candidates, 2), [[False, False, True], [False, True, False]])


def test_packnet_acts_shares_are_those_planned():
  _, learner, summaries = lived()
  for name, owner in owners(learner).items():
    counts = [np.count_nonzero(owner == task) for task in range(3)]
    assert sum(counts) == owner.size and max(counts) - min(counts) <= 1, name
  for number, summary in enumerate(summaries):
    np.testing.assert_allclose(summary.details["owned_share"], 1 / 3, atol=0.01)
    np.testing.assert_allclose(summary.details["free_share"], 1 - (number + 1) / 3, atol=0.01)
  assert [summary.details["mechanism_acted"] for summary in summaries] == [False, True, True]
  assert summaries[0].details["memory_bytes"] == 3 * 3 * 3 * 4 + 3 * 3 * 4 * 6 + 24 * 8


def test_more_planned_tasks_leave_weights_free():
  _, _, summaries = lived(num_tasks=2, epochs=2, planned_tasks=5)
  np.testing.assert_allclose(summaries[1].details["free_share"], 0.6, atol=0.01)


def test_every_task_is_learned_and_no_answer_moves_again():
  stream = tiny_stream.TinyStream()
  learner = packnet.PackNet(stream.context(epochs_per_task=12))
  answers = []
  for visit, task in enumerate(stream.tasks):
    tiny_stream.run_visit(learner, task, visit, steps_per_epoch=3, learning_rate=0.02)
    assert tiny_stream.accuracy(learner, task) == 1.0
    answers.append(learner.logits(task.train[0], visit).numpy())
  for task, answer in zip(stream.tasks, answers):
    np.testing.assert_array_equal(learner.logits(task.train[0], task.info.task_id), answer)
  plain = fine_tuning.FineTuning(stream.context(epochs_per_task=12), optimizer="adam")
  for visit, task in enumerate(stream.tasks):
    tiny_stream.run_visit(plain, task, visit, steps_per_epoch=3, learning_rate=0.02)
  assert tiny_stream.accuracy(plain, stream.tasks[0]) < 1.0


def test_a_later_task_reads_what_earlier_ones_own():
  stream, learner, _ = lived()
  before = learner.logits(stream.tasks[2].train[0], 2).numpy()
  for name, owner in owners(learner).items():
    kernel = learner.variables()[name.removeprefix("owner/")]
    kernel.assign(np.where(owner == 0, 0.0, kernel))
  assert np.abs(learner.logits(stream.tasks[2].train[0], 2).numpy() - before).max() > 0.01


def test_phases_move_only_what_is_theirs():
  stream, learner, _ = lived(num_tasks=1)
  learner.begin_visit(stream.tasks[1], 1)
  start = tiny_stream.values(learner.variables())
  phase = learner.next_phase(0)
  assert (phase.name, phase.num_epochs) == ("train", 6)
  assert not any(name.endswith("bias") and name.startswith("shared/") for name in phase.trained)
  tiny_stream.run_phase(learner, phase, steps_per_epoch=3, learning_rate=0.02)
  pruned, owner = tiny_stream.values(learner.variables()), owners(learner)
  phase = learner.next_phase(1)
  assert (phase.name, phase.num_epochs) == ("retrain", 3)
  tiny_stream.run_phase(learner, phase, steps_per_epoch=3, learning_rate=0.02)
  assert learner.next_phase(2) is None
  for name in owner:
    kernel, number = name.removeprefix("owner/"), owner[name]
    after = learner.variables()[kernel].numpy()
    np.testing.assert_array_equal(after[number == 0], start[kernel][number == 0])
    assert np.all(after[number == packnet.FREE] == 0) and np.all(after[number == 1] != start[kernel][number == 1])
    assert np.mean(after[number == 1] != pruned[kernel][number == 1]) > 0.5


def test_a_visit_of_one_epoch_is_pruned_without_retraining():
  _, _, summaries = lived(num_tasks=1, epochs=1)
  np.testing.assert_allclose(summaries[0].details["owned_share"], 1 / 3, atol=0.01)


@pytest.mark.parametrize("options, message", [
    ({"planned_tasks": 2}, "planned_tasks must lie between the stream's 3 tasks and 127, not be 2"),
    ({"retrain_share": 1.0}, "retrain_share must lie in")])
def test_wrong_options_are_refused(options, message):
  with pytest.raises(ValueError, match=message):
    packnet.PackNet(tiny_stream.TinyStream().context(), **options)
