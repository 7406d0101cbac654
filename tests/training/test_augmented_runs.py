"""Augmentation within runs: one set of images for all methods, and the same after a resume."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from lasem_tf.learners import dark_experience, fine_tuning, lwf
from lasem_tf.nn import augmentation
from lasem_tf.training import lifetime, splits
from lasem_tf.training.interruption import Interrupted
from tests.training import streams

_SPEC = dataclasses.replace(streams.SPEC, augmentation="flip_and_crop")


def _life(make_learner, folder=None, should_stop=lambda: False, spec=_SPEC):
  data, options = splits.SplitCache(streams.TinyStream(num_tasks=2)), streams.options(epochs_per_task=2)
  context = dataclasses.replace(streams.learner_context(data, options), spec=spec)
  return lifetime.Lifetime(make_learner(context), data, dataclasses.replace(options, checkpoint_seconds=0.0),
                           checkpoint_dir=folder, should_stop=should_stop)


def _weights(life):
  life.run()
  return {name: variable.numpy() for name, variable in life.session.learner.variables().items()}


@pytest.mark.parametrize("learner", [
    streams.LEARNERS["hps"], lwf.LearningWithoutForgetting, dark_experience.DarkExperienceReplay])
def test_a_resumed_run_sees_the_same_images(learner, tmp_path):
  expected = _weights(_life(learner))
  polls, lives = iter(range(100)), []
  lives.append(_life(learner, tmp_path, lambda: lives[0].session.learner.visit == 1 and next(polls) > 1))
  with pytest.raises(Interrupted):
    lives[0].run()
  found = _weights(_life(learner, tmp_path))
  plain = _weights(_life(learner, spec=streams.SPEC))
  for name, values in expected.items():
    np.testing.assert_array_equal(found[name], values, err_msg=name)
  assert any((plain[name] != values).any() for name, values in expected.items())


def test_two_methods_see_the_same_images(monkeypatch):
  augment, seen = augmentation.augment, {}
  for name, learner in (("stl", streams.LEARNERS["stl"]), ("fine_tuning", fine_tuning.FineTuning)):
    seeds = seen.setdefault(name, [])

    def spy(spec, images, seed, seeds=seeds):
      tf.py_function(lambda values: seeds.append(tuple(values.numpy())), [seed], [])
      return augment(spec, images, seed)

    monkeypatch.setattr(augmentation, "augment", spy)
    _life(learner).run()
  assert len(seen["stl"]) == 2 * 2 * 2 and seen["stl"] == seen["fine_tuning"]
  assert len(set(seen["stl"])) == len(seen["stl"])
