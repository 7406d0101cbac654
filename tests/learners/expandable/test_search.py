"""The search for a task's sub-network, on a graph small enough to follow by hand."""

import numpy as np
import pytest

from lasem_tf.learners.expandable import search, units
from tests.learners import growing_support as support

SECOND_CONVOLUTION = np.array([[1.0, 0.0], [0.0, 2.0], [0.0, 0.5]])
# Rows: position 0 channel 0, position 0 channel 1, position 1 channel 0, position 1 channel 1.
FLAT = np.array([[1.0, 0, 0], [0, 0, 1.0], [0, 0, 0], [0, 0.5, 0]])
HEAD = np.array([[0.0, 0.0], [0.0, 0.7], [0.0, 0.0]])


def reached(head, threshold, head_norms=None):
  """Units reached when norms, not root mean squares, are compared with the threshold."""
  flat_norms = np.linalg.norm(FLAT.reshape(2, 2, 3), axis=0)
  head_norms = np.linalg.norm(head, axis=1) if head_norms is None else head_norms
  found = search.reachable_units(head_norms, [SECOND_CONVOLUTION, flat_norms], threshold, [threshold] * 2)
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
  np.testing.assert_allclose(search.root_mean_square(view), [[0.0, 1.0]])
  np.testing.assert_allclose(search.head_strength(np.array([[3.0, 4.0], [0.0, 0.0]])), [np.sqrt(12.5), 0.0])


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
  found = search.select(layout, weights, units.all_units([3, 2, 3]), threshold)
  assert [np.flatnonzero(units_).tolist() for units_ in found] == expected


def test_units_that_the_task_does_not_see_are_not_reached():
  layout, weights = hand_network()
  visible = [np.array([True, False, True]), np.ones(2, bool), np.ones(3, bool)]
  found = search.select(layout, weights, visible, 0.0)
  assert [np.flatnonzero(units_).tolist() for units_ in found] == [[2], [1], [1]]
  visible[2][1] = False
  assert not any(units_.any() for units_ in search.select(layout, weights, visible, 0.0))
