"""Measures of the course of a run: what happens between the ends of visits."""

import math
from collections.abc import Sequence

import numpy as np

from lasem_tf.metrics.accuracy_matrix import AccuracyMatrix

FEWEST_EPOCHS = 10  # A visit with fewer has no two fifths of two epochs each.
FALL_LIMIT = 0.1


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


def still_falls(losses: Sequence[float]) -> bool | None:
  """Whether a visit ended before its training loss was flat.

  It did if, from the last fifth but one of the epochs to the last fifth, the mean loss fell by more than `FALL_LIMIT`
  of the way from the largest loss of the visit to the mean of the last fifth, and by more than two standard errors of
  that difference. A constant slope falls by 22 % of the way, an exponential decay over three time constants by 6 %.

  Args:
    losses: finite training losses of a visit's epochs, in order, evenly spaced.

  Returns:
    The answer; None for fewer than `FEWEST_EPOCHS` epochs.
  """
  if len(losses) < FEWEST_EPOCHS:
    return None
  values, fifth = np.asarray(losses, np.float64), len(losses) // 5
  before, last = values[-2 * fifth:-fifth], values[-fifth:]
  fall = float(before.mean() - last.mean())
  error = math.sqrt((before.var(ddof=1) + last.var(ddof=1)) / fifth)
  return fall > FALL_LIMIT * float(values.max() - last.mean()) and fall > 2 * error
