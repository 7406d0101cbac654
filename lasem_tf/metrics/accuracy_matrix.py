"""The result of one run: the accuracy of every task after every visit."""

import dataclasses
from collections.abc import Sequence

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class AccuracyMatrix:
  """Test accuracies of a stream, one row a visit. Every other number of a run is derived from it.

  T tasks of a stream are learned in S visits; S > T when tasks are visited again. Tasks that no visit learns have no
  column.

  Attributes:
    after_visit: float64 `[S, T]`, fraction of test examples right after the visit was committed; NaN where the task had
      not been learned yet. Read-only.
    at_best_validation: float64 `[S]`, test accuracy of the visited task at the epoch of that visit with the best
      validation accuracy. Read-only.
    task_order: the column of every visit's task, S entries, each column at least once.
    task_ids: the task of every column, T entries, ascending; by default 0..T-1.
  """

  after_visit: np.ndarray
  at_best_validation: np.ndarray
  task_order: tuple[int, ...]
  task_ids: tuple[int, ...] = ()

  def __post_init__(self):
    order = tuple(int(task) for task in self.task_order)
    after_visit = np.array(self.after_visit, dtype=np.float64)
    at_best_validation = np.array(self.at_best_validation, dtype=np.float64)
    _check(after_visit, at_best_validation, order)
    after_visit.setflags(write=False)
    at_best_validation.setflags(write=False)
    object.__setattr__(self, "after_visit", after_visit)
    object.__setattr__(self, "at_best_validation", at_best_validation)
    object.__setattr__(self, "task_order", order)
    object.__setattr__(self, "task_ids", tuple(self.task_ids) or tuple(range(after_visit.shape[1])))

  @classmethod
  def from_rows(cls, rows: Sequence[Sequence[float | None]], at_best_validation: Sequence[float],
                task_order: Sequence[int] | None = None) -> "AccuracyMatrix":
    """Builds a matrix from JSON rows.

    Args:
      rows: S rows of a fraction for every task of the stream, `None` for a task that was not learned yet.
      at_best_validation: S fractions.
      task_order: S task ids, some tasks possibly not among them; by default each task once, in order.

    Raises:
      ValueError: a shape does not fit, a value is outside [0, 1], a learned task has no value or an unlearned one has.
    """
    values, order = np.array(rows, dtype=np.float64), tuple(range(len(rows)) if task_order is None else task_order)
    task_ids = tuple(sorted(set(order)))
    if values.ndim == 2 and len(values) == len(order) and task_ids[-1] < values.shape[1]:
      for task in set(range(values.shape[1])) - set(task_ids):
        if not np.isnan(values[:, task]).all():
          raise ValueError(f"Task {task} has an accuracy though no visit learned it.")
      values, order = values[:, task_ids], tuple(map(task_ids.index, order))
    return cls(values, np.array(at_best_validation, dtype=np.float64), order, task_ids)

  @property
  def num_visits(self) -> int:
    """S, the number of rows."""
    return self.after_visit.shape[0]

  @property
  def num_tasks(self) -> int:
    """T, the number of columns."""
    return self.after_visit.shape[1]

  @property
  def first_visits(self) -> np.ndarray:
    """int64 `[T]`: the visit in which each task was learned first."""
    return np.array([self.task_order.index(task) for task in range(self.num_tasks)])

  @property
  def last_visits(self) -> np.ndarray:
    """int64 `[T]`: the last visit of each task; forgetting and transfer are counted from there."""
    backwards = self.task_order[::-1]
    return np.array([self.num_visits - 1 - backwards.index(task) for task in range(self.num_tasks)])

  def after_own_visit(self) -> np.ndarray:
    """float64 `[T]`: accuracy of each task right after its last visit."""
    return self.after_visit[self.last_visits, np.arange(self.num_tasks)]


def _check(after_visit: np.ndarray, at_best_validation: np.ndarray, order: tuple[int, ...]) -> None:
  if after_visit.ndim != 2 or after_visit.shape[1] == 0:
    raise ValueError(
        f"An accuracy matrix has one row per visit and one column per task, not shape {after_visit.shape}.")
  num_visits, num_tasks = after_visit.shape
  if len(order) != num_visits or at_best_validation.shape != (num_visits,):
    raise ValueError(f"{num_visits} rows of accuracies need as many visits in the task order (has {len(order)}) and as "
                     f"many accuracies at the best validation epoch (has {at_best_validation.size}).")
  if set(order) != set(range(num_tasks)):
    raise ValueError(f"The task order {list(order)} must consist of the tasks 0..{num_tasks - 1}.")
  first_visits = np.array([order.index(task) for task in range(num_tasks)])
  learned = np.arange(num_visits)[:, np.newaxis] >= first_visits
  known = ~np.isnan(after_visit)
  if (known != learned).any():
    visit, task = np.argwhere(known != learned)[0]
    state = "has no accuracy though it was learned" if learned[visit, task] else "has an accuracy before it was learned"
    raise ValueError(f"Task {task} {state}, at visit {visit}.")
  values = np.concatenate([after_visit[known], at_best_validation])
  if not ((values >= 0) & (values <= 1)).all():
    raise ValueError("An accuracy is a fraction between 0 and 1; found "
                     f"{values[~((values >= 0) & (values <= 1))][0]}.")
