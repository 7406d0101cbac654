"""Confusion, calibration, task-agnostic answers and McNemar's test, by hand."""

import math

import numpy as np
import pytest

from lasem_tf.metrics import classification


def test_confusion_by_hand():
  logits = np.array([[2, 1], [0, 1], [3, 3], [0, 5.]])
  np.testing.assert_array_equal(classification.confusion_matrix(logits, np.array([0, 0, 1, 1])), [[1, 1], [1, 1]])
  assert classification.confusion_matrix(np.zeros((2, 3)), np.array([2, 2])).tolist() == [[0, 0, 0], [0, 0, 0],
                                                                                          [2, 0, 0]]


def test_calibration_by_hand():
  # Confidences 3/4, 3/4 (bin of 0.7 to 0.8), 9/10 (0.8 to 0.9), of which the first and the last are right:
  # |1 - 1.5| and |1 - 0.9| over 3 examples.
  logits = np.log([[3, 1], [3, 1], [1, 9.]])
  assert classification.expected_calibration_error(logits, np.array([0, 1, 1]), num_bins=10) == pytest.approx(.6 / 3)
  # Nobody knows anything, and says so.
  assert classification.expected_calibration_error(np.zeros((4, 4)), np.arange(4)) == pytest.approx(0)
  # Sure and wrong; large logits overflow nothing.
  assert classification.expected_calibration_error(np.array([[1e4, -1e4]]), np.array([1])) == 1.0


def test_the_largest_logit_over_all_heads_decides():
  all_logits = np.array([[1, 0, 0, 2], [1, 0, 0, 0], [0, 0, 5, 1.]])
  np.testing.assert_array_equal(classification.task_agnostic_correct(all_logits, np.array([1, 1, 0]), 2),
                                [True, False, True])


def test_mcnemar_by_hand():
  first, second = np.array([1, 1, 1, 1, 1, 1, 0, 1, 0], bool), np.array([0, 0, 0, 0, 0, 0, 1, 1, 0], bool)
  found = classification.mcnemar(first, second)
  # Seven differ, one in favour of the second: 2 (1 + 7) / 2^7.
  assert (found.only_first, found.only_second, found.p_value) == (6, 1, pytest.approx(16 / 128))
  assert classification.mcnemar(second, first).p_value == found.p_value
  assert classification.mcnemar(first, first) == classification.McNemar(0, 0, 1.0)
  assert classification.mcnemar(np.array([True, False]), np.array([False, True])).p_value == 1.0


def test_mcnemar_keeps_its_level():
  rng = np.random.default_rng(0)
  rejected = [classification.mcnemar(*(rng.random((2, 60)) < .7)).p_value <= .05 for _ in range(600)]
  assert np.mean(rejected) <= .05 + 3 * math.sqrt(.05 * .95 / 600)
