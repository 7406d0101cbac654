"""When a run trains what, and how fast it learns: order of visits, decay of the learning rate. No TensorFlow."""

from collections.abc import Sequence

_ORDERS = {
    "once": lambda tasks, half: tasks,
    "first_half_twice": lambda tasks, half: half + tasks,
    "twice": lambda tasks, half: tasks + tasks,
}
# The releases number their orders.
_NUMBERED_ORDERS = ("once", "first_half_twice", "twice")


def learning_rate(base: float, decay: float, global_epoch: int) -> float:
  """Inverse-epoch decay, base / (1 + decay * epoch).

  Args:
    base: learning rate of the first epoch.
    decay: d of the formula; 0 keeps the rate constant.
    global_epoch: completed training epochs since the run began; it does not restart with a task.
  """
  return base / (1.0 + decay * global_epoch)


def task_order(order: str | int | Sequence[int], num_tasks: int) -> tuple[int, ...]:
  """The task of every visit.

  Args:
    order: 'once' (0..T-1), 'first_half_twice' (the first T//2 tasks, then all), 'twice' (all, then all again), the
      number 0, 1 or 2 that the releases give these, or a list of task ids, which may leave some out.
    num_tasks: T, tasks of the stream.

  Returns:
    One task id for every visit.

  Raises:
    ValueError: unknown or empty, or a task does not exist.
  """
  where = "Correct `experiment.task_order`."
  if isinstance(order, bool) or order is None:
    raise ValueError(f"A task order cannot be {order!r}. {where}")
  if isinstance(order, int):
    if not 0 <= order < len(_NUMBERED_ORDERS):
      raise ValueError(f"There is no task order number {order}, only 0 to {len(_NUMBERED_ORDERS) - 1}. {where}")
    order = _NUMBERED_ORDERS[order]
  if isinstance(order, str):
    if order not in _ORDERS:
      raise ValueError(f"Unknown task order {order!r}: use {', '.join(_ORDERS)} or a list of task ids. {where}")
    return tuple(_ORDERS[order](list(range(num_tasks)), list(range(num_tasks // 2))))
  for task_id in order:
    if isinstance(task_id, bool) or not isinstance(task_id, int) or not 0 <= task_id < num_tasks:
      raise ValueError(f"The task order names task {task_id!r}; this stream has tasks 0 to {num_tasks - 1}. {where}")
  if not order:
    raise ValueError(f"The task order visits no task. {where}")
  return tuple(order)
