"""The release's CSV files of an STL-10 design, one for each trial.

For every task: `Task,k`, `Classes,a,b,c`, where there is noise `Noise,mean,deviation`, where channels are permuted
`ChannelSwap,p0,p1,p2`, then `TrainIndices` and `ValidationIndices`, each followed by one `class,position` row per
image. The release read whatever files it found and silently drew everything anew when one was missing or damaged; here
a set that is incomplete, inconsistent or does not fit the data is an error.
"""

import contextlib
import csv
import io
import os
import pathlib
import uuid
from collections.abc import Sequence
from typing import Any

from lasem_tf.data import sources
from lasem_tf.data.stream import DataError
from lasem_tf.data.streams.stl10_design import IDENTITY, NUM_CLASSES, TaskDesign, TaskIndices

NUM_TRIALS = 5
MAX_BYTES = 1 << 24  # A file of the release has 60 kB.
_REMEDY = "Restore the file, or bind STL10.design = 'seeded'."


def file_name(percent: int, validation_percent: int, num_tasks: int, num_classes: int, trial: int) -> str:
  """The release's name, e.g. `stl10_p25_v15_t20_c3_s0.csv`."""
  return f"stl10_p{percent}_v{validation_percent}_t{num_tasks}_c{num_classes}_s{trial}.csv"


def write(path: pathlib.Path, tasks: Sequence[TaskDesign], indices: Sequence[TaskIndices]) -> None:
  """Writes one trial, complete or not at all.

  Raises:
    DataError: the file cannot be written.
  """
  buffer = io.StringIO()
  writer = csv.writer(buffer, lineterminator="\n")
  for task_id, (task, drawn) in enumerate(zip(tasks, indices)):
    writer.writerow(["Task", task_id])
    writer.writerow(["Classes", *task.classes])
    if task.has_noise:
      writer.writerow(["Noise", repr(task.noise_mean), repr(task.noise_deviation)])
    if task.channels != IDENTITY:
      writer.writerow(["ChannelSwap", *task.channels])
    for title, rows in (("TrainIndices", drawn.train), ("ValidationIndices", drawn.validation)):
      writer.writerow([title])
      writer.writerows(rows)
  partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
  try:
    partial.write_text(buffer.getvalue())
    os.replace(partial, path)
  except OSError as error:
    raise DataError(f"{path} cannot be written ({error.strerror}); free the space or name another folder with "
                    "--output_dir.") from error
  finally:
    with contextlib.suppress(OSError):
      partial.unlink(missing_ok=True)


def read(path: pathlib.Path) -> tuple[tuple[TaskDesign, ...], tuple[TaskIndices, ...]]:
  """Reads one trial.

  Raises:
    DataError: a row is not of the format; the message names file and line.
  """
  tasks: list[dict[str, Any]] = []
  current, rows = None, None
  try:
    text = sources.read_bytes(path, MAX_BYTES, _REMEDY).decode("utf-8-sig")
    for line, row in enumerate(csv.reader(io.StringIO(text, newline="")), start=1):
      try:
        current, rows = _take_row(row, tasks, current, rows)
      except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise DataError(f"{path}, line {line}: {','.join(row)[:80]!r} does not belong there ({str(error)[:80]}). "
                        f"{_REMEDY}") from error
  except (UnicodeDecodeError, csv.Error) as error:
    raise DataError(f"{path} cannot be read: {error}. {_REMEDY}") from error
  for task_id, task in enumerate(tasks):
    if not all(task.get(key) for key in ("classes", "train", "validation")):
      raise DataError(f"{path}: task {task_id} lacks its classes or indices; the file is cut short. {_REMEDY}")
  designs = []
  for task in tasks:
    mean, deviation = task.get("noise", (0.0, 0.0))
    designs.append(TaskDesign(task["classes"], mean, deviation, task.get("channels", IDENTITY)))
  return tuple(designs), tuple(TaskIndices(tuple(t["train"]), tuple(t["validation"])) for t in tasks)


