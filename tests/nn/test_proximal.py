"""Proximal operators against numbers worked out by hand."""

import numpy as np
import pytest
import tensorflow as tf

from lasem_tf.nn import optimizers, proximal


def shrink_one(vector, threshold):
  """Group shrink of a single group."""
  column = tf.constant(vector, tf.float64)[:, tf.newaxis]
  return proximal.group_shrink([column], threshold)[0].numpy()[:, 0]


def test_soft_threshold_moves_every_entry_towards_zero():
  result = proximal.soft_threshold(tf.constant([0.3, -0.05, 0.1, -0.4], tf.float64), 0.1)
  np.testing.assert_allclose(result, [0.2, 0.0, 0.0, -0.3], atol=1e-15)
  assert np.count_nonzero(result) == 2


@pytest.mark.parametrize("group, expected", [
    ((0.3, 0.4), (0.24, 0.32)), ((0.03, 0.04), (0.0, 0.0)), ((0.06, 0.08), (0.0, 0.0)), ((0.0, 0.0), (0.0, 0.0))])
def test_group_shrink_keeps_the_direction_or_gives_exact_zero(group, expected):
  result = shrink_one(group, 0.1)
  np.testing.assert_allclose(result, expected, atol=1e-15)
  assert np.all(np.isfinite(result))


def test_group_of_zeros_stays_zero_at_threshold_zero():
  np.testing.assert_array_equal(shrink_one((0.0, 0.0), 0.0), [0.0, 0.0])


def test_soft_threshold_comes_before_group_shrink():
  values = tf.constant([0.3, 0.4], tf.float64)
  right = shrink_one(proximal.soft_threshold(values, 0.05), 0.1)
  wrong = proximal.soft_threshold(shrink_one(values, 0.1), 0.05)
  np.testing.assert_allclose(right, [0.19187618, 0.26862665], atol=1e-8)
  np.testing.assert_allclose(wrong, [0.19, 0.27], atol=1e-12)
  # The right order minimises the sparse-group objective around `values`; the wrong one does not.
  objective = lambda w: 0.5 * np.sum((w - values) ** 2) + 0.05 * np.abs(w).sum() + 0.1 * np.linalg.norm(w)
  assert objective(right) < objective(np.asarray(wrong))


def test_a_group_may_join_a_kernel_and_a_bias():
  kernel = tf.constant([[[[0.3, 0.0]]]], tf.float64)
  bias = tf.constant([0.4, 0.05], tf.float64)
  kernel, bias = proximal.group_shrink([kernel, bias], 0.1)
  np.testing.assert_allclose(kernel.numpy().ravel(), [0.24, 0.0], atol=1e-15)
  np.testing.assert_allclose(bias, [0.32, 0.0], atol=1e-15)


def test_thresholds_may_differ_by_group():
  groups = tf.constant([[0.3, 0.3], [0.4, 0.4]], tf.float64)
  result = proximal.group_shrink([groups], tf.constant([0.1, 1.0], tf.float64))
  np.testing.assert_allclose(result[0], [[0.24, 0.0], [0.32, 0.0]], atol=1e-15)


def test_rmsprop_step_then_soft_threshold():
  weight = tf.Variable(tf.constant([1.0], tf.float64))
  optimizer = optimizers.RMSProp({"w": weight})
  optimizer.apply({"w": tf.constant([0.01], tf.float64)}, tf.constant(1e-4, tf.float64))
  np.testing.assert_allclose(weight, [0.9999989459133027], rtol=0, atol=1e-16)
  np.testing.assert_allclose(proximal.soft_threshold(weight, 1e-6), [0.9999979459133027], rtol=0, atol=2e-16)


@pytest.mark.parametrize("step", [0.1, 0.5, 1.0])
def test_proximal_gradient_reaches_the_lasso_solution(step):
  weight = tf.constant(2.0, tf.float64)
  for _ in range(400):
    weight = proximal.soft_threshold(weight - step * (weight - 0.5), step * 0.1)
  assert float(weight) == pytest.approx(0.4, abs=1e-12)


def test_relative_thresholds_do_not_depend_on_the_number_of_steps():
  assert proximal.relative_group_threshold(3.0, 288, 100) == pytest.approx(0.02238078, abs=1e-8)
  assert proximal.relative_l1_threshold(1.0, 34000) == pytest.approx(1.292941e-6, rel=1e-6)
  assert proximal.relative_l1_threshold(1.0, 7) * 7 == pytest.approx(proximal.relative_l1_threshold(1.0, 20) * 20)


def test_diagonal_threshold_has_the_right_fixed_point():
  """Under any mean square, zero is left iff the gradient exceeds the weight of the penalty."""
  mean_square = tf.constant([1e-6, 1.0, 50.0], tf.float64)
  learning_rate = tf.constant(1e-2, tf.float64)
  threshold = proximal.diagonal_threshold(4e-4, learning_rate, mean_square)
  for gradient, moves in ((3.9e-4, False), (4.1e-4, True)):
    step = -learning_rate * gradient / tf.sqrt(mean_square + 1e-10)
    assert np.all((proximal.soft_threshold(step, threshold).numpy() != 0) == moves)
