"""STL-10 as a stream of many small tasks that differ in classes, noise and order of colour channels.

A task takes a few of the ten classes, a percentage of their training images and all of their test images; adds noise
that is the task's own, clips, and permutes the channels. Noise is drawn for each image from (design_seed, seed, task,
split, source index), so that it is the same in every epoch and for every method, whereas the releases draw it unseeded
in every process and compare methods on different pixels.
"""

import pathlib
from concurrent import futures
from typing import Literal

import gin
import numpy as np

from lasem_tf import cores, seeding, types
from lasem_tf.data import preprocessing as preprocessing_lib, sources, splits
from lasem_tf.data.readers import stl10_files
from lasem_tf.data.stream import DataError, StreamContext, TaskStream
from lasem_tf.data.streams import protocols, stl10_design, stl10_design_files

OFFICIAL_NAME = "STL-10"
PARTITIONS = ("independent", "per_class")
DESIGNS = ("seeded", "files")
_CHUNK = 64


def transform(images: np.ndarray, task: stl10_design.TaskDesign, generators) -> np.ndarray:
  """The images of a task: scaled to [-0.5, 0.5], noise added, clipped, then channels permuted.

  Args:
    images: uint8 `[n, height, width, 3]`.
    task: noise and channels.
    generators: a NumPy generator for each image, used where the noise has a deviation.

  Returns:
    float32 `[n, height, width, 3]`.
  """
  scaled = images.astype(np.float32, order="C") / np.float32(255) - np.float32(0.5)
  if task.noise_deviation:
    for image, generator in zip(scaled, generators):
      noise = generator.standard_normal(image.shape, np.float32)
      noise *= np.float32(task.noise_deviation)
      image += noise
  if task.has_noise:
    scaled += np.float32(task.noise_mean)
    np.clip(scaled, -0.5, 0.5, out=scaled)
  return scaled if task.channels == stl10_design.IDENTITY else scaled[..., list(task.channels)]


def _check_options(percent: int, validation_percent: int, partition: str, design: str, source: str) -> None:
  for name, value, allowed in (("partition", partition, PARTITIONS), ("design", design, DESIGNS),
                               ("source", source, ("raw", "tfds"))):
    if value not in allowed:
      raise ValueError(f"STL10.{name} must be one of {', '.join(map(repr, allowed))}, not {value!r}.")
  if not 0 < percent <= 100 or not 0 < validation_percent < 100:
    raise ValueError(f"STL10.percent = {percent!r} and STL10.validation_percent = {validation_percent!r} must lie "
                     "between 0 and 100.")
  if design == "files" and source == "tfds":
    raise ValueError("STL10.design = 'files' lists images by their place in the official files, which STL10.source = "
                     "'tfds' does not keep: bind one or the other.")


