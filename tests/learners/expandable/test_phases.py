"""Epochs of phases, and a step on chosen entries."""

import numpy as np
import pytest
import tensorflow as tf

from lasem_tf.learners import base
from lasem_tf.learners.expandable import phases

ONE = tf.constant(1.0, tf.float64)
SHARES = (0.1, 0.3, 0.3, 0.3)


@pytest.mark.parametrize("num_epochs, expected", [
    (2000, [200, 600, 600, 600]), (1000, [100, 300, 300, 300]), (20, [2, 6, 6, 6]), (7, [1, 2, 2, 2]),
    (5, [1, 2, 1, 1]), (4, [1, 1, 1, 1]), (3, [1, 1, 1, 0]), (2, [1, 0, 1, 0]), (1, [1, 0, 0, 0])])
def test_phases_share_the_epochs_of_a_visit(num_epochs, expected):
  assert phases.divide_epochs(num_epochs, SHARES) == expected


def test_phases_never_add_epochs():
  for num_epochs in range(1, 200):
    epochs = phases.divide_epochs(num_epochs, SHARES)
    assert sum(epochs) == num_epochs and (num_epochs < 4 or min(epochs) >= 1)


def take_step(parts, penalties, learning_rate=0.1):
  """One step of a linear model with two inputs and two classes."""
  variable = parts["w"].variable
  phase = phases.make_phase("test", 1, lambda images, dropout_seed: images @ variable, parts, penalties)
  result = tf.function(phase.step)(
      base.Batch(tf.constant([[1.0, 2.0]], variable.dtype), tf.constant([0]), tf.constant([0])),
      base.StepContext(tf.constant(learning_rate), tf.constant([0, 0])))
  return result, variable.numpy()


def rmsprop(weights, gradient, learning_rate=0.1):
  """The first update of RMSProp with slots of one."""
  return weights - learning_rate * gradient / np.sqrt(0.9 + 0.1 * gradient ** 2 + 1e-10)


WEIGHTS = np.array([[np.log(3.0), 0.0], [0.0, 0.0]])
# Softmax (3/4, 1/4), label 0: gradient x (p - y).
GRADIENT = np.array([[-0.25, 0.25], [-0.5, 0.5]])


def test_penalties_enter_the_gradient():
  variable = tf.Variable(tf.constant(WEIGHTS, tf.float64))
  anchor = np.array([[1.0, 1.0], [0.0, 0.0]])
  anchored = np.array([[1.0, 0.0], [1.0, 0.0]])
  parts = {"w": phases.TrainedPart(variable, None, True, tf.constant(anchor), tf.constant(anchored))}
  result, after = take_step(parts, phases.Penalties(l2=0.2, retention=0.5, l1_threshold=None))
  away = anchored * (WEIGHTS - anchor)
  np.testing.assert_allclose(after, rmsprop(WEIGHTS, GRADIENT + 0.2 * WEIGHTS + 0.5 * away), atol=1e-8)
  assert float(result.loss) == pytest.approx(np.log(4 / 3))
  assert float(result.metrics["drift_penalty"]) == pytest.approx(0.25 * np.sum(away ** 2))


def test_masked_entries_are_bit_identical_and_never_shrunk():
  variable = tf.Variable(tf.constant(WEIGHTS + 0.5, tf.float64))
  mask = np.array([[1.0, 0.0], [0.0, 1.0]])
  parts = {"w": phases.TrainedPart(variable, tf.constant(mask), True)}
  _, after = take_step(parts, phases.Penalties(l2=0.2, retention=0.0, l1_threshold=lambda *_: 0.05))
  np.testing.assert_array_equal(after[mask == 0], (WEIGHTS + 0.5)[mask == 0])
  expected = rmsprop(WEIGHTS + 0.5, GRADIENT + 0.2 * (WEIGHTS + 0.5)) - 0.05
  np.testing.assert_allclose(after[mask == 1], expected[mask == 1], atol=1e-8)


def test_biases_are_not_shrunk():
  variable = tf.Variable(tf.constant(WEIGHTS, tf.float64))
  penalties = phases.Penalties(0.0, 0.0, l1_threshold=lambda *_: 10.0)
  _, after = take_step({"w": phases.TrainedPart(variable, None, False)}, penalties)
  np.testing.assert_allclose(after, rmsprop(WEIGHTS, GRADIENT), atol=1e-8)


def test_group_lasso_empties_new_units_only():
  variable, bias = tf.Variable(tf.constant(WEIGHTS, tf.float64)), tf.Variable(tf.constant([0.2, 0.1], tf.float64))
  groups = phases.NewGroups(variable, bias, 1, lambda learning_rate: 5.0 * tf.cast(learning_rate, tf.float64))
  part = phases.TrainedPart(variable, tf.constant([[0.0, 1.0], [0.0, 1.0]], tf.float64), True)
  _, after = take_step({"w": part}, phases.Penalties(0.0, 0.0, l1_threshold=None, groups=[groups]))
  np.testing.assert_array_equal(after, np.stack([WEIGHTS[:, 0], [0.0, 0.0]], axis=1))
  np.testing.assert_array_equal(bias.numpy(), [0.2, 0.0])


def test_thresholds_of_the_three_modes():
  relative, rate = phases.Shrinkage(l1_limit=None), tf.constant(1e-4, tf.float64)
  assert relative.l1_threshold(34000, rate, ONE) == pytest.approx(1.292941e-6, rel=1e-6)
  assert float(phases.Shrinkage().l1_threshold(34000, rate, ONE)) == pytest.approx(1e-6, rel=1e-6)
  assert float(phases.Shrinkage().l1_threshold(340000, rate, ONE)) == pytest.approx(1.292941e-7, rel=1e-6)
  assert relative.group_threshold(288, 100, 1e-4) == pytest.approx(0.02238078, abs=1e-8)
  absolute = phases.Shrinkage("absolute", 1e-5, 1e-3)
  assert (absolute.l1_threshold(10, 1e-4, ONE), absolute.group_threshold(288, 10, 1e-4)) == (1e-5, 1e-3)
  scaled = phases.Shrinkage("lr_scaled", 1e-6, 0.8)
  assert scaled.l1_threshold(10, 1e-4, ONE) == 1e-6
  assert scaled.group_threshold(288, 10, 1e-4) == pytest.approx(8e-5)


def test_unknown_mode_is_refused():
  with pytest.raises(ValueError, match="Shrinkage.mode"):
    phases.Shrinkage("strong")
  with pytest.raises(ValueError, match="must not be negative"):
    phases.Shrinkage(l1=-1.0)
