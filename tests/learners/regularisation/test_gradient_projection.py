import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from lasem_tf.learners import fine_tuning
from lasem_tf.learners.regularisation import gradient_projection
from lasem_tf.nn import architecture
from tests.support import tiny_stream

WIDE = architecture.ConvNetSpec((8, 8, 3), (3, 3), (16, 24), (2, 2), (32,), dropout_keep_probability=1.0)


def lived(make=gradient_projection.GradientProjection, num_tasks=3, learning_rate=0.2, **options):
  stream = tiny_stream.TinyStream()
  learner = make(stream.context(spec=WIDE, epochs_per_task=20), **{"optimizer": "sgd", **options})
  answers, summaries = [], []
  for visit, task in enumerate(stream.tasks[:num_tasks]):
    summaries.append(tiny_stream.run_visit(learner, task, visit, steps_per_epoch=3, learning_rate=learning_rate)[1])
    answers.append(learner.logits(stream.tasks[0].train[0], 0).numpy())
  return stream, learner, answers, summaries


def test_compression_keeps_singular_values_and_left_vectors():
  random = np.random.default_rng(0)
  rows = random.normal(size=(40, 6)) * [3, 1, .1, 2, 1, .5]
  small = gradient_projection.compressed([rows[:4], rows[4:15], rows[15:]])
  assert small.shape == (6, 6)
  np.testing.assert_allclose(small @ small.T, rows.T @ rows, rtol=1e-10)
  np.testing.assert_array_equal(gradient_projection.compressed([rows[:4]]), rows[:4].T)


def test_the_basis_holds_the_share_by_hand():
  representation = np.diag([3.0, 2.0, 1.0, 0.0])  # Squares 9, 4, 1 of 14.
  empty = np.zeros([4, 0])
  for share, rank in ((0.6, 1), (9 / 14 + 0.01, 2), (0.95, 3), (1.0, 3)):
    assert gradient_projection.extended_basis(empty, representation, share).shape == (4, rank)
  basis = gradient_projection.extended_basis(empty, representation, 0.9)
  np.testing.assert_allclose(np.abs(basis), np.eye(4)[:, :2], atol=1e-12)
  # The second task's inputs lie half in the basis: only the other direction is new, and none if the share is held.
  other = np.array([[1.0], [0.0], [0.0], [1.0]])
  extended = gradient_projection.extended_basis(basis, other, 0.97)
  np.testing.assert_allclose(np.abs(extended), np.eye(4)[:, [0, 1, 3]], atol=1e-12)
  assert gradient_projection.extended_basis(basis, other, 0.5).shape == (4, 2)
  assert gradient_projection.extended_basis(np.eye(4), other, 1.0).shape == (4, 4)


def test_gpm_acts_updates_are_orthogonal_to_the_basis_and_biases_stay():
  stream, learner, _, (first,) = lived(num_tasks=1)
  before = tiny_stream.values(learner.trunk.named_variables)
  bases = {name: value for name, value in tiny_stream.values(learner.variables()).items() if name.startswith("basis/")}
  _, second = tiny_stream.run_visit(learner, stream.tasks[1], 1, steps_per_epoch=3, learning_rate=0.2)
  assert not first.details["mechanism_acted"] and second.details["mechanism_acted"]
  for name, basis in bases.items():
    prefix = name.removeprefix("basis/")
    moved = learner.trunk.named_variables[f"{prefix}/kernel"].numpy() - before[f"{prefix}/kernel"]
    moved = moved.reshape(len(basis), -1)
    assert 0 < basis.shape[1] < len(basis)
    np.testing.assert_allclose(basis.T @ basis, np.eye(basis.shape[1]), atol=1e-5)
    assert np.linalg.norm(basis.T @ moved) < 1e-3 * np.linalg.norm(moved) and np.linalg.norm(moved) > 0.01
    np.testing.assert_array_equal(before[f"{prefix}/bias"], learner.trunk.named_variables[f"{prefix}/bias"])


def test_answers_stay_that_move_with_fine_tuning_under_the_same_optimizer():
  moved = {}
  for make in (fine_tuning.FineTuning, gradient_projection.GradientProjection):
    stream, learner, answers, summaries = lived(make, num_tasks=2)
    assert tiny_stream.accuracy(learner, stream.tasks[1]) == 1.0
    moved[make] = np.abs(answers[-1] - answers[0]).mean() / np.abs(answers[0]).mean()
  assert moved[gradient_projection.GradientProjection] < 0.3 * moved[fine_tuning.FineTuning]
  ranks = np.array([summary.details["basis_rank"] for summary in summaries])
  assert np.all(np.diff(ranks, axis=0) >= 0) and np.all(ranks[-1] > ranks[0])
  assert np.all(np.array(summaries[-1].details["occupied_share"][1:]) < 0.9)
  assert summaries[-1].details["retention_floats"] == int(ranks[-1] @ [27, 144, 96])


def test_patches_are_what_a_convolution_multiplies():
  stream, learner, _, _ = lived(num_tasks=0)
  learner.begin_visit(stream.tasks[0], 0)
  representation = learner._representations()[1]
  images = stream.tasks[0].train[0]
  kernel = learner.trunk.groups[1]["kernel"]
  hidden = tf.nn.max_pool2d(tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(
      images, learner.trunk.groups[0]["kernel"], 1, "SAME"), learner.trunk.groups[0]["bias"])), 2, 2, "SAME")
  outputs = tf.nn.conv2d(hidden, kernel, 1, "SAME").numpy().reshape(-1, 24)
  matrix = kernel.numpy().reshape(-1, 24)
  np.testing.assert_allclose(matrix.T @ representation @ representation.T @ matrix, outputs.T @ outputs, rtol=1e-3)


def test_a_second_visit_of_a_task_adds_nothing():
  stream, learner, _, summaries = lived(num_tasks=2)
  _, summary = tiny_stream.run_visit(learner, stream.tasks[0], 2)
  assert summary.details == summaries[-1].details


def test_the_threshold_ends_at_one():
  stream = tiny_stream.TinyStream()
  spec = dataclasses.replace(WIDE, channels=(4, 4), dense_sizes=(8,))
  learner = gradient_projection.GradientProjection(stream.context(spec=spec, epochs_per_task=1), threshold=0.9,
                                                   increment=0.5)
  for visit, task in enumerate(stream.tasks):
    _, summary = tiny_stream.run_visit(learner, task, visit)
  assert summary.details["occupied_share"][0] == 1.0


def test_wrong_options_are_refused():
  with pytest.raises(ValueError, match="GradientProjection needs 0 < threshold <= 1"):
    gradient_projection.GradientProjection(tiny_stream.TinyStream().context(), threshold=1.5)
