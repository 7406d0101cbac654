"""A run in this process: the learner, its data, its progress, and how these are saved and brought back."""

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import keras
import numpy as np
import tensorflow as tf

from lasem_tf import files
from lasem_tf.learners import base
from lasem_tf.nn import augmentation
from lasem_tf.training import (
    checkpoints,
    evaluation,
    events,
    growth,
    progress as progress_lib,
    schedule,
    splits,
    steps,
)
from lasem_tf.training.interruption import Interrupted
from lasem_tf.training.options import TrainingOptions
from lasem_tf.training.progress import Stage

_PHASE_STATE, _BEST_EPOCH = "phase_state/", "best_epoch/"
# Options that do not decide a result.
_FREE_OPTIONS = ("checkpoint_seconds", "eval_every", "curve_splits", "scenario", "task_order")
_Measured = TypeVar("_Measured")


class Session:
  """Everything that a run works with.

  Attributes:
    learner: the learner.
    stream: the stream.
    options: how long and how fast it trains.
    order: task of every visit.
    evaluator: measures accuracies.
    progress: where the run is.
    stopwatch: accounts for its time.
    now: tells seconds; decides how many steps a call takes and when checkpoints are due, never a result.
    num_step_traces: training steps compiled in this process.
    origin: what names the run that this one goes on from, JSON-able; None: it began with nothing.
  """

  def __init__(self, learner: base.Learner, data: splits.SplitCache, options: TrainingOptions,
               store: checkpoints.CheckpointStore | None, sinks: Sequence[events.Sink],
               should_stop: Callable[[], bool], configuration_hash: str, now: Callable[[], float]):
    """Takes a learner that knows nothing; `begin` comes next."""
    self.learner, self.stream, self.options, self.now = learner, data.stream, options, now
    self.order = schedule.task_order(options.task_order, data.stream.num_tasks)
    self.evaluator = evaluation.Evaluator(learner, data, should_stop)
    self.progress = progress_lib.Progress()
    self.stopwatch = progress_lib.Stopwatch()
    self.num_step_traces = 0
    self.origin: dict | None = None
    self._data, self._store, self._sinks, self._should_stop = data, store, sinks, should_stop
    self._configuration_hash = configuration_hash
    self._phase: base.Phase | None = None
    self._saved_at = now()

  @property
  def task_id(self) -> int:
    """Task of the visit in progress."""
    return self.order[self.progress.visit]

  @property
  def total_epochs(self) -> int:
    """Epochs of the whole run, at most."""
    return self.learner.planned_epochs(self.order)

  @property
  def epoch_of_visit(self) -> int:
    """The epoch that decays the learning rate and names batches and seeds, counted from the beginning of the visit.

    Equal to the number of completed epochs, except where an exhaustive search trains one candidate after another: all
    of them then see the epochs that a single one would.
    """
    return self.progress.current.num_epochs % self.options.epochs_per_task

  def learning_rate(self) -> float:
    """Of the epoch in progress."""
    options = self.options
    epoch = self.progress.visit * options.epochs_per_task + self.epoch_of_visit
    return schedule.learning_rate(options.learning_rate, options.learning_rate_decay, epoch)

  def load_task(self) -> base.TaskData:
    """Training and validation data of the visit's task as resident tensors."""
    self.evaluator.keep_resident(self.task_id)
    dtype = keras.config.floatx()
    tensors = {}
    for split in ("train", "validation"):
      data = self._data.load(self.task_id, split)
      tensors[split] = tf.constant(data.images, dtype), tf.constant(data.labels, tf.int32)
    return base.TaskData(self.stream.tasks[self.task_id], tensors["train"], tensors["validation"])

  def begin_phase(self) -> base.Phase | None:
    """The phase in progress or else the next one, until `end_phase`; None when the visit has no more."""
    if self._phase is None:
      self._phase = self.learner.next_phase(self.progress.current.phase)
    return self._phase

  def end_phase(self) -> None:
    """Drops the phase and its optimiser's state."""
    self._phase = None
    self.progress.current.end_phase()

  def compile_phase(self, phase: base.Phase, task: base.TaskData) -> steps.CompiledPhase:
    """The phase's compiled step, in the form that the phase began with."""
    current, batch_size = self.progress.current, self.options.batch_size
    if current.loop is None:
      current.loop = steps.prefers_loop(self.learner, self.task_id, batch_size)
    spec = self.learner.context.spec
    augment = None if spec.augmentation == "none" else functools.partial(augmentation.augment, spec)
    compiled = steps.CompiledPhase(phase, task, batch_size, current.loop, augment)
    self.num_step_traces += compiled.num_traces
    return compiled

  def emit(self, event: events.Event) -> None:
    """Tells all sinks."""
    for sink in self._sinks:
      with _naming(sink):
        sink.emit(event)

  def evaluate(self, measure: Callable[[evaluation.Evaluator], _Measured]) -> _Measured:
    """`measure(evaluator)`; a stop request is obeyed at once, and a resumed run measures again."""
    with self.stopwatch.spend("evaluation"):
      try:
        return measure(self.evaluator)
      except evaluation.EvaluationInterrupted:
        self.save()
        raise Interrupted from None

  def poll(self) -> None:
    """To be called between compiled calls: saves when it is time to, stops when asked to."""
    if self._should_stop():
      self.save()
      raise Interrupted
    if self.now() - self._saved_at >= self.options.checkpoint_seconds:
      self.save()

  def save(self) -> None:
    """Writes a checkpoint, where checkpoints are kept."""
    if self._store is not None:
      state, arrays = self.state()
      self._store.save({**state, "sinks": self._sink_positions()}, arrays)
      self._saved_at = self.now()

  def state(self) -> tuple[dict, dict[str, np.ndarray]]:
    """What a checkpoint holds of learner and progress: a JSON-able part, and arrays by name."""
    arrays = {name: variable.numpy() for name, variable in {**self.learner.variables(), **self._phase_state()}.items()}
    best = {_BEST_EPOCH + name: values for name, values in self.progress.current.best.weights.items()}
    return {
        "identity": self._identity(), "progress": self.progress.to_json(), "stopwatch": self.stopwatch.to_json(),
        "in_phase": self._phase is not None, "structure": self.learner.structure(), "origin": self.origin,
    }, {**arrays, **best}

  def begin(self, parent: growth.Parent | None = None) -> None:
    """Goes on from the newest checkpoint, else from where the parent ended, or starts at the beginning.

    Raises:
      GrowthError: the run cannot go on from this parent.
    """
    checkpoint = self._store.load() if self._store is not None else None
    if checkpoint is not None:
      self._restore(checkpoint)
    elif parent is not None:
      self._inherit(parent)
    for sink in self._sinks:
      with _naming(sink):
        sink.restore(checkpoint.state["sinks"].get(sink.name) if checkpoint is not None else None)
    options = self.options
    self.emit(events.RunStarted(
        stream=self.stream.display_name, learner=type(self.learner).__name__, seed=self.learner.context.seed,
        task_order=self.order, epochs_per_task=options.epochs_per_task, batch_size=options.batch_size,
        learning_rate=options.learning_rate, learning_rate_decay=options.learning_rate_decay,
        total_epochs=self.total_epochs, global_epoch=self.progress.global_epoch, resumptions=self.progress.resumptions))

  def _inherit(self, parent: growth.Parent) -> None:
    growth.check(parent, self._identity(), self.order, self.stream, self.learner)
    state = parent.checkpoint.state
    self.progress, self.origin = progress_lib.Progress.from_json(state["progress"], {}), parent.origin
    self.progress.visits = [growth.lengthened(visit, self.stream.num_tasks) for visit in self.progress.visits]
    self.stopwatch = progress_lib.Stopwatch(**state["stopwatch"])
    self.learner.restore_structure(state["structure"])
    assign_strictly(self.learner.variables(), parent.checkpoint.arrays)

  def _restore(self, checkpoint: checkpoints.Checkpoint) -> None:
    """Restores structure, variables, data, phase, epoch, in this order; then all values again, as these reset some."""
    state = checkpoint.state
    self._check_identity(state["identity"])
    arrays = {name: array for name, array in checkpoint.arrays.items() if not name.startswith(_BEST_EPOCH)}
    best = {name.removeprefix(_BEST_EPOCH): array for name, array in checkpoint.arrays.items() if name not in arrays}
    self.progress = progress_lib.Progress.from_json(state["progress"], best)
    self.progress.resumptions += 1
    self.stopwatch, self.origin = progress_lib.Stopwatch(**state["stopwatch"]), state.get("origin")
    self.learner.restore_structure(state["structure"])
    assign_strictly(self.learner.variables(), {name: array for name, array in arrays.items()
                                               if not name.startswith(_PHASE_STATE)})
    current = self.progress.current
    if current.stage != Stage.WAITING:
      self.learner.attach(self.load_task(), self.progress.visit)
    if state["in_phase"]:
      self.begin_phase()
      if current.step:
        self.learner.begin_epoch(current.epoch)
      assign_strictly({**self.learner.variables(), **self._phase_state()}, arrays)

  def _check_identity(self, found: dict) -> None:
    differing = [key for key, value in self._identity().items() if found.get(key) != value]
    if differing:
      where = self._store.directory if self._store is not None else "The checkpoint"
      raise checkpoints.CheckpointError(
          f"{where} belongs to another run (it differs in {', '.join(differing)}). Use another output folder, or "
          "delete this run's folder to train the run again.")

  def _identity(self) -> dict:
    """What a checkpoint must agree in with the run that takes it up."""
    options = {name: value for name, value in dataclasses.asdict(self.options).items() if name not in _FREE_OPTIONS}
    return {"configuration": self._configuration_hash, "learner": type(self.learner).__name__,
            "seed": self.learner.context.seed, "order": list(self.order), **options, "stream": self.stream.name,
            "data": self.stream.data_fingerprint}

  def _sink_positions(self) -> dict[str, object]:
    positions = {}
    for sink in self._sinks:
      with _naming(sink):
        positions[sink.name] = sink.position()
    return positions

  def _phase_state(self) -> dict[str, tf.Variable]:
    state = {} if self._phase is None else self._phase.state
    return {_PHASE_STATE + name: variable for name, variable in state.items()}