@gin.register
class STL10(TaskStream):
  """Tasks of `num_classes` of the ten classes, drawn anew for each `num_tasks`; no two have the same set of classes."""

  image_shape = (stl10_files.SIDE, stl10_files.SIDE, 3)

  def __init__(self, context: StreamContext, num_tasks: int = 20, num_classes: int = 3, percent: int = 25,
               validation_percent: int = 15, protocol: Literal["clean", "reference"] = "clean",
               partition: Literal["independent", "per_class"] = "independent",
               design: Literal["seeded", "files"] = "seeded",
               images_per_class: Literal["official", "any"] | tuple[int, int] = "official",
               data_name: str | None = None, source: Literal["raw", "tfds"] = "raw"):
    """Reads and checks labels and sizes; images are read by `load`.

    Args:
      context: seed, design seed and folders.
      num_tasks: number of tasks; each number is a stream of its own, with other classes and another name. The first
        tasks of one of them are `experiment.first_tasks`.
      num_classes: classes of each task.
      percent: how much of a class's training images a task uses.
      validation_percent: how much of that is for validation, rounded up.
      protocol: 'clean' or 'reference'; they agree on this stream and are recorded as bound. The released noise is
        unseeded and cannot be reproduced.
      partition: 'independent' or 'per_class', see `stl10_design.draw_indices`.
      design: 'seeded', or 'files' to read the release's CSV files from the data folder.
      images_per_class: 'official' expects 500 + 800 images of each class and the published checksums; a pair of numbers
        expects those; 'any' expects nothing.
      data_name: what tables call data that are not official.
      source: 'raw' (the official binaries) or 'tfds'.

    Raises:
      ValueError: a binding has a value that it cannot take.
      DataError: files are missing, damaged, or hold other counts than expected.
    """
    _check_options(percent, validation_percent, partition, design, source)
    self.context = context
    self.name = f"stl10_{num_tasks}"
    self.protocol = protocols.resolve(protocol, {}, {}) | {"percent": percent, "validation_percent": validation_percent,
                                                           "partition": partition, "design": design}
    self._raw = source == "raw"
    self._source = None if context.design_only else _read(context, source)
    self._source_kind = source
    shown = self._check_counts(images_per_class, data_name)
    self.display_name = shown if num_tasks == 20 else f"{shown} ({num_tasks} tasks)"
    self._by_class = {split: self._indices_by_class(split) for split in ("train", "test")}
    counts = [len(indices) for indices in self._by_class["train"]]
    self._check_enough_images(counts, percent, validation_percent)
    if design == "seeded":
      self.design = stl10_design.draw_tasks(num_tasks, num_classes, context.design_seed, self.name)
      self.indices = stl10_design.draw_indices(self.design, counts, percent, validation_percent, partition,
                                               context.design_seed, context.seed, self.name)
    else:
      self.design, self.indices = stl10_design_files.read_trial(
          self._design_folder(), percent, validation_percent, num_tasks, num_classes, context.seed, counts)
    names = stl10_files.CLASS_NAMES if self._source is None else self._source.class_names
    self.tasks = tuple(
        types.TaskInfo(task_id, len(task.classes), tuple(names[class_id] for class_id in task.classes), task.classes,
                       {"noise_mean": task.noise_mean, "noise_deviation": task.noise_deviation,
                        "channels": task.channels})
        for task_id, task in enumerate(self.design))

  def _check_counts(self, images_per_class, data_name) -> str:
    """Compares the counts with what is expected and returns the display name."""
    if data_name is not None:
      sources.check_display_name(data_name, OFFICIAL_NAME, OFFICIAL_NAME, "STL10.data_name")
    pair = tuple(stl10_files.OFFICIAL_COUNTS.values()) if images_per_class == sources.OFFICIAL else images_per_class
    if pair != sources.ANY and (not isinstance(pair, (tuple, list)) or len(pair) != 2 or
                                not all(type(n) is int and n > 0 for n in pair)):
      raise ValueError("STL10.images_per_class must be 'official', 'any' or a pair (training, test) of positive "
                       f"integers, not {images_per_class!r}.")
    if self._source is None:
      return OFFICIAL_NAME
    if pair != sources.ANY:
      expected = {split: [count] * stl10_design.NUM_CLASSES for split, count in zip(("train", "test"), pair)}
      sources.check_class_counts(self._source, expected, "STL10.images_per_class")
    if images_per_class == sources.OFFICIAL and not self._source.official:
      raise DataError(f"{self._source.origin}: the counts are those of STL-10, but the MD5 of a file is not the "
                      f"published one. {stl10_files.REMEDY} For another set in the same format bind "
                      "STL10.images_per_class = 'any'.")
    if self._source.official:
      return OFFICIAL_NAME
    return sources.check_display_name(data_name, OFFICIAL_NAME, OFFICIAL_NAME, "STL10.data_name",
                                      str(self._design_folder().parent) if self._raw else "")

  def _indices_by_class(self, split: str) -> list[np.ndarray]:
    if self._source is None:
      # Only positions within a class matter to the design; the official files hold the classes in some mixed order.
      count = stl10_files.OFFICIAL_COUNTS[split]
      return [np.arange(count) + count * class_id for class_id in range(stl10_design.NUM_CLASSES)]
    return splits.indices_by_class(self._source.labels[split], stl10_design.NUM_CLASSES)

  def _check_enough_images(self, counts, percent, validation_percent) -> None:
    where = OFFICIAL_NAME if self._source is None else self._source.origin
    for class_id, count in enumerate(counts):
      num_test = len(self._by_class["test"][class_id])
      if min(*stl10_design.images_per_class(count, percent, validation_percent), num_test) < 1:
        raise DataError(
            f"{where}: class {class_id} has {count} training and {num_test} test images; {percent} % of the former, "
            f"{validation_percent} % of them for validation, leave a split empty. Use more data, or bind another "
            "STL10.percent or STL10.validation_percent.")

  def _design_folder(self) -> pathlib.Path:
    """Where the release keeps its CSV files: the folder that holds `raw_data`."""
    if self._source is None:
      return pathlib.Path(stl10_files.find_folder(self.context.data_dirs)).parent
    return pathlib.Path(self._source.origin).parent

  def _source_indices(self, task_id, split):
    classes = self.design[task_id].classes
    if split == "test":
      return np.concatenate([self._by_class["test"][class_id] for class_id in classes])
    # Class after class, as the release stores them; a file of its format might list them otherwise.
    rows = getattr(self.indices[task_id], split)
    return np.array([self._by_class["train"][class_id][position] for class_id in classes
                     for row_class, position in rows if row_class == class_id], np.int64)

  def _generator(self, task_id: int, split: str, source_index: int) -> np.random.Generator:
    return seeding.generator(self.context.design_seed, self.context.seed, self.name, "noise pixels", task_id, split,
                             int(source_index))

  def _load(self, task_id, split):
    source_split, source = "test" if split == "test" else "train", self._source
    assert source is not None  # Nothing is loaded of a stream that was made for its design only.
    indices = self._source_indices(task_id, split)
    images = np.empty((len(indices), *self.image_shape), np.float32)

    def fill(start):
      part = indices[start:start + _CHUNK]
      images[start:start + len(part)] = transform(source.images[source_split][part], self.design[task_id],
                                                  (self._generator(task_id, split, index) for index in part))

    # In chunks, so that beside the result only a few hundred images exist at a time; NumPy draws without the lock.
    with futures.ThreadPoolExecutor(cores.num_usable()) as pool:
      list(pool.map(fill, range(0, len(indices), _CHUNK)))
    local = {class_id: label for label, class_id in enumerate(self.design[task_id].classes)}
    labels = np.array([local[class_id] for class_id in source.labels[source_split][indices].tolist()], np.int32)
    return types.TaskSplit(images, labels, indices)

  def preprocessing(self, task_id):
    """See `TaskStream.preprocessing`. A new image gets the mean of the task's noise, but no noise is drawn for it."""
    task = self.design[task_id]
    if not task.has_noise:
      return preprocessing_lib.Preprocessing(self.image_shape, "crop", offset=-0.5, channel_order=task.channels)
    return preprocessing_lib.Preprocessing(self.image_shape, "crop", offset=task.noise_mean - 0.5, limits=(-0.5, 0.5),
                                           channel_order=task.channels)

  def write_design(self, folder: str | pathlib.Path) -> list[pathlib.Path]:
    """Writes the design of all five trials in the release's format, for the images that this stream reads.

    Args:
      folder: existing folder for the files.

    Returns:
      The files written.
    """
    if self.protocol["design"] != "seeded":
      raise ValueError("STL10.design = 'files' was read from such files: bind 'seeded' to write a new set.")
    percent, validation_percent = self.protocol["percent"], self.protocol["validation_percent"]
    counts = [len(indices) for indices in self._by_class["train"]]
    paths = []
    for trial in range(stl10_design_files.NUM_TRIALS):
      indices = stl10_design.draw_indices(self.design, counts, percent, validation_percent, self.protocol["partition"],
                                          self.context.design_seed, trial, self.name)
      path = pathlib.Path(folder) / stl10_design_files.file_name(percent, validation_percent, len(self.design),
                                                                 len(self.design[0].classes), trial)
      stl10_design_files.write(path, self.design, indices)
      paths.append(path)
    return paths

  def _data_seed(self):
    """Pixels depend on the seed through the noise, and on the content of the files."""
    content = "design only" if self._source is None else self._source.digest
    return (self._source_kind, content, self.context.design_seed, self.context.seed)


def _read(context: StreamContext, source: str) -> sources.ImageSource:
  return stl10_files.read_stl10(context.data_dirs) if source == "raw" else stl10_files.read_tfds(context)
