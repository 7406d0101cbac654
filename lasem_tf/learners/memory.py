"""Which training examples of earlier tasks are kept: a budget, a policy, and nothing but indices. No TensorFlow here.

Every training example enters once, when its task ends, in a seeded order. (Code that inserts every batch of every epoch
fills the memory with the current task when epochs are many.)
"""

import abc
from collections.abc import Sequence

import numpy as np

from lasem_tf import seeding


class Memory(abc.ABC):
  """(task, row) pairs within a budget.

  Attributes:
    budget: most pairs that are kept.
    seed: of the choice.
  """

  def __init__(self, budget: int, seed: int):
    if budget < 0:
      raise ValueError(f"A memory cannot hold {budget} examples: bind a budget of 0 or more.")
    self.budget, self.seed = budget, seed

  @abc.abstractmethod
  def insert(self, task_id: int, labels: np.ndarray) -> None:
    """Offers all training examples of a task that ended.

    Args:
      task_id: the task; it must not have been offered before.
      labels: int `[n]`, local labels of its training split, row by row.
    """

  @abc.abstractmethod
  def pairs(self) -> list[tuple[int, int]]:
    """What is kept, as (task, row)."""

  @abc.abstractmethod
  def structure(self) -> dict:
    """JSON-able state."""

  @abc.abstractmethod
  def restore_structure(self, structure: dict) -> None:
    """Takes up what `structure` gave."""

  def capacity(self, num_classes: int) -> int:
    """Most pairs that are kept once so many classes have been seen."""
    del num_classes
    return self.budget

  def rows_by_task(self) -> dict[int, np.ndarray]:
    """Rows kept of every task, int64 and sorted, by ascending task."""
    pairs = sorted(self.pairs())
    return {task_id: np.array([row for owner, row in pairs if owner == task_id], np.int64)
            for task_id in sorted({task_id for task_id, _ in pairs})}


class Reservoir(Memory):
  """Keeps every example offered with the same probability (Vitter, "Random sampling with a reservoir", 1985)."""

  def __init__(self, budget: int, seed: int):
    super().__init__(budget, seed)
    self._slots: list[tuple[int, int]] = []
    self._num_seen = 0

  def insert(self, task_id, labels):
    random = seeding.generator(self.seed, "memory", "reservoir", task_id)
    for row in random.permutation(len(labels)):
      self._num_seen += 1
      if len(self._slots) < self.budget:
        self._slots.append((task_id, int(row)))
      else:
        slot = int(random.integers(self._num_seen))
        if slot < self.budget:
          self._slots[slot] = (task_id, int(row))

  def pairs(self):
    return list(self._slots)

  def structure(self):
    return {"slots": [list(pair) for pair in self._slots], "num_seen": self._num_seen}

  def restore_structure(self, structure):
    self._slots = [tuple(pair) for pair in structure["slots"]]
    self._num_seen = structure["num_seen"]


def class_quotas(budget: int, num_classes: int) -> list[int]:
  """Equal shares of a budget; what does not divide goes to the first classes, one each."""
  return [budget // num_classes + (position < budget % num_classes) for position in range(num_classes)]


class ClassBalanced(Memory):
  """The same number of examples of every (task, class) seen so far.

  A class is shuffled once; a smaller quota drops the tail, so that a later memory is part of the earlier one.
  """

  def __init__(self, budget: int, seed: int):
    super().__init__(budget, seed)
    self._kept: list[tuple[int, list[int]]] = []

  def insert(self, task_id, labels):
    for label in np.unique(labels):
      rows = np.flatnonzero(labels == label)
      random = seeding.generator(self.seed, "memory", "class", task_id, int(label))
      self._kept.append((task_id, [int(row) for row in random.permutation(rows)]))
    self._kept = [(owner, rows[:quota]) for (owner, rows), quota in zip(self._kept, self._quotas())]

  def _quotas(self) -> list[int]:
    """Examples of each (task, class) that stay."""
    return class_quotas(self.budget, len(self._kept))

  def pairs(self):
    return [(task_id, row) for task_id, rows in self._kept for row in rows]

  def structure(self):
    return {"kept": [[task_id, list(rows)] for task_id, rows in self._kept]}

  def restore_structure(self, structure):
    self._kept = [(task_id, list(rows)) for task_id, rows in structure["kept"]]


class PerClass(ClassBalanced):
  """A fixed number of examples of every (task, class): nothing is dropped, the memory grows with the classes seen."""

  def __init__(self, per_class: int, num_classes: int, seed: int):
    super().__init__(per_class * num_classes, seed)
    self._per_class = per_class

  def capacity(self, num_classes):
    return self._per_class * num_classes

  def _quotas(self) -> list[int]:
    return [self._per_class] * len(self._kept)


POLICIES = {"class_balanced": ClassBalanced, "reservoir": Reservoir}


def make_memory(policy: str, budget: int | None, num_classes: Sequence[int], seed: int,
                per_class: int | None = None) -> Memory:
  """A memory by name; without a budget it holds two examples for every class of the stream, shared by the classes seen.

  Args:
    policy: 'class_balanced' or 'reservoir'; with `per_class` it must be 'class_balanced'.
    budget: most examples; must be None with `per_class`.
    num_classes: of every task of the stream.
    seed: of the choice.
    per_class: a fixed number of examples of every class instead of a total.

  Raises:
    ValueError: for an unknown policy, or options that contradict each other.
  """
  if per_class is not None:
    if policy != "class_balanced" or budget is not None or per_class < 1:
      raise ValueError(f"per_class must be 1 or more and needs policy 'class_balanced' and budget None, not per_class "
                       f"{per_class}, policy {policy!r} and budget {budget}.")
    return PerClass(per_class, sum(num_classes), seed)
  if policy not in POLICIES:
    raise ValueError(f"Unknown memory policy {policy!r}: bind one of {sorted(POLICIES)}.")
  return POLICIES[policy](2 * sum(num_classes) if budget is None else budget, seed)
