"""All that a residual backbone brings at once: skips, batch normalisation, flips and crops, groups of layers."""

import dataclasses

import numpy as np
import pytest

from lasem_tf.knowledge import hard_sharing
from lasem_tf.learners import composed
from lasem_tf.nn import architecture
from lasem_tf.selection import expectation
from lasem_tf.training import lifetime, splits
from lasem_tf.training.interruption import Interrupted
from tests.training import streams

_SPEC = architecture.ConvNetSpec(
    image_shape=(8, 8, 3), kernel_sizes=(3, 3, 3, 3), channels=(4, 4, 4, 6), pool_sizes=(1, 1, 2, 2), dense_sizes=(),
    skips=((1, 2),), normalisation="batch", augmentation="flip_and_crop", dropout_keep_probability=1.0)
_GROUPS = (3, 1)


def _life(folder=None, should_stop=lambda: False):
  data = splits.SplitCache(streams.TinyStream(num_tasks=2, sizes=(24, 6, 12)))
  options = streams.options(epochs_per_task=2, checkpoint_seconds=0.0)
  context = dataclasses.replace(streams.learner_context(data, options), spec=_SPEC)
  learner = composed.Composed(context, hard_sharing.HardSharing(), expectation.Expectation(layer_groups=_GROUPS))
  return lifetime.Lifetime(learner, data, options, checkpoint_dir=folder, should_stop=should_stop)


def _values(life):
  return {name: variable.numpy() for name, variable in life.session.learner.variables().items()}


def test_a_residual_network_learns_by_groups_and_a_killed_run_is_the_undisturbed_one(tmp_path):
  whole = _life()
  measured = whole.run().measured
  polls, killed = iter(range(100)), []
  killed.append(_life(tmp_path, lambda: killed[0].session.learner.visit == 1 and next(polls) > 1))
  with pytest.raises(Interrupted):
    killed[0].run()
  resumed = _life(tmp_path)
  assert resumed.run().measured == measured
  expected, found = _values(whole), _values(resumed)
  assert expected.keys() == found.keys()
  for name, values in expected.items():
    np.testing.assert_array_equal(found[name], values, err_msg=name)
  # Layers of a group go together, and each task has statistics of its own for every layer.
  for bits in measured.configurations:
    assert len(bits) == 4 and len(set(bits[:3])) == 1
  for task_id in (0, 1):
    assert sum(name.startswith(f"task{task_id}/statistics") for name in expected) == 2 * 4
  assert np.any(expected["task0/statistics0/mean"] != expected["task1/statistics0/mean"])
