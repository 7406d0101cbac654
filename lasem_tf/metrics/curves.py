"""Measures of the course of a run: what happens between the ends of visits."""

import math
from collections.abc import Sequence

import numpy as np

from lasem_tf.metrics.accuracy_matrix import AccuracyMatrix


def worst_case_accuracy(matrix: AccuracyMatrix, curve: Sequence[tuple[int, Sequence[float | None]]]) -> float:
  """Worst-case accuracy (De Lange et al., "Continual evaluation for lifelong learning", ICLR 2023).

  The final accuracy of the task of the last visit, and the least accuracy that every other task ever had after its own
  last visit, averaged with equal weight. Between visits it sees what was measured there (`eval_every`).

  Args:
    matrix: accuracies after every visit.
    curve: (visit in progress, test accuracy of every task or None) of each evaluation between visits.

  Raises:
    ValueError: a visit is none of the matrix, or a row has another number of tasks.
  """
  rows = np.full((len(curve), matrix.num_tasks), np.nan)
  for index, (visit, row) in enumerate(curve):
    if not 0 <= visit < matrix.num_visits or len(row) != matrix.num_tasks:
      raise ValueError(f"An evaluation in visit {visit} of {len(row)} tasks does not fit {matrix.num_visits} visits to "
                       f"{matrix.num_tasks} tasks.")
    rows[index] = np.array(row, np.float64)
  visits = np.array([visit for visit, _ in curve], int)
  worst = []
  for task, last in enumerate(matrix.last_visits):
    between = rows[visits > last, task]
    worst.append(np.concatenate([matrix.after_visit[last:, task], between[~np.isnan(between)]]).min())
  return float(np.mean(worst))


def area_under_learning_curve(visits: Sequence[int], epochs: Sequence[int],
                              accuracies: Sequence[float | None]) -> float:
  """Mean height of the visited task's accuracy over the epochs of its visit, averaged over visits.

  The curve of a visit goes in straight lines through its points; a visit with one point has that height. A method that
  ends equally well but learns faster has a larger area.

  Args:
    visits: of every point.
    epochs: of every point, in order; the points need not be evenly spaced.
    accuracies: of the visited task; points without one are left out.

  Returns:
    Accuracy as a fraction; NaN without points.
  """
  heights = []
  for visit in sorted(set(visits)):
    points = [(epoch, accuracy) for own, epoch, accuracy in zip(visits, epochs, accuracies)
              if own == visit and accuracy is not None]
    if not points:
      continue
    x, y = np.array(points, np.float64).T
    width = x[-1] - x[0]
    heights.append(float(np.sum(np.diff(x) * (y[1:] + y[:-1]) / 2) / width) if width > 0 else float(y.mean()))
  return float(np.mean(heights)) if heights else math.nan
