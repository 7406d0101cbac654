"""A sink for TensorBoard: scalars of every epoch and visit, the grid of chosen configurations, hyper-parameters."""

import hashlib
import json
import os
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from lasem_tf import files
from lasem_tf.training import events

# Pixels of a cell of the configuration grid.
_CELL = 16


class TensorBoardSink:
  """Writes event files; a resumed run first truncates them after its checkpoint, then adds a file.

  Steps are completed epochs of the run for what is measured every epoch, and visits (from 1) below 'visit/'.
  """

  name = "tensorboard"

  def __init__(self, directory: str | os.PathLike,
               hyper_parameters: Mapping[str, bool | int | float | str] | None = None):
    """Opens nothing yet.

    Args:
      directory: a folder for this run's event files alone.
      hyper_parameters: further values that distinguish configurations; they override the run's own (the stream's
        display name, the learner's class). Runs that agree in everything but 'seed' form one group.
    """
    self._directory = pathlib.Path(directory)
    self._hyper_parameters = dict(hyper_parameters or {})
    self._writer: Any = None
    self._configurations: dict[int, str] = {}
    self._peaks: list[float] = []
    self._num_tasks = 0

  def emit(self, event: events.Event) -> None:
    """See `events.Sink`."""
    if self._writer is None:
      files.refuse_planted(self._directory)
      self._writer = tf.summary.create_file_writer(os.fspath(self._directory))
    with self._writer.as_default():
      if isinstance(event, events.RunStarted):
        self._start(event)
      elif isinstance(event, events.EpochEnded):
        self._write_epoch(event)
      elif isinstance(event, events.BestEpochMeasured):
        tf.summary.scalar(f"test_accuracy_at_best/task{event.task}", event.test_accuracy, event.global_epoch)
      elif isinstance(event, events.CurveMeasured):
        for split, accuracies in event.accuracies.items():
          self._write_accuracies(f"curve_{split}_accuracy", accuracies, event.global_epoch)
      elif isinstance(event, events.VisitEnded):
        self._write_visit(event)

  def position(self) -> dict:
    """Size of every event file, all of it on disk; and what the next visit's summaries continue."""
    if self._writer is not None:
      self._writer.flush()
    sizes = {}
    for path in self._files():
      with files.open_plain(path, "r+") as file:
        os.fsync(file.fileno())
        sizes[path.name] = os.fstat(file.fileno()).st_size
    return {"sizes": sizes, "configurations": {str(task): bits for task, bits in self._configurations.items()},
            "peaks": self._peaks}

  def restore(self, position: dict | None) -> None:
    """See `events.Sink`."""
    self.close()
    position = position or {"sizes": {}, "configurations": {}, "peaks": []}
    for path in self._files():
      size = position["sizes"].get(path.name)
      if size is None:
        path.unlink()
      else:
        with files.open_plain(path, "r+") as file:
          file.truncate(size)
    self._configurations = {int(task): bits for task, bits in position["configurations"].items()}
    self._peaks = list(position["peaks"])

  def close(self) -> None:
    """See `events.Sink`."""
    if self._writer is not None:
      self._writer.close()
      self._writer = None

  def _files(self) -> list[pathlib.Path]:
    files.refuse_planted(self._directory)
    return sorted(self._directory.glob("*.tfevents.*"))

  def _start(self, event: events.RunStarted) -> None:
    self._num_tasks = len(set(event.task_order))
    if event.resumptions:
      return
    from tensorboard.plugins.hparams import api as hparams  # noqa: PLC0415  costs a second, which not every run needs
    values = {"stream": event.stream, "learner": event.learner, "seed": event.seed, "batch_size": event.batch_size,
              "epochs_per_task": event.epochs_per_task, "learning_rate": event.learning_rate,
              "learning_rate_decay": event.learning_rate_decay, **self._hyper_parameters}
    hparams.hparams(values, trial_id=_group(values))

  def _write_epoch(self, event: events.EpochEnded) -> None:
    scalars = {f"validation_accuracy/task{event.task}": event.validation_accuracy,
               "training/loss": event.loss, "training/learning_rate": event.learning_rate,
               **{f"training/{name}": value for name, value in event.metrics.items()}}
    for name, value in scalars.items():
      if value is not None:
        tf.summary.scalar(name, value, event.global_epoch)

  def _write_visit(self, event: events.VisitEnded) -> None:
    step, result = event.visit + 1, event.result
    self._write_accuracies("visit/test_accuracy", result.accuracies, step)
    learned = [accuracy for accuracy in result.accuracies if accuracy is not None]
    self._peaks.append(result.at_best_validation)
    tf.summary.scalar("visit/final_accuracy", np.mean(learned), step)
    tf.summary.scalar("visit/peak_accuracy", np.mean(self._peaks), step)
    tf.summary.scalar("visit/parameters", result.parameters, step)
    if result.configuration is not None:
      self._configurations[event.task] = result.configuration
      tf.summary.image("visit/configurations", configuration_grid(self._configurations, self._num_tasks)[None], step)

  def _write_accuracies(self, name: str, accuracies: list, step: int) -> None:
    for task_id, accuracy in enumerate(accuracies):
      if accuracy is not None:
        tf.summary.scalar(f"{name}/task{task_id}", accuracy, step)


def _group(values: Mapping[str, bool | int | float | str]) -> str:
  """Name of the group of runs that are repetitions of each other: TensorBoard's own choice counts the seed too."""
  shared = {name: value for name, value in values.items() if name != "seed"}
  return hashlib.sha256(json.dumps(shared, sort_keys=True).encode()).hexdigest()[:16]


def configuration_grid(configurations: dict[int, str], num_tasks: int) -> np.ndarray:
  """A picture of who shares what: a row for every task, a column for every layer from the input on.

  Args:
    configurations: task id -> bits, '1' for a shared layer.
    num_tasks: rows.

  Returns:
    uint8 `[height, width, 1]`: white = shared, dark grey = the task's own, black = not learned yet.
  """
  grid = np.zeros((num_tasks, max(map(len, configurations.values()))), np.uint8)
  for task_id, bits in configurations.items():
    grid[task_id] = [255 if bit == "1" else 80 for bit in bits]
  return np.kron(grid, np.ones((_CELL, _CELL), np.uint8))[:, :, None]
