"""Batch normalisation within runs: a resume repeats it bit for bit, accuracies are those of the statistics."""

import dataclasses

import numpy as np
import pytest

from lasem_tf.knowledge import hard_sharing
from lasem_tf.learners import composed, replay
from lasem_tf.selection import held_out
from lasem_tf.training import lifetime, splits
from lasem_tf.training.interruption import Interrupted
from tests.training import streams

_LEARNERS = {"replay": replay.ExperienceReplay, "lasem": streams.LEARNERS["lasem"],
             "heldout": lambda context: composed.Composed(context, hard_sharing.HardSharing(), held_out.HeldOut())}


def _life(learner, folder=None, should_stop=lambda: False, precision="float32"):
  data, options = splits.SplitCache(streams.TinyStream(num_tasks=2)), streams.options(epochs_per_task=2)
  spec = dataclasses.replace(streams.SPEC, normalisation="batch", precision=precision)
  context = dataclasses.replace(streams.learner_context(data, options), spec=spec)
  return lifetime.Lifetime(_LEARNERS[learner](context), data, dataclasses.replace(options, checkpoint_seconds=0.0),
                           checkpoint_dir=folder, should_stop=should_stop)


def _values(life):
  return {name: variable.numpy() for name, variable in life.session.learner.variables().items()}


@pytest.mark.parametrize("learner", ["replay", "lasem"])
def test_a_resumed_run_is_the_undisturbed_one(learner, tmp_path):
  whole = _life(learner)
  measured = whole.run().measured
  polls = iter(range(100))
  with pytest.raises(Interrupted):
    _life(learner, tmp_path, lambda: next(polls) > 7).run()
  resumed = _life(learner, tmp_path)
  assert resumed.run().measured == measured
  expected, found = _values(whole), _values(resumed)
  assert sum("statistics" in name for name in expected) == 2 * 2 * 2 and expected.keys() == found.keys()
  for name, values in expected.items():
    np.testing.assert_array_equal(found[name], values, err_msg=name)


def test_the_last_accuracies_are_those_of_freshly_measured_statistics():
  life = _life("heldout")
  measured = life.run().measured
  before = _values(life)
  life.session.learner.measure_statistics()
  for name, values in _values(life).items():
    np.testing.assert_array_equal(values, before[name], err_msg=name)
  assert life.session.evaluator.row(2) == measured.accuracy.after_visit[-1]


def test_mixed_precision_keeps_statistics_in_float32(caplog):
  life = _life("lasem", precision="mixed_bfloat16")
  life.run()
  values = _values(life)
  assert {value.dtype for name, value in values.items() if "statistics" in name or "norm" in name} == {np.dtype("f4")}
  assert all(np.isfinite(value).all() for value in values.values())
