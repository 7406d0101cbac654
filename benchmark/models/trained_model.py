"""A trained run as a Python object: asks it about new images, and teaches it one more task."""

import dataclasses
import os
import pathlib
from collections.abc import Sequence
from typing import Literal

import numpy as np
from scipy import special

from benchmark.models import learning, saved_run
from benchmark.models.learning import Images
from benchmark.models.model_folder import ModelError
from lasem_tf import types
from lasem_tf.data import preprocessing as preprocessing_lib
from lasem_tf.data.readers import prepared_images
from lasem_tf.training import prediction

AUTO: Literal["auto"] = "auto"
Task = int | Literal["auto"]


@dataclasses.dataclass(frozen=True)
class Prediction:
  """What a model says of one image.

  Attributes:
    task_id: the task whose head answered.
    class_names: of that task.
    logits: float `[classes]`.
  """

  task_id: int
  class_names: tuple[str, ...]
  logits: np.ndarray

  @property
  def probabilities(self) -> np.ndarray:
    """Softmax of the logits within the task, float64 `[classes]`."""
    return special.softmax(self.logits.astype(np.float64))

  @property
  def label(self) -> int:
    """Position of the most probable class."""
    return int(np.argmax(self.logits))

  @property
  def class_name(self) -> str:
    """Name of the most probable class."""
    return self.class_names[self.label]


class TrainedModel:
  """A lifelong learner as a run left it.

  Attributes:
    tasks: of the run's stream: number of classes, and their names.
    learner: with its weights, between visits.
  """

  def __init__(self, saved: saved_run.SavedRun):
    """Builds the learner and gives it the saved weights; raises ModelError where they do not fit."""
    self._saved = saved
    self.learner = saved.learner()
    self._predictor = prediction.Predictor(self.learner)
    self.tasks: tuple[types.TaskInfo, ...] = tuple(task.info for task in saved.tasks)

  @property
  def learned_tasks(self) -> tuple[int, ...]:
    """Tasks that the model has learned, in order."""
    return tuple(sorted(self.learner.learned_tasks))

  @property
  def image_shape(self) -> tuple[int, int, int]:
    """(height, width, channels) of what the network sees."""
    return self._saved.image_shape

  def preprocessing(self, task: int) -> preprocessing_lib.Preprocessing | None:
    """How an image file becomes what the network sees in a task; None where its images do not come from files."""
    return self._saved.tasks[self._checked(task)].preprocessing

  def configuration(self, task: int) -> str | None:
    """The transfer configuration of a task, a bit for each layer, '1' for shared; None for methods without one."""
    return self._saved.configuration(self._checked(task))

  def prepare(self, images: Images, task: int) -> np.ndarray:
    """Images as the network sees them in a task.

    Args:
      images: paths of image files of any size; or pixels, uint8 `[n, height, width, channels]` of the network's size;
        or floats of that shape, which are taken for prepared.
      task: the task, whose rule is applied.

    Returns:
      float32 `[n, height, width, channels]`.

    Raises:
      ModelError: the task has no rule for files and pixels, or the shape is another.
      DataError: a file is no image that can be read; the message names it.
    """
    return self._prepare(images, self.preprocessing(task))

  def _prepare(self, images: Images, rule: preprocessing_lib.Preprocessing | None) -> np.ndarray:
    wanted = self.image_shape
    if not isinstance(images, np.ndarray):
      if rule is None:
        raise ModelError("Images of this task did not come from files, so it is not known how a file is prepared: give "
                         f"an array of floats of shape [n, {', '.join(map(str, wanted))}] as the network sees it.")
      arrays = [prepared_images.read(os.fspath(path), rule) for path in images]
      return np.stack(arrays) if arrays else np.zeros((0, *wanted), np.float32)
    if images.shape[1:] != wanted:
      raise ModelError(f"Images have shape {images.shape}, [n, {', '.join(map(str, wanted))}] is needed; files of any "
                       "size may be given as paths.")
    if np.issubdtype(images.dtype, np.floating):
      return images.astype(np.float32)
    if images.dtype != np.uint8:
      raise ModelError(f"Images are {images.dtype}: give uint8 pixels or prepared floats.")
    if rule is None:
      raise ModelError("Images of this task did not come from 8-bit pixels, so it is not known how these are "
                       "prepared: give floats as the network sees them.")
    return rule.normalize(images.astype(np.float32) / np.float32(255))

  def logits(self, images: Images, task: int) -> np.ndarray:
    """Logits of one task's head, float `[n, classes]`; images and errors as in `prepare`."""
    return self._predictor.logits(self.prepare(images, task), task)

  def predict(self, images: Images, task: Task) -> list[Prediction]:
    """What the model says of each image.

    Args:
      images: see `prepare`.
      task: the task that the images belong to; 'auto': the one whose head gives the largest logit of all, each task's
        images prepared by its own rule. Heads are trained apart, so that this guess is worth less than knowing.

    Returns:
      One prediction for each image.

    Raises:
      ModelError, DataError: see `prepare`; or there is no such task.
    """
    asked = self.learned_tasks if task == AUTO else (self._checked(task),)
    logits = [self.logits(images, task_id) for task_id in asked]
    answers = []
    for index in range(len(logits[0])):
      chosen = max(range(len(asked)), key=lambda position: logits[position][index].max())
      answers.append(Prediction(asked[chosen], self.tasks[asked[chosen]].class_names, logits[chosen][index]))
    return answers

  def learn(self, images: Images, labels: Sequence[int | str], **options) -> "TrainedModel":
    """A model that has learned one task more; this one stays as it is.

    Args:
      images: see `prepare`.
      labels: see `learning.learn`, which also describes the options and what may go wrong.
      **options: `class_names`, `validation_percent`.
    """
    return TrainedModel(learning.learn(self._saved, self._prepare, images, labels, **options))

  def save(self, directory: str | os.PathLike) -> None:
    """Writes the model to a folder from which `load` reads it.

    Raises:
      CheckpointError: the disk is full or not writable.
    """
    self._saved.write(pathlib.Path(directory))

  def task_number(self, text: str) -> int:
    """The learned task that a text names by its number; raises ModelError if it names none."""
    return self._checked(int(text) if text.isdecimal() and len(text) < 10 else text)

  def _checked(self, task: object) -> int:
    if isinstance(task, bool) or not isinstance(task, (int, np.integer)) or task not in self.learned_tasks:
      raise ModelError(f"There is no task {task!r}: the model of {self._saved.run.identity} learned "
                       f"{', '.join(map(str, self.learned_tasks))}.")
    return int(task)


def load(run_dir: str | os.PathLike) -> TrainedModel:
  """The trained model of a run.

  Its configuration is Gin text, which imports and calls what it names: load a model from elsewhere only if you would
  also run a program from there. The data it was trained on are not needed.

  Args:
    run_dir: folder of a completed run.

  Raises:
    ModelError: there is no model, it is damaged, or it does not fit this version; the message says what to do.
  """
  return TrainedModel(saved_run.read(pathlib.Path(os.path.expanduser(run_dir))))
