"""Changes of structure: the search on a graph small enough to follow by hand; where new weights go, and that removing
empty units keeps the function; drift, the choice of units, and what duplication keeps for old tasks and the new one.
"""

import numpy as np
import pytest

from lasem_tf.learners.expandable import structure, units
from tests.learners import growing_support as support
from tests.learners.expandable import hand_network as hand

# --- search -----------------------------------------------------------------------------------------------------------

SECOND_CONVOLUTION = np.array([[1.0, 0.0], [0.0, 2.0], [0.0, 0.5]])
# Rows: position 0 channel 0, position 0 channel 1, position 1 channel 0, position 1 channel 1.
FLAT = np.array([[1.0, 0, 0], [0, 0, 1.0], [0, 0, 0], [0, 0.5, 0]])
HEAD = np.array([[0.0, 0.0], [0.0, 0.7], [0.0, 0.0]])


def reached(head, threshold, head_norms=None):
  """Units reached when norms, not root mean squares, are compared with the threshold."""
  flat_norms = np.linalg.norm(FLAT.reshape(2, 2, 3), axis=0)
  head_norms = np.linalg.norm(head, axis=1) if head_norms is None else head_norms
  found = structure.reachable_units(head_norms, [SECOND_CONVOLUTION, flat_norms], threshold, [threshold] * 2)
  return [np.flatnonzero(units_).tolist() for units_ in found]


def test_every_connection_counts():
  assert reached(HEAD, 0.0) == [[1, 2], [1], [1]]


def test_threshold():
  assert reached(HEAD, 0.6) == [[], [], [1]]


def test_all_classes_count():
  head = HEAD.copy()
  head[0] = (0.0, 0.1)
  assert reached(head, 0.0) == [[0, 1, 2], [0, 1], [0, 1]]
  # The released search looks at class 0 alone and finds nothing.
  assert reached(head, 0.0, head_norms=np.abs(head[:, 0])) == [[], [], []]


def test_strength_is_the_root_mean_square_of_a_slice():
  view = np.zeros((3, 3, 1, 2))
  view[1, 1, 0, 1] = 3.0
  np.testing.assert_allclose(structure.root_mean_square(view), [[0.0, 1.0]])
  np.testing.assert_allclose(structure.head_strength(np.array([[3.0, 4.0], [0.0, 0.0]])), [np.sqrt(12.5), 0.0])


def hand_network():
  """The graph above with a first convolution, in the shapes of a network."""
  spec = support.tiny_spec(image_shape=(2, 1, 2), kernel_sizes=(1, 1), channels=(3, 2), pool_sizes=(1, 1),
                           dense_sizes=(3,))
  weights = units.UnitWeights(
      [np.ones((1, 1, 2, 3)), SECOND_CONVOLUTION[np.newaxis, np.newaxis], FLAT.reshape(2, 2, 3), HEAD],
      [np.zeros(3), np.zeros(2), np.zeros(3), np.zeros(2)])
  return units.UnitLayout(spec), weights


@pytest.mark.parametrize("threshold, expected", [
    (0.0, [[1, 2], [1], [1]]), (0.6, [[], [], [1]]), (0.3, [[1, 2], [1], [1]]), (0.4, [[], [], [1]])])
def test_select_reads_the_flatten_boundary_by_channel(threshold, expected):
  """The only entry of dense unit 1 is 0.5 at the second of two positions: root mean square 0.354."""
  layout, weights = hand_network()
  found = structure.select(layout, weights, units.all_units([3, 2, 3]), threshold)
  assert [np.flatnonzero(units_).tolist() for units_ in found] == expected


def test_units_that_the_task_does_not_see_are_not_reached():
  layout, weights = hand_network()
  visible = [np.array([True, False, True]), np.ones(2, bool), np.ones(3, bool)]
  found = structure.select(layout, weights, visible, 0.0)
  assert [np.flatnonzero(units_).tolist() for units_ in found] == [[2], [1], [1]]
  visible[2][1] = False
  assert not any(units_.any() for units_ in structure.select(layout, weights, visible, 0.0))


# --- expansion and pruning --------------------------------------------------------------------------------------------


def ones(layer, kind, shape):
  """New weights that are easy to find."""
  del layer, kind
  return np.ones(shape)


def random_draw(layer, kind, shape):
  return np.random.default_rng([layer, len(kind)]).normal(size=shape)


