import numpy as np
import pytest

from lasem_tf import types
from lasem_tf.learners.additive import release
from tests.learners import test_trunk
from tests.support import tiny_stream


@pytest.mark.parametrize("spec, num_classes, first, further", [
    (test_trunk.CIFAR100, (10, 10), 459_178, 393_610), (test_trunk.STL10, (3, 3), 1_124_515, 837_507)])
def test_parameters(spec, num_classes, first, further):
  learner = release.AdditiveRelease(tiny_stream.TinyStream().context(spec=spec, num_classes=num_classes))
  counts = []
  for task_id in range(2):
    learner._learned.append(task_id)
    learner._create_task(task_id)
    counts.append(learner.num_parameters())
  assert counts == [first, first + further]


def moved(reference, anchor_weight):
  """Mean change of the first shared kernel in the second visit."""
  stream = tiny_stream.TinyStream()
  learner = release.AdditiveRelease(stream.context(reference=reference), anchor_weight=anchor_weight)
  tiny_stream.run_visit(learner, stream.tasks[0], 0)
  before = learner.variables()["shared/conv0/kernel"].numpy()
  learner.begin_visit(stream.tasks[1], 1)
  has_anchor = "snapshot/shared/conv0/kernel" in learner.variables()
  for phase in tiny_stream.phases(learner):
    tiny_stream.run_phase(learner, phase, steps_per_epoch=8)
  change = np.abs(learner.variables()["shared/conv0/kernel"].numpy() - before).mean()
  # Nothing sets an adaptive weight to zero.
  assert learner.end_visit().details == {"adaptive_density": 1.0, "mechanism_acted": False}
  assert not any(name.startswith("snapshot") for name in learner.variables())
  return change, has_anchor


def test_the_anchor_holds_the_shared_kernels():
  free, has_anchor = moved(types.ReferenceBehaviour(), anchor_weight=0.0)
  held, _ = moved(types.ReferenceBehaviour(), anchor_weight=1e4)
  assert has_anchor and held < 0.5 * free


def test_as_released_there_is_no_anchor():
  reference = types.ReferenceBehaviour(additive_anchor_off=True)
  free, has_anchor = moved(reference, anchor_weight=0.0)
  assert not has_anchor
  assert moved(reference, anchor_weight=1e4) == (free, False)


def test_earlier_own_parts_are_frozen():
  stream = tiny_stream.TinyStream()
  learner = release.AdditiveRelease(stream.context())
  tiny_stream.run_visit(learner, stream.tasks[0], 0)
  learner.begin_visit(stream.tasks[1], 1)
  assert not any(name.startswith("task0") for name in learner.next_phase(0).trained)
