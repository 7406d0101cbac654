import numpy as np
import pytest
import tensorflow as tf

from lasem_tf.learners import lwf, trunk
from tests.support import tiny_stream

OLD, NEW = [[2.0, 0.0, -1.0]], [[1.0, 0.0, 0.0]]


def distil(old, new, temperature):
  return lwf.distillation_loss(tf.constant(old, tf.float64), tf.constant(new, tf.float64), temperature).numpy()


def test_distillation_loss():
  np.testing.assert_allclose(distil(OLD, NEW, 2.0), 0.98011091, rtol=1e-7)
  np.testing.assert_allclose(distil(OLD, OLD, 2.0), 0.90595926, rtol=1e-7)
  np.testing.assert_allclose(distil(OLD, NEW, 1.0), 0.70764998, rtol=1e-7)
  # Old heads are scored one by one and summed; one softmax over all of them would give 1.53652931.
  np.testing.assert_allclose(distil([[0.0, 1.0]], [[0.0, 0.0]], 2.0), 0.69314718, rtol=1e-7)
  np.testing.assert_allclose(distil(OLD, NEW, 2.0) + distil([[0.0, 1.0]], [[0.0, 0.0]], 2.0), 1.67325809, rtol=1e-7)


def test_gradient_of_the_distillation_loss():
  new = tf.constant(NEW, tf.float64)
  with tf.GradientTape() as tape:
    tape.watch(new)
    loss = lwf.distillation_loss(tf.constant(OLD, tf.float64), new, 2.0)
  np.testing.assert_allclose(tape.gradient(loss, new)[0], [-0.08833448, 0.02142236, 0.06691212], rtol=1e-6)


def begun(epochs=5, **options):
  """A learner at the beginning of its second task."""
  stream = tiny_stream.TinyStream(num_classes=(3, 4, 2))
  learner = lwf.LearningWithoutForgetting(stream.context(epochs_per_task=epochs), **options)
  tiny_stream.run_visit(learner, stream.tasks[0], 0, steps_per_epoch=3)
  learner.begin_visit(stream.tasks[1], 1)
  return stream, learner


def test_phases_share_the_epochs():
  stream = tiny_stream.TinyStream()
  learner = lwf.LearningWithoutForgetting(stream.context(epochs_per_task=20))
  learner.begin_visit(stream.tasks[0], 0)
  assert [(phase.name, phase.num_epochs) for phase in tiny_stream.phases(learner)] == [("joint", 20)]
  learner.end_visit()
  learner.begin_visit(stream.tasks[1], 1)
  assert [(phase.name, phase.num_epochs) for phase in tiny_stream.phases(learner)] == [("warm_up", 2), ("joint", 18)]
  learner.end_visit()
  learner.begin_visit(stream.tasks[0], 2)
  assert [(phase.name, phase.num_epochs) for phase in tiny_stream.phases(learner)] == [("joint", 20)]
  _, short = begun(epochs=1)
  assert [(phase.name, phase.num_epochs) for phase in tiny_stream.phases(short)] == [("joint", 1)]


def test_targets_are_the_old_heads_answers_before_training():
  stream, learner = begun()
  target = learner.variables()["target/task0"]
  np.testing.assert_array_equal(target.numpy(), learner.logits(stream.tasks[1].train[0], 0).numpy())
  learner.end_visit()
  assert not any(name.startswith("target") for name in learner.variables())


def test_warm_up_leaves_old_answers_exactly():
  stream, learner = begun()
  images = stream.tasks[0].validation[0]
  before = learner.logits(images, 0).numpy()
  head = tiny_stream.values(learner.heads[1].named_variables)
  warm_up, joint = tiny_stream.phases(learner)
  assert list(warm_up.trained) == ["task1/head/dense1/kernel", "task1/head/dense1/bias"]
  assert {"task0/head/dense1/kernel", "shared/conv0/kernel"} <= set(joint.trained)
  tiny_stream.run_phase(learner, warm_up, steps_per_epoch=2)
  np.testing.assert_array_equal(learner.logits(images, 0).numpy(), before)
  assert np.any(learner.heads[1].named_variables["task1/head/dense1/bias"].numpy() != head["task1/head/dense1/bias"])
  tiny_stream.run_phase(learner, joint)
  assert np.any(learner.logits(images, 0).numpy() != before)


def test_first_joint_step_has_no_gradient_of_distillation():
  stream, learner = begun()
  batch = tiny_stream.batch_of(stream.tasks[1], [3, 0, 7])
  with tf.GradientTape() as tape:
    hidden = learner.trunk(batch.images)
    target = tf.gather(learner.variables()["target/task0"], batch.rows)
    loss = lwf.distillation_loss(target, learner.heads[0](hidden), 2.0)
  for gradient in tape.gradient(loss, list(learner.trunk.named_variables.values())):
    np.testing.assert_allclose(gradient.numpy(), 0.0, atol=1e-7)


def test_distillation_brings_a_displaced_head_back():
  stream, learner = begun(epochs=5, strength=10.0, warm_up_share=0.0)
  learner.heads[0].named_variables["task0/head/dense1/bias"].assign_add([1.0, -1.0, 0.0])
  images, target = stream.tasks[1].train[0], learner.variables()["target/task0"]

  def distance():
    difference = tf.nn.softmax(learner.logits(images, 0)) - tf.nn.softmax(target)
    return float(tf.reduce_mean(tf.abs(difference)))

  before = distance()
  results = tiny_stream.run_phase(learner, learner.next_phase(0), steps_per_epoch=8)
  assert distance() < 0.1 * before
  assert results[-1].metrics["distillation"] < results[0].metrics["distillation"]


def test_without_strength_and_warm_up_it_is_fine_tuning_bit_for_bit():
  stream = tiny_stream.TinyStream()
  learners = [trunk.TrunkLearner(stream.context()),
              lwf.LearningWithoutForgetting(stream.context(), strength=0.0, warm_up_share=0.0)]
  for learner in learners:
    for visit, task in enumerate(stream.tasks[:2]):
      tiny_stream.run_visit(learner, task, visit, steps_per_epoch=3)
  tiny_stream.assert_same(*(tiny_stream.values(learner.variables()) for learner in learners))


def test_bad_options_are_refused():
  with pytest.raises(ValueError, match="temperature > 0"):
    lwf.LearningWithoutForgetting(tiny_stream.TinyStream().context(), temperature=0.0)
