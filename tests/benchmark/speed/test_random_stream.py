"""Random images of a network's size."""

import numpy as np

from benchmark.speed import random_stream
from tests.benchmark.speed.tiny_network import NETWORK


def test_sizes_and_types():
  images = random_stream.RandomImages(NETWORK, num_tasks=2, num_train=12)
  assert images.counts() == {"train": [12, 12], "validation": [8, 8], "test": [20, 20]}
  split = images.load(1, "test")
  assert split.images.shape == (20, 8, 8, 3) and split.images.dtype == np.float32
  np.testing.assert_array_equal(np.bincount(split.labels), [7, 7, 6])
  assert np.any(split.images != images.load(0, "test").images)
