"""What logits say beyond accuracy: confusion, calibration, answers without a task's name, and McNemar's test."""

import dataclasses

import numpy as np
from scipy import stats

NUM_BINS = 15


def confusion_matrix(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
  """int64 `[classes, classes]`: how many examples of a label (row) got an answer (column).

  Args:
    logits: `[n, classes]`; the first of equal logits is the answer.
    labels: `[n]`.
  """
  num_classes = logits.shape[1]
  counts = np.bincount(labels.astype(np.int64) * num_classes + logits.argmax(axis=1), minlength=num_classes**2)
  return counts.reshape(num_classes, num_classes)


def expected_calibration_error(logits: np.ndarray, labels: np.ndarray, num_bins: int = NUM_BINS) -> float:
  """Mean distance of confidence and accuracy over equally wide bins of confidence, weighted by their examples.

  Naeini et al. (AAAI 2015), as used by Guo et al. (ICML 2017). The confidence is the largest softmax probability; a bin
  includes its upper end.

  Args:
    logits: `[n, classes]`, n at least 1.
    labels: `[n]`.
    num_bins: of equal width within 0 to 1.
  """
  shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
  confidence = 1.0 / np.exp(shifted).sum(axis=1)
  correct = (logits.argmax(axis=1) == labels).astype(np.float64)
  bins = np.clip(np.ceil(confidence * num_bins).astype(int) - 1, 0, num_bins - 1)
  gaps = np.bincount(bins, weights=correct - confidence, minlength=num_bins)
  return float(np.abs(gaps).sum() / len(labels))


def task_agnostic_correct(all_logits: np.ndarray, labels: np.ndarray, first_class: int) -> np.ndarray:
  """bool `[n]`: whether the largest logit over the heads of all tasks is that of the right task and class.

  Heads that were trained apart were never made to compare with each other: their scales are arbitrary. A low value says
  nothing against a method that is told the task.

  Args:
    all_logits: `[n, classes of all tasks]`, tasks in order.
    labels: `[n]`, within the images' own task.
    first_class: column of that task's first class.
  """
  return all_logits.argmax(axis=1) == labels + first_class


@dataclasses.dataclass(frozen=True)
class McNemar:
  """Two classifiers on the same examples.

  Attributes:
    only_first: examples that the first alone classifies correctly.
    only_second: the same of the second.
    p_value: exact and two-sided; 1 where they never differ.
  """

  only_first: int
  only_second: int
  p_value: float


def mcnemar(first: np.ndarray, second: np.ndarray) -> McNemar:
  """Exact McNemar test (Psychometrika 1947): of the examples on which two classifiers differ, each is right on half.

  It is about these two trained networks and these kinds of images. Whether a method is better than another also depends
  on what another seed would have made of it; see `metrics.paired`.

  Args:
    first: bool `[n]`, whether each answer is correct.
    second: the same of the other classifier, for the same examples.
  """
  only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
  differing = only_first + only_second
  p_value = min(1.0, 2 * float(stats.binom.cdf(min(only_first, only_second), differing, 0.5))) if differing else 1.0
  return McNemar(only_first, only_second, p_value)
