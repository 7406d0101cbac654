import numpy as np
import pytest
import tensorflow as tf

from lasem_tf.learners.masks import winning_subnetworks
from tests.support import tiny_stream


def lived(num_tasks=3, **options):
  stream = tiny_stream.TinyStream()
  learner = winning_subnetworks.WinningSubnetworks(stream.context(epochs_per_task=10), **options)
  answers, summaries = [], []
  for visit, task in enumerate(stream.tasks[:num_tasks]):
    summaries.append(tiny_stream.run_visit(learner, task, visit, steps_per_epoch=3, learning_rate=0.02)[1])
    answers.append(learner.logits(task.train[0], visit).numpy())
  return stream, learner, answers, summaries


def masks(learner, task_id):
  prefix = f"task{task_id}/mask/"
  return {name[len(prefix):]: value for name, value in tiny_stream.values(learner.variables()).items()
          if name.startswith(prefix)}


def test_the_largest_magnitudes_are_in():
  scores = tf.constant([[0.1, -5.0, 2.0], [-2.5, 3.0, 0.0]])
  np.testing.assert_array_equal(winning_subnetworks.top_share(scores, 0.5), [[False, True, False], [True, True, False]])


def test_wsn_acts_every_task_is_learned_by_its_share_and_no_answer_moves_again():
  stream, learner, answers, summaries = lived()
  for task, answer in zip(stream.tasks, answers):
    assert tiny_stream.accuracy(learner, task) == 1.0
    np.testing.assert_array_equal(learner.logits(task.train[0], task.info.task_id), answer)
  for summary in summaries:
    assert summary.details["mechanism_acted"]
    np.testing.assert_allclose(summary.details["used_share"], 0.5, atol=0.01)
  shared = np.array([summary.details["shared_with_earlier"] for summary in summaries[1:]])
  assert np.all(shared > 0.5) and shared.min() < 0.98  # A coin would share half; some weights are its own.
  free = np.array([summary.details["free_share"] for summary in summaries])
  assert np.all(np.diff(free, axis=0) <= 0) and np.all(free[-1].min() < free[0].min())
  size = 3 * 3 * 3 * 4 + 3 * 3 * 4 * 6 + 24 * 8
  assert (summaries[2].details["retention_floats"], summaries[2].details["memory_bytes"]) == (size, 3 * 65)


def test_weights_of_earlier_masks_and_biases_stay_and_free_ones_move():
  stream, learner, _, _ = lived(num_tasks=1)
  before, used = tiny_stream.values(learner.variables()), masks(learner, 0)
  tiny_stream.run_visit(learner, stream.tasks[1], 1, steps_per_epoch=3, learning_rate=0.02)
  after = tiny_stream.values(learner.variables())
  for name, mask in used.items():
    np.testing.assert_array_equal(after[name][mask], before[name][mask])
    np.testing.assert_array_equal(after[name.replace("kernel", "bias")], before[name.replace("kernel", "bias")])
    own = masks(learner, 1)[name] & ~mask
    assert np.any(after[name][own] != before[name][own])
    assert np.any(after[f"score/{name}"] != before[f"score/{name}"])
  tiny_stream.assert_same(used, masks(learner, 0))


def test_scores_follow_the_gradient_at_the_mask():
  stream, learner, _, _ = lived(num_tasks=0)
  learner.begin_visit(stream.tasks[0], 0)
  name = "shared/conv1/kernel"
  score, kernel = learner._scores[name], learner._kernels[name]
  with tf.GradientTape() as tape:
    loss = tf.reduce_sum(kernel * learner._straight_through(score))
  np.testing.assert_allclose(tape.gradient(loss, score), kernel * tf.sign(score), rtol=1e-6)
  np.testing.assert_allclose(learner._straight_through(score), tf.cast(winning_subnetworks.top_share(score, 0.5),
                                                                       tf.float32), atol=1e-6)


def test_a_wrong_capacity_is_refused():
  with pytest.raises(ValueError, match=r"WinningSubnetworks.capacity must lie in \(0, 1\], not 0"):
    winning_subnetworks.WinningSubnetworks(tiny_stream.TinyStream().context(), capacity=0.0)
