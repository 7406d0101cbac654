"""One visit: its phases, epochs and steps, the choice of the best epoch, and the commit. Knows no concrete learner."""

import math
import time

from lasem_tf.learners import base
from lasem_tf.training import batches, events, progress as progress_lib, schedule, steps
from lasem_tf.training.session import Session

# Steps between two looks at the clock and the order to stop: as many as fit into about this time.
_CHUNK_SECONDS = 0.5
_UNTRAINED = "untrained"


class Diverged(Exception):
  """The loss is no longer finite; the message says where."""


class VisitTrainer:
  """Takes a session through one visit, from whatever stage it is in."""

  def __init__(self, session: Session):
    self._session = session
    self._learner = session.learner
    self._last_event = time.perf_counter()
    self._chunk = 1

  def run(self) -> None:
    """Trains, commits and evaluates.

    Raises:
      Diverged: the loss became infinite or NaN.
      Interrupted: the run was asked to stop.
    """
    progress = self._session.progress
    if progress.stage == progress_lib.WAITING:
      self._begin()
    if progress.stage == progress_lib.BEGUN:
      if progress.visit == 0:
        self._measure_untrained()
      progress.stage = progress_lib.TRAINING
    if progress.stage == progress_lib.TRAINING:
      self._train()
      progress.stage = progress_lib.TRAINED
    if progress.stage == progress_lib.TRAINED:
      self._commit()
    self._finish()

  def _begin(self) -> None:
    session = self._session
    task = session.load_task()
    is_new = session.task_id not in self._learner.learned_tasks
    session.emit(events.VisitStarted(session.progress.visit, session.task_id, is_new, len(task.train[1])))
    self._learner.begin_visit(task, session.progress.visit)
    session.progress.begin_visit()

  def _train(self) -> None:
    session, progress = self._session, self._session.progress
    while True:
      if session.phase is None:
        session.phase = self._learner.next_phase(progress.phase)
      if session.phase is None:
        return
      if progress.epoch < session.phase.num_epochs:
        self._train_phase()
      else:  # A phase may have no epoch at all.
        self._end_phase()

  def _train_phase(self) -> None:
    session, progress, phase = self._session, self._session.progress, self._session.phase
    options = session.options
    with session.clock.spend("training"):
      if progress.loop is None:
        progress.loop = steps.prefers_loop(self._learner, session.task_id, options.batch_size)
      compiled = steps.CompiledPhase(phase, self._learner.task, options.batch_size, progress.loop)
      session.num_step_traces += compiled.num_traces
      self._chunk = 1
    ended = False
    while not ended:
      with session.clock.spend("training"):
        self._train_epoch(compiled, phase)
      validation_accuracy = self._measure_epoch(phase)
      ended = self._learner.end_epoch(progress.epoch, validation_accuracy) or progress.epoch + 1 >= phase.num_epochs
      progress.end_epoch()
      if ended:
        self._end_phase()
      session.poll()

  def _end_phase(self) -> None:
    self._session.phase = None
    self._session.progress.end_phase()

  def _train_epoch(self, compiled: steps.CompiledPhase, phase: base.Phase) -> None:
    """Takes the steps of the epoch that are still to be taken."""
    session, progress = self._session, self._session.progress
    options, num_examples = session.options, len(self._learner.task.train[1])
    epoch = batches.Epoch(session.task_id, progress.visit, progress.visit_epoch % options.epochs_per_task)
    rows = batches.training_rows(session.stream, epoch, num_examples, options.batch_size)
    seeds = batches.step_seeds(self._learner.context.seed, epoch, len(rows))
    validation_rows = None
    if phase.needs_validation_batch:
      validation_rows = batches.validation_rows(session.stream, epoch, len(self._learner.task.validation[1]),
                                                options.batch_size, len(rows))
    if progress.step == 0:
      self._learner.begin_epoch(progress.epoch)
    while progress.step < len(rows):
      now = slice(progress.step, min(progress.step + self._chunk, len(rows)))
      started = time.perf_counter()
      results = compiled.run(rows[now], seeds[now], validation_rows[now] if validation_rows is not None else None,
                             self._learning_rate())
      self._adapt_chunk(time.perf_counter() - started, len(rows))
      self._check_finite(results["loss"], phase)
      for name, values in results.items():
        progress.totals[name] = sum(map(float, values), progress.totals.get(name, 0.0))
      progress.step = now.stop
      session.poll()

  def _adapt_chunk(self, seconds: float, num_steps: int) -> None:
    """Any division of an epoch into calls computes the same."""
    if seconds > _CHUNK_SECONDS:
      self._chunk = max(1, self._chunk // 2)
    elif seconds < _CHUNK_SECONDS / 2:
      self._chunk = min(2 * self._chunk, num_steps)

  def _check_finite(self, losses, phase: base.Phase) -> None:
    session, progress = self._session, self._session.progress
    bad = steps.first_non_finite(losses)
    if bad is not None:
      raise Diverged(f"The loss became {losses[bad]} in step {progress.step + bad} of epoch {progress.epoch} of phase "
                     f"{phase.name!r}, visit {progress.visit} (task {session.task_id}). Try a smaller learning rate.")

  def _learning_rate(self) -> float:
    options = self._session.options
    return schedule.learning_rate(options.learning_rate, options.learning_rate_decay, self._session.learning_rate_epoch)

  def _measure_untrained(self) -> None:
    """The very first network takes part in the choice of the best epoch before it is trained; later ones do not."""
    accuracies, curve = self._measure(_UNTRAINED)
    self._emit_epoch(_UNTRAINED, -1, accuracies, learning_rate=None, totals={}, curve=curve, completed=0)

  def _measure_epoch(self, phase: base.Phase) -> float:
    """Evaluates as much as the schedule wants; returns the validation accuracy."""
    progress = self._session.progress
    accuracies, curve = self._measure(phase.name)
    num_steps = len(self._learner.task.train[1]) // self._session.options.batch_size
    means = {name: total / num_steps for name, total in progress.totals.items()}
    self._emit_epoch(phase.name, progress.epoch, accuracies, self._learning_rate(), means, curve,
                     progress.global_epoch + 1)
    return accuracies[0]

  def _measure(self, phase_name: str) -> tuple[tuple[float, float | None], dict | None]:
    """((validation, test or None), curves or None). Nothing is recorded before all of it is measured."""
    session, progress = self._session, self._session.progress
    task_id = session.task_id

    def measure(evaluator):
      validation = evaluator.accuracy(task_id, "validation")
      test = evaluator.accuracy(task_id, "test") if progress.best.improves(phase_name, validation) else None
      every = session.options.eval_every
      completed = progress.global_epoch + (phase_name != _UNTRAINED)
      curve = None
      if every and completed % every == 0:
        curve = {split: evaluator.row(session.stream.num_tasks, split) for split in session.options.curve_splits}
      return (validation, test), curve

    (validation, test), curve = session.evaluate(measure)
    if test is not None:
      progress.best.record(phase_name, validation, test)
    return (validation, test), curve

  def _emit_epoch(self, phase_name, epoch, accuracies, learning_rate, totals, curve, completed) -> None:
    session, progress = self._session, self._session.progress
    now = time.perf_counter()
    metrics = {name: value if math.isfinite(value) else None for name, value in totals.items()}
    session.emit(events.EpochEnded(
        visit=progress.visit, task=session.task_id, phase=phase_name, epoch=epoch, global_epoch=completed,
        total_epochs=session.total_epochs, learning_rate=learning_rate, loss=metrics.pop("loss", None), metrics=metrics,
        validation_accuracy=accuracies[0], test_accuracy=accuracies[1], diagnostics=self._learner.diagnostics(),
        seconds=now - self._last_event))
    self._last_event = now
    if curve is not None:
      session.emit(events.CurveMeasured(progress.visit, session.task_id, completed, curve))

  def _commit(self) -> None:
    session, progress = self._session, self._session.progress
    before = None
    if self._learner.commit_changes_weights:
      before = session.evaluate(lambda evaluator: evaluator.row(session.stream.num_tasks))
    super_network = self._learner.super_network_parameters()
    summary = self._learner.end_visit()
    for visit, task_id in enumerate(session.order[:progress.visit]):
      if task_id in summary.earlier_configurations:
        progress.measured.configurations[visit] = summary.earlier_configurations[task_id]
    progress.pending = {"before_commit": before, "super_network": super_network, "configuration": summary.configuration,
                        "details": dict(summary.details),
                        "at_best_validation": progress.best.test_accuracy(summary.peak_phase)}
    progress.stage = progress_lib.COMMITTED

  def _finish(self) -> None:
    session, progress, pending = self._session, self._session.progress, self._session.progress.pending
    row = session.evaluate(lambda evaluator: evaluator.row(session.stream.num_tasks))
    if pending["before_commit"] is not None and self._learner.context.reference.record_before_commit:
      row = pending["before_commit"]
    measured = progress.measured
    measured.after_visit.append(row)
    measured.before_commit.append(pending["before_commit"])
    measured.at_best_validation.append(pending["at_best_validation"])
    measured.configurations.append(pending["configuration"])
    measured.parameters.append(self._learner.num_parameters())
    measured.super_network.append(pending["super_network"])
    measured.training_macs_per_image.append(self._learner.training_macs_per_image(session.task_id))
    measured.learner_summary.append(pending["details"])
    measured.seconds.append(session.clock.end_visit())
    session.emit(events.VisitEnded(
        progress.visit, session.task_id, progress.global_epoch, row, pending["before_commit"],
        pending["at_best_validation"], pending["configuration"], measured.parameters[-1], measured.seconds[-1]))
    progress.end_visit()
    session.save()
