"""Events of a run, and the sinks that receive them. No TensorFlow.

The loop prints and writes nothing. It hands typed events to sinks: progress display, JSON lines, TensorBoard, a list.
"""

import dataclasses
from typing import Any, ClassVar, Protocol

from lasem_tf.metrics import run_result


@dataclasses.dataclass(frozen=True)
class Event:
  """Something that happened.

  Attributes:
    kind: name in files.
  """

  kind: ClassVar[str] = "event"

  def to_json(self) -> dict:
    """{'event': kind, field: value, ...}."""
    return {"event": self.kind, **dataclasses.asdict(self)}


@dataclasses.dataclass(frozen=True)
class RunStarted(Event):
  """A run begins or goes on.

  Attributes:
    stream: display name of the stream.
    learner: name of the learner's class.
    seed: the trial.
    task_order: task of every visit.
    epochs_per_task: E.
    batch_size: of training.
    learning_rate: undecayed.
    learning_rate_decay: see `options.TrainingOptions`.
    total_epochs: of the whole run, at most.
    global_epoch: epochs done already.
    resumptions: how often the run was resumed, this time included.
  """

  kind: ClassVar[str] = "run_started"
  stream: str
  learner: str
  seed: int
  task_order: tuple[int, ...]
  epochs_per_task: int
  batch_size: int
  learning_rate: float
  learning_rate_decay: float
  total_epochs: int
  global_epoch: int
  resumptions: int


@dataclasses.dataclass(frozen=True)
class VisitStarted(Event):
  """A task's training begins.

  Attributes:
    visit: 0-based.
    task: task id.
    is_new: whether this is the task's first visit.
    num_examples: of the training split.
  """

  kind: ClassVar[str] = "visit_started"
  visit: int
  task: int
  is_new: bool
  num_examples: int


@dataclasses.dataclass(frozen=True)
class EpochEnded(Event):
  """An epoch was trained and validated. The untrained network of the first visit reports as one, without a loss.

  Attributes:
    visit: 0-based.
    task: task id.
    phase: name of the phase, 'untrained' for the untrained network.
    epoch: 0-based within the phase; -1 for the untrained network.
    global_epoch: completed epochs since the run began.
    total_epochs: of the whole run, at most.
    learning_rate: of this epoch.
    loss: mean over the steps, before each update; None for the untrained network.
    metrics: means of whatever else the steps report.
    validation_accuracy: of the task, a fraction.
    diagnostics: the learner's own (a prior).
    seconds: wall time of training and evaluation since the last event of this kind in the same process.
  """

  kind: ClassVar[str] = "epoch"
  visit: int
  task: int
  phase: str
  epoch: int
  global_epoch: int
  total_epochs: int
  learning_rate: float | None
  loss: float | None
  metrics: dict
  validation_accuracy: float
  diagnostics: dict
  seconds: float


@dataclasses.dataclass(frozen=True)
class BestEpochMeasured(Event):
  """A phase ended, and the weights of its best epoch were tested. The untrained network counts as a phase.

  Attributes:
    visit: 0-based.
    task: task id.
    phase: its name, 'untrained' for the untrained network.
    global_epoch: of the `EpochEnded` event that reported the epoch.
    validation_accuracy: of that epoch.
    test_accuracy: of the task.
  """

  kind: ClassVar[str] = "best_epoch"
  visit: int
  task: int
  phase: str
  global_epoch: int
  validation_accuracy: float
  test_accuracy: float


@dataclasses.dataclass(frozen=True)
class CurveMeasured(Event):
  """All learned tasks were evaluated in mid-visit, for curves.

  Attributes:
    visit: 0-based.
    task: task in training.
    global_epoch: completed epochs since the run began.
    accuracies: split -> accuracy of every task, None where not learned yet.
  """

  kind: ClassVar[str] = "curve"
  visit: int
  task: int
  global_epoch: int
  accuracies: dict


@dataclasses.dataclass(frozen=True)
class VisitEnded(Event):
  """A visit was committed and all learned tasks were evaluated.

  Attributes:
    visit: 0-based.
    task: task id.
    global_epoch: completed epochs since the run began.
    result: what the visit measured; in files, its fields stand beside the others.
  """

  kind: ClassVar[str] = "visit_ended"
  visit: int
  task: int
  global_epoch: int
  result: run_result.VisitResult

  def to_json(self) -> dict:
    """See `Event`."""
    content = super().to_json()
    result = content.pop("result")
    return {**content, **result}


@dataclasses.dataclass(frozen=True)
class RunEnded(Event):
  """A run is over.

  Attributes:
    status: 'completed' or 'diverged'.
    reason: why it did not complete.
  """

  kind: ClassVar[str] = "run_ended"
  status: str
  reason: str | None


class Sink(Protocol):
  """Receives events. What a killed run wrote after its last checkpoint is discarded when the run is resumed."""

  name: str

  def emit(self, event: Event) -> None:
    """Takes an event."""

  def position(self) -> Any:
    """JSON-able; everything up to it is on disk. Stored in checkpoints."""

  def restore(self, position: Any) -> None:
    """Discards what was written after `position`; None: the run starts from the beginning."""

  def close(self) -> None:
    """Flushes and closes files."""


class MemorySink:
  """Keeps events in a list.

  Attributes:
    events: in order.
  """

  name = "memory"

  def __init__(self) -> None:
    self.events: list[Event] = []

  def emit(self, event: Event) -> None:
    """See `Sink`."""
    self.events.append(event)

  def position(self) -> int:
    """See `Sink`."""
    return len(self.events)

  def restore(self, position: int | None) -> None:
    """See `Sink`. A new process begins with an empty list, which then holds what followed the checkpoint."""
    del self.events[position or 0:]

  def close(self) -> None:
    """See `Sink`."""

  def of(self, kind: type) -> list:
    """The events of one type."""
    return [event for event in self.events if isinstance(event, kind)]
