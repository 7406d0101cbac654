"""One visit: its phases, epochs and steps, the choice of the best epoch, and the commit. Knows no concrete learner."""

import contextlib
import dataclasses
import math
from collections.abc import Iterator, Mapping

import numpy as np
import tensorflow as tf

from lasem_tf.learners import base
from lasem_tf.metrics.run_result import VisitResult
from lasem_tf.training import all_heads, batches, chunks, evaluation, events, steps
from lasem_tf.training.progress import Stage
from lasem_tf.training.session import Session

_UNTRAINED = "untrained"


class Diverged(Exception):
  """The loss is no longer finite; the message says where."""


class VisitTrainer:
  """Takes a session through one visit, from whatever stage it is in."""

  def __init__(self, session: Session):
    self._session, self._learner = session, session.learner
    self._visit, self._task_id = session.progress.visit, session.task_id
    self._progress = session.progress.current
    self._last_event = session.now()

  def run(self) -> None:
    """Trains, commits and evaluates.

    Raises:
      Diverged: the loss became infinite or NaN.
      Interrupted: the run was asked to stop.
    """
    progress = self._progress
    if progress.stage == Stage.WAITING:
      self._begin()
      progress.stage = Stage.BEGUN
    if progress.stage == Stage.BEGUN:
      if self._visit == 0:
        self._measure_untrained()
      progress.stage = Stage.TRAINING
    if progress.stage == Stage.TRAINING:
      self._train()
      progress.stage = Stage.TRAINED
    if progress.stage == Stage.TRAINED:
      progress.committed = self._commit()
      progress.stage = Stage.COMMITTED
    if progress.committed is not None:
      self._finish(progress.committed)

  def _begin(self) -> None:
    task = self._session.load_task()
    is_new = self._task_id not in self._learner.learned_tasks
    self._session.emit(events.VisitStarted(self._visit, self._task_id, is_new, len(task.train[1])))
    self._learner.begin_visit(task, self._visit)

  # --- training -------------------------------------------------------------------------------------------------------

  @property
  def _task(self) -> base.TaskData:
    if self._learner.task is None:
      raise RuntimeError("The learner's visit has not begun.")
    return self._learner.task

  def _train(self) -> None:
    while (phase := self._session.begin_phase()) is not None:
      if self._progress.epoch < phase.num_epochs and not self._progress.phase_ended:
        self._train_phase(phase)
      self._measure_best(phase.name)
      self._session.end_phase()

  def _train_phase(self, phase: base.Phase) -> None:
    session, progress = self._session, self._progress
    with session.stopwatch.spend("training"):
      compiled, size = session.compile_phase(phase, self._task), chunks.ChunkSize()
    while not progress.phase_ended:
      with session.stopwatch.spend("training"):
        self._train_epoch(compiled, phase, size)
        self._learner.measure_statistics()
      validation_accuracy = self._measure_epoch(phase.name)
      is_last = self._learner.end_epoch(progress.epoch, validation_accuracy)
      progress.end_epoch()
      progress.phase_ended = is_last or progress.epoch >= phase.num_epochs
      session.poll()

  def _train_epoch(self, compiled: steps.CompiledPhase, phase: base.Phase, size: chunks.ChunkSize) -> None:
    """Takes the steps of the epoch that are still to be taken."""
    session, progress, batch_size = self._session, self._progress, self._session.options.batch_size
    epoch = batches.Epoch(self._task_id, self._visit, session.epoch_of_visit)
    rows = batches.training_rows(session.stream, epoch, len(self._task.train[1]), batch_size)
    seeds = batches.step_seeds(self._learner.context.seed, epoch, len(rows))
    validation_rows = batches.validation_rows(
        session.stream, epoch, len(self._task.validation[1]), batch_size,
        len(rows)) if phase.needs_validation_batch else None
    if progress.step == 0:
      self._learner.begin_epoch(progress.epoch)
    while progress.step < len(rows):
      now = slice(progress.step, min(progress.step + size.steps, len(rows)))
      started = session.now()
      results = compiled.run(rows[now], seeds[now], validation_rows[now] if validation_rows is not None else None,
                             session.learning_rate())
      size.adapt(session.now() - started, most=len(rows))
      self._check_finite(results["loss"], phase)
      for name, values in results.items():
        progress.totals[name] = sum(map(float, values), progress.totals.get(name, 0.0))
      progress.step = now.stop
      session.poll()

  def _check_finite(self, losses: np.ndarray, phase: base.Phase) -> None:
    bad = steps.first_non_finite(losses)
    if bad is not None:
      raise Diverged(
          f"The loss became {losses[bad]} in step {self._progress.step + bad} of epoch {self._progress.epoch} of phase "
          f"{phase.name!r}, visit {self._visit} (task {self._task_id}). Try a smaller learning rate.")

  # --- evaluation -----------------------------------------------------------------------------------------------------

  def _measure_untrained(self) -> None:
    """The very first network takes part in the choice of the best epoch before it is trained; later ones do not."""
    def measure(evaluator: evaluation.Evaluator):
      return *self._measure(evaluator, 0), evaluator.accuracy(self._task_id, "test")

    validation, curve, test = self._session.evaluate(measure)
    self._progress.best.record(_UNTRAINED, validation, 0, {})
    self._emit_epoch(_UNTRAINED, -1, 0, None, {}, validation, curve)
    self._record_test(_UNTRAINED, test)

  def _measure_epoch(self, phase_name: str) -> float:
    """Evaluates as much as the schedule wants; returns the validation accuracy."""
    session, progress = self._session, self._progress
    completed = session.progress.global_epoch + 1
    validation, curve = session.evaluate(lambda evaluator: self._measure(evaluator, completed))
    if progress.best.improves(phase_name, validation):
      weights = {name: variable.numpy() for name, variable in self._network_variables().items()}
      progress.best.record(phase_name, validation, completed, weights)
    num_steps = len(self._task.train[1]) // session.options.batch_size
    means = {name: total / num_steps for name, total in progress.totals.items()}
    self._emit_epoch(phase_name, progress.epoch, completed, session.learning_rate(), means, validation, curve)
    return validation

  def _measure(self, evaluator: evaluation.Evaluator, completed: int) -> tuple[float, dict | None]:
    """Validation accuracy of the task, and all accuracies where the schedule wants them after so many epochs."""
    options, num_tasks = self._session.options, self._session.stream.num_tasks
    validation = evaluator.accuracy(self._task_id, "validation")
    if not options.eval_every or completed % options.eval_every:
      return validation, None
    return validation, {split: evaluator.row(num_tasks, split) for split in options.curve_splits}

  def _measure_best(self, phase_name: str) -> None:
    """Takes the test accuracy of the phase's best epoch, for which the network gets that epoch's weights back."""
    if not self._progress.best.awaits_test(phase_name):
      return

    def measure(evaluator: evaluation.Evaluator) -> float:
      with _assigned(self._network_variables(), self._progress.best.weights):
        return evaluator.accuracy(self._task_id, "test")

    self._record_test(phase_name, self._session.evaluate(measure))

  def _record_test(self, phase_name: str, test: float) -> None:
    best = self._progress.best.record_test(phase_name, test)
    self._session.emit(events.BestEpochMeasured(self._visit, self._task_id, phase_name, best.global_epoch,
                                                best.validation, test))

  def _network_variables(self) -> dict[str, tf.Variable]:
    """What the task's answers are computed from, by name."""
    read = {variable.ref() for variable in self._session.evaluator.variables_read(self._task_id)}
    return {name: variable for name, variable in self._learner.variables().items() if variable.ref() in read}

  def _emit_epoch(self, phase_name: str, epoch: int, completed: int, learning_rate: float | None,
                  means: Mapping[str, float], validation: float, curve: dict | None) -> None:
    now = self._session.now()
    metrics = {name: value if math.isfinite(value) else None for name, value in means.items()}
    self._session.emit(events.EpochEnded(
        visit=self._visit, task=self._task_id, phase=phase_name, epoch=epoch, global_epoch=completed,
        total_epochs=self._session.total_epochs, learning_rate=learning_rate, loss=metrics.pop("loss", None),
        metrics=metrics, validation_accuracy=validation, diagnostics=self._learner.diagnostics(),
        seconds=now - self._last_event))
    self._last_event = now
    if curve is not None:
      self._session.emit(events.CurveMeasured(self._visit, self._task_id, completed, curve))

  # --- the end of the visit -------------------------------------------------------------------------------------------

  def _commit(self) -> VisitResult:
    """Ends the learner's visit; the result lacks the accuracies after the commit, and the times."""
    session, learner = self._session, self._learner
    before, validation = None, None
    if learner.commit_changes_weights:
      learner.measure_statistics()  # The end of an epoch may have chosen another network.
      before = session.evaluate(lambda evaluator: evaluator.row(session.stream.num_tasks))
      if learner.context.reference.record_before_commit:
        validation = session.evaluate(lambda evaluator: evaluator.row(session.stream.num_tasks, "validation"))
    super_network = learner.super_network_parameters()
    summary = learner.end_visit()
    visits = session.progress.visits
    for visit, task_id in enumerate(session.order[:self._visit]):
      if task_id in summary.earlier_configurations:
        visits[visit] = dataclasses.replace(visits[visit], configuration=summary.earlier_configurations[task_id])
    return VisitResult(
        accuracies=[], before_commit=before, at_best_validation=self._progress.best.test_accuracy(summary.peak_phase),
        configuration=summary.configuration, parameters=learner.num_parameters(), super_network=super_network,
        training_macs_per_image=learner.training_macs_per_image(self._task_id), learner_summary=dict(summary.details),
        seconds={}, validation_accuracies=validation)

  def _finish(self, committed: VisitResult) -> None:
    session, num_tasks = self._session, self._session.stream.num_tasks
    row = session.evaluate(lambda evaluator: evaluator.row(num_tasks))
    if committed.before_commit is not None and self._learner.context.reference.record_before_commit:
      row = committed.before_commit
    validation = committed.validation_accuracies  # Of the same moment as `row`.
    if validation is None:
      validation = session.evaluate(lambda evaluator: evaluator.row(num_tasks, "validation"))
    over_all_heads = None
    if session.options.scenario == "class_incremental":
      over_all_heads = session.evaluate(
          lambda evaluator: all_heads.row(evaluator, self._learner, session.stream.tasks))
    result = dataclasses.replace(committed, accuracies=row, validation_accuracies=validation,
                                 over_all_heads=over_all_heads, seconds=session.stopwatch.end_visit())
    session.emit(events.VisitEnded(self._visit, self._task_id, session.progress.global_epoch, result))
    session.progress.end_visit(result)
    session.save()


@contextlib.contextmanager
def _assigned(variables: Mapping[str, tf.Variable], values: Mapping[str, np.ndarray]) -> Iterator[None]:
  """Gives variables other values for a while."""
  if variables.keys() != values.keys():
    raise RuntimeError("The learner changed its network within a phase, so that the phase's best epoch is lost. It "
                       "must end the phase first: see Learner.structure_changed.")
  own = {name: variable.numpy() for name, variable in variables.items()}
  try:
    for name, variable in variables.items():
      variable.assign(values[name])
    yield
  finally:
    for name, variable in variables.items():
      variable.assign(own[name])
