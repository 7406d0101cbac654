"""A learner's life: all visits of a stream, from wherever the last checkpoint left off, to the result."""

import dataclasses
import os
from collections.abc import Callable, Sequence

from lasem_tf.data import stream as stream_lib
from lasem_tf.learners import base
from lasem_tf.training import checkpoints, events, schedule, trainer
from lasem_tf.training.interruption import Interrupted
from lasem_tf.training.options import TrainingOptions
from lasem_tf.training.session import Session, StreamAccess

__all__ = ["Interrupted", "Lifetime", "LifetimeResult", "StreamAccess", "TrainingOptions", "check"]


@dataclasses.dataclass(frozen=True)
class LifetimeResult:
  """What a run measured; JSON-able. S visits, T tasks; accuracies are fractions, None where there is none.

  Attributes:
    status: 'completed' or 'diverged'; of a diverged run, entries of visits that did not end are None.
    reason: why it did not complete.
    task_order: `[S]`, task of every visit.
    after_visit: test accuracies `[S][T]` after each visit's commit, None for tasks not learned yet.
    before_commit: the same before the commit, None for visits where it changed no weights; None if it never did.
    at_best_validation: `[S]`, test accuracy at the first epoch of the best validation accuracy.
    configurations: `[T]`, chosen transfer configuration as bits.
    parameters: `[S]`, of the committed model.
    super_network: largest number of parameters during a search.
    forward_macs_committed: `[T]`, multiply-accumulate operations of one image's forward pass.
    training_macs_per_image: `[S]`, the same for one image of one epoch's training.
    learner_summary: `[S]`, details of the learner.
    seconds: `[S]`, wall time: {'training', 'evaluation', 'other'}.
    cpu_seconds: processor time of all processes that worked on the run, lost work excepted.
    resumptions: how often the run was resumed.
    num_traces: networks compiled in this process, to train and to evaluate.
    num_retraces: compilations of something compiled before; 0, or something is wrong.
  """

  status: str
  reason: str | None
  task_order: list
  after_visit: list
  before_commit: list | None
  at_best_validation: list
  configurations: list
  parameters: list
  super_network: int | None
  forward_macs_committed: list
  training_macs_per_image: list
  learner_summary: list
  seconds: list
  cpu_seconds: float
  resumptions: int
  num_traces: int
  num_retraces: int


def check(stream: stream_lib.TaskStream, options: TrainingOptions) -> None:
  """Finds out, without loading an image, whether the stream can be trained as the options say.

  Raises:
    ValueError: the task order does not fit the stream.
    DataError: a task has too few examples.
  """
  schedule.task_order(options.task_order, stream.num_tasks)
  for split, least, remedy in (("train", options.batch_size, " Lower `batch_size` or use more data."),
                               ("validation", 1, ""), ("test", 1, "")):
    for task_id, count in enumerate(stream.counts()[split]):
      if count < least:
        raise stream_lib.DataError(f"Task {task_id} of {stream.display_name} has {count} {split} examples, fewer than "
                                   f"the {least} that are needed.{remedy}")


class Lifetime:
  """Runs a learner through a stream.

  Attributes:
    session: what the run works with.
  """

  def __init__(self, make_learner: Callable[[StreamAccess], base.Learner], stream: stream_lib.TaskStream,
               options: TrainingOptions, checkpoint_dir: str | os.PathLike | None = None,
               sinks: Sequence[events.Sink] = (), should_stop: Callable[[], bool] = lambda: False):
    """Checks that the stream can be trained so.

    Args:
      make_learner: function (`StreamAccess`) -> fresh learner, whose context takes over `num_classes` and `examples`.
      stream: what is learned.
      options: how.
      checkpoint_dir: a folder for this run's checkpoints alone; None: the run cannot be resumed.
      sinks: are told what happens.
      should_stop: asked between compiled calls; once it is true, the run saves and raises `Interrupted`.

    Raises:
      ValueError, DataError: see `check`.
    """
    check(stream, options)
    self._sinks = sinks
    store = checkpoints.CheckpointStore(checkpoint_dir) if checkpoint_dir is not None else None
    self.session = Session(make_learner, stream, options, store, sinks, should_stop)

  def run(self) -> LifetimeResult:
    """Goes on from the newest checkpoint, if there is one, to the end.

    Raises:
      Interrupted: the run was asked to stop; the checkpoint is written.
      CheckpointError: checkpoints cannot be written or read.
    """
    try:
      return self._run()
    finally:
      for sink in self._sinks:
        sink.close()

  def _run(self) -> LifetimeResult:
    session = self.session
    session.begin()
    status, reason = "completed", None
    while status == "completed" and session.progress.visit < len(session.order):
      try:
        trainer.VisitTrainer(session).run()
      except trainer.Diverged as divergence:
        status, reason = "diverged", str(divergence)
    session.clock.update()
    session.emit(events.RunEnded(status, reason))
    return self._result(status, reason)

  def _result(self, status: str, reason: str | None) -> LifetimeResult:
    session, measured = self.session, self.session.progress.measured
    num_visits, num_tasks = len(session.order), session.stream.num_tasks

    def padded(values, missing=None):
      return list(values) + [missing] * (num_visits - len(values))

    configurations = [None] * num_tasks
    for task_id, configuration in zip(session.order, measured.configurations):
      configurations[task_id] = configuration
    learned = set(session.order[:len(measured.after_visit)])
    supers = [count for count in measured.super_network if count is not None]
    return LifetimeResult(
        status=status, reason=reason, task_order=list(session.order),
        after_visit=padded(measured.after_visit, [None] * num_tasks),
        before_commit=padded(measured.before_commit) if any(measured.before_commit) else None,
        at_best_validation=padded(measured.at_best_validation), configurations=configurations,
        parameters=padded(measured.parameters), super_network=max(supers, default=None),
        forward_macs_committed=[session.learner.forward_macs(task_id) if task_id in learned else None
                                for task_id in range(num_tasks)],
        training_macs_per_image=padded(measured.training_macs_per_image),
        learner_summary=padded(measured.learner_summary),
        seconds=padded(measured.seconds), cpu_seconds=session.progress.cpu_seconds,
        resumptions=session.progress.resumptions, num_traces=session.num_step_traces + session.evaluator.num_traces,
        num_retraces=session.evaluator.num_retraces)
