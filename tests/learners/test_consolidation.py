import numpy as np
import pytest

from lasem_tf.learners import consolidation


def test_shared_part():
  common, rest = consolidation.shared_part([np.array([0.30]), np.array([0.305]), np.array([0.30])], 0.01)
  np.testing.assert_allclose(common, [0.3025], rtol=1e-12)
  np.testing.assert_array_equal(rest, 0.0)


def test_elements_that_differ_stay_with_their_tasks():
  members = [np.array([0.1, -0.2, 0.5]), np.array([0.105, 0.2, 0.5])]
  common, rest = consolidation.shared_part(members, 0.01)
  np.testing.assert_allclose(common, [0.1025, 0.0, 0.5])
  np.testing.assert_array_equal(rest, [[0.0, -0.2, 0.0], [0.0, 0.2, 0.0]])
  for member, own in zip(members, rest):
    assert np.abs(common + own - member).max() <= 0.005 + 1e-12


def test_clusters():
  vectors = np.array([[0.0, 0.0], [5.0, 5.0], [0.1, 0.0], [5.0, 5.1], [0.0, 0.1]])
  assert consolidation.cluster(vectors, 2) == [[0, 2, 4], [1, 3]]
  assert consolidation.cluster(vectors, 1) == [[0, 1, 2, 3, 4]]


@pytest.mark.parametrize("num_clusters", [1, 2, 4])
def test_equal_vectors_stay_together(num_clusters):
  assert consolidation.cluster(np.zeros((4, 3)), num_clusters) == [[0, 1, 2, 3]]


def test_every_task_has_one_cluster():
  vectors = np.random.default_rng(0).normal(size=(20, 50))
  clusters = consolidation.cluster(vectors, 8)
  assert sorted(member for members in clusters for member in members) == list(range(20))
  assert clusters == consolidation.cluster(vectors, 8)
