"""A run in this process: the learner, its data, its progress, and how these are saved and brought back."""

import contextlib
import dataclasses
import time
from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf

from lasem_tf import files
from lasem_tf.data import stream as stream_lib
from lasem_tf.learners import base
from lasem_tf.training import (
  checkpoints,
  evaluation,
  events,
  options as options_lib,
  progress as progress_lib,
  schedule,
  splits,
)
from lasem_tf.training.interruption import Interrupted

_PHASE_STATE = "phase_state/"


@dataclasses.dataclass(frozen=True)
class StreamAccess:
  """What a learner's context takes from the run.

  Attributes:
    num_classes: of every task.
    examples: see `learners.base.LearnerContext`.
  """

  num_classes: tuple[int, ...]
  examples: Callable


class Session:
  """Everything that a run works with.

  Attributes:
    learner: the learner.
    stream: the stream.
    options: the `TrainingOptions`.
    order: task of every visit.
    evaluator: measures accuracies.
    progress: where the run is.
    clock: accounts for its time.
    phase: the phase in progress, or None.
    num_step_traces: training steps compiled in this process.
  """

  def __init__(self, make_learner: Callable, stream: stream_lib.TaskStream, options: options_lib.TrainingOptions,
               store: checkpoints.CheckpointStore | None, sinks: Sequence[events.Sink],
               should_stop: Callable[[], bool]):
    """Makes a learner that knows nothing; `begin` or `restore` comes next."""
    self.stream, self.options = stream, options
    self.order = schedule.task_order(options.task_order, stream.num_tasks)
    self._data = splits.SplitCache(stream)
    self.learner: base.Learner = make_learner(StreamAccess(
        tuple(task.num_classes for task in stream.tasks), self._data.training_examples))
    self.evaluator = evaluation.Evaluator(self.learner, self._data, should_stop)
    self.progress = progress_lib.Progress()
    self.clock = progress_lib.Clock(self.progress)
    self.phase: base.Phase | None = None
    self.num_step_traces = 0
    self._store, self._sinks, self._should_stop = store, sinks, should_stop
    self._saved_at = time.monotonic()

  @property
  def task_id(self) -> int:
    """Task of the visit in progress."""
    return self.order[self.progress.visit]

  @property
  def total_epochs(self) -> int:
    """Epochs of the whole run, at most."""
    return self.learner.planned_epochs(self.order)

  @property
  def learning_rate_epoch(self) -> int:
    """The epoch that decays the learning rate and names batches and seeds, counted from the beginning of the run.

    Equal to the number of completed epochs, except where an exhaustive search trains one candidate after another: all
    of them then see the epochs that a single one would.
    """
    return self.progress.visit * self.options.epochs_per_task + self.progress.visit_epoch % self.options.epochs_per_task

  def load_task(self) -> base.TaskData:
    """Training and validation data of the visit's task as resident tensors."""
    self.evaluator.keep_resident(self.task_id)
    dtype = keras.config.floatx()
    tensors = {}
    for split in ("train", "validation"):
      data = self._data.load(self.task_id, split)
      tensors[split] = tf.constant(data.images, dtype), tf.constant(data.labels, tf.int32)
    return base.TaskData(self.stream.tasks[self.task_id], tensors["train"], tensors["validation"])

  def emit(self, event: events.Event) -> None:
    """Tells all sinks."""
    for sink in self._sinks:
      with _naming(sink):
        sink.emit(event)

  def evaluate(self, measure: Callable):
    """`measure(evaluator)`; an order to stop is obeyed at once, what is measured here is measured again later."""
    with self.clock.spend("evaluation"):
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
    if time.monotonic() - self._saved_at >= self.options.checkpoint_seconds:
      self.save()

  def save(self) -> None:
    """Writes a checkpoint, where checkpoints are kept."""
    if self._store is None:
      return
    self.clock.update()
    variables = {**self.learner.variables(), **self._phase_state()}
    self._store.save({
        "identity": self._identity(), "progress": self.progress.to_json(), "in_phase": self.phase is not None,
        "structure": self.learner.structure(), "sinks": self._sink_positions(),
    }, {name: variable.numpy() for name, variable in variables.items()})
    self._saved_at = time.monotonic()

  def begin(self) -> None:
    """Goes on from the newest checkpoint, or starts at the beginning."""
    checkpoint = self._store.load() if self._store is not None else None
    if checkpoint is not None:
      self._restore(checkpoint)
    for sink in self._sinks:
      with _naming(sink):
        sink.restore(checkpoint.state["sinks"].get(sink.name) if checkpoint is not None else None)
    options = self.options
    self.emit(events.RunStarted(
        stream=self.stream.display_name, learner=type(self.learner).__name__, seed=self.learner.context.seed,
        task_order=self.order, epochs_per_task=options.epochs_per_task, batch_size=options.batch_size,
        learning_rate=options.learning_rate, learning_rate_decay=options.learning_rate_decay,
        total_epochs=self.total_epochs, global_epoch=self.progress.global_epoch, resumptions=self.progress.resumptions))

  def _restore(self, checkpoint: checkpoints.Checkpoint) -> None:
    """The order matters: structure, variables, data, phase, epoch; then all values once more, for these may reset some."""
    state, arrays = checkpoint.state, checkpoint.arrays
    if state["identity"] != self._identity():
      differing = [key for key, value in self._identity().items() if state["identity"].get(key) != value]
      raise checkpoints.CheckpointError(
          f"The checkpoint belongs to another run (it differs in {', '.join(differing)}). Use another output folder, "
          "or delete this run's folder.")
    self.progress = progress_lib.Progress.from_json(state["progress"])
    self.progress.resumptions += 1
    self.clock = progress_lib.Clock(self.progress)
    self.learner.restore_structure(state["structure"])
    assign_strictly(self.learner.variables(), {name: array for name, array in arrays.items()
                                               if not name.startswith(_PHASE_STATE)})
    if self.progress.stage != progress_lib.WAITING:
      self.learner.attach(self.load_task(), self.progress.visit)
    if state["in_phase"]:
      self.phase = self.learner.next_phase(self.progress.phase)
      if self.progress.step:
        self.learner.begin_epoch(self.progress.epoch)
      assign_strictly({**self.learner.variables(), **self._phase_state()}, arrays)

  def _sink_positions(self) -> dict:
    positions = {}
    for sink in self._sinks:
      with _naming(sink):
        positions[sink.name] = sink.position()
    return positions

  def _phase_state(self) -> dict[str, tf.Variable]:
    state = {} if self.phase is None else self.phase.state
    return {_PHASE_STATE + name: variable for name, variable in state.items()}

  def _identity(self) -> dict:
    """What a checkpoint must agree in with the run that takes it up."""
    context = self.learner.context
    options = dataclasses.asdict(self.options)
    for irrelevant in ("checkpoint_seconds", "eval_every", "curve_splits", "task_order"):
      del options[irrelevant]
    return {"learner": type(self.learner).__name__, "seed": context.seed, "order": list(self.order), **options,
            "stream": self.stream.name, "data": self.stream.data_fingerprint}


@contextlib.contextmanager
def _naming(sink: events.Sink):
  """A full or read-only disk is reported with its remedy, whichever library met it."""
  try:
    yield
  except (ConnectionError, files.LinkError):
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
