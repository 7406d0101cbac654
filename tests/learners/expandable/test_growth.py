"""Expansion and pruning: where new weights go, and that removing empty units keeps the function."""

import numpy as np

from lasem_tf.learners.expandable import growth, units
from tests.learners.expandable import hand_network as hand


def ones(layer, kind, shape):
  """New weights that are easy to find."""
  del layer, kind
  return np.ones(shape)


def random_draw(layer, kind, shape):
  return np.random.default_rng([layer, len(kind)]).normal(size=shape)


def test_old_entries_stay_and_new_ones_are_drawn():
  weights = hand.random_weights(0)
  grown, visible = growth.expand(hand.LAYOUT, weights, units.all_units([4, 3, 5]), 2, ones)
  assert grown.widths() == [6, 5, 7]
  assert [kernel.shape for kernel in grown.kernels] == [(3, 3, 2, 6), (3, 3, 6, 5), (4, 5, 7), (7, 2)]
  assert [mask.tolist() for mask in visible] == [[True] * 6, [True] * 5, [True] * 7]
  for old, new in zip(weights.kernels, grown.kernels):
    rows, columns = old.shape[-2:]
    np.testing.assert_array_equal(new[..., :rows, :columns], old)
    assert np.all(new[..., rows:, :] == 1) and np.all(new[..., columns:] == 1)
  for old, new in zip(weights.biases[:-1], grown.biases):
    np.testing.assert_array_equal(new[:len(old)], old)
    assert np.all(new[len(old):] == 0)
  np.testing.assert_array_equal(grown.biases[-1], weights.biases[-1])


def test_flat_rows_of_new_channels_go_inside_every_position_block():
  weights = hand.random_weights(0)
  grown, _ = growth.expand(hand.LAYOUT, weights, units.all_units([4, 3, 5]), 1, ones)
  flat = grown.kernels[2].reshape(hand.LAYOUT.stored_shape(2, 4, 6))
  np.testing.assert_array_equal(np.flatnonzero(np.all(flat[:, :5] == 1, axis=1)), [3, 7, 11, 15])


def test_units_that_the_task_does_not_see_get_no_connections():
  visible = [np.array([True, False, True, True]), np.array([True, True, False]), np.ones(5, bool)]
  grown, _ = growth.expand(hand.LAYOUT, hand.random_weights(0), visible, 2, ones)
  assert np.all(grown.kernels[1][..., 1, 3:] == 0) and np.all(grown.kernels[1][..., 4:, 2] == 0)
  assert np.all(grown.kernels[1][..., [0, 2, 3, 4, 5], 3:] == 1)
  assert np.all(grown.kernels[2][:, 2, 5:] == 0)


def test_old_tasks_compute_what_they_did():
  weights, everything = hand.random_weights(0), units.all_units([4, 3, 5])
  grown, _ = growth.expand(hand.LAYOUT, weights, everything, 2, random_draw)
  np.testing.assert_allclose(hand.old_logits(grown, weights, everything, hand.images()),
                             hand.logits(weights, everything, hand.images()), atol=1e-12)


def test_empty_new_units_are_removed_without_a_trace():
  everything = units.all_units([4, 3, 5])
  grown, visible = growth.expand(hand.LAYOUT, hand.random_weights(0), everything, 2, random_draw)
  for layer, unit in ((0, 4), (1, 3), (1, 4), (2, 6)):
    grown.kernels[layer][..., unit] = 0.0
  before = hand.logits(grown, visible, hand.images())
  pruned, remaining = growth.prune(grown, visible, [4, 3, 5])
  assert pruned.widths() == [5, 3, 6] and units.num_units(remaining) == [5, 3, 6]
  assert [kernel.shape for kernel in pruned.kernels] == [(3, 3, 2, 5), (3, 3, 5, 3), (4, 3, 6), (6, 2)]
  np.testing.assert_allclose(hand.logits(pruned, remaining, hand.images()), before, atol=1e-12)


def test_old_units_and_units_with_a_bias_stay():
  everything = units.all_units([4, 3, 5])
  grown, visible = growth.expand(hand.LAYOUT, hand.random_weights(0), everything, 1, random_draw)
  grown.kernels[0][..., [0, 4]] = 0.0
  grown.biases[0][0] = 0.0
  grown.biases[0][4] = 0.1
  pruned, _ = growth.prune(grown, visible, [4, 3, 5])
  assert pruned.widths() == [5, 4, 6]


def test_a_unit_that_reads_removed_units_only_goes_too():
  everything = units.all_units([4, 3, 5])
  grown, visible = growth.expand(hand.LAYOUT, hand.random_weights(0), everything, 1, random_draw)
  grown.kernels[0][..., 4] = 0.0
  grown.kernels[1][..., :4, 3] = 0.0
  before = hand.logits(grown, visible, hand.images())
  pruned, remaining = growth.prune(grown, visible, [4, 3, 5])
  assert pruned.widths() == [4, 3, 6]
  np.testing.assert_allclose(hand.logits(pruned, remaining, hand.images()), before, atol=1e-12)
