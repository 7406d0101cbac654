"""Drift, the choice of units, and what duplication keeps for old tasks and for the new one."""

import numpy as np
import pytest

from lasem_tf.learners.expandable import growth, split, units
from tests.learners.expandable import hand_network as hand
from tests.learners.expandable.test_growth import random_draw

BEFORE = np.array([[1.0], [2.0], [2.0]])


@pytest.mark.parametrize("after, distance, cosine, splits", [
    ((1, 2, 2.1), 0.1, 0.99970476, False), ((2, 1, 2), 1.41421356, 0.88888889, True)])
def test_drift(after, distance, cosine, splits):
  after = np.array(after, float)[:, np.newaxis]
  assert split.distance(BEFORE, after)[0] == pytest.approx(distance, abs=1e-8)
  assert split.absolute_cosine(BEFORE, after)[0] == pytest.approx(cosine, abs=1e-8)
  rule = split.Splitting()
  chosen = rule.choose(rule.drift(BEFORE, after), np.array([True]), True, 16)
  assert (len(chosen) == 1) == splits
  # A neuron splits only when it is almost orthogonal to what it was.
  assert len(rule.choose(rule.drift(BEFORE, after), np.array([True]), False, 16)) == 0


def test_cosine_of_empty_units():
  before, after = np.array([[0.0, 0.0, 1.0]]), np.array([[0.0, 1.0, 0.0]])
  np.testing.assert_array_equal(split.absolute_cosine(before, after), [1.0, 0.0, 0.0])


def test_the_most_drifted_units_come_first():
  rule = split.Splitting(rule="distance", convolution_threshold=0.05, dense_threshold=0.05, dense_cap=None)
  drift = np.array([0.1, 0.9, 0.04, 0.5, 0.8])
  candidates = np.array([True, True, True, True, False])
  assert rule.choose(drift, candidates, True, 2).tolist() == [1, 3]
  assert rule.choose(drift, candidates, False, 2).tolist() == [0, 1, 3]
  any_drift = split.Splitting(rule="distance", convolution_threshold=0.0)
  assert any_drift.choose(np.zeros(3), np.ones(3, bool), True, 9).size == 0


def test_unknown_rule_is_refused():
  with pytest.raises(ValueError, match="Splitting.rule"):
    split.Splitting(rule="angle")


def trained(seed=0):
  """A task after its expansion: weights before, weights now, visible units, an old task's head."""
  before = hand.random_weights(seed)
  everything = units.all_units([4, 3, 5])
  grown, visible = growth.expand(hand.LAYOUT, hand.random_weights(seed + 100), everything, 2, random_draw)
  return before, grown, visible, everything


CHOSEN = [np.array([0, 3]), np.array([1]), np.array([2, 4])]


def test_replacing_leaves_the_new_task_as_it_is():
  before, grown, visible, _ = trained()
  expected = hand.logits(grown, visible, hand.images())
  duplicated, seen = split.duplicate(grown, before, visible, CHOSEN, replace=True)
  assert duplicated.widths() == [8, 6, 9]
  assert np.flatnonzero(~seen[0]).tolist() == [0, 3] and seen[0][-2:].all()
  assert units.num_units(seen) == units.num_units(visible)
  np.testing.assert_allclose(hand.logits(duplicated, seen, hand.images()), expected, atol=1e-12)


@pytest.mark.parametrize("replace", [True, False])
def test_split_units_are_what_they_were_for_old_tasks(replace):
  before, grown, visible, everything = trained()
  duplicated, _ = split.duplicate(grown, before, visible, CHOSEN, replace)
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
  duplicated, _ = split.duplicate(grown, before, visible, [np.arange(4), np.arange(3), np.arange(5)], replace)
  np.testing.assert_array_equal(hand.old_logits(duplicated, before, everything, hand.images()),
                                hand.old_logits(before, before, everything, hand.images()))


def test_stamping_as_published_lets_the_new_task_see_both():
  before, grown, visible, _ = trained()
  expected = hand.logits(grown, visible, hand.images())
  duplicated, seen = split.duplicate(grown, before, visible, CHOSEN, replace=False)
  assert all(mask.all() for mask in seen)
  assert np.abs(hand.logits(duplicated, seen, hand.images()) - expected).max() > 0.1
  # The copy hands on what its original does, to the head as well.
  np.testing.assert_array_equal(duplicated.kernels[-1][7:], duplicated.kernels[-1][[2, 4]])


def test_copies_have_the_current_bias():
  before, grown, visible, _ = trained()
  duplicated, _ = split.duplicate(grown, before, visible, CHOSEN, replace=True)
  np.testing.assert_array_equal(duplicated.biases[0][-2:], grown.biases[0][[0, 3]])


def test_no_split_changes_nothing():
  before, grown, visible, _ = trained()
  same, seen = split.duplicate(grown, before, visible, [np.array([], int)] * 3, replace=True)
  for now, then in zip(same.kernels + same.biases, grown.kernels + grown.biases):
    np.testing.assert_array_equal(now, then)
  assert [mask.tolist() for mask in seen] == [mask.tolist() for mask in visible]
