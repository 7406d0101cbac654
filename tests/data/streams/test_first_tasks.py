"""Every stream can be cut to its first tasks, which stay what they were."""

import numpy as np
import pytest

from lasem_tf import types
from lasem_tf.data import stream
from lasem_tf.data.streams import cifar100, mnist_and_cifar10, office_home, synthetic

CONTEXT = stream.StreamContext(seed=1, design_only=True)
# Class, its own number of tasks (None: the default), the fewer.
STREAMS = [(synthetic.Synthetic, None, 3), (office_home.OfficeHome, None, 7),
           (office_home.OfficeHomeIncremental, None, 2), (cifar100.CIFAR100, 10, 3), (cifar100.CIFAR100, 20, 12),
           (mnist_and_cifar10.MNISTBinary, 5, 1), (mnist_and_cifar10.CIFAR10Binary, 10, 6)]


@pytest.mark.parametrize("kind, own, fewer", STREAMS)
def test_the_first_tasks_are_those_of_the_whole_stream(kind, own, fewer):
  whole, cut = kind(CONTEXT, **({"num_tasks": own} if own else {})), kind(CONTEXT, num_tasks=fewer)
  assert cut.num_tasks == fewer < whole.num_tasks and cut.name == whole.name
  assert cut.tasks == whole.tasks[:fewer]
  assert cut.display_name == f"{whole.display_name} (first {fewer} of {whole.num_tasks} tasks)"
  assert cut.protocol == {**whole.protocol, "num_tasks": fewer, "of_tasks": whole.num_tasks}
  assert cut.design_fingerprint != whole.design_fingerprint and cut.data_fingerprint != whole.data_fingerprint
  for task in range(fewer):
    for split in types.SPLITS:
      np.testing.assert_array_equal(cut.source_indices(task, split), whole.source_indices(task, split))


@pytest.mark.parametrize("kind, own, fewer", STREAMS)
def test_the_own_number_of_tasks_changes_nothing(kind, own, fewer):
  whole, same = kind(CONTEXT), kind(CONTEXT, num_tasks=kind(CONTEXT).num_tasks)
  assert same.protocol == whole.protocol and same.data_fingerprint == whole.data_fingerprint


def test_pixels_stay():
  context = stream.StreamContext(seed=1)
  whole, cut = synthetic.Synthetic(context), synthetic.Synthetic(context, num_tasks=2)
  for split in types.SPLITS:
    np.testing.assert_array_equal(cut.load(1, split).images, whole.load(1, split).images)
  with pytest.raises(ValueError, match="Task 2 is not in stream synthetic, which has 2 tasks"):
    cut.load(2, "train")


@pytest.mark.parametrize("wrong", [0, 9, -1, True, 2.0, "3"])
def test_other_numbers_are_refused(wrong):
  with pytest.raises(ValueError, match=r"Synthetic.num_tasks must be a whole number from 1 to 8, .*, not "):
    synthetic.Synthetic(CONTEXT, num_tasks=wrong)
