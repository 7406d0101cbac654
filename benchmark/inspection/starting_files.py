"""Gin files to start with, for a folder or a table of a user's own images. No TensorFlow."""

import collections
import contextlib
import pathlib
import re
import statistics
from collections.abc import Sequence
from typing import Any

from benchmark.results import texts
from benchmark.suites import gin_files, gin_text
from benchmark.suites.gin_files import ConfigurationError
from lasem_tf import files
from lasem_tf.data.readers import image_decoding, image_folders, image_tables
from lasem_tf.data.readers.listed_images import ListedImage
from lasem_tf.data.stream import DataError

SUITE_FILE = pathlib.Path("suite.gin")
_LEARNERS = ("stl", "hps_all", "lasem_hps")
_SEEDS = (0, 1)
_LARGEST_BATCH = 16
_MOST_TASKS = 10
_LOOKED_AT = 100  # images whose size is read
# Shares of train, validation and test for classes of at least so many images.
_SPLITS = ((10, (0.6, 0.1, 0.3)), (5, (0.6, 0.2, 0.2)), (4, (0.5, 0.25, 0.25)))


def write(root: str, data_dirs: tuple[str, ...], folder: pathlib.Path) -> list[str]:
  """Looks at the images and writes a stream and a suite for them.

  Args:
    root: a folder of images or a CSV file, see `image_folders` and `image_tables`.
    data_dirs: where a relative root is looked for if it is not in the working folder.
    folder: gets `streams/<name>.gin` and `suite.gin`; nothing in it is overwritten.

  Returns:
    Sentences that say what was found and written.

  Raises:
    ConfigurationError: one of the files exists, or cannot be written.
    DataError: the images cannot make a stream.
  """
  place = image_folders.find_root(root, data_dirs, "ROOT")
  is_table = place.is_file()
  images = image_tables.read(place) if is_table else image_folders.read(place)
  name = stream_name(place)
  shown = root if folder == pathlib.Path() and not pathlib.Path(root).is_absolute() else str(place)
  paths = {folder / "streams" / f"{name}.gin": _stream_text(place, shown, images, is_table),
           folder / SUITE_FILE: _suite_text(name)}
  for path in paths:
    if path.exists():
      raise ConfigurationError(f"{path} exists, and nothing is overwritten: remove it, or name another --output_dir.")
  for path, text in paths.items():
    try:
      files.write_atomically(path, text)
    except OSError as error:
      raise ConfigurationError(f"{path} cannot be written ({error.strerror}); name another --output_dir.") from error
  counts = collections.Counter((image.domain, image.label) for image in images)
  return [f"Found {len(images)} images of {len({image.label for image in images})} classes, {min(counts.values())} to "
          f"{max(counts.values())} each, in {place}.", *(f"Written: {path}" for path in paths),
          f"Next: python -m benchmark.run --gin_file={folder / SUITE_FILE}" if folder == pathlib.Path() else
          f"Next, in {folder}: python -m benchmark.run --gin_file={SUITE_FILE}"]


def stream_name(place: pathlib.Path) -> str:
  """A name for the stream's file: the folder's, without what names may not have, and none of a shipped stream."""
  name = re.sub(r"[^A-Za-z0-9_]+", "_", place.stem).strip("_") or "own"
  shipped = {path.stem for path in (gin_files.gin_root() / "streams").glob("*.gin")}
  return f"own_{name}" if name in shipped else name[:80]


def _stream_text(place: pathlib.Path, root: str, images: Sequence[ListedImage], is_table: bool) -> str:
  kind, binding = ("TableStream", "table") if is_table else ("FolderStream", "root")
  bound: dict[str, Any] = {f"{kind}.{binding}": root}
  smallest = min(collections.Counter((image.domain, image.label, image.task) for image in images).values())
  split: tuple[float, ...] = (1.0,)
  if not images[0].split:
    split = next((shares for least, shares in _SPLITS if smallest >= least), ())
    if not split:
      raise DataError(f"{place}: the smallest class has {smallest} images; a class needs at least {_SPLITS[-1][0]} to "
                      "be split into train, validation and test. Add images, or leave it out.")
    bound[f"{kind}.split"] = split
  tasks = _classes_of_tasks(images, is_table, bound, place)
  in_training = [image for image in images if image.split in ("", "train")]
  num_train = min(sum(image.label in labels and group in (image.domain, image.task, "") for image in in_training)
                  for group, labels in tasks) * split[0]
  # A name may hold line breaks, behind which would stand a statement.
  lines = [f"# Written by `benchmark.data init {texts.printable(root)}`: {len(images)} images, {len(tasks)} tasks. "
           "Yours to change.", "", f"include 'streams/{'table' if is_table else 'folder'}.gin'", "",
           "# Defaults of the included file, of which nothing was tuned for these images.",
           f"BATCH_SIZE = {max(1, min(_LARGEST_BATCH, int(num_train)))}", "EPOCHS_PER_TASK = 30",
           "LEARNING_RATE = 1e-3", f"IMAGE_SIZE = {_image_size(images)}", "", "# Plumbing.",
           *(f"{name} = {gin_text.render(value)}" for name, value in bound.items())]
  return "\n".join(lines) + "\n"


def _classes_of_tasks(images, is_table, bound, place) -> list[tuple[str, set[str]]]:
  """Domain or name of each task, and its classes; binds how a folder's classes make tasks."""
  if is_table or any(image.domain for image in images):
    group = "task" if is_table else "domain"
    names = dict.fromkeys(getattr(image, group) for image in images)
    return [(name, {image.label for image in images if getattr(image, group) == name}) for name in names]
  classes = sorted({image.label for image in images})
  if len(classes) < 2:
    raise DataError(f"{place} holds one class only, {classes[0]!r}: there is nothing to tell apart. Add a "
                    "second class.")
  num_tasks = number_of_tasks(len(classes))
  bound["FolderStream.num_tasks"] = num_tasks
  return [("", set(classes[task::num_tasks])) for task in range(num_tasks)]


def number_of_tasks(num_classes: int) -> int:
  """Into how many tasks classes are divided at first: equal ones of three or more classes if that gives three tasks."""
  equal = [number for number in range(2, _MOST_TASKS + 1) if num_classes % number == 0 and num_classes // number > 1]
  good = [number for number in equal if number > 2 and num_classes // number > 2]
  return max(good or equal or [max(1, min(5, num_classes // 2))])


def _image_size(images: Sequence[ListedImage]) -> int:
  """64, or 32 where most images are smaller."""
  sides = []
  for image in images[::max(1, len(images) // _LOOKED_AT)]:
    with contextlib.suppress(DataError):  # The stream refuses damaged files, and names them.
      sides.append(min(image_decoding.size(image.path)))
  return 64 if not sides or statistics.median(sides) >= 48 else 32


def _suite_text(name: str) -> str:
  return f"""# Separate networks, one that shares everything, and LASEM, which searches for the layers to share.
suite.streams = ('{name}',)
suite.learners = {_LEARNERS}
suite.scale = 'paper'
suite.seeds = {_SEEDS}
suite.baseline = 'stl'
"""
