"""Learners that keep images, or answers to them, meet augmented ones: what they recall fits the images of the step."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from lasem_tf.learners import a_gem, dark_experience, joint, lwf, replay
from lasem_tf.nn import augmentation
from tests.support import tiny_stream

_SPEC = dataclasses.replace(tiny_stream.SPEC, augmentation="flip_and_crop", dropout_keep_probability=1.0)
_SEED = tf.constant([3, 4], tf.int32)


def _in_its_second_task(make, spec=_SPEC):
  stream = tiny_stream.TinyStream()
  learner = make(stream.context(spec))
  tiny_stream.run_visit(learner, stream.tasks[0], 0, steps_per_epoch=3)
  learner.begin_visit(stream.tasks[1], 1)
  return learner, stream


@pytest.mark.parametrize("make", [
    replay.ExperienceReplay, a_gem.AveragedGradientEpisodicMemory, joint.Joint, dark_experience.DarkExperienceReplay])
def test_rehearsed_images_are_augmented_anew_by_the_seed_of_their_draw(make):
  learner, stream = _in_its_second_task(make)
  learner.next_phase(0)
  drawn, again, other = (learner._draw(seed) for seed in (_SEED, _SEED, tf.constant([3, 5], tf.int32)))
  np.testing.assert_array_equal(drawn.images, again.images)
  positions = learner._draw_positions(_SEED)
  stored = tf.gather(learner._rehearsed.images, positions)
  np.testing.assert_array_equal(drawn.images, augmentation.augment(_SPEC, stored, _SEED))
  assert np.any(drawn.images != stored.numpy()) and np.any(drawn.images != other.images.numpy())
  np.testing.assert_array_equal(drawn.labels, tf.gather(learner._rehearsed.labels, positions))
  # The memory itself holds the images as they are.
  rows = learner.memory.rows_by_task()[0]
  np.testing.assert_array_equal(learner._rehearsed.images, stream.examples(0, rows)[0])


def test_a_step_of_rehearsal_depends_on_the_augmented_images():
  moved = []
  for spec in (_SPEC, dataclasses.replace(_SPEC, augmentation="none")):
    learner, stream = _in_its_second_task(dark_experience.DarkExperienceReplay, spec)
    phase = learner.next_phase(0)
    result = phase.step(tiny_stream.batch_of(stream.tasks[1], range(4)), tiny_stream.step_context(learner, 0))
    moved.append({name: float(value) for name, value in result.metrics.items()})
  plain, augmented = moved[1], moved[0]
  # What was said of the images as they are has not moved yet; other views of them are answered otherwise.
  assert plain["logit_distance"] < 1e-8 < 1e-6 < augmented["logit_distance"]


@pytest.mark.parametrize("kind", ["none", "batch"])
def test_old_heads_are_held_to_what_the_old_network_says_of_the_augmented_images(kind):
  spec = dataclasses.replace(_SPEC, normalisation=kind)
  learner, stream = _in_its_second_task(lwf.LearningWithoutForgetting, spec)
  batch = tiny_stream.batch_of(stream.tasks[1], range(4))
  plain = tf.gather(learner.variables()["target/task0"], batch.rows)
  batch = batch._replace(images=augmentation.augment(spec, batch.images, _SEED))
  before = learner.logits(batch.images, 0).numpy()
  assert np.abs(before - plain).max() > 1e-5
  for phase in tiny_stream.phases(learner):
    tiny_stream.run_phase(learner, phase, steps_per_epoch=3)
  assert np.abs(learner.logits(batch.images, 0) - before).max() > 1e-5
  with tf.GradientTape() as tape:
    answers = learner._targets_of(batch)
  np.testing.assert_allclose(answers[0], before, rtol=1e-5, atol=1e-6)
  assert all(gradient is None for gradient in tape.gradient(answers[0], list(learner._trained_variables().values())))
  assert any(name.startswith("teacher/shared/conv0") for name in learner.variables())
  learner.end_visit()
  assert not any(name.startswith("teacher/") for name in learner.variables())


def test_the_pass_of_the_old_network_is_counted():
  plain, augmented = (lwf.LearningWithoutForgetting(tiny_stream.TinyStream().context(spec))
                      for spec in (tiny_stream.SPEC, _SPEC))
  assert augmented.training_macs_per_image(0) == plain.training_macs_per_image(0)
  trunk_and_one_head = plain.training_macs_per_image(0) / 3
  assert augmented.training_macs_per_image(1) == pytest.approx(plain.training_macs_per_image(1) + trunk_and_one_head)
