"""One task more for a trained learner, from images in memory instead of a stream."""

import dataclasses
import os
import time
from collections.abc import Callable, Sequence

import numpy as np

from benchmark.models import saved_run
from benchmark.models.model_folder import ModelError
from lasem_tf import seeding, types
from lasem_tf.data import pipeline, preprocessing as preprocessing_lib, stream as stream_lib
from lasem_tf.training import checkpoints, growth, session as session_lib, splits, trainer

Rule = preprocessing_lib.Preprocessing | None
Images = np.ndarray | Sequence[str | os.PathLike]
Prepare = Callable[[Images, Rule], np.ndarray]


class _LaterTask(stream_lib.TaskStream):
  """Tasks of which the last alone has images, which are in memory."""

  protocol: dict = {}

  def __init__(self, name: str, saved: saved_run.SavedRun, info: types.TaskInfo, parts: dict[str, types.TaskSplit]):
    self.name = self.display_name = name
    self.image_shape = saved.image_shape
    self.tasks = (*(task.info for task in saved.tasks), info)
    self.context = stream_lib.StreamContext(saved.run.seed, saved.run.design_seed)
    self._parts = parts
    empty = np.zeros((0, *self.image_shape), np.float32)
    self._nothing = types.TaskSplit(empty, np.zeros(0, np.int32), np.zeros(0, np.int64))

  def _load(self, task_id, split):
    return self._parts[split] if task_id == self.num_tasks - 1 else self._nothing

  def _source_indices(self, task_id, split):
    return self._load(task_id, split).indices


def learn(saved: saved_run.SavedRun, prepare: Prepare, images: Images, labels: Sequence[int | str],
          class_names: Sequence[str] | None = None, validation_percent: int = 20) -> saved_run.SavedRun:
  """Trains a run's learner on one task more, exactly as its configuration says a visit goes.

  Args:
    saved: the run, which stays as it is.
    prepare: function (images, rule) -> float32 `[n, height, width, channels]`.
    images: all images of the task, an array or a list of files.
    labels: of every image: its class's name, or its number in `class_names`.
    class_names: of the classes; default: the names that occur, sorted, or the numbers.
    validation_percent: how many images of each class, at least one, choose the best epoch and steer a search. They
      stand for test images in what the visit measures.

  Returns:
    The run with the task at its end. Its images are prepared by the last task's rule; where that standardises, with
    the statistics of the new training images.

  Raises:
    ModelError: labels that do not fit, too few images, a learner that needs images of earlier tasks, or training that
      diverges.
  """
  names, numbers = _numbered(labels, class_names)
  if len(numbers) != len(images):
    raise ModelError(f"There are {len(images)} images and {len(numbers)} labels.")
  rows = _split(numbers, len(names), validation_percent, saved)
  template = saved.tasks[-1].preprocessing
  chosen = lambda part: images[part] if isinstance(images, np.ndarray) else [images[row] for row in part]
  rule = _rule(template, prepare, chosen(rows["train"]))
  parts = {split: types.TaskSplit(prepare(chosen(part), rule), numbers[part], part.astype(np.int64))
           for split, part in rows.items()}
  info = types.TaskInfo(len(saved.tasks), len(names), names)
  stream = _LaterTask(saved.checkpoint.state["identity"]["stream"], saved, info, parts)
  session, data = _session(saved, stream)
  try:
    session.begin(growth.Parent(saved.checkpoint, {"identity": saved.run.identity}))
    trainer.VisitTrainer(session).run()
  except (growth.GrowthError, trainer.Diverged, checkpoints.CheckpointError) as error:
    raise ModelError(f"The model of {saved.run.identity} cannot learn this task: {error}") from error
  fingerprints = {split: data.fingerprint(info.task_id, split) for split in types.SPLITS}
  return dataclasses.replace(saved, tasks=(*saved.tasks, saved_run.SavedTask(info, rule, fingerprints)),
                             checkpoint=checkpoints.Checkpoint(*session.state()))


def _session(saved: saved_run.SavedRun, stream: stream_lib.TaskStream) -> tuple[session_lib.Session, splits.SplitCache]:
  data, new_task = splits.SplitCache(stream), stream.num_tasks - 1

  def examples(task_id: int, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return (data.training_examples if task_id == new_task else saved.no_examples)(task_id, rows)

  experiment, learner = saved.build([task.num_classes for task in stream.tasks], examples)
  options = dataclasses.replace(experiment.training_options(checkpoint_seconds=1e9),
                                task_order=(*saved.order, new_task), eval_every=0)
  if stream.counts()["train"][new_task] < options.batch_size:
    raise ModelError(f"There are {stream.counts()['train'][new_task]} training images, fewer than the "
                     f"{options.batch_size} of a mini-batch of this run: give more.")
  return session_lib.Session(learner, data, options, None, (), lambda: False, saved.run.configuration_hash,
                             time.monotonic), data


def _numbered(labels: Sequence[int | str], class_names: Sequence[str] | None) -> tuple[tuple[str, ...], np.ndarray]:
  """Class names, and the int32 number of every label."""
  values = np.asarray(labels)
  if values.ndim != 1 or values.dtype.kind not in "iuU":
    raise ModelError(f"Labels must be a list of whole numbers or of names, not {values.dtype} of shape {values.shape}.")
  if values.dtype.kind == "U":
    names = tuple(map(str, np.unique(values))) if class_names is None else tuple(class_names)
    unknown = sorted(set(values.tolist()) - set(names))
    if unknown:
      raise ModelError(f"Label {unknown[0]!r} is none of class_names ({', '.join(names)}).")
    return names, np.array([names.index(value) for value in values.tolist()], np.int32)
  names = tuple(map(str, range(int(values.max(initial=0)) + 1))) if class_names is None else tuple(class_names)
  if values.min(initial=0) < 0 or values.max(initial=0) >= len(names):
    raise ModelError(f"Labels must lie between 0 and {len(names) - 1}; they run from {values.min()} to {values.max()}.")
  return names, values.astype(np.int32)


def _split(numbers: np.ndarray, num_classes: int, percent: int, saved: saved_run.SavedRun) -> dict[str, np.ndarray]:
  """Rows of every split; classes are divided apart."""
  if num_classes < 2:
    raise ModelError("A task needs two classes at least.")
  train, validation = [], []
  for label in range(num_classes):
    rows = np.flatnonzero(numbers == label)
    if len(rows) < 2:
      raise ModelError(f"Class {label} has {len(rows)} images; it needs one to train on and one for validation.")
    order = seeding.generator(saved.run.design_seed, saved.run.seed, "learn", "split", len(saved.tasks), label)
    rows = rows[order.permutation(len(rows))]
    count = min(max(1, len(rows) * percent // 100), len(rows) - 1)
    validation.append(rows[:count])
    train.append(rows[count:])
  held_out = np.concatenate(validation)
  return {"train": np.concatenate(train), "validation": held_out, "test": held_out}


def _rule(template: Rule, prepare: Prepare, images: Images) -> Rule:
  """The template, with statistics of its own where it holds any; None for arrays of floats."""
  is_prepared = isinstance(images, np.ndarray) and np.issubdtype(images.dtype, np.floating)
  if template is None or is_prepared or not template.mean:
    return None if is_prepared else template
  bare = dataclasses.replace(template, mean=(), deviation=(), channel_order=(), rotation=0, permutation_seed=None)
  found = pipeline.channel_statistics([prepare(images, bare)]).preprocessing(template.image_shape)
  return dataclasses.replace(template, mean=found.mean, deviation=found.deviation)
