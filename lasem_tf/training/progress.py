"""How far a run is and what it has measured: everything a resume needs beside the learner. No TensorFlow."""

import contextlib
import dataclasses
import enum
import time
from collections.abc import Iterator, Mapping

import numpy as np

from lasem_tf.metrics.run_result import VisitResult
from lasem_tf.training import best_epoch

_KINDS = ("training", "evaluation", "other")


class Stage(str, enum.Enum):  # noqa: UP042, as Python 3.10 has no StrEnum.
  """Stages of a visit, in order. A checkpoint may fall into any of them."""

  WAITING = "waiting"
  BEGUN = "begun"
  TRAINING = "training"
  TRAINED = "trained"
  COMMITTED = "committed"


@dataclasses.dataclass
class VisitProgress:
  """Where the visit in progress is; `trainer.VisitTrainer` alone changes it.

  Attributes:
    stage: of the visit.
    phase: phases that have ended.
    epoch: epochs of the phase that have ended.
    step: steps of the epoch that were taken; all of them: what ends an epoch is still to be done.
    phase_ended: no epoch of the phase follows; what ends a phase is still to be done.
    num_epochs: epochs of the visit that have ended.
    loop: whether the phase's steps run in a loop in the graph; a resumed phase keeps the form it began with.
    totals: sums of loss and metrics over the steps of the epoch.
    best: best epochs of the visit.
    committed: the visit's result once it is committed, as yet without accuracies and times.
  """

  stage: Stage = Stage.WAITING
  phase: int = 0
  epoch: int = 0
  step: int = 0
  phase_ended: bool = False
  num_epochs: int = 0
  loop: bool | None = None
  totals: dict[str, float] = dataclasses.field(default_factory=dict)
  best: best_epoch.BestEpochs = dataclasses.field(default_factory=best_epoch.BestEpochs)
  committed: VisitResult | None = None

  def end_epoch(self) -> None:
    """An epoch has ended, evaluation included."""
    self.epoch += 1
    self.num_epochs += 1
    self.step, self.totals = 0, {}

  def end_phase(self) -> None:
    """The phase has ended, its best epoch is measured."""
    self.phase += 1
    self.epoch, self.phase_ended, self.loop = 0, False, None

  def to_json(self) -> dict:
    """For checkpoints, which keep the weights of the best epoch apart."""
    fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
    committed = None if self.committed is None else dataclasses.asdict(self.committed)
    return {**fields, "best": self.best.to_json(), "committed": committed}

  @classmethod
  def from_json(cls, values: dict, weights: Mapping[str, np.ndarray]) -> "VisitProgress":
    """The inverse of `to_json`."""
    committed = None if values["committed"] is None else VisitResult(**values["committed"])
    best = best_epoch.BestEpochs.from_json(values["best"], weights)
    return cls(**{**values, "stage": Stage(values["stage"]), "best": best, "committed": committed})


@dataclasses.dataclass
class Progress:
  """Where a run is; changed by its session between visits.

  Attributes:
    visits: results of the visits that have ended.
    num_epochs: epochs of these.
    current: the visit in progress.
    resumptions: how often the run was resumed.
  """

  visits: list[VisitResult] = dataclasses.field(default_factory=list)
  num_epochs: int = 0
  current: VisitProgress = dataclasses.field(default_factory=VisitProgress)
  resumptions: int = 0

  @property
  def visit(self) -> int:
    """Number of the visit in progress, 0-based."""
    return len(self.visits)

  @property
  def global_epoch(self) -> int:
    """Epochs of the run that have ended."""
    return self.num_epochs + self.current.num_epochs

  def end_visit(self, result: VisitResult) -> None:
    """The visit in progress has ended."""
    self.visits.append(result)
    self.num_epochs += self.current.num_epochs
    self.current = VisitProgress()

  def to_json(self) -> dict:
    """For checkpoints, which keep the weights of the best epoch apart."""
    return {"visits": [dataclasses.asdict(visit) for visit in self.visits], "num_epochs": self.num_epochs,
            "current": self.current.to_json(), "resumptions": self.resumptions}

  @classmethod
  def from_json(cls, values: dict, weights: Mapping[str, np.ndarray]) -> "Progress":
    """The inverse of `to_json`."""
    return cls([VisitResult(**visit) for visit in values["visits"]], values["num_epochs"],
               VisitProgress.from_json(values["current"], weights), values["resumptions"])


class Stopwatch:
  """Splits a visit's wall time into training, evaluation and everything else, and counts the run's processor time.

  Attributes:
    cpu_seconds: processor time of the run, all processes that worked on it.
  """

  def __init__(self, seconds: Mapping[str, float] | None = None, cpu_seconds: float = 0.0):
    """Starts, from the times of earlier processes."""
    self._seconds = {kind: (seconds or {}).get(kind, 0.0) for kind in _KINDS}
    self.cpu_seconds = cpu_seconds
    self._kind, self._since, self._cpu_since = "other", time.perf_counter(), time.process_time()

  @contextlib.contextmanager
  def spend(self, kind: str) -> Iterator[None]:
    """Time in this context is of that kind."""
    outer = self._kind
    self._switch(kind)
    try:
      yield
    finally:
      self._switch(outer)

  def end_visit(self) -> dict[str, float]:
    """Time of the visit by kind; starts the next one."""
    self._switch(self._kind)
    seconds, self._seconds = self._seconds, dict.fromkeys(_KINDS, 0.0)
    return seconds

  def to_json(self) -> dict:
    """For checkpoints: the arguments of a new one that goes on from here."""
    self._switch(self._kind)
    return {"seconds": dict(self._seconds), "cpu_seconds": self.cpu_seconds}

  def _switch(self, kind: str) -> None:
    now, cpu_now = time.perf_counter(), time.process_time()
    self._seconds[self._kind] += now - self._since
    self.cpu_seconds += cpu_now - self._cpu_since
    self._kind, self._since, self._cpu_since = kind, now, cpu_now
