"""A CIFAR-100 of full size that takes no memory, for tests that look at indices only."""

import numpy as np

from lasem_tf.data import cifar100_tables, sources
from tests.data import raw_files


def full_size(official: bool = False) -> sources.ImageSource:
  """500 + 100 black images of every class, in mixed order."""
  labels = {"train": raw_files.mixed_labels(500, 100), "test": raw_files.mixed_labels(100, 100)}
  images = {split: np.broadcast_to(np.uint8(0), (len(values), 32, 32, 3)) for split, values in labels.items()}
  return sources.ImageSource(images, labels, tuple(cifar100_tables.CLASS_NAMES), "in memory", official)
