"""Binary gates: values, probabilities and gradients worked out by hand."""

import numpy as np
import pytest
import tensorflow as tf

from lasem_tf.nn import hard_gates
from lasem_tf.nn.initializers import Initializer
from tests.learners import growing_support as support


@pytest.mark.parametrize("logit, noise, forward, gradient", [
    (0.4, -0.1, 1.0, 0.35663844), (0.4, -0.9, 0.0, 0.32684249), (-0.2, 0.5, 1.0, 0.35663844)])
def test_forward_is_binary_and_backward_is_the_relaxation(logit, noise, forward, gradient):
  logits = tf.constant([logit], tf.float64)
  with tf.GradientTape() as tape:
    tape.watch(logits)
    gates = hard_gates.binary_concrete(logits, tf.constant([noise], tf.float64), tf.constant(2 / 3, tf.float64))
  assert gates.numpy() == [forward]
  np.testing.assert_allclose(tape.gradient(gates, logits), [gradient], atol=1e-8)


def test_logistic_noise():
  assert float(hard_gates.logistic_noise(tf.constant(0.7, tf.float64))) == pytest.approx(0.84729786, abs=1e-8)


def test_a_gate_is_on_with_the_probability_of_its_logit():
  gates = hard_gates.sample(tf.fill([200000], 0.4), tf.constant([3, 4]), hard_gates.TEMPERATURE)
  assert set(np.unique(gates)) == {0.0, 1.0}
  assert float(tf.reduce_mean(gates)) == pytest.approx(0.59868766, abs=0.004)
  assert float(tf.sigmoid(tf.constant(0.4, tf.float64))) == pytest.approx(0.59868766, abs=1e-8)


def test_evaluation_has_no_noise():
  np.testing.assert_array_equal(hard_gates.evaluate(tf.constant([0.4, -0.2, 0.0])), [1.0, 0.0, 0.0])


def make_gate():
  return hard_gates.HardGate("task0/gate1", support.tiny_spec(), 1, 16, Initializer(0))


def weight(gate, name):
  return gate.named_variables[f"task0/gate1/{name}"].numpy()


def test_gates_start_more_open_than_shut():
  gate = make_gate()
  assert gate.num_parameters == hard_gates.parameters(4, 16, 5) == 4 * 16 + 16 + 32 + 16 * 5 + 5
  images = tf.random.stateless_uniform([50, 6, 6, 4], [0, 1])
  assert float(tf.reduce_mean(tf.sigmoid(gate(images)))) == pytest.approx(0.73, abs=0.02)


def test_batch_norm_follows_the_batch_in_training_and_the_moving_averages_after():
  gate = make_gate()
  images = tf.random.stateless_normal([20, 6, 6, 4], [0, 2]) + 1.0
  pooled = tf.reduce_mean(images, axis=[1, 2]).numpy() @ weight(gate, "dense0/kernel")
  before = gate(images).numpy()
  trained = gate(images, training=True).numpy()
  np.testing.assert_allclose(weight(gate, "norm/mean"), 0.1 * pooled.mean(axis=0), atol=1e-6)
  np.testing.assert_allclose(weight(gate, "norm/variance"), 0.9 + 0.1 * pooled.var(axis=0), atol=1e-6)
  normalised = np.maximum((pooled - pooled.mean(axis=0)) / np.sqrt(pooled.var(axis=0) + hard_gates.EPSILON), 0)
  np.testing.assert_allclose(trained, normalised @ weight(gate, "dense1/kernel") + 1.0, atol=1e-4)
  untrained = np.maximum(pooled / np.sqrt(1 + 1e-5), 0) @ weight(gate, "dense1/kernel") + 1.0
  np.testing.assert_allclose(before, untrained, atol=1e-5)
  # Evaluation of an image does not depend on the others of its batch.
  np.testing.assert_allclose(gate(images[:1]), gate(images)[:1], atol=1e-6)
