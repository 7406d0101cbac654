"""A trained run as an object: its answers are the network's, and it learns one task more."""

import shutil

import numpy as np
import pytest
import tensorflow as tf

import lasem_tf
from benchmark.execution import run_once
from benchmark.execution.settings import Settings
from benchmark.models import trained_model
from benchmark.models.model_folder import ModelError
from lasem_tf import types
from lasem_tf.training import lifetime
from tests.benchmark.models import short_runs


def test_logits_are_those_of_the_run_to_the_bit(own_photographs, tmp_path):
  """The network that the run ended with, asked about the run's test images, against files read anew by the model."""
  folder, run, cache = own_photographs
  settings = Settings(output_dir=str(tmp_path), cache_dir=str(cache))
  prepared = run_once.build(run, settings)
  life = lifetime.Lifetime(prepared.learner, prepared.data, prepared.options, checkpoint_dir=folder / "checkpoints",
                           configuration_hash=run.configuration_hash)
  life.session.begin()  # From the checkpoint at the end of the run.
  model = lasem_tf.load(folder)
  for task_id in (0, 1):
    split = prepared.stream.load(task_id, "test")
    files = [prepared.stream._cache.paths[prepared.stream._rows[int(index)]] for index in split.indices]
    expected = tf.function(prepared.learner.logits)(split.images, task_id)
    np.testing.assert_array_equal(model.logits(files, task_id), expected)
    answers = model.predict(files, task_id)
    accuracy = np.mean([answer.label == label for answer, label in zip(answers, split.labels)])
    assert accuracy == life.session.progress.visits[1].accuracies[task_id]
    assert [answer.class_name for answer in answers] == [model.tasks[task_id].class_names[answer.label]
                                                         for answer in answers]
    np.testing.assert_allclose([answer.probabilities.sum() for answer in answers], 1.0)


def test_the_data_are_not_needed(own_photographs, tmp_path):
  folder, _, _ = own_photographs
  copy = tmp_path / "elsewhere"
  shutil.copytree(folder / "model", copy / "model")
  pixels = np.random.default_rng(0).integers(0, 256, (3, 12, 12, 3), np.uint8)
  here, there = (lasem_tf.load(path).logits(pixels, 1) for path in (folder, copy))
  np.testing.assert_array_equal(here, there)
  assert here.shape == (3, 2)


def test_the_task_is_guessed_by_the_largest_logit_of_all(two_tasks):
  model = lasem_tf.load(two_tasks)
  images = np.random.default_rng(1).normal(size=(20, 16, 16, 3)).astype(np.float32)
  # Heads after so little training answer alike: raise one until it wins for half of the images.
  first, second = (model.logits(images, task).max(axis=1) for task in (0, 1))
  model.learner.variables()["task1/head/dense1/bias"].assign_add(np.full(4, np.median(first - second), np.float32))
  logits = np.stack([model.logits(images, task) for task in (0, 1)])
  chosen = logits.max(axis=2).argmax(axis=0)
  answers = model.predict(images, "auto")
  assert [answer.task_id for answer in answers] == chosen.tolist() and len(set(chosen)) == 2
  for answer, task, row in zip(answers, chosen, logits.transpose(1, 0, 2)):
    np.testing.assert_array_equal(answer.logits, row[task])


def test_configurations_are_those_of_the_record(two_tasks):
  model = lasem_tf.load(two_tasks)
  assert all(len(model.configuration(task)) == 3 and set(model.configuration(task)) <= {"0", "1"} for task in (0, 1))


@pytest.mark.parametrize("images, task, message", [
    (np.zeros((1, 16, 16, 3), np.float32), 2, "no task 2: the model of .* learned 0, 1"),
    (np.zeros((1, 16, 16, 3), np.float32), "one", "no task 'one'"),
    (np.zeros((1, 8, 8, 3), np.float32), 0, r"shape \(1, 8, 8, 3\), \[n, 16, 16, 3\] is needed"),
    (np.zeros((1, 16, 16, 3), np.uint8), 0, "did not come from 8-bit pixels"),
    (np.zeros((1, 16, 16, 3), np.int64), 0, "give uint8 pixels or prepared floats"),
    (["image.png"], 0, "did not come from files")])
