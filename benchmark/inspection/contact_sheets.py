"""Contact sheets: one picture for each task, with a row for each class and some images of every split."""

import pathlib
import textwrap

import numpy as np
from matplotlib import figure
from matplotlib.backends import backend_agg

from benchmark.results import texts
from lasem_tf import types
from lasem_tf.data import stream

IMAGES_PER_SPLIT = {"train": 5, "validation": 1, "test": 3}
_GAP = 2  # pixels between images
_INCHES = 9.0  # width of the images of a sheet


def displayable(images: np.ndarray) -> np.ndarray:
  """Images in [0, 1]: as they are, shifted by half where they lie around zero, else spread between their extremes.

  Args:
    images: float `[n, height, width, channels]`.
  """
  low, high = float(images.min()), float(images.max())
  if low >= 0 and high <= 1:
    return images
  if low >= -0.5 and high <= 0.5:
    return images + 0.5
  low, high = np.percentile(images, [0.5, 99.5], axis=(0, 1, 2))
  return np.clip((images - low) / np.maximum(high - low, 1e-6), 0, 1)


def compose(shown: stream.TaskStream, task_id: int) -> np.ndarray:
  """The pictures of a task side by side, white where a class has too few.

  Args:
    shown: the stream.
    task_id: one of its tasks.

  Returns:
    float32 `[rows, columns, 3]` in [0, 1].
  """
  task = shown.tasks[task_id]
  height, width, _ = shown.image_shape
  columns = sum(IMAGES_PER_SPLIT.values())
  sheet = np.ones((task.num_classes * (height + _GAP), columns * (width + _GAP), 3), np.float32)
  first = 0
  for split in types.SPLITS:
    examples = shown.load(task_id, split)
    images = displayable(examples.images)
    for label in range(task.num_classes):
      positions = np.flatnonzero(examples.labels == label)[:IMAGES_PER_SPLIT[split]]
      for column, position in enumerate(positions, start=first):
        top, left = label * (height + _GAP), column * (width + _GAP)
        sheet[top:top + height, left:left + width] = images[position]  # grey spreads over the colours
    first += IMAGES_PER_SPLIT[split]
  return sheet


def draw(shown: stream.TaskStream, task_id: int, path: pathlib.Path) -> None:
  """Writes the sheet of one task as a PNG file."""
  task = shown.tasks[task_id]
  height, width = (size + _GAP for size in shown.image_shape[:2])
  sheet = compose(shown, task_id)
  aspect = sheet.shape[0] / sheet.shape[1]
  fig = figure.Figure(figsize=(_INCHES + 1.6, _INCHES * aspect + 0.8), dpi=110, layout="constrained")
  backend_agg.FigureCanvasAgg(fig)
  axes = fig.add_subplot()
  axes.imshow(sheet, interpolation="nearest")
  names = [textwrap.shorten(texts.printable(name), 24, placeholder="...") for name in task.class_names]
  axes.set_yticks([(label + 0.5) * height for label in range(task.num_classes)],
                  [f"{label}  {name}" for label, name in enumerate(names)], parse_math=False)
  starts = np.cumsum([0, *IMAGES_PER_SPLIT.values()])
  axes.set_xticks([(start + end) / 2 * width for start, end in zip(starts, starts[1:])], list(IMAGES_PER_SPLIT))
  axes.xaxis.tick_top()
  axes.tick_params(length=0)
  for start in starts[1:-1]:
    axes.axvline(start * width - _GAP / 2, color="black", linewidth=1)
  for spine in axes.spines.values():
    spine.set_visible(False)
  details = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in task.details.items())
  title = texts.printable(f"{shown.display_name}, task {task_id}{': ' if details else ''}{details}")
  axes.set_title(title, fontsize=10, parse_math=False)
  fig.savefig(path, bbox_inches="tight")
