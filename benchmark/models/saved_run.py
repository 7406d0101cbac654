"""The folder `model` of a run: its final weights, and all that is needed to use them without the data."""

import contextlib
import dataclasses
import pathlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import gin
import keras
import numpy as np

from benchmark.models import model_folder
from benchmark.models.model_folder import ModelError
from benchmark.results import run_files
from benchmark.suites import experiment as experiment_lib, own_code, suite
from benchmark.suites.gin_files import ConfigurationError
from lasem_tf import types
from lasem_tf.data import preprocessing as preprocessing_lib
from lasem_tf.learners import base
from lasem_tf.training import checkpoints, session as session_lib, splits

_FORMAT = 1
Examples = Callable[[int, np.ndarray], tuple[np.ndarray, np.ndarray]]


@dataclasses.dataclass(frozen=True)
class SavedTask:
  """What is known of a task without its images.

  Attributes:
    info: the task.
    preprocessing: how an image file is prepared for it; None where images do not come from files, or it was not
      learned.
    fingerprints: of the images and labels that were used, by split, see `splits.SplitCache.fingerprint`; empty where it
      was not learned.
  """

  info: types.TaskInfo
  preprocessing: preprocessing_lib.Preprocessing | None
  fingerprints: dict[str, str]

  def to_json(self) -> dict[str, Any]:
    """For the manifest; see `from_json`."""
    info, best = self.info, self.info.best_configuration
    return {"class_names": list(info.class_names), "class_ids": list(info.class_ids),
            "preprocessing": None if self.preprocessing is None else self.preprocessing.to_json(),
            "fingerprints": self.fingerprints, **({} if best is None else {types.BEST_CONFIGURATION: best})}

  @classmethod
  def from_json(cls, task_id: int, values: dict[str, Any]) -> "SavedTask":
    """The inverse of `to_json`."""
    names, rule = tuple(values["class_names"]), values["preprocessing"]
    details = {key: str(values[key]) for key in (types.BEST_CONFIGURATION,) if key in values}
    return cls(types.TaskInfo(task_id, len(names), names, tuple(values["class_ids"]), details),
               None if rule is None else preprocessing_lib.Preprocessing.from_json(rule), dict(values["fingerprints"]))