def test_what_cannot_be_asked_is_said(two_tasks, images, task, message):
  with pytest.raises(ModelError, match=message):
    lasem_tf.load(two_tasks).predict(images, task)


def _bumps(labels, seed):
  """float32 `[n, 16, 16, 3]`: class k is bright in its own quarter."""
  images = np.random.default_rng(seed).normal(0, 0.3, (len(labels), 16, 16, 3)).astype(np.float32)
  for image, label in zip(images, labels):
    image[8 * (label // 2):8 * (label // 2) + 8, 8 * (label % 2):8 * (label % 2) + 8] += 2.0
  return images


def test_one_task_more_is_learned_from_arrays(tmp_path):
  """Static sharing, so that what the first tasks rely on is known: with nothing shared their answers stay."""
  folder = short_runs.train(tmp_path / "out", short_runs.plan(tmp_path, "stl", epochs=15))
  model = lasem_tf.load(folder)
  probe = np.random.default_rng(2).normal(size=(5, 16, 16, 3)).astype(np.float32)
  before = [model.logits(probe, task) for task in (0, 1)]
  labels = np.arange(240) % 3
  grown = model.learn(_bumps(labels, 0), labels, class_names=("left", "right", "below"))
  assert grown.tasks[2] == types.TaskInfo(2, 3, ("left", "right", "below")) and len(model.tasks) == 2
  answers = grown.predict(_bumps([0, 1, 2] * 5, 1), 2)
  assert np.mean([answer.label == label for answer, label in zip(answers, [0, 1, 2] * 5)]) > 0.9
  for task in (0, 1):
    np.testing.assert_array_equal(grown.logits(probe, task), before[task])
  grown.save(tmp_path / "kept")
  np.testing.assert_array_equal(lasem_tf.load(tmp_path / "kept").logits(probe, 2), grown.logits(probe, 2))


def test_a_new_task_of_photographs_gets_statistics_of_its_own(own_photographs, tmp_path):
  folder, _, _ = own_photographs
  model = lasem_tf.load(folder)
  pixels = np.random.default_rng(3).integers(100, 160, (20, 12, 12, 3), np.uint8)
  grown = model.learn(pixels, ["x", "y"] * 10)
  rule, last = grown.preprocessing(2), model.preprocessing(1)
  assert rule.mean != last.mean and rule.fit == last.fit and grown.tasks[2].class_names == ("x", "y")
  np.testing.assert_allclose(rule.mean, 130 / 255, atol=0.02)


@pytest.mark.parametrize("labels, options, message", [
    ([0] * 20, {}, "two classes"), ([0, 1] * 9, {}, "20 images and 18 labels"),
    (["a", "b"] * 10, {"class_names": ("a", "c")}, "'b' is none of class_names"),
    ([0, 2] * 10, {"class_names": ("a", "b")}, "between 0 and 1"), ([0] * 19 + [1], {}, "Class 1 has 1 images"),
    ([0.5] * 20, {}, "whole numbers or of names"), ([0, 1] * 10, {"validation_percent": 60}, "fewer than the 10")])
def test_labels_that_do_not_fit_are_refused(two_tasks, labels, options, message):
  images = np.zeros((20, 16, 16, 3), np.float32)
  with pytest.raises(ModelError, match=message):
    lasem_tf.load(two_tasks).learn(images, labels, **options)


def test_rehearsal_of_images_that_are_not_there_is_refused(tmp_path):
  run = short_runs.plan(tmp_path, "replay", 1, "ExperienceReplay.budget = 6")
  model = lasem_tf.load(short_runs.train(tmp_path / "out", run))
  with pytest.raises(ModelError, match="rehearses training images of earlier tasks"):
    model.learn(_bumps([0, 1] * 15, 0), [0, 1] * 15)


def test_the_front_door_gives_nothing_else():
  assert lasem_tf.load is trained_model.load
  with pytest.raises(AttributeError, match="no attribute 'save'"):
    lasem_tf.save  # noqa: B018  it is the access that fails
