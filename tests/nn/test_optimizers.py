"""RMSProp: TensorFlow 1's, number for number. Adam: Keras', and its own equations."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from lasem_tf.nn import optimizers


def test_worked_example_in_float64():
  weight = tf.Variable(1.0, dtype=tf.float64)
  optimizer = optimizers.RMSProp({"w": weight})
  weights, mean_squares = [], []
  for gradient in (0.01, -0.02, 0.0, 1.0):
    optimizer.apply({"w": tf.constant(gradient, tf.float64)}, tf.constant(1e-4, tf.float64))
    weights.append(float(weight))
    mean_squares.append(float(optimizer.slots["rms/w"]))
  np.testing.assert_allclose(weights, [0.9999989459133027, 1.0000011680683125, 1.0000011680683125, 0.9998861677658704],
                             rtol=0, atol=1e-15)
  np.testing.assert_allclose(mean_squares, [0.90001, 0.810049, 0.7290441, 0.75613969], rtol=1e-12)


def _trajectory_of_tensorflow_1(start, gradients, rates):
  """Twenty steps of `tf.compat.v1.train.RMSPropOptimizer` in graph mode; returns weights after every step."""
  with tf.Graph().as_default(), tf.compat.v1.Session() as session:
    weight = tf.compat.v1.get_variable("w", initializer=tf.constant(start), use_resource=True)
    gradient, rate = tf.compat.v1.placeholder(tf.float32, start.shape), tf.compat.v1.placeholder(tf.float32, [])
    optimizer = tf.compat.v1.train.RMSPropOptimizer(rate, decay=0.9, momentum=0.0, epsilon=1e-10)
    update = optimizer.apply_gradients([(gradient, weight)])
    session.run(tf.compat.v1.global_variables_initializer())
    weights = []
    for values, value in zip(gradients, rates):
      session.run(update, {gradient: values, rate: value})
      weights.append(session.run(weight))
  return weights


@pytest.mark.parametrize("scale", [1e-6, 1e-2, 10.0])
def test_equals_tensorflow_1_over_twenty_steps(scale):
  random = np.random.default_rng(0)
  start = random.normal(size=(3, 4)).astype(np.float32)
  gradients = (scale * random.normal(size=(20, 3, 4))).astype(np.float32)
  gradients[5] = 0.0
  rates = (0.01 / (1.0 + 0.1 * np.arange(20))).astype(np.float32)
  expected = _trajectory_of_tensorflow_1(start, gradients, rates)
  weight = tf.Variable(start)
  optimizer = optimizers.RMSProp({"w": weight})
  step = tf.function(lambda gradient, rate: optimizer.apply({"w": gradient}, rate))
  for values, rate, recorded in zip(gradients, rates, expected):
    step(tf.constant(values), tf.constant(rate))
    np.testing.assert_array_equal(weight.numpy(), recorded)


def test_keras_rmsprop_is_another_optimiser():
  ours, theirs = tf.Variable(1.0), keras.Variable(1.0)
  optimizers.RMSProp({"w": ours}).apply({"w": tf.constant(0.01)}, tf.constant(1e-4))
  keras.optimizers.RMSprop(1e-4).apply([tf.constant(0.01)], [theirs])
  assert (1.0 - float(theirs)) / (1.0 - float(ours)) == pytest.approx(300, rel=0.05)


def test_slots_start_at_one_and_belong_to_the_optimiser():
  variables = {"a": tf.Variable([1.0, 2.0]), "b": tf.Variable(3.0)}
  first = optimizers.RMSProp(variables)
  first.apply({"a": tf.constant([1.0, 1.0]), "b": tf.constant(2.0)}, tf.constant(0.1))
  second = optimizers.RMSProp(variables)
  assert list(second.slots) == ["rms/a", "rms/b"]
  assert all(np.all(slot.numpy() == 1.0) for slot in second.slots.values())
  assert float(first.slots["rms/b"]) == pytest.approx(1.3)


def test_a_variable_without_gradient_keeps_value_and_slot():
  variables = {"a": tf.Variable(1.0), "b": tf.Variable(3.0)}
  optimizer = optimizers.RMSProp(variables)
  with tf.GradientTape() as tape:
    loss = variables["a"] ** 2
  gradients = optimizers.gradients_by_name(tape, loss, variables)
  assert gradients["b"] is None
  optimizer.apply(gradients, tf.constant(0.1))
  assert float(variables["b"]) == 3.0 and float(optimizer.slots["rms/b"]) == 1.0
  assert float(optimizer.slots["rms/a"]) == pytest.approx(1.3)


def test_a_zero_gradient_still_decays_the_slot():
  optimizer = optimizers.RMSProp({"a": tf.Variable(1.0)})
  optimizer.apply({"a": tf.constant(0.0)}, tf.constant(0.1))
  assert float(optimizer.variables["a"]) == 1.0 and float(optimizer.slots["rms/a"]) == pytest.approx(0.9)


def test_adam_follows_its_equations(float64):
  weight = tf.Variable([1.0, -2.0], dtype=tf.float64)
  optimizer = optimizers.Adam({"w": weight})
  expected, first, second = np.array([1.0, -2.0]), np.zeros(2), np.zeros(2)
  for count, gradient in enumerate(np.array([[0.5, 0.0], [-0.1, 0.0], [0.2, 0.0]]), start=1):
    optimizer.apply({"w": tf.constant(gradient)}, tf.constant(1e-3, tf.float64))
    first, second = 0.9 * first + 0.1 * gradient, 0.999 * second + 0.001 * gradient ** 2
    expected -= 1e-3 * np.sqrt(1 - 0.999 ** count) / (1 - 0.9 ** count) * first / (np.sqrt(second) + 1e-8)
  np.testing.assert_allclose(weight, expected, rtol=1e-12)
  assert float(weight[1]) == -2.0  # Never a gradient: not moved at all.


def test_adam_goes_on_from_its_slots():
  gradients = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)

  def take(weight, optimizer, rows):
    for gradient in rows:
      optimizer.apply({"w": tf.constant(gradient), "idle": None}, tf.constant(0.01))

  whole, idle = tf.Variable(tf.ones([3])), tf.Variable(1.0)
  optimizer = optimizers.Adam({"w": whole, "idle": idle})
  take(whole, optimizer, gradients[:3])
  resumed = tf.Variable(whole)
  other = optimizers.Adam({"w": resumed, "idle": idle})
  for name, slot in other.slots.items():
    slot.assign(optimizer.slots[name])
  take(whole, optimizer, gradients[3:])
  take(resumed, other, gradients[3:])
  np.testing.assert_array_equal(whole, resumed)
  assert float(idle) == 1.0


def test_an_unknown_optimizer_is_refused():
  assert optimizers.by_name("adam", "X.optimizer") is optimizers.Adam
  with pytest.raises(ValueError, match=r"X.optimizer must be one of \['adam', 'rmsprop', 'sgd'\], not 'adagrad'"):
    optimizers.by_name("adagrad", "X.optimizer")
