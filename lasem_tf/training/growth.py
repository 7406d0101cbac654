"""A run that begins where another one, of fewer tasks, has ended.

Every draw is named by task and visit, so the grown run is the run of all tasks, bit for bit, wherever the learner does
not look at the number of tasks before it meets them.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

from lasem_tf.data import stream as stream_lib
from lasem_tf.learners import base
from lasem_tf.metrics.run_result import VisitResult
from lasem_tf.training import checkpoints

# What the parent's identity need not share: the stream is longer. Whoever grows a run compares its tasks.
_MAY_DIFFER = ("configuration", "order", "stream", "data")
# Of a visit's result, with an entry for each task.
_ROWS = ("accuracies", "before_commit", "validation_accuracies", "over_all_heads")


class GrowthError(ValueError):
  """The run cannot go on from its parent; the message says in what they differ."""


@dataclasses.dataclass(frozen=True)
class Parent:
  """A run that has ended.

  Attributes:
    checkpoint: what `Session.state` was at its end.
    origin: what names it in the record of the run that goes on, JSON-able.
  """

  checkpoint: checkpoints.Checkpoint
  origin: dict[str, Any]

  @property
  def order(self) -> list[int]:
    """Task of every visit."""
    return self.checkpoint.state["identity"]["order"]


def check(parent: Parent, identity: dict, order: Sequence[int], stream: stream_lib.TaskStream,
          learner: base.Learner) -> None:
  """Compares a parent with the run that is to go on from it.

  Args:
    parent: the run that ended.
    identity: of the run that goes on, see `Session.state`.
    order: its task of every visit.
    stream: its stream.
    learner: its learner, which knows no task yet.

  Raises:
    GrowthError: another learner, seed or training; or the new run is not the old one with visits after it.
  """
  found = parent.checkpoint.state["identity"]
  differing = [f"{name} ({found.get(name)!r} there, {value!r} here)" for name, value in identity.items()
               if name not in _MAY_DIFFER and found.get(name) != value]
  if differing:
    raise GrowthError(f"it differs in {', '.join(differing)}.")
  check_visits(parent, order, stream, learner)


def check_visits(parent: Parent, order: Sequence[int], stream: stream_lib.TaskStream, learner: base.Learner) -> None:
  """The part of `check` that can be made before anything is loaded; arguments and errors as there."""
  if list(order[:len(parent.order)]) != parent.order or len(order) == len(parent.order):
    raise GrowthError(f"it visited tasks {parent.order}; a run that goes on visits these and then more, not "
                      f"{list(order)} (experiment.task_order, experiment.first_tasks and the stream's number of tasks "
                      "decide).")
  reason = learner.refuses_growth(max(parent.order) + 1, stream.num_tasks)
  if reason is not None:
    raise GrowthError(reason)


def lengthened(visit: VisitResult, num_tasks: int) -> VisitResult:
  """The result of a visit in a stream of more tasks: the later ones were not learned yet."""
  def longer(row: list[float | None] | None) -> Any:
    return None if row is None else [*row, *[None] * (num_tasks - len(row))]

  return dataclasses.replace(visit, **{name: longer(getattr(visit, name)) for name in _ROWS})
