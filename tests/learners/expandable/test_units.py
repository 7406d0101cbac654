"""Where units lie in the weights, and how many parameters masks stand for."""

import numpy as np
import pytest

from lasem_tf.learners import expandable
from lasem_tf.learners.expandable import units
from tests.learners import growing_support as support

COUNTS = [("cifar100", 327776, 650, 334276, 16, 524128, 810), ("office_home", 2678592, 845, 2687042, 32, 3575136, 1261),
          ("stl10", 551344, 51, 552364, 16, 741600, 99)]


@pytest.mark.parametrize("stream, trunk, head, total, num_new, expanded, expanded_head", COUNTS)
def test_counts_of_the_real_networks(stream, trunk, head, total, num_new, expanded, expanded_head):
  spec, num_classes, num_tasks = support.STREAMS[stream]
  layout = units.UnitLayout(spec)
  everything = units.all_units(layout.widths)
  assert units.count_parameters(layout, [everything], []) == trunk
  assert units.count_parameters(layout, [everything], [num_classes]) == trunk + head
  assert units.count_parameters(layout, [everything] * num_tasks, [num_classes] * num_tasks) == total
  wider = units.all_units([width + num_new for width in layout.widths])
  assert units.count_parameters(layout, [wider], []) == expanded
  assert units.count_parameters(layout, [everything, wider], [num_classes] * 2) == expanded + head + expanded_head


@pytest.mark.parametrize("stream, positions", [("cifar100", 64), ("office_home", 16), ("stl10", 16)])
def test_positions_at_the_flatten_boundary(stream, positions):
  spec = support.STREAMS[stream][0]
  layout = units.UnitLayout(spec)
  assert layout.leading(spec.depth) == (positions,)
  assert layout.stored_shape(spec.depth, spec.channels[-1], spec.dense_sizes[0]) == spec.dense_shapes(1)[0]
  assert layout.leading(layout.num_layers) == ()


@pytest.mark.parametrize("stream", list(support.STREAMS))
def test_construction_on_every_stream(stream):
  learner = expandable.ExpandableNetwork(support.context_of_stream(stream))
  spec, num_classes, _ = support.STREAMS[stream]
  learner.begin_visit(support.make_task(learner, 0, 2), 0)
  assert learner.num_parameters() == spec.dense_parameters(num_classes) + sum(
      spec.convolution_parameters(layer) for layer in range(spec.depth))
  assert learner.forward_macs(0) == spec.forward_macs(num_classes)
  assert learner.logits(learner.task.train[0][:1], 0).shape == (1, num_classes)


def test_an_entry_counts_only_if_one_task_sees_both_its_units():
  layout = units.UnitLayout(support.tiny_spec(channels=(2, 2), dense_sizes=(2,)))
  first = [np.array([True, False])] * 3
  second = [np.array([False, True])] * 3
  one_unit = (9 * 2 + 1) + (9 + 1) + (9 + 1) + (3 + 3)
  assert units.count_parameters(layout, [first], [3]) == one_unit
  assert units.count_parameters(layout, [first, second], [3, 3]) == 2 * one_unit
  # A mask made when layers were narrower holds none of the later units.
  assert units.count_parameters(layout, [[mask[:1] for mask in first], second], [3, 3]) == 2 * one_unit


def test_masks_survive_as_text():
  mask = [np.array([True, False, True]), np.array([False])]
  assert units.to_text(mask) == ["101", "0"]
  for back, units_ in zip(units.from_text(units.to_text(mask)), mask):
    np.testing.assert_array_equal(back, units_)


def test_kernel_masks_follow_channels_through_the_flatten():
  layout = units.UnitLayout(support.tiny_spec(channels=(2, 2), dense_sizes=(1,)))
  mask = [np.array([True, True]), np.array([False, True]), np.array([True])]
  boundary = units.between(layout, mask, 3).kernel_mask(layout, 2)
  assert boundary.shape == (18, 1)
  np.testing.assert_array_equal(boundary[:, 0], [False, True] * 9)


def test_touching_leaves_the_block_between_old_units_out():
  layout = units.UnitLayout(support.tiny_spec(channels=(2, 2), dense_sizes=(2,)))
  everything = units.all_units([2, 2, 2])
  new = [np.array([False, True])] * 3
  added = units.touching(layout, everything, new, 3)
  np.testing.assert_array_equal(added.pairs[0], [[False, True]] * 2)
  for layer in (1, 2):
    np.testing.assert_array_equal(added.pairs[layer], [[False, True], [True, True]])
  np.testing.assert_array_equal(added.biases[0], [False, True])
  assert added.pairs[3].all() and added.biases[3].all()


def test_enlarging_keeps_values_in_their_place():
  old = np.arange(4.0).reshape(1, 2, 2)
  larger = units.enlarged(old, (1, 3, 4))
  np.testing.assert_array_equal(larger[:, :2, :2], old)
  assert larger.sum() == old.sum()
  assert units.leading_block((1, 3, 4), old.shape).sum() == 4


def test_skip_connections_are_refused():
  spec = support.tiny_spec(channels=(4, 4), pool_sizes=(1, 2), skips=((1, 1),))
  with pytest.raises(ValueError, match="skip connections"):
    expandable.ExpandableNetwork(support.make_context(spec))
