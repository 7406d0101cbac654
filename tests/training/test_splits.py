"""Splits at hand, within a bound on memory."""

import numpy as np

from lasem_tf.training import splits
from tests.training import streams


def test_splits_are_kept_within_the_bound():
  stream = streams.TinyStream()
  split_bytes = stream.load(0, "test").images.nbytes
  stream.loads.clear()
  cache = splits.SplitCache(stream, num_bytes=2 * split_bytes)
  for task_id in (0, 1, 0, 2, 0, 1):
    cache.load(task_id, "test")
  assert stream.loads == [(0, "test"), (1, "test"), (2, "test"), (1, "test")]


def test_rehearsal_reads_training_examples():
  stream = streams.TinyStream()
  images, labels = splits.SplitCache(stream).training_examples(1, np.array([4, 0]))
  data = stream.load(1, "train")
  np.testing.assert_array_equal(images, data.images[[4, 0]])
  np.testing.assert_array_equal(labels, data.labels[[4, 0]])