def test_old_entries_stay_and_new_ones_are_drawn():
  weights = hand.random_weights(0)
  grown, visible = structure.expand(hand.LAYOUT, weights, units.all_units([4, 3, 5]), 2, ones)
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
  grown, _ = structure.expand(hand.LAYOUT, weights, units.all_units([4, 3, 5]), 1, ones)
  flat = grown.kernels[2].reshape(hand.LAYOUT.stored_shape(2, 4, 6))
  np.testing.assert_array_equal(np.flatnonzero(np.all(flat[:, :5] == 1, axis=1)), [3, 7, 11, 15])


def test_units_that_the_task_does_not_see_get_no_connections():
  visible = [np.array([True, False, True, True]), np.array([True, True, False]), np.ones(5, bool)]
  grown, _ = structure.expand(hand.LAYOUT, hand.random_weights(0), visible, 2, ones)
  assert np.all(grown.kernels[1][..., 1, 3:] == 0) and np.all(grown.kernels[1][..., 4:, 2] == 0)
  assert np.all(grown.kernels[1][..., [0, 2, 3, 4, 5], 3:] == 1)
  assert np.all(grown.kernels[2][:, 2, 5:] == 0)


def test_old_tasks_compute_what_they_did():
  weights, everything = hand.random_weights(0), units.all_units([4, 3, 5])
  grown, _ = structure.expand(hand.LAYOUT, weights, everything, 2, random_draw)
  np.testing.assert_allclose(hand.old_logits(grown, weights, everything, hand.images()),
                             hand.logits(weights, everything, hand.images()), atol=1e-12)


def test_empty_new_units_are_removed_without_a_trace():
  everything = units.all_units([4, 3, 5])
  grown, visible = structure.expand(hand.LAYOUT, hand.random_weights(0), everything, 2, random_draw)
  for layer, unit in ((0, 4), (1, 3), (1, 4), (2, 6)):
    grown.kernels[layer][..., unit] = 0.0
  before = hand.logits(grown, visible, hand.images())
  pruned, remaining, _ = structure.prune(grown, visible, [4, 3, 5])
  assert pruned.widths() == [5, 3, 6] and units.num_units(remaining) == [5, 3, 6]
  assert [kernel.shape for kernel in pruned.kernels] == [(3, 3, 2, 5), (3, 3, 5, 3), (4, 3, 6), (6, 2)]
  np.testing.assert_allclose(hand.logits(pruned, remaining, hand.images()), before, atol=1e-12)


def test_old_units_and_units_with_a_bias_stay():
  everything = units.all_units([4, 3, 5])
  grown, visible = structure.expand(hand.LAYOUT, hand.random_weights(0), everything, 1, random_draw)
  grown.kernels[0][..., [0, 4]] = 0.0
  grown.biases[0][0] = 0.0
  grown.biases[0][4] = 0.1
  pruned, _, _ = structure.prune(grown, visible, [4, 3, 5])
  assert pruned.widths() == [5, 4, 6]


def test_a_unit_that_reads_removed_units_only_goes_too():
  everything = units.all_units([4, 3, 5])
  grown, visible = structure.expand(hand.LAYOUT, hand.random_weights(0), everything, 1, random_draw)
  grown.kernels[0][..., 4] = 0.0
  grown.kernels[1][..., :4, 3] = 0.0
  before = hand.logits(grown, visible, hand.images())
  pruned, remaining, _ = structure.prune(grown, visible, [4, 3, 5])
  assert pruned.widths() == [4, 3, 6]
  np.testing.assert_allclose(hand.logits(pruned, remaining, hand.images()), before, atol=1e-12)


# --- split ------------------------------------------------------------------------------------------------------------

BEFORE = np.array([[1.0], [2.0], [2.0]])


@pytest.mark.parametrize("after, distance, cosine, splits", [
    ((1, 2, 2.1), 0.1, 0.99970476, False), ((2, 1, 2), 1.41421356, 0.88888889, True)])
def test_drift(after, distance, cosine, splits):
  after = np.array(after, float)[:, np.newaxis]
  assert structure.distance(BEFORE, after)[0] == pytest.approx(distance, abs=1e-8)
  assert structure.absolute_cosine(BEFORE, after)[0] == pytest.approx(cosine, abs=1e-8)
  rule = structure.Splitting()
  chosen = rule.choose(rule.drift(BEFORE, after), np.array([True]), True, 16)
  assert (len(chosen) == 1) == splits
  # A neuron splits only when it is almost orthogonal to what it was.
  assert len(rule.choose(rule.drift(BEFORE, after), np.array([True]), False, 16)) == 0


def test_cosine_of_empty_units():
  before, after = np.array([[0.0, 0.0, 1.0]]), np.array([[0.0, 1.0, 0.0]])
  np.testing.assert_array_equal(structure.absolute_cosine(before, after), [1.0, 0.0, 0.0])