@dataclasses.dataclass(frozen=True)
class SavedRun:
  """A run that has ended, as it lies on disk.

  Attributes:
    run: its configuration.
    image_shape: (height, width, channels) of its images.
    tasks: those of its stream; it may have left some out.
    checkpoint: what `Session.state` was at its end.
  """

  run: suite.Run
  image_shape: tuple[int, int, int]
  tasks: tuple[SavedTask, ...]
  checkpoint: checkpoints.Checkpoint

  @property
  def order(self) -> list[int]:
    """Task of every visit."""
    return self.checkpoint.state["identity"]["order"]

  def configuration(self, task_id: int) -> str | None:
    """The transfer configuration that a task ended with, as bits; None without one."""
    visits = self.checkpoint.state["progress"]["visits"]
    found = [visit["configuration"] for other, visit in zip(self.order, visits) if other == task_id]
    return found[-1] if found else None

  def write(self, directory: pathlib.Path) -> None:
    """Writes the model into a run's folder, whole or not at all.

    Raises:
      CheckpointError: the disk is full or not writable.
    """
    run = dataclasses.replace(self.run, code=())  # A model may be used with code that was edited since.
    state = {"model_format": _FORMAT, "run": run.to_json(), "image_shape": list(self.image_shape),
             "tasks": [task.to_json() for task in self.tasks], "session": self.checkpoint.state}
    store = checkpoints.CheckpointStore(directory / run_files.MODEL_FOLDER, num_kept=1)
    store.save(state, self.checkpoint.arrays)

  def build(self, num_classes: Sequence[int] | None = None,
            examples: Examples | None = None) -> tuple[experiment_lib.Experiment, base.Learner]:
    """The run's configuration and a learner of it that knows no task; gin's global state is left as it was.

    Args:
      num_classes: of every task; default: those of the run.
      examples: see `LearnerContext`; default: there are none, and a learner that asks for some is refused.

    Raises:
      ModelError: a module that the configuration names is not there, or does not fit this version; or Keras computes
        in another precision than runs do.
    """
    if keras.config.floatx() != "float32":  # Of a program that imports this one, or of its keras.json.
      raise ModelError(f"Keras computes in {keras.config.floatx()}, runs were trained in float32: call "
                       "keras.config.set_floatx('float32') first, or take floatx out of keras.json.")
    counts = tuple(task.info.num_classes for task in self.tasks) if num_classes is None else tuple(num_classes)
    try:
      with _own_gin_state(), own_code.located(code=self.run.code):
        self.run.parse()
        experiment = experiment_lib.Experiment()
        context = experiment.learner_context(counts, self.run.seed, examples or self.no_examples,
                                             tuple(task.info.best_configuration for task in self.tasks))
        return experiment, experiment.learner(context)
    except (ConfigurationError, ValueError, TypeError, RuntimeError) as error:
      raise ModelError(f"The model of {self.run.identity} cannot be built: {' '.join(str(error).split())}") from error

  def no_examples(self, task_id: int, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """In the place of `LearnerContext.examples`; raises ModelError, as a model holds no images."""
    raise ModelError(f"The learner of {self.run.identity} rehearses training images of earlier tasks, which a model "
                     "does not hold: grow the run instead, with benchmark.run and its flag --grow.")

  def learner(self) -> base.Learner:
    """The learner as it was when the run ended.

    Raises:
      ModelError: as `build`, or the weights do not fit it.
    """
    _, learner = self.build()
    try:
      learner.restore_structure(self.checkpoint.state["structure"])
      session_lib.assign_strictly(learner.variables(), self.checkpoint.arrays)
    except (checkpoints.CheckpointError, KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
      raise ModelError(f"The model of {self.run.identity} does not fit its configuration ({error}): it is damaged, or "
                       "another version of this package wrote it.") from error
    return learner


def of_session(run: suite.Run, session: session_lib.Session, data: splits.SplitCache) -> SavedRun:
  """The run that a session has brought to its end.

  Args:
    run: its configuration.
    session: at the end of its last visit.
    data: what it learned from.
  """
  stream, learned = data.stream, session.learner.learned_tasks
  tasks = tuple(SavedTask(info, stream.preprocessing(info.task_id), {
      split: data.fingerprint(info.task_id, split) for split in types.SPLITS})
      if info.task_id in learned else SavedTask(info, None, {}) for info in stream.tasks)
  return SavedRun(run, stream.image_shape, tasks, checkpoints.Checkpoint(*session.state()))


def read(directory: pathlib.Path) -> SavedRun:
  """The model that a run's folder holds; nothing there is changed.

  Args:
    directory: of the run; or its folder `model`.

  Raises:
    ModelError: there is none, or it is damaged or of another format.
  """
  folder = model_folder.of_run(directory)
  try:
    found = checkpoints.read_newest(folder)
  except checkpoints.CheckpointError as error:
    raise ModelError(f"{error} Restore the folder {folder}, or train the run again.") from error
  if found is None:
    raise ModelError(model_folder.why_missing(directory))
  state = found.state
  if state.get("model_format") != _FORMAT:
    raise ModelError(f"{folder} holds no model of format {_FORMAT}, but {state.get('model_format', 'something else')}: "
                     "read it with the version that wrote it.")
  try:
    saved = SavedRun(suite.Run.from_json(state["run"]), tuple(state["image_shape"]),
                     tuple(SavedTask.from_json(number, values) for number, values in enumerate(state["tasks"])),
                     checkpoints.Checkpoint(state["session"], found.arrays))
    for task_id in saved.order:  # What is asked of it later is there.
      saved.configuration(saved.tasks[task_id].info.task_id)
    return saved
  except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
    raise ModelError(f"{folder} lacks or garbles {error}: it is damaged, or another version wrote it.") from error


@contextlib.contextmanager
def _own_gin_state() -> Iterator[None]:
  """Puts back, at the end, what gin held at the beginning: a library has no business with its user's configuration."""
  before = gin.config_str(max_line_length=100_000)
  try:
    yield
  finally:
    gin.clear_config()
    gin.parse_config(before)
