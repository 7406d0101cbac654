"""The class-incremental scenario: the largest logit over all heads, beside unchanged training."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from lasem_tf.training import all_heads
from tests.training import streams


def _learned(**overrides):
  life = streams.life("hps", streams.TinyStream(num_tasks=2), streams.options(epochs_per_task=1, **overrides))
  return life, life.run().measured


@pytest.fixture(name="both", scope="module")
def _both():
  return _learned(), _learned(scenario="class_incremental")


def test_training_and_usual_accuracies_are_those_of_the_other_scenario(both):
  (_, usual), (_, measured) = both
  assert usual.over_all_heads is None and measured.over_all_heads is not None
  assert dataclasses.replace(measured, over_all_heads=None) == usual


def test_accuracies_are_those_of_the_concatenated_heads(both):
  _, (life, measured) = both
  session, stream = life.session, life.session.stream
  after_all = []
  for task_id in (0, 1):
    split = stream.load(task_id, "test")
    images = tf.constant(split.images)
    logits = np.concatenate([session.learner.logits(images, head).numpy() for head in (0, 1)], axis=1)
    after_all.append(np.mean(logits.argmax(axis=1) == 3 * task_id + split.labels))
  np.testing.assert_allclose(measured.over_all_heads[1], after_all)
  session.evaluator.batch_size = len(stream.load(0, "test")) - 1  # The last batch is of one image.
  assert all_heads.row(session.evaluator, session.learner, stream.tasks) == measured.over_all_heads[1]
  # With one head, the two scenarios are one.
  assert measured.over_all_heads[0] == [measured.accuracy.after_visit[0][0], None]
  assert all(without <= given for without, given in zip(measured.over_all_heads[1], measured.accuracy.after_visit[1]))


def test_outputs_of_one_class_count_in_whichever_head_they_are(both):
  _, (life, measured) = both
  tasks = tuple(dataclasses.replace(task, class_ids=(0, 1, 2)) for task in life.session.stream.tasks)
  found = all_heads.row(life.session.evaluator, life.session.learner, tasks)
  assert all(shared >= apart for shared, apart in zip(found, measured.over_all_heads[1]))
  one_class = tuple(dataclasses.replace(task, class_ids=(7, 7, 7)) for task in tasks)
  assert all_heads.row(life.session.evaluator, life.session.learner, one_class) == [1.0, 1.0]


def test_a_single_head_is_refused_by_name():
  with pytest.raises(ValueError, match="SingleNetwork has one head for all tasks"):
    streams.life("snn", streams.TinyStream(num_tasks=2), streams.options(scenario="class_incremental"))
  with pytest.raises(ValueError, match="must be one of task_incremental, class_incremental, not 'domain'"):
    streams.options(scenario="domain")
