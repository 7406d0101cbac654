"""Scalars of lifelong learning, as pure functions of accuracy matrices.

Notation: a[s, t] is the test accuracy of task t after visit s, S the number of visits, l(t) the last visit of task t
and p[s] the test accuracy of the visited task at the best validation epoch of visit s. A task can only be forgotten
after its last visit, so everything that compares is counted from l(t), and its mean over tasks leaves out the task of
the very last visit, which had no time to change (`include_last=True` keeps it). With a single task these means are NaN.

Peak per-task and final accuracy are those of Lee, Behpour and Eaton ("Sharing Less is More", ICML 2021); backward
transfer is that of Lopez-Paz and Ranzato (NeurIPS 2017), learning accuracy that of Riemer et al. (ICLR 2019), average
incremental accuracy that of Rebuffi et al. (CVPR 2017), intransigence that of Chaudhry et al. (ECCV 2018).
There are two kinds of forgetting: `forgetting_per_task` takes the best accuracy from the last training on, the final
one included, so it is never negative; `forgetting_chaudhry_per_task` is that of Chaudhry et al., whose best is
taken over all visits before the last one, so it is negative where the last visit improved a task. The two retention
ratios are defined here, because the papers report a ratio ("catastrophic forgetting ratio") without its formula: both
divide the final accuracy by an earlier one. `conformance.json` beside this module has worked examples of everything.
"""

import dataclasses

import numpy as np

from lasem_tf.metrics.accuracy_matrix import AccuracyMatrix


def peak_per_visit(matrix: AccuracyMatrix) -> np.ndarray:
  """float64 `[S]`: p[s]. A task that is visited twice has two peaks, as in the release."""
  return matrix.at_best_validation


def peak_per_task(matrix: AccuracyMatrix) -> np.ndarray:
  """float64 `[T]`: p[l(t)], the peak of each task's last visit."""
  return matrix.at_best_validation[matrix.last_visits]


def final_per_task(matrix: AccuracyMatrix) -> np.ndarray:
  """float64 `[T]`: a[S-1, t]."""
  return matrix.after_visit[-1]


def forgetting_per_task(matrix: AccuracyMatrix) -> np.ndarray:
  """float64 `[T]`, never negative: max over s >= l(t) of a[s, t], less a[S-1, t]."""
  since_last_visit = np.arange(matrix.num_visits)[:, np.newaxis] >= matrix.last_visits
  return np.where(since_last_visit, matrix.after_visit, -np.inf).max(axis=0) - final_per_task(matrix)


def forgetting_chaudhry_per_task(matrix: AccuracyMatrix) -> np.ndarray:
  """float64 `[T]`: max over s < S-1 of a[s, t], less a[S-1, t]; NaN for a task learned in the last visit alone."""
  earlier = matrix.after_visit[:-1]
  best = np.where(np.isnan(earlier), -np.inf, earlier).max(axis=0, initial=-np.inf)
  return np.where(np.isinf(best), np.nan, best) - final_per_task(matrix)


def learning_per_task(matrix: AccuracyMatrix) -> np.ndarray:
  """float64 `[T]`: a[l(t), t], the accuracy right after learning."""
  return matrix.after_own_visit()


def forward_transfer_per_task(matrix: AccuracyMatrix, single_task: AccuracyMatrix) -> np.ndarray:
  """float64 `[T]`: a[l(t), t] less the same of single-task learning on the same images; what earlier tasks gave.

  The task that is learned first has nothing to gain from; leave it out of means (`average_forward_transfer`).
  """
  return learning_per_task(matrix) - learning_per_task(single_task)


def intransigence_per_task(matrix: AccuracyMatrix, joint: AccuracyMatrix) -> np.ndarray:
  """float64 `[T]`: joint training's accuracy right after the task came, less a[l(t), t]; high is bad.

  Args:
    matrix: of the method.
    joint: of a learner that trains all tasks seen so far together, on the same images.
  """
  return learning_per_task(joint) - learning_per_task(matrix)


def backward_transfer_per_task(matrix: AccuracyMatrix) -> np.ndarray:
  """float64 `[T]`: a[S-1, t] - a[l(t), t]; negative where later tasks did harm."""
  return final_per_task(matrix) - matrix.after_own_visit()


