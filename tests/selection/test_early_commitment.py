"""Early commitment of LASEM: a second phase that trains the chosen configuration alone, within the same epochs."""

import numpy as np
import pytest
import tensorflow as tf

from lasem_tf.selection import expectation
from tests.selection import pairs
from tests.support import tiny_stream


def _learner(knowledge="hard_sharing", epochs=6, **options):
  selection = expectation.Expectation(**options)
  stream, learner = pairs.make(knowledge, selection, epochs_per_task=epochs)
  learner.begin_visit(stream.tasks[0], 0)
  return stream, learner, selection


def _lead(learner, index, count=100):
  for _ in range(count):
    learner.search.update_prior(tf.one_hot(index, 4))


@pytest.mark.parametrize("knowledge", list(pairs.KNOWLEDGE))
def test_only_the_chosen_network_is_trained_after_the_commitment(knowledge):
  _, learner, selection = _learner(knowledge, commit_threshold=0.9, commit_epochs=2)
  phase = learner.next_phase(0)
  for epoch in range(6):
    learner.begin_epoch(epoch)
    phase.step(tiny_stream.batch_of(learner.task, [0, 1, 2, 3]), tiny_stream.step_context(learner, epoch))
    _lead(learner, 2)  # 10
    if learner.end_epoch(epoch, 0.5):
      break
  assert epoch == 1
  phase = learner.next_phase(1)
  assert (phase.name, phase.num_epochs) == ("committed", 4)
  unused = {"hard_sharing": "shared/conv1/kernel"}.get(knowledge, "kb/conv1")
  assert unused not in phase.trained and "task0/conv0/kernel" not in phase.trained
  before = tiny_stream.values(learner.variables())
  tiny_stream.run_phase(learner, phase)
  after = tiny_stream.values(learner.variables())
  changed = {name for name in before if not np.array_equal(before[name], after[name])}
  assert changed <= set(phase.trained) and "task0/conv1/kernel" in changed
  assert learner.next_phase(2) is None
  assert learner.end_visit().configuration == "10"
  # The slots of the search do not carry over.
  assert not [name for name in learner.variables() if "selection" in name]


def test_the_slots_begin_anew():
  _, learner, selection = _learner(commit_threshold=0.5, commit_epochs=1)
  phase = learner.next_phase(0)
  learner.begin_epoch(0)
  phase.step(tiny_stream.batch_of(learner.task, [0, 1, 2, 3]), tiny_stream.step_context(learner, 0))
  _lead(learner, 0)
  assert learner.end_epoch(0, 0.5)
  assert all(np.all(slot.numpy() == 1.0) for slot in learner.next_phase(1).state.values())


def test_a_leader_that_changes_starts_the_count_again():
  _, learner, selection = _learner(commit_threshold=0.6, commit_epochs=2)
  learner.next_phase(0)
  ended = []
  for epoch, (leader, count) in enumerate([(1, 30), (2, 300), (2, 10)]):
    learner.begin_epoch(epoch)
    _lead(learner, leader, count)
    ended.append(learner.end_epoch(epoch, 0.5))
  assert ended == [False, False, True]


def test_off_by_default():
  _, learner, selection = _learner()
  learner.next_phase(0)
  _lead(learner, 0, 1000)
  assert not any(learner.end_epoch(epoch, 0.5) for epoch in range(6))
  assert learner.next_phase(1) is None


def test_commitment_at_the_last_epoch_leaves_nothing_to_train():
  _, learner, selection = _learner(epochs=1, commit_threshold=0.5, commit_epochs=1)
  learner.next_phase(0)
  _lead(learner, 3)
  assert learner.end_epoch(0, 0.5)
  assert learner.next_phase(1) is None
  assert learner.end_visit().configuration == "00"


def test_resume_after_the_commitment():
  stream, learner, selection = _learner(commit_threshold=0.5, commit_epochs=1)
  learner.next_phase(0)
  _lead(learner, 1)
  assert learner.end_epoch(0, 0.5)
  _, other = pairs.make("hard_sharing", expectation.Expectation(commit_threshold=0.5, commit_epochs=1), stream,
                        epochs_per_task=6)
  other.restore_structure(learner.structure())
  saved = tiny_stream.values(learner.variables())
  for name, variable in other.variables().items():
    variable.assign(saved[name])
  other.attach(stream.tasks[0], 0)
  first, second = learner.next_phase(1), other.next_phase(1)
  assert (second.name, second.num_epochs, list(second.trained)) == (first.name, first.num_epochs, list(first.trained))
  assert other.end_visit().configuration == "01"
