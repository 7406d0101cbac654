"""Split arithmetic: counts, disjointness, order."""

import numpy as np
import pytest

from lasem_tf import seeding
from lasem_tf.data import splits


def test_indices_by_class_keeps_file_order():
  found = splits.indices_by_class(np.array([2, 0, 2, 1, 0]), 4)
  assert [indices.tolist() for indices in found] == [[1, 4], [3], [0, 2], []]


@pytest.mark.parametrize("num_images, rest, truncated", [(500, (417, 83), (416, 83)), (60, (50, 10), (50, 10)),
                                                         (90, (75, 15), (75, 15)), (5000, (4167, 833), (4166, 833)),
                                                         (5, (5, 0), (4, 0)), (0, (0, 0), (0, 0))])
def test_pool_sizes(num_images, rest, truncated):
  assert splits.pool_sizes(num_images, "rest") == rest
  assert splits.pool_sizes(num_images, "truncated") == truncated


def test_pool_sizes_equal_the_floating_point_rule_of_the_releases():
  for num_images in range(1, 3000):
    num_validation = int(num_images * 0.2 / 1.2)
    assert splits.pool_sizes(num_images, "truncated") == (min(num_images - num_validation,
                                                              int(num_images / 1.2)), num_validation)


def test_unknown_pool_rule():
  with pytest.raises(ValueError, match="'rest' or 'truncated'"):
    splits.pool_sizes(6, "all")


@pytest.mark.parametrize("rule, used", [("rest", 500), ("truncated", 499)])
def test_partition_is_disjoint_and_seeded(rule, used):
  indices = np.arange(1000, 1500)
  train, validation = splits.partition(indices, rule, seeding.generator(0, "a"))
  assert len(np.union1d(train, validation)) == used == len(train) + len(validation)
  again, _ = splits.partition(indices, rule, seeding.generator(0, "a"))
  other, _ = splits.partition(indices, rule, seeding.generator(1, "a"))
  np.testing.assert_array_equal(train, again)
  assert not np.array_equal(train, other)


def test_interleave_shuffles_classes_and_keeps_the_order_within_each():
  per_class = [np.array([7, 3, 5]), np.array([2, 9])]
  merged, labels = splits.interleave(per_class, seeding.generator(3))
  assert labels.dtype == np.int32 and merged.dtype == np.int64
  np.testing.assert_array_equal(merged[labels == 0], per_class[0])
  np.testing.assert_array_equal(merged[labels == 1], per_class[1])
  orders = {tuple(splits.interleave(per_class, seeding.generator(seed))[1]) for seed in range(40)}
  assert len(orders) == 10  # all of 5! / (3! 2!)


@pytest.mark.parametrize("total, positive, negative, expected", [(60, 500, 500, (30, 30)), (1800, 982, 892, (908, 892)),
                                                                 (2000, 892, 9108, (892, 1108)),
                                                                 (340, 166, 1494, (166, 174)), (4, 4, 0, (4, 0)),
                                                                 (4, 0, 4, (0, 4)), (5, 3, 3, (2, 3))])
def test_binary_counts(total, positive, negative, expected):
  assert splits.binary_counts(total, positive, negative) == expected


def test_binary_counts_too_few():
  with pytest.raises(ValueError, match="1670 images are needed, but only 833 positive and 833 negative"):
    splits.binary_counts(1670, 833, 833)