def retention_per_task(matrix: AccuracyMatrix) -> np.ndarray:
  """float64 `[T]`: a[S-1, t] / a[l(t), t]; NaN where the denominator is zero."""
  return _ratio(final_per_task(matrix), matrix.after_own_visit())


def retention_of_peak_per_task(matrix: AccuracyMatrix) -> np.ndarray:
  """float64 `[T]`: a[S-1, t] / p[l(t)]; NaN where the denominator is zero."""
  return _ratio(final_per_task(matrix), peak_per_task(matrix))


def mean_over_learned(matrix: AccuracyMatrix) -> np.ndarray:
  """float64 `[S]`: after each visit, the mean accuracy of the tasks learned so far."""
  return np.nanmean(matrix.after_visit, axis=1)


@dataclasses.dataclass(frozen=True)
class LifelongSummary:
  """Task averages of one run. Fractions; NaN where a mean is over no task or a ratio has a zero denominator.

  Attributes:
    peak: mean over visits of the accuracy at the best validation epoch.
    final: mean over all tasks of the accuracy after the last visit.
    forgetting: mean forgetting.
    backward_transfer: mean backward transfer.
    retention: mean of final accuracy / accuracy right after the task's last visit.
    retention_all: the same over all tasks, the last one included (it contributes 1).
    retention_of_peak: mean of final accuracy / peak accuracy.
    retention_of_peak_all: the same over all tasks.
    learning: mean over all tasks of the accuracy right after learning.
    incremental: mean over visits of the mean accuracy of the tasks learned so far.
    forgetting_chaudhry: mean forgetting after Chaudhry et al., without tasks learned in the last visit alone.
  """

  peak: float
  final: float
  forgetting: float
  backward_transfer: float
  retention: float
  retention_all: float
  retention_of_peak: float
  retention_of_peak_all: float
  learning: float
  incremental: float
  forgetting_chaudhry: float


def summarise(matrix: AccuracyMatrix) -> LifelongSummary:
  """All task averages of a run; task values are averaged with equal weight, whatever the size of a task."""
  retention = retention_per_task(matrix)
  retention_of_peak = retention_of_peak_per_task(matrix)
  return LifelongSummary(
      peak=float(peak_per_visit(matrix).mean()),
      final=float(final_per_task(matrix).mean()),
      forgetting=average_over_tasks(matrix, forgetting_per_task(matrix)),
      backward_transfer=average_over_tasks(matrix, backward_transfer_per_task(matrix)),
      retention=average_over_tasks(matrix, retention),
      retention_all=average_over_tasks(matrix, retention, include_last=True),
      retention_of_peak=average_over_tasks(matrix, retention_of_peak),
      retention_of_peak_all=average_over_tasks(matrix, retention_of_peak, include_last=True),
      learning=float(learning_per_task(matrix).mean()), incremental=float(mean_over_learned(matrix).mean()),
      forgetting_chaudhry=average_over_tasks(matrix, forgetting_chaudhry_per_task(matrix)))


def average_over_tasks(matrix: AccuracyMatrix, values: np.ndarray, include_last: bool = False) -> float:
  """Mean of per-task values, by default without the task of the last visit; NaN when that leaves no task."""
  if not include_last:
    values = np.delete(values, matrix.task_order[-1])
  return float(values.mean()) if values.size else float("nan")


def average_forward_transfer(matrix: AccuracyMatrix, single_task: AccuracyMatrix) -> float:
  """Mean forward transfer without the task of the first visit; NaN when that leaves no task."""
  values = np.delete(forward_transfer_per_task(matrix, single_task), matrix.task_order[0])
  return float(values.mean()) if values.size else float("nan")


def average_intransigence(matrix: AccuracyMatrix, joint: AccuracyMatrix) -> float:
  """Mean intransigence over all tasks."""
  return float(intransigence_per_task(matrix, joint).mean())


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
  denominator = np.asarray(denominator, dtype=np.float64)
  return np.where(denominator > 0, numerator, np.nan) / np.where(denominator > 0, denominator, 1.0)
