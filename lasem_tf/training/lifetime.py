"""All visits of a learner to a stream's tasks, from the newest checkpoint to the result."""

import dataclasses
import os
import time
from collections.abc import Callable, Sequence

from lasem_tf.data import stream as stream_lib
from lasem_tf.learners import base
from lasem_tf.metrics import run_result
from lasem_tf.training import checkpoints, evaluation, events, growth, predictions, schedule, splits, trainer
from lasem_tf.training.interruption import Interrupted
from lasem_tf.training.options import TrainingOptions
from lasem_tf.training.session import Session

__all__ = ["Interrupted", "Lifetime", "LifetimeResult", "TrainingOptions", "check"]


@dataclasses.dataclass(frozen=True)
class LifetimeResult:
  """What a run measured, and what that took.

  Attributes:
    measured: equal whenever the run is repeated.
    seconds: wall time of every visit by kind, see `run_result.VisitResult`; None for visits that did not end.
    cpu_seconds: processor time of all processes that worked on the run, lost work excepted.
    resumptions: how often the run was resumed.
    num_traces: networks compiled in this process, to train and to evaluate.
    num_retraces: compilations of something compiled before; 0, or something is wrong.
  """

  measured: run_result.Measured
  seconds: list[dict[str, float] | None]
  cpu_seconds: float
  resumptions: int
  num_traces: int
  num_retraces: int


def check(stream: stream_lib.TaskStream, options: TrainingOptions, learner: base.Learner) -> None:
  """Finds out, without loading an image, whether the learner can learn the stream as the options say.

  Raises:
    ValueError: the task order does not fit the stream, or the learner does not fit the scenario.
    DataError: a visited task has too few examples.
  """
  if options.scenario == "class_incremental" and not learner.has_task_heads:
    raise ValueError(f"{type(learner).__name__} has one head for all tasks, which cannot be told apart by the largest "
                     "logit: leave it out, or remove the binding experiment.scenario = 'class_incremental'.")
  visited = set(schedule.task_order(options.task_order, stream.num_tasks))
  for split, least, remedy in (("train", options.batch_size, " Lower `batch_size` or use more data."),
                               ("validation", 1, ""), ("test", 1, "")):
    for task_id, count in enumerate(stream.counts()[split]):
      if count < least and task_id in visited:
        raise stream_lib.DataError(f"Task {task_id} of {stream.display_name} has {count} {split} examples, fewer than "
                                   f"the {least} that are needed.{remedy}")


class Lifetime:
  """Runs a learner through a stream.

  Attributes:
    session: what the run works with.
  """

  def __init__(self, learner: base.Learner, data: splits.SplitCache, options: TrainingOptions,
               checkpoint_dir: str | os.PathLike | None = None, sinks: Sequence[events.Sink] = (),
               should_stop: Callable[[], bool] = lambda: False, configuration_hash: str = "",
               now: Callable[[], float] = time.monotonic, parent: growth.Parent | None = None):
    """Checks that the stream can be trained so.

    Args:
      learner: knows no task yet.
      data: of the stream that is learned.
      options: how.
      checkpoint_dir: a folder for this run's checkpoints alone; None: the run cannot be resumed.
      sinks: are told what happens.
      should_stop: asked between compiled calls; once it is true, the run saves and raises `Interrupted`.
      configuration_hash: of everything that decides the result; a checkpoint of another one is refused.
      now: tells seconds, for the length of calls and the time of checkpoints; no result depends on it.
      parent: a run whose visits this one's begin with; it goes on from there unless it has a checkpoint of its own.

    Raises:
      ValueError, DataError: see `check`.
    """
    check(data.stream, options, learner)
    self._sinks, self._parent = sinks, parent
    store = checkpoints.CheckpointStore(checkpoint_dir) if checkpoint_dir is not None else None
    self.session = Session(learner, data, options, store, sinks, should_stop, configuration_hash, now)

  def run(self) -> LifetimeResult:
    """Goes on from the newest checkpoint, if there is one, to the end.

    Raises:
      Interrupted: the run was asked to stop; the checkpoint is written.
      CheckpointError: checkpoints cannot be written or read, or are another run's.
      GrowthError: the run cannot go on from the parent.
    """
    try:
      return self._run()
    finally:
      for sink in self._sinks:
        sink.close()

  def predict(self, all_heads: bool) -> predictions.Predictions:
    """What the learner says about the test images at the end of `run`.

    Args:
      all_heads: ask every task's network about the images of every task, too.

    Raises:
      Interrupted: the run was asked to stop; its last checkpoint is that of the end of `run`.
    """
    try:
      session = self.session
      return predictions.collect(session.evaluator, session.stream, sorted(set(session.order)), all_heads)
    except evaluation.EvaluationInterrupted:
      raise Interrupted from None

  def _run(self) -> LifetimeResult:
    session = self.session
    session.begin(self._parent)
    status: run_result.Status = "completed"
    reason = None
    while status == "completed" and session.progress.visit < len(session.order):
      try:
        trainer.VisitTrainer(session).run()
      except trainer.Diverged as divergence:
        status, reason = "diverged", str(divergence)
    session.emit(events.RunEnded(status, reason))
    return self._result(status, reason)

  def _result(self, status: run_result.Status, reason: str | None) -> LifetimeResult:
    session, visits = self.session, self.session.progress.visits
    learned = set(session.order[:len(visits)])
    forward_macs = [session.learner.forward_macs(task_id) if task_id in learned else None
                    for task_id in range(session.stream.num_tasks)]
    return LifetimeResult(
        measured=run_result.summarize(visits, session.order, forward_macs, status, reason),
        seconds=[visit.seconds for visit in visits] + [None] * (len(session.order) - len(visits)),
        cpu_seconds=session.stopwatch.to_json()["cpu_seconds"], resumptions=session.progress.resumptions,
        num_traces=session.num_step_traces + session.evaluator.num_traces, num_retraces=session.evaluator.num_retraces)
