"""Parameters and cost of hard sharing, single-task learning and LASEM at the sizes of the papers."""

from unittest import mock

import pytest
import tensorflow as tf

from lasem_tf import types
from lasem_tf.knowledge import hard_sharing
from lasem_tf.learners import base, composed, single_network, single_task
from lasem_tf.nn import initializers
from lasem_tf.selection import expectation, static
from tests.nn.paper_networks import NUM_CLASSES, NUM_TASKS, SPECS


@pytest.fixture(autouse=True)
def weights_are_zeros():
  """Counting needs no random numbers."""
  zeros = lambda self, name, shape, draw=0: tf.zeros(shape)
  with mock.patch.object(initializers.Initializer, "truncated_normal", zeros), \
      mock.patch.object(initializers.Initializer, "glorot_uniform", zeros):
    yield


def context_of(name):
  return base.LearnerContext(SPECS[name], (NUM_CLASSES[name],) * NUM_TASKS[name], 0, 1, 10, 1e-4)


def learn_untrained(learner, num_tasks):
  """Visits tasks without a step; returns the number of parameters after each."""
  num_classes, sizes = learner.context.num_classes, []
  no_data = tf.zeros([0, *learner.context.spec.image_shape]), tf.zeros([0], tf.int32)
  for task_id in range(num_tasks):
    info = types.TaskInfo(task_id, num_classes[task_id], tuple(map(str, range(num_classes[task_id]))))
    learner.begin_visit(base.TaskData(info, no_data, no_data), task_id)
    learner.end_visit()
    sizes.append(learner.num_parameters())
  return sizes


TOTALS = {
    "cifar": {"all": 2694148, "top1": 2951908, "top2": 2785444, "top3": 2702212, "bottom1": 3276196, "bottom2": 3192964,
              "bottom3": 3026500, "alternating": 2868676, "alternating_odd": 3109732},
    "office": {"all": 12274562, "top1": 21483650, "top2": 16172930, "top3": 12484226, "bottom1": 26584706,
               "bottom2": 22896002, "bottom3": 17585282, "alternating": 17794946,
               "alternating_odd": 21273986},
    "stl10": {"all": 5574748, "top1": 8223804, "top2": 6820540, "top3": 6118908, "top4": 5767484, "top5": 5591772,
              "bottom1": 11010876, "bottom2": 10835164, "bottom3": 10483740, "bottom4": 9782108, "bottom5": 8378844,
              "alternating": 7346460},
}


@pytest.mark.parametrize("stream, configuration", [(stream, name) for stream, names in TOTALS.items()
                                                   for name in names])
def test_totals_of_hard_sharing(stream, configuration):
  learner = composed.Composed(context_of(stream), hard_sharing.HardSharing(), static.Static(configuration))
  # Increments are equal from the second task on; three visits tell the total.
  sizes = learn_untrained(learner, 3)
  assert sizes[0] == {"cifar": 328426, "office": 2679437, "stl10": 551395}[stream]
  assert sizes[2] - sizes[1] == sizes[1] - sizes[0]
  assert sizes[0] + (NUM_TASKS[stream] - 1) * (sizes[1] - sizes[0]) == TOTALS[stream][configuration]


def test_hard_sharing_after_two_and_after_all_tasks():
  sizes = learn_untrained(composed.Composed(context_of("cifar"), hard_sharing.HardSharing(), static.Static("all")), 10)
  assert sizes[1] == 591284 and sizes[9] == 2694148
  sizes = learn_untrained(composed.Composed(context_of("cifar"), hard_sharing.HardSharing(), static.Static("top2")), 2)
  assert sizes[1] == 601428


@pytest.mark.parametrize("stream, total", [("cifar", 3284260), ("office", 26794370), ("stl10", 11027900)])
def test_totals_of_single_task_learning(stream, total):
  first, second = learn_untrained(single_task.SingleTask(context_of(stream)), 2)
  assert second == 2 * first and NUM_TASKS[stream] * first == total


@pytest.mark.parametrize("stream, total", [("cifar", 328426), ("office", 2679437), ("stl10", 551395)])
def test_a_single_network_does_not_grow(stream, total):
  assert learn_untrained(single_network.SingleNetwork(context_of(stream)), 3) == [total] * 3


@pytest.mark.parametrize("stream, total", [("cifar", 393994), ("office", 4292749), ("stl10", 838403)])
def test_super_network_of_the_first_task(stream, total):
  learner = composed.Composed(context_of(stream), hard_sharing.HardSharing(), expectation.Expectation())
  no_data = tf.zeros([0, *SPECS[stream].image_shape]), tf.zeros([0], tf.int32)
  assert learner.super_network_parameters() is None
  learner.begin_visit(base.TaskData(types.TaskInfo(0, NUM_CLASSES[stream], ()), no_data, no_data), 0)
  assert learner.super_network_parameters() == total
  learner.end_visit()
  # Before any evidence the first configuration wins: everything is shared.
  assert learner.super_network_parameters() is None
  assert learner.num_parameters() == {"cifar": 328426, "office": 2679437, "stl10": 551395}[stream]


def test_a_shared_layer_that_no_task_uses_does_not_count():
  selection = expectation.Expectation(fixed_configuration="0011", fixed_probability=1.0)
  sizes = learn_untrained(composed.Composed(context_of("cifar"), hard_sharing.HardSharing(), selection), 2)
  assert sizes == [328426, 601428]


def test_cost_in_macs():
  plain = composed.Composed(context_of("cifar"), hard_sharing.HardSharing(), static.Static("all"))
  search = composed.Composed(context_of("cifar"), hard_sharing.HardSharing(), expectation.Expectation())
  forward = SPECS["cifar"].forward_macs(10)
  assert plain.forward_macs(0) == search.forward_macs(0) == forward == 24740480
  assert plain.training_macs_per_image(0) == 3 * forward - SPECS["cifar"].convolution_macs(0)
  # 2^L configurations cost 9.4 forward passes, not 16.
  assert 3 * 9.0 < search.training_macs_per_image(0) / forward < 3 * 9.6
