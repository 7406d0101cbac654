import numpy as np
import pytest
import tensorflow as tf

from lasem_tf.learners import replay, trunk
from lasem_tf.nn import layers
from tests.support import tiny_stream


def begun(num_classes=(3, 4, 2), **options):
  """A learner at the beginning of its third task."""
  stream = tiny_stream.TinyStream(num_classes=num_classes)
  learner = replay.ExperienceReplay(stream.context(), **options)
  for visit, task in enumerate(stream.tasks[:2]):
    tiny_stream.run_visit(learner, task, visit, steps_per_epoch=2)
  learner.begin_visit(stream.tasks[2], 2)
  return stream, learner, learner.next_phase(0)


def test_stored_examples_are_those_of_the_training_splits():
  stream, learner, _ = begun(budget=9)
  assert learner._rehearsed.images.shape == (9, 8, 8, 3)
  for (task_id, row), image, label, owner in zip(sorted(learner.memory.pairs()), *learner._rehearsed):
    np.testing.assert_array_equal(image, stream.tasks[task_id].train[0][row])
    assert (label, owner) == (stream.tasks[task_id].train[1][row], task_id)


def test_every_example_is_scored_by_its_own_head():
  stream, learner, _ = begun()
  images = tf.concat([task.train[0][:2] for task in stream.tasks], axis=0)
  labels = tf.concat([task.train[1][:2] for task in stream.tasks], axis=0)
  hidden = learner.trunk(images)
  losses = learner._losses_by_own_head(hidden, labels, tf.repeat(tf.range(3), 2))
  for position in range(6):
    here = slice(position, position + 1)
    expected = layers.cross_entropy(learner.heads[position // 2](hidden[here]), labels[here])
    np.testing.assert_allclose(losses[position], expected[0], rtol=1e-6)


def test_draws_are_without_replacement_and_reach_everything():
  _, learner, _ = begun(budget=9)
  drawn = [learner._draw(tf.constant([0, seed])) for seed in range(30)]
  sums = [{float(value) for value in tf.reduce_sum(batch.images, axis=[1, 2, 3])} for batch in drawn]
  assert all(len(each) == 4 for each in sums)
  assert len(set.union(*sums)) == 9


def test_a_small_memory_is_used_whole():
  _, learner, _ = begun(budget=3)
  assert learner._draw(tf.constant([0, 0])).labels.shape == [3]


def test_old_heads_go_on_training():
  stream, learner, phase = begun()
  before = tiny_stream.values(learner.heads[0].named_variables)
  results = tiny_stream.run_phase(learner, phase)
  assert all(name in phase.trained for name in before)
  assert np.any(before["task0/head/dense1/bias"] != learner.heads[0].named_variables["task0/head/dense1/bias"].numpy())
  assert set(results[0].metrics) == {"current_loss"}
  details = learner.end_visit().details
  assert details == {"memory_budget": 18, "memory_examples": 18, "memory_bytes": 18 * 8 * 8 * 3,
                     "memory_by_task": {"0": 6, "1": 8, "2": 4}, "mechanism_acted": True}


def test_without_memory_it_is_fine_tuning_bit_for_bit():
  stream = tiny_stream.TinyStream()
  learners = [trunk.TrunkLearner(stream.context()), replay.ExperienceReplay(stream.context(), budget=0)]
  for learner in learners:
    for visit, task in enumerate(stream.tasks):
      tiny_stream.run_visit(learner, task, visit, steps_per_epoch=2)
  tiny_stream.assert_same(*(tiny_stream.values(learner.variables()) for learner in learners))


def test_replay_remembers_better_than_fine_tuning():
  losses = {}
  for budget in (0, 36):
    stream = tiny_stream.TinyStream()
    learner = replay.ExperienceReplay(stream.context(epochs_per_task=10), budget=budget)
    for visit, task in enumerate(stream.tasks):
      tiny_stream.run_visit(learner, task, visit, steps_per_epoch=3)
    images, labels = stream.tasks[0].train
    losses[budget] = float(layers.mean_cross_entropy(learner.logits(images, 0), labels))
  assert losses[36] < losses[0]


def test_a_task_enters_the_memory_once():
  stream, learner, phase = begun(budget=9, policy="reservoir")
  tiny_stream.run_phase(learner, phase)
  learner.end_visit()
  before = learner.structure()["memory"]
  tiny_stream.run_visit(learner, stream.tasks[0], 3)
  assert learner.structure()["memory"] == before


def test_a_revisited_task_is_not_rehearsed_from_memory():
  stream, learner, phase = begun(budget=9)
  tiny_stream.run_phase(learner, phase)
  learner.end_visit()
  learner.begin_visit(stream.tasks[1], 3)
  learner.next_phase(0)
  assert sorted(set(learner._rehearsed.task_ids.numpy())) == [0, 2]


def test_a_run_without_examples_is_refused():
  with pytest.raises(ValueError, match="no LearnerContext.examples"):
    replay.ExperienceReplay(tiny_stream.TinyStream().context(examples=None))
