"""What every stream promises, checked on a stream of somebody's own: each broken promise is one sentence."""

import itertools
import json
from collections.abc import Callable, Iterator

import numpy as np

from lasem_tf import types
from lasem_tf.data import overlap, preprocessing as preprocessing_lib
from lasem_tf.data.stream import TaskStream

_MOST = 20  # problems that are told


def problems(stream: TaskStream, again: Callable[[], TaskStream]) -> list[str]:
  """Loads every split of every task and compares it with what `TaskStream` and `types` say.

  Args:
    stream: the stream.
    again: makes the same stream anew, with the same context.

  Returns:
    A sentence for every promise that is broken, each with the task and the split; empty for a good stream.
  """
  found = list(itertools.islice(_of_tasks(stream), _MOST))
  if found:  # What follows relies on these.
    return found
  try:
    copy = again()
    found = list(itertools.islice(_of_splits(stream, copy), _MOST))
    if not found:
      found = list(_of_the_first_task(stream, again()))
    if not found:
      found = [sentence for task in stream.tasks for sentence in overlap.shared_images(stream, task.task_id)]
    if not found and stream.data_fingerprint != copy.data_fingerprint:
      found = ["The data fingerprint differs between two streams of one seed: derive all randomness from context.seed "
               "and context.design_seed through lasem_tf.seeding."]
  except Exception as error:  # noqa: BLE001  whatever a user's class raises is what is to be told
    return [*found, f"{type(error).__name__}: {' '.join(str(error).split())}"]
  return found


def _of_tasks(stream: TaskStream) -> Iterator[str]:
  if len(stream.image_shape) != 3 or not all(isinstance(size, int) and size > 0 for size in stream.image_shape):
    yield f"image_shape is {stream.image_shape!r}: three positive whole numbers (height, width, channels) are needed."
  for name in ("name", "display_name"):
    if not isinstance(getattr(stream, name, None), str) or not getattr(stream, name):
      yield f"{name} is {getattr(stream, name, None)!r}: set it to a text."
  try:
    json.dumps(stream.protocol)
  except TypeError as error:
    yield f"protocol cannot be written as JSON ({error}): use numbers, texts, lists and dicts."
  if not stream.tasks:
    yield "tasks is empty: a stream needs at least one."
  for position, task in enumerate(stream.tasks):
    if task.task_id != position:
      yield f"Task {position} has task_id {task.task_id}: number tasks from 0, in order."
    if task.num_classes < 2 or len(task.class_names) != task.num_classes:
      yield (f"Task {position} has {task.num_classes} classes and {len(task.class_names)} names: give two or more "
             "classes, and every class a name.")


def _of_splits(stream: TaskStream, copy: TaskStream) -> Iterator[str]:
  for task, split in itertools.product(stream.tasks, types.SPLITS):
    where = f"Task {task.task_id}, {split}"
    loaded = stream.load(task.task_id, split)
    broken = list(_of_arrays(stream, task, split, loaded, where))
    yield from broken
    if broken:
      continue
    again = copy.load(task.task_id, split)
    for name in ("images", "labels", "indices"):
      if not np.array_equal(getattr(loaded, name), getattr(again, name)):
        yield (f"{where}: {name} differ between two streams of one seed. Derive all randomness from context.seed and "
               "context.design_seed through lasem_tf.seeding.")
  for task in stream.tasks:
    rule = stream.preprocessing(task.task_id)
    if rule is not None and (not isinstance(rule, preprocessing_lib.Preprocessing)
                             or rule.image_shape != stream.image_shape):
      yield f"Task {task.task_id}: preprocessing must be None or a Preprocessing to {stream.image_shape}, not {rule!r}."


def _of_the_first_task(stream: TaskStream, cut: TaskStream) -> Iterator[str]:
  cut.keep_first(1)
  for split in types.SPLITS:
    whole, alone = stream.load(0, split), cut.load(0, split)
    for name in ("images", "labels", "indices"):
      if not np.array_equal(getattr(whole, name), getattr(alone, name)):
        yield (f"Task 0, {split}: {name} are others where the stream is cut to its first task: draw and number them by "
               "what the stream was constructed with, not by num_tasks or tasks.")


def _of_arrays(stream: TaskStream, task: types.TaskInfo, split: str, loaded: types.TaskSplit,
               where: str) -> Iterator[str]:
  if not len(loaded.labels):
    yield f"{where} is empty: give every split images."
    return
  expected = {"images": (np.float32, (len(loaded.labels), *stream.image_shape)),
              "labels": (np.int32, (len(loaded.labels),)), "indices": (np.int64, (len(loaded.labels),))}
  for name, (kind, shape) in expected.items():
    array = getattr(loaded, name)
    if array.dtype != kind or array.shape != shape:
      yield f"{where}: {name} are {array.dtype} {list(array.shape)}, but {np.dtype(kind)} {list(shape)} is needed."
  if not np.isfinite(loaded.images).all():
    yield f"{where}: images hold values that are not finite."
  low, high = loaded.labels.min(), loaded.labels.max()
  if low < 0 or high >= task.num_classes:
    yield (f"{where}: labels are {low}..{high}, but the task has {task.num_classes} classes: they must lie in "
           f"0..{task.num_classes - 1}.")
  elif split == "train" and (missing := sorted({*range(task.num_classes)} - {*loaded.labels.tolist()})):
    yield f"{where}: no image has the label {missing[0]} ({task.class_names[missing[0]]}): every class needs some."
  if not np.array_equal(stream.source_indices(task.task_id, split), loaded.indices):
    yield f"{where}: source_indices are not the indices that load gives: return the same array from both."
  elif len(np.unique(loaded.indices)) < len(loaded.indices):
    yield f"{where}: an index occurs twice: every source image has one of its own."
