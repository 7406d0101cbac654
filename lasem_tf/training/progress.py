"""How far a run is and what it has measured: everything a resume needs beside the learner. No TensorFlow."""

import contextlib
import dataclasses
import time

from lasem_tf.training import best_epoch

# Stages of a visit, in order. A checkpoint may fall into any of them.
WAITING, BEGUN, TRAINING, TRAINED, COMMITTED = "waiting", "begun", "training", "trained", "committed"


@dataclasses.dataclass
class Measured:
  """What the ended visits left, one entry for every visit.

  Attributes:
    after_visit: rows of test accuracies by task, None where not learned yet.
    before_commit: the same before the commit, None for visits whose commit changed no weights.
    at_best_validation: test accuracy at the best validation epoch.
    configurations: chosen configuration as bits, or None.
    parameters: of the committed model.
    super_network: parameters during the search, or None.
    training_macs_per_image: of the visit's task.
    learner_summary: details of the learner.
    seconds: {'training', 'evaluation', 'other'}.
  """

  after_visit: list = dataclasses.field(default_factory=list)
  before_commit: list = dataclasses.field(default_factory=list)
  at_best_validation: list = dataclasses.field(default_factory=list)
  configurations: list = dataclasses.field(default_factory=list)
  parameters: list = dataclasses.field(default_factory=list)
  super_network: list = dataclasses.field(default_factory=list)
  training_macs_per_image: list = dataclasses.field(default_factory=list)
  learner_summary: list = dataclasses.field(default_factory=list)
  seconds: list = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Progress:
  """Where a run is.

  Attributes:
    visit: visits that have ended.
    stage: of the visit in progress.
    phase: phases of it that have ended.
    epoch: epochs of the phase that have ended.
    step: steps of the epoch that were taken; all of them: what ends an epoch is still to be done.
    visit_epoch: epochs of the visit that have ended.
    global_epoch: epochs of the run that have ended.
    loop: whether the phase's steps run in a loop in the graph; a resumed phase keeps the form it began with.
    totals: sums of loss and metrics over the steps of the epoch.
    best: best epochs of the visit.
    pending: what the commit gave, until its accuracies are measured.
    measured: what the ended visits left.
    seconds: wall time spent in the visit in progress.
    cpu_seconds: processor time of the run, all processes that worked on it.
    resumptions: how often it was resumed.
  """

  visit: int = 0
  stage: str = WAITING
  phase: int = 0
  epoch: int = 0
  step: int = 0
  loop: bool | None = None
  visit_epoch: int = 0
  global_epoch: int = 0
  totals: dict = dataclasses.field(default_factory=dict)
  best: best_epoch.BestEpoch = dataclasses.field(default_factory=best_epoch.BestEpoch)
  pending: dict = dataclasses.field(default_factory=dict)
  measured: Measured = dataclasses.field(default_factory=Measured)
  seconds: dict = dataclasses.field(default_factory=dict)
  cpu_seconds: float = 0.0
  resumptions: int = 0

  def begin_visit(self) -> None:
    """The next visit has begun."""
    self.stage, self.best, self.pending = BEGUN, best_epoch.BestEpoch(), {}
    self.phase = self.epoch = self.step = self.visit_epoch = 0
    self.loop = None

  def end_epoch(self) -> None:
    """An epoch has ended, evaluation included."""
    self.epoch += 1
    self.visit_epoch += 1
    self.global_epoch += 1
    self.step, self.totals = 0, {}

  def end_phase(self) -> None:
    """The phase has ended."""
    self.phase, self.epoch, self.loop = self.phase + 1, 0, None

  def end_visit(self) -> None:
    """The visit has ended, its accuracies are in `measured`."""
    self.visit, self.stage, self.pending = self.visit + 1, WAITING, {}

  def to_json(self) -> dict:
    """For checkpoints."""
    return {**dataclasses.asdict(self), "best": self.best.to_json()}

  @classmethod
  def from_json(cls, values: dict) -> "Progress":
    """The inverse of `to_json`."""
    return cls(**{**values, "best": best_epoch.BestEpoch.from_json(values["best"]),
                  "measured": Measured(**values["measured"])})


class Clock:
  """Splits a visit's wall time into training, evaluation and everything else, and counts processor time."""

  def __init__(self, progress: Progress):
    """Starts; times are added to the progress."""
    self._progress = progress
    self._kind, self._since, self._cpu_since = "other", time.perf_counter(), time.process_time()

  @contextlib.contextmanager
  def spend(self, kind: str):
    """Time in this context is of that kind."""
    outer = self._kind
    self._switch(kind)
    try:
      yield
    finally:
      self._switch(outer)

  def update(self) -> None:
    """Brings the progress up to date."""
    self._switch(self._kind)

  def end_visit(self) -> dict[str, float]:
    """Time of the visit by kind; starts the next one."""
    self.update()
    seconds = {kind: self._progress.seconds.get(kind, 0.0) for kind in ("training", "evaluation", "other")}
    self._progress.seconds = {}
    return seconds

  def _switch(self, kind: str) -> None:
    now, cpu_now = time.perf_counter(), time.process_time()
    self._progress.seconds[self._kind] = self._progress.seconds.get(self._kind, 0.0) + now - self._since
    self._progress.cpu_seconds += cpu_now - self._cpu_since
    self._kind, self._since, self._cpu_since = kind, now, cpu_now