def _take_row(row, tasks, current, rows):
  """Adds a row to the task being read; returns that task and the list that index rows go to."""
  title, values = row[0], row[1:]
  if title == "Task":
    if int(values[0]) != len(tasks) or len(values) != 1:
      raise ValueError(f"task {len(tasks)} is expected")
    tasks.append({})
    return tasks[-1], None
  if title == "Classes":
    current["classes"] = tuple(int(value) for value in values)
  elif title == "Noise":
    mean, deviation = (float(value) for value in values)
    current["noise"] = (mean, deviation)
  elif title == "ChannelSwap":
    current["channels"] = tuple(int(value) for value in values)
  elif title in ("TrainIndices", "ValidationIndices"):
    rows = current.setdefault({"TrainIndices": "train", "ValidationIndices": "validation"}[title], [])
  else:
    class_id, position = (int(value) for value in row)
    rows.append((class_id, position))
  return current, rows


def read_trial(folder: pathlib.Path, percent: int, validation_percent: int, num_tasks: int, num_classes: int,
               trial: int, class_counts: Sequence[int]) -> tuple[tuple[TaskDesign, ...], tuple[TaskIndices, ...]]:
  """Reads the complete set of a folder and returns one trial of it.

  Args:
    folder: where the files lie.
    percent, validation_percent, num_tasks, num_classes: the design, as in the names of the files.
    trial: which of the five trials.
    class_counts: training images available of each class; every index must exist.

  Raises:
    DataError: a file is missing or damaged, the trials are not of the same tasks, or the design does not fit the data.
  """
  if not 0 <= trial < NUM_TRIALS:
    raise DataError(f"The design files hold trials 0..{NUM_TRIALS - 1}, not {trial}: choose another seed, or bind "
                    "STL10.design = 'seeded'.")
  paths = [folder / file_name(percent, validation_percent, num_tasks, num_classes, t) for t in range(NUM_TRIALS)]
  missing = [path.name for path in paths if not sources.is_file(path)]
  if missing:
    raise DataError(f"{folder} lacks {', '.join(missing)}; a design is complete or not used at all. Restore the files, "
                    "or bind STL10.design = 'seeded'.")
  trials = [read(path) for path in paths]
  for path, (tasks, indices) in zip(paths, trials):
    if tasks != trials[0][0]:
      raise DataError(f"{path} describes other tasks than {paths[0].name}. {_REMEDY}")
    _check(path, tasks, indices, num_tasks, num_classes, class_counts)
  return trials[trial]


def _check(path, tasks, indices, num_tasks, num_classes, class_counts) -> None:
  """Refuses a design that cannot be meant for the data."""
  def refuse(problem):
    raise DataError(f"{path} does not fit the data: {problem}. {_REMEDY}")

  if len(tasks) != num_tasks:
    refuse(f"it holds {len(tasks)} tasks instead of {num_tasks}")
  for task_id, (task, drawn) in enumerate(zip(tasks, indices)):
    if len(set(task.classes)) != num_classes or len(task.classes) != num_classes or not set(task.classes) <= set(
        range(NUM_CLASSES)):
      refuse(f"task {task_id} has the classes {task.classes} instead of {num_classes} different ones of "
             f"0..{NUM_CLASSES - 1}")
    if sorted(task.channels) != list(IDENTITY):
      refuse(f"task {task_id} permutes the channels by {task.channels}")
    if not 0 <= task.noise_deviation <= 1 or not -1 <= task.noise_mean <= 1:
      refuse(f"task {task_id} has noise of mean {task.noise_mean} and standard deviation {task.noise_deviation}")
    used = drawn.train + drawn.validation
    if len(set(used)) != len(used):
      refuse(f"an image of task {task_id} is listed twice")
    if {class_id for class_id, _ in drawn.train} != set(task.classes):
      refuse(f"the training images of task {task_id} are not of the classes {task.classes}")
    for class_id, position in used:
      if class_id not in task.classes or not 0 <= position < class_counts[class_id]:
        refuse(f"task {task_id} lists image {position} of class {class_id}, which does not exist (the class has "
               f"{class_counts[class_id] if 0 <= class_id < NUM_CLASSES else 0} images)")
