"""Progressive networks: counts, exact protection of earlier tasks, resume."""

import numpy as np
import pytest
import tensorflow as tf

from lasem_tf.learners import progressive
from tests.learners import growing_support as support


def totals(stream, scale):
  """Parameters after every task of a real stream, without making a weight."""
  spec, num_classes, num_tasks = support.STREAMS[stream]
  base = sum(spec.convolution_parameters(layer) for layer in range(spec.depth)) + spec.dense_parameters(num_classes)
  columns = []
  for previous in range(num_tasks):
    laterals = 0
    for layer in range(1, spec.depth):
      size, _, channels_in, channels_out = spec.kernel_shape(layer)
      width = progressive.reduced_width(channels_in, scale, previous)
      laterals += 1 + channels_in * width + width + size * size * width * channels_out
    columns.append(base + previous * laterals)
  return columns


@pytest.mark.parametrize("stream, scale, total", [
    ("cifar100", 1.0, 3763595), ("cifar100", 2.0, 3508637), ("office_home", 1.0, 38822851),
    ("office_home", 2.0, 32718543), ("stl10", 1.0, 15821067), ("stl10", 2.0, 13298557)])
def test_totals_of_the_formula(stream, scale, total):
  assert sum(totals(stream, scale)) == total


def test_columns_of_cifar100_as_built():
  learner = progressive.ProgressiveNetwork(support.context_of_stream("cifar100"), reduction_scale=2.0)
  sizes = []
  for task_id in range(10):
    learner.begin_visit(support.make_task(learner, task_id, 10), task_id)
    sizes.append(learner.num_parameters())
  assert list(np.diff([0, *sizes])) == [328426, 346125, 350552, 354979, 354982, 353766, 354988, 359415, 351274, 354130]


@pytest.mark.parametrize("stream, columns", [("office_home", [2679437, 3110688]), ("stl10", [551395, 629560, 651667])])
def test_first_columns_as_built(stream, columns):
  learner = progressive.ProgressiveNetwork(support.context_of_stream(stream), reduction_scale=2.0)
  sizes = [0]
  for task_id in range(len(columns)):
    learner.begin_visit(support.make_task(learner, task_id, 2), task_id)
    sizes.append(learner.num_parameters())
  assert list(np.diff(sizes)) == columns


@pytest.mark.parametrize("stream", ["cifar100_6", "cifar100_8"])
def test_deeper_backbones(stream):
  learner = progressive.ProgressiveNetwork(support.context_of_stream(stream), reduction_scale=2.0)
  for task_id in range(2):
    learner.begin_visit(support.make_task(learner, task_id, 2), task_id)
  assert learner.num_parameters() == sum(totals(stream, 2.0)[:2])
  assert learner.logits(tf.zeros([1, 32, 32, 3]), 1).shape == (1, 10)


def test_adapter_widths():
  widths = lambda channels, scale, t: [progressive.reduced_width(c, scale, t) for c in channels]
  assert widths((32, 32, 64), 2.0, 1) == [8, 8, 16]
  assert widths((32, 32, 64), 2.0, 9) == [1, 1, 3]
  assert widths((32,), 2.0, 15) == widths((32,), 2.0, 16) == [1]


def test_scale_must_be_positive():
  with pytest.raises(ValueError, match="reduction_scale must be positive"):
    progressive.ProgressiveNetwork(support.make_context(), reduction_scale=0.0)


def make_learner(**options):
  return progressive.ProgressiveNetwork(support.make_context(epochs_per_task=2, **options))


def test_names():
  learner = make_learner()
  support.run_visit(learner, 0, 0)
  support.run_visit(learner, 1, 1)
  lateral = {f"task1/lateral1/col0/{name}" for name in ("alpha", "reduce_kernel", "reduce_bias", "kernel")}
  own = lambda task: {f"task{task}/{part}/{kind}" for part in ("conv0", "conv1", "head/dense0", "head/dense1")
                      for kind in ("kernel", "bias")}
  assert set(learner.variables()) == own(0) | own(1) | lateral
  assert learner.variables()["task1/lateral1/col0/reduce_kernel"].shape == (1, 1, 4, 2)


def test_earlier_logits_never_change_and_only_the_own_column_is_trained():
  learner = make_learner()
  support.run_visit(learner, 0, 0)
  support.run_visit(learner, 1, 1)
  before = [support.logits_of(learner, task) for task in (0, 1)]
  learner.begin_visit(support.make_task(learner, 2), 2)
  phase = learner.next_phase(0)
  assert all(name.startswith("task2/") for name in phase.trained)
  support.check_touches_only_declared(learner, phase)
  assert learner.next_phase(1) is None
  learner.end_visit()
  for task in (0, 1):
    np.testing.assert_array_equal(support.logits_of(learner, task), before[task])


def test_a_column_reads_the_features_of_earlier_columns():
  """The last task's logits follow a weight of an earlier column, and no earlier task follows a later column."""
  learner = make_learner()
  for task_id in range(3):
    support.run_visit(learner, task_id, task_id)
  before = [support.logits_of(learner, task) for task in range(3)]
  learner.variables()["task1/conv0/bias"].assign_add([1.0] * 4)
  after = [support.logits_of(learner, task) for task in range(3)]
  np.testing.assert_array_equal(after[0], before[0])
  assert np.any(after[1] != before[1]) and np.any(after[2] != before[2])


def test_revisit_trains_the_own_column_again():
  learner = make_learner()
  for visit, task_id in enumerate((0, 1)):
    support.run_visit(learner, task_id, visit)
  size, before, old = learner.num_parameters(), support.values(learner), support.logits_of(learner, 0)
  support.run_visit(learner, 1, 2)
  changed = {name for name, value in support.values(learner).items() if np.any(value != before[name])}
  assert changed == {name for name in before if name.startswith("task1/")}
  np.testing.assert_array_equal(support.logits_of(learner, 0), old)
  assert learner.num_parameters() == size


def test_tasks_in_another_order():
  learner = make_learner()
  for visit, task_id in enumerate((2, 0)):
    support.run_visit(learner, task_id, visit)
  assert "task0/lateral1/col2/alpha" in learner.variables()
  assert not any(name.startswith("task2/lateral") for name in learner.variables())


def test_resume_is_bit_identical():
  def prepare(learner):
    support.run_visit(learner, 0, 0)

  support.check_resume(make_learner, 1, prepare)


@pytest.mark.parametrize("keep_probability", [0.5])
def test_dropout_acts_on_the_own_column_only(keep_probability):
  learner = make_learner(spec=support.tiny_spec(dropout_keep_probability=keep_probability))
  support.run_visit(learner, 0, 0)
  np.testing.assert_array_equal(support.logits_of(learner, 0), support.logits_of(learner, 0))


def test_operations_count_adapters_and_earlier_columns():
  learner = make_learner()
  spec = learner.context.spec
  assert learner.forward_macs(0) == spec.forward_macs(3)
  # Second column: own network, an adapter of width 2 into layer 1, and layer 0 of the first column.
  adapter = 36 * 4 * 2 + 36 * 9 * 2 * 5
  assert learner.forward_macs(1) == spec.forward_macs(3) + adapter + spec.convolution_macs(0)
  assert learner.training_macs_per_image(1) == (3 * (spec.forward_macs(3) + adapter) - spec.convolution_macs(0)
                                                + spec.convolution_macs(0))
  sizes = [learner.forward_macs(task) for task in range(3)]
  assert sizes == sorted(sizes)
