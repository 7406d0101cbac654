"""What an accuracy matrix accepts."""

import numpy as np
import pytest

from lasem_tf.metrics import lifelong
from lasem_tf.metrics.accuracy_matrix import AccuracyMatrix


def test_matrix_copies_and_freezes_its_input():
  rows = np.array([[.5, np.nan], [.4, .6]])
  matrix = AccuracyMatrix(rows, np.array([.5, .6]), (0, 1))
  rows[0, 0] = .1
  assert matrix.after_visit[0, 0] == .5
  assert (matrix.num_visits, matrix.num_tasks) == (2, 2)
  with pytest.raises(ValueError, match="read-only"):
    matrix.after_visit[0, 0] = 0
  with pytest.raises(AttributeError):
    matrix.task_order = (1, 0)


@pytest.mark.parametrize("rows, peaks, order, message", [
    ([.5, .6], [.5, .6], [0, 1], "one row per visit"),
    ([[.5, None], [.4, .6]], [.5], [0, 1], "at the best validation epoch"),
    ([[.5, None], [.4, .6]], [.5, .6], [0], "as many visits"),
    ([[.5, None], [.4, .6]], [.5, .6], [0, 0], "Task 1 has an accuracy though no visit learned it"),
    ([[.5, None], [.4, .6]], [.5, .6], [0, 2], "must consist of"),
    ([[.5, .1], [.4, .6]], [.5, .6], [0, 1], "Task 1 has an accuracy before it was learned, at visit 0"),
    ([[.5, None], [None, .6]], [.5, .6], [0, 1], "Task 0 has no accuracy though it was learned, at visit 1"),
    ([[50, None], [.4, .6]], [.5, .6], [0, 1], "fraction between 0 and 1"),
    ([[.5, None], [.4, .6]], [.5, float("nan")], [0, 1], "fraction between 0 and 1"),
])
def test_bad_matrices_are_refused(rows, peaks, order, message):
  with pytest.raises(ValueError, match=message):
    AccuracyMatrix.from_rows(rows, peaks, order)


def test_tasks_that_no_visit_learns_have_no_column():
  """Of four tasks, 3 and then 1 are learned: everything is about these two, in ascending order."""
  rows = [[None, None, None, .5], [None, .8, None, .4]]
  matrix = AccuracyMatrix.from_rows(rows, [.6, .7], [3, 1])
  assert (matrix.num_tasks, matrix.task_ids, matrix.task_order) == (2, (1, 3), (1, 0))
  np.testing.assert_array_equal(matrix.after_visit, [[np.nan, .5], [.8, .4]])
  np.testing.assert_array_equal(lifelong.peak_per_task(matrix), [.7, .6])
  summary = lifelong.summarise(matrix)
  assert summary.final == pytest.approx(.6) and summary.forgetting == pytest.approx(.1)