def test_the_most_drifted_units_come_first():
  rule = structure.Splitting(rule="distance", convolution_threshold=0.05, dense_threshold=0.05, dense_cap=None)
  drift = np.array([0.1, 0.9, 0.04, 0.5, 0.8])
  candidates = np.array([True, True, True, True, False])
  assert rule.choose(drift, candidates, True, 2).tolist() == [1, 3]
  assert rule.choose(drift, candidates, False, 2).tolist() == [0, 1, 3]
  any_drift = structure.Splitting(rule="distance", convolution_threshold=0.0)
  assert any_drift.choose(np.zeros(3), np.ones(3, bool), True, 9).size == 0


def test_unknown_rule_is_refused():
  with pytest.raises(ValueError, match="Splitting.rule"):
    structure.Splitting(rule="angle")


def trained(seed=0):
  """A task after its expansion: weights before, weights now, visible units, an old task's head."""
  before = hand.random_weights(seed)
  everything = units.all_units([4, 3, 5])
  grown, visible = structure.expand(hand.LAYOUT, hand.random_weights(seed + 100), everything, 2, random_draw)
  return before, grown, visible, everything


CHOSEN = [np.array([0, 3]), np.array([1]), np.array([2, 4])]


def test_replacing_leaves_the_new_task_as_it_is():
  before, grown, visible, _ = trained()
  expected = hand.logits(grown, visible, hand.images())
  duplicated, seen = structure.duplicate(grown, before, visible, CHOSEN, replace=True)
  assert duplicated.widths() == [8, 6, 9]
  assert np.flatnonzero(~seen[0]).tolist() == [0, 3] and seen[0][-2:].all()
  assert units.num_units(seen) == units.num_units(visible)
  np.testing.assert_allclose(hand.logits(duplicated, seen, hand.images()), expected, atol=1e-12)


@pytest.mark.parametrize("replace", [True, False])
def test_split_units_are_what_they_were_for_old_tasks(replace):
  before, grown, visible, everything = trained()
  duplicated, _ = structure.duplicate(grown, before, visible, CHOSEN, replace)
  for layer, restored in enumerate(CHOSEN):
    rows = before.kernels[layer].shape[-2]
    np.testing.assert_array_equal(duplicated.kernels[layer][..., :rows, restored], before.kernels[layer][..., restored])
    assert np.all(duplicated.kernels[layer][..., rows:, restored] == 0)
    np.testing.assert_array_equal(duplicated.biases[layer][restored], before.biases[layer][restored])
    unsplit = np.setdiff1d(np.arange(len(everything[layer])), restored)
    now, then = (weights.kernels[layer][..., :rows, unsplit] for weights in (duplicated, grown))
    np.testing.assert_array_equal(now, then)


@pytest.mark.parametrize("replace", [True, False])
def test_splitting_every_unit_restores_old_tasks_exactly(replace):
  before, grown, visible, everything = trained()
  duplicated, _ = structure.duplicate(grown, before, visible, [np.arange(4), np.arange(3), np.arange(5)], replace)
  np.testing.assert_array_equal(hand.old_logits(duplicated, before, everything, hand.images()),
                                hand.old_logits(before, before, everything, hand.images()))


def test_stamping_as_published_lets_the_new_task_see_both():
  before, grown, visible, _ = trained()
  expected = hand.logits(grown, visible, hand.images())
  duplicated, seen = structure.duplicate(grown, before, visible, CHOSEN, replace=False)
  assert all(mask.all() for mask in seen)
  assert np.abs(hand.logits(duplicated, seen, hand.images()) - expected).max() > 0.1
  # The copy hands on what its original does, to the head as well.
  np.testing.assert_array_equal(duplicated.kernels[-1][7:], duplicated.kernels[-1][[2, 4]])


def test_copies_have_the_current_bias():
  before, grown, visible, _ = trained()
  duplicated, _ = structure.duplicate(grown, before, visible, CHOSEN, replace=True)
  np.testing.assert_array_equal(duplicated.biases[0][-2:], grown.biases[0][[0, 3]])


def test_no_split_changes_nothing():
  before, grown, visible, _ = trained()
  same, seen = structure.duplicate(grown, before, visible, [np.array([], int)] * 3, replace=True)
  for now, then in zip(same.kernels + same.biases, grown.kernels + grown.biases):
    np.testing.assert_array_equal(now, then)
  assert [mask.tolist() for mask in seen] == [mask.tolist() for mask in visible]
