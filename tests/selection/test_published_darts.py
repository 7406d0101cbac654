"""DARTS as published: its unrolled step is the real one, it chooses beyond noise, its choice is then trained alone."""

import numpy as np
import pytest
import tensorflow as tf

from lasem_tf.nn import optimizers
from lasem_tf.selection import differentiable, unrolled
from tests.learners import lives
from tests.support import contract, tiny_stream

_EPOCHS = 40


@pytest.fixture(name="life", scope="module")
def _life():
  """The learner of `darts_hps_faithful` after two tasks, its stream, and details and losses of both visits."""
  subject = contract.load("darts_hps_faithful", ("ALPHA_LEARNING_RATE = 0.03",), depth=2)
  learner, losses = subject.make(epochs_per_task=_EPOCHS), []
  summaries = lives.live(learner, subject.stream, 2, losses=losses)
  return learner, subject.stream, summaries, losses


def test_darts_acts_beyond_noise(life):
  _, _, summaries, _ = life
  for details in summaries:
    assert max(abs(share - 0.5) for share in details["shared_shares"]) > 0.15
  assert lives.flags(summaries) == [True, True]


def test_the_chosen_network_is_trained_alone_from_the_start(life):
  learner, stream, _, losses = life
  for visit, by_phase in enumerate(losses):
    assert list(by_phase) == ["search", "retrain"]
    search, retrain = by_phase["search"], by_phase["retrain"]
    assert len(search) == len(retrain) == _EPOCHS // 2 * 3
    # It begins at a guess again, and ends far below.
    assert np.mean(retrain[:3]) > 0.7 * np.log(stream.num_classes[visit])
    assert np.mean(retrain[-3:]) < 0.3 * np.mean(retrain[:3])
  assert min(lives.accuracies(learner, stream)) > 0.8


def test_darts_as_released_hardly_acts():
  subject = contract.load("darts_hps", depth=2)
  summaries = lives.live(subject.make(epochs_per_task=4, learning_rate=1e-4), subject.stream, 1, learning_rate=1e-4)
  assert max(abs(share - 0.5) for share in summaries[0]["shared_shares"]) < differentiable.NOISE
  assert lives.flags(summaries) == [False]


def test_rmsprop_foresees_its_step():
  variable = tf.Variable([1.0, -2.0])
  optimizer = optimizers.RMSProp({"w": variable})
  for gradient in ([0.3, -4.0], [0.1, 2.0]):
    foreseen = optimizer.stepped({"w": tf.constant(gradient), "other": None}, tf.constant(0.1))
    optimizer.apply({"w": tf.constant(gradient)}, tf.constant(0.1))
    np.testing.assert_allclose(foreseen["w"], variable, rtol=1e-6)


def test_gradient_through_the_real_step_is_that_of_finite_differences(float64):
  """L_train = 1/2 a w^2, L_val = 1/2 (w' - 1)^2 after RMSProp's step with slots that are not ones."""
  weight, alpha = tf.Variable(2.0, dtype=tf.float64), tf.Variable(0.7, dtype=tf.float64)
  optimizer = optimizers.RMSProp({"w": weight}, mean_squares={"rms/w": tf.Variable(0.5, dtype=tf.float64)})
  rate = tf.constant(0.3, tf.float64)

  def gradient(through_optimizer):
    from lasem_tf.nn import replacement  # noqa: PLC0415  Only this function evaluates at other weights.

    now = lambda: replacement.current(weight)
    return float(unrolled.unrolled_gradient(
        lambda: 0.5 * alpha * now()**2, lambda: 0.5 * (now() - 1.0)**2, {"w": weight}, [alpha], rate,
        optimizer if through_optimizer else None)[1][0])

  def validation_loss(value):
    slope = value * 2.0
    return 0.5 * (2.0 - 0.3 * slope / np.sqrt(0.9 * 0.5 + 0.1 * slope**2 + 1e-10) - 1.0)**2

  expected = (validation_loss(0.7 + 1e-6) - validation_loss(0.7 - 1e-6)) / 2e-6
  assert gradient(True) == pytest.approx(expected, rel=1e-6)
  assert gradient(False) == pytest.approx(-0.6 * (2.0 - 0.3 * 1.4 - 1.0), rel=1e-9)


def test_a_visit_of_one_epoch_has_no_second_phase():
  subject = contract.load("darts_hps_faithful", depth=2)
  learner = subject.make(epochs_per_task=1)
  learner.begin_visit(subject.stream.tasks[0], 0)
  assert [phase.name for phase in tiny_stream.phases(learner)] == ["search"]
