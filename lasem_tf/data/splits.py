"""Split arithmetic, in integers and on index lists only; no pixel is touched here."""

from collections.abc import Sequence

import numpy as np

VALIDATION_SHARE = 6  # one image in six of a class goes to the validation pool: 0.2 / (1 + 0.2)


def indices_by_class(labels: np.ndarray, num_classes: int) -> list[np.ndarray]:
  """Source indices of every class, in file order.

  Args:
    labels: int `[n]`, class of each source image.
    num_classes: classes are 0..num_classes-1.

  Returns:
    One int64 array for each class; together they hold 0..n-1 once.
  """
  return [np.flatnonzero(labels == class_id) for class_id in range(num_classes)]


def pool_sizes(num_images: int, training_pool: str) -> tuple[int, int]:
  """How many images of a class belong to the training and to the validation pool.

  Args:
    num_images: images of the class.
    training_pool: 'rest' gives everything that is not validation to training; 'truncated' takes floor(5n/6), which
      loses an image whenever 6 does not divide n, as the releases do.

  Returns:
    (training, validation); 500 images give (417, 83) and (416, 83).
  """
  num_validation = num_images // VALIDATION_SHARE
  if training_pool == "rest":
    return num_images - num_validation, num_validation
  if training_pool == "truncated":
    return 5 * num_images // VALIDATION_SHARE, num_validation
  raise ValueError(f"training_pool must be 'rest' or 'truncated', not {training_pool!r}.")


def partition(indices: np.ndarray, training_pool: str, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
  """Splits one class into a training and a validation pool, both in random order.

  Every task that contains the class takes a prefix of these pools, so no image is in the training set of one task and
  in the validation set of another.

  Args:
    indices: source indices of the class.
    training_pool: see `pool_sizes`.
    generator: source of the one permutation drawn.

  Returns:
    (training pool, validation pool), disjoint.
  """
  num_train, num_validation = pool_sizes(len(indices), training_pool)
  order = indices[generator.permutation(len(indices))]
  return order[num_validation:num_validation + num_train], order[:num_validation]


def interleave(per_class: Sequence[np.ndarray], generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
  """Merges the images of several classes in random order of classes, keeping the order within each class.

  Args:
    per_class: source indices for local label 0, 1, ...
    generator: source of the one permutation drawn.

  Returns:
    (source indices, local labels), int64 and int32 `[n]`.
  """
  labels = np.repeat(np.arange(len(per_class), dtype=np.int32), [len(indices) for indices in per_class])
  labels = labels[generator.permutation(len(labels))]
  merged = np.empty(len(labels), np.int64)
  for label, indices in enumerate(per_class):
    merged[labels == label] = indices
  return merged, labels


def binary_counts(total: int, num_positive: int, num_negative: int) -> tuple[int, int]:
  """How many positives and negatives make up a binary set: halves, unless one side is too small.

  Args:
    total: size of the set.
    num_positive: available images of the positive class.
    num_negative: available images of the negative class or classes.

  Returns:
    (positives, negatives), which sum to `total`.

  Raises:
    ValueError: both sides together are too small.
  """
  if num_positive + num_negative < total:
    raise ValueError(f"{total} images are needed, but only {num_positive} positive and {num_negative} negative images "
                     "exist")
  positives = max(min(total // 2, num_positive), total - num_negative)
  return positives, total - positives