@contextlib.contextmanager
def _naming(sink: events.Sink) -> Iterator[None]:
  """A full or read-only disk is reported with its remedy, whichever library met it."""
  try:
    yield
  except (ConnectionError, files.PlantedError):
    raise  # No fault of the disk: nobody listens any more, or a planted link.
  except (OSError, tf.errors.OpError) as error:
    raise checkpoints.CheckpointError(
        f"Writing events ({sink.name}) failed: {error}. The last checkpoint is intact. Make room, then start the same "
        "command again to go on from there.") from error


def assign_strictly(variables: dict[str, tf.Variable], arrays: dict[str, np.ndarray]) -> None:
  """Gives every variable its saved value.

  Raises:
    CheckpointError: a name is missing on one side, or a shape or type differs.
  """
  if variables.keys() != arrays.keys():
    missing, surplus = sorted(variables.keys() - arrays.keys()), sorted(arrays.keys() - variables.keys())
    raise checkpoints.CheckpointError(f"The checkpoint does not fit the learner: it lacks {missing or 'nothing'}, and "
                                      f"has {surplus or 'nothing'} too many. Delete the run's folder to train it "
                                      "again.")
  for name, variable in variables.items():
    array = arrays[name]
    if tuple(variable.shape) != array.shape or variable.dtype != array.dtype:
      raise checkpoints.CheckpointError(
          f"{name} is {array.dtype} {array.shape} in the checkpoint, {variable.dtype.name} {tuple(variable.shape)} in "
          "the learner. Delete the run's folder to train it again.")
    variable.assign(array)
