import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from lasem_tf.knowledge import hard_sharing
from lasem_tf.learners import composed, trunk
from lasem_tf.nn import architecture
from lasem_tf.selection import static
from tests.support import tiny_stream

CIFAR100 = architecture.ConvNetSpec((32, 32, 3), (3, 3, 3, 3), (32, 32, 64, 64), (1, 2, 1, 2), (64,))
OFFICE_HOME = architecture.ConvNetSpec((128, 128, 3), (11, 5, 3, 3), (64, 256, 256, 256), (3, 3, 2, 2), (256, 64))
STL10 = architecture.ConvNetSpec((96, 96, 3), (3,) * 6, (32, 32, 64, 64, 128, 128), (1, 3, 1, 3, 1, 3), (128, 16))


@pytest.mark.parametrize("spec, num_classes, trunk_size, total", [
    (CIFAR100, [10] * 10, 327_776, 334_276), (OFFICE_HOME, [13] * 10, 2_678_592, 2_687_042),
    (STL10, [3] * 20, 551_344, 552_364)])
def test_sizes_of_the_three_backbones(spec, num_classes, trunk_size, total):
  learner = trunk.TrunkLearner(tiny_stream.TinyStream().context(spec=spec, num_classes=tuple(num_classes)))
  assert learner.num_parameters() == trunk_size
  for task_id in range(len(num_classes)):
    learner._create_head(task_id)
  assert learner.num_parameters() == total


def test_heads_with_all_dense_layers_are_hard_sharing_bit_for_bit():
  stream = tiny_stream.TinyStream()
  context = stream.context()
  learners = [trunk.TrunkLearner(context, head_depth="all_dense"),
              composed.Composed(context, hard_sharing.HardSharing(), static.Static("all"))]
  for learner in learners:
    for visit, task in enumerate(stream.tasks[:2]):
      tiny_stream.run_visit(learner, task, visit, steps_per_epoch=2)
  tiny_stream.assert_same(*(dict(sorted(tiny_stream.values(learner.variables()).items())) for learner in learners))


def test_head_layers_start_as_in_hard_sharing():
  stream = tiny_stream.TinyStream()
  learner = trunk.TrunkLearner(stream.context())
  learner.begin_visit(stream.tasks[0], 0)
  other = composed.Composed(stream.context(), hard_sharing.HardSharing(), static.Static("all"))
  other.begin_visit(stream.tasks[0], 0)
  name = "task0/head/dense1/kernel"
  np.testing.assert_array_equal(learner.variables()[name], other.variables()[name])
  assert "shared/dense0/kernel" in learner.variables() and "task0/head/dense0/kernel" not in learner.variables()


def test_old_heads_are_not_trained():
  stream = tiny_stream.TinyStream()
  learner = trunk.TrunkLearner(stream.context())
  tiny_stream.run_visit(learner, stream.tasks[0], 0)
  before = tiny_stream.values(learner.heads[0].named_variables)
  learner.begin_visit(stream.tasks[1], 1)
  phase = learner.next_phase(0)
  assert not any(name.startswith("task0") for name in phase.trained)
  tiny_stream.run_phase(learner, phase)
  tiny_stream.assert_same(before, tiny_stream.values(learner.heads[0].named_variables))


def test_dropout_stands_between_convolutions_and_dense_layers():
  spec = dataclasses.replace(tiny_stream.SPEC, dropout_keep_probability=0.5)
  learner = trunk.TrunkLearner(tiny_stream.TinyStream().context(spec=spec), head_depth="all_dense")
  images = tiny_stream.TinyStream().tasks[0].train[0]
  kept = learner.trunk(images).numpy()
  dropped = learner.trunk(images, dropout_seed=tf.constant([1, 2])).numpy()
  present = dropped != 0
  np.testing.assert_allclose(dropped[present], 2 * kept[present], rtol=1e-6)
  assert 0.3 < present[kept != 0].mean() < 0.7


def test_unknown_head_depth_is_refused():
  with pytest.raises(ValueError, match="TrunkLearner.head_depth must be one of"):
    trunk.TrunkLearner(tiny_stream.TinyStream().context(), head_depth="two")
