"""The residual network of seventeen layers, at a sixteenth of its width: static sharing and the five groupings."""

import numpy as np
import pytest
import tensorflow as tf

from lasem_tf import types
from lasem_tf.knowledge import hard_sharing, tensor_factors
from lasem_tf.learners import composed
from lasem_tf.nn import architecture
from lasem_tf.selection import expectation, static
from tests.support import tiny_stream

SPEC = architecture.ConvNetSpec(
    (16, 16, 3), (7,) + (3,) * 16, (4,) * 5 + (8,) * 4 + (16,) * 4 + (32,) * 4,
    (2, 1, 1, 1, 1, 2, 1, 1, 1, 2, 1, 1, 1, 2, 1, 1, 1), (10,), skips=((1, 2), (3, 4), (7, 8), (11, 12), (15, 16)))
GROUPINGS = [((5, 4, 4, 4), 16), ((5, 4, 4, 2, 2), 32), ((5, 4, 2, 2, 2, 2), 64), ((5, 2, 2, 2, 2, 2, 2), 128),
             ((3, 2, 2, 2, 2, 2, 2, 2), 256)]
KNOWLEDGE = {"hard_sharing": hard_sharing.HardSharing, "tensor_factors": tensor_factors.TensorFactors}


@pytest.mark.parametrize("groups, count", GROUPINGS)
def test_configurations_are_constant_inside_groups(groups, count):
  selection = expectation.Expectation(layer_groups=groups)
  selection.bind(17, types.ReferenceBehaviour())
  configurations = selection.begin_search(0, 1).configurations
  assert len(configurations) == count
  starts = np.cumsum((0, *groups[:-1]))
  for configuration in configurations:
    for start, size in zip(starts, groups):
      assert len(set(configuration.bits[start:start + size])) == 1
  assert len({str(configuration) for configuration in configurations}) == count


def test_more_configurations_than_can_be_evaluated_are_refused_at_once():
  with pytest.raises(ValueError, match="2\\*\\*30 configurations.*layer_groups"):
    expectation.Expectation().bind(30, types.ReferenceBehaviour())


@pytest.mark.parametrize("knowledge", list(KNOWLEDGE))
@pytest.mark.parametrize("selection", [lambda: static.Static("alternating"),
                                       lambda: expectation.Expectation("mean", "mean", layer_groups=GROUPINGS[0][0])])
def test_two_tasks(knowledge, selection):
  stream = tiny_stream.TinyStream(num_classes=(3, 3), image_shape=SPEC.image_shape)
  learner = composed.Composed(stream.context(SPEC, epochs_per_task=1), KNOWLEDGE[knowledge](), selection())
  for visit, task in enumerate(stream.tasks):
    results, summary = tiny_stream.run_visit(learner, task, visit)
    assert np.isfinite(float(results[0].loss)) and len(summary.configuration) == 17
  assert not tf.reduce_any(tf.math.is_nan(learner.logits(stream.tasks[0].train[0], 0)))
