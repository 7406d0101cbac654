"""Any image classification data set of TensorFlow Datasets as a stream; no Python is needed for it."""

import dataclasses
import fractions
import functools
import hashlib
import pathlib
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

import gin
import numpy as np

from lasem_tf import seeding, types
from lasem_tf.data import pipeline, preprocessing as preprocessing_lib, sources
from lasem_tf.data.readers import cache_folder, image_cache, tfds_source
from lasem_tf.data.stream import DataError, StreamContext, TaskStream
from lasem_tf.data.streams import own_images, own_tasks

_NAME = re.compile(r"\w+(/[\w.-]+)?")
_TEST = 100_000_000  # added to source indices of the test split, so that those of a task differ
_MOST_BYTES = 2 << 30  # of encoded images that are kept in memory


@gin.register
class TFDSStream(TaskStream):
  """Classes of a TFDS data set divided into tasks, or repeated with rotated images or permuted pixels.

  Where the data set has a test split, test images come from there and are the same in all trials; training and
  validation images are drawn from the training split for every seed. Without a test split, all three are.
  """

  def __init__(self, context: StreamContext, dataset: str, num_tasks: int | None = None,
               classes_per_task: int | None = None, tasks: tuple[tuple[str, ...], ...] = (),
               image_key: str = "image", label_key: str = "label", train_split: str = "train", test_split: str = "test",
               images_per_class: tuple[int, int, int] | None = None,
               split: tuple[float, float, float] = (0.6, 0.1, 0.3), image_size: int = 32, num_channels: int = 3,
               fit: Literal["stretch", "crop", "pad"] = "crop", normalization: Literal["train", "none"] = "train",
               rotations: tuple[int, ...] = (), num_permutations: int = 0):
    """Reads labels; images are decoded by `load`.

    Args:
      context: `StreamContext`; its `download` allows fetching the data set.
      dataset: name at TFDS, such as 'cifar10' or 'food101', or 'name/config'.
      num_tasks: see `own_tasks.divide`; classes come in the order of their numbers. All classes are divided, so that
        fewer tasks are others; `experiment.first_tasks` leaves the first of them.
      classes_per_task: see `own_tasks.divide`.
      tasks: see `own_tasks.divide`.
      image_key: feature that holds the image.
      label_key: feature that holds the class.
      train_split: TFDS name of the split that training and validation images come from.
      test_split: TFDS name of the split that test images come from; '' draws them from the training split, too.
      images_per_class: numbers of (training, validation, test) images of each class; None for all, by `split`.
      split: shares of train, validation and test; where the data set has a test split, only the proportion of the first
        two counts.
      image_size, num_channels, fit, normalization, rotations, num_permutations: see `FolderStream`.

    Raises:
      ValueError: a binding has a value that it cannot take.
      DataError: the data set is not prepared, lacks a split or a feature, or has too few images.
    """
    if not isinstance(dataset, str) or not _NAME.fullmatch(dataset):
      raise ValueError(f"TFDSStream.dataset must be a name at TensorFlow Datasets, such as 'cifar10', not {dataset!r}.")
    self._rule = own_images.resizing("TFDSStream", image_size, num_channels, fit)
    if normalization not in own_images.NORMALIZATIONS:
      raise ValueError(f"TFDSStream.normalization must be 'train' or 'none', not {normalization!r}.")
    self._shares = own_tasks.check_shares(split, "TFDSStream.split")
    self._limits = _check_limits(images_per_class)
    self.context, self.image_shape = context, self._rule.image_shape
    self.name = "tfds_" + re.sub(r"\W", "_", dataset)
    self.display_name = dataset
    self._data = _Labelled(tfds_source.prepared_folder(dataset, context), image_key, label_key, train_split, test_split)
    names = self._data.class_names
    divided = own_tasks.divide(names, num_tasks, classes_per_task, tasks, "TFDSStream", self._data.folder)
    plans = [own_tasks.TaskPlan(each) for each in divided]
    own_images.say_shared_labels(plans, self.name)
    self._plans = own_tasks.transformed(plans, rotations, num_permutations, image_size, "TFDSStream",
                                        context.design_seed)
    self.tasks = tuple(types.TaskInfo(task_id, len(plan.classes), plan.classes, tuple(map(names.index, plan.classes)),
                                      plan.details) for task_id, plan in enumerate(self._plans))
    self.protocol = {"protocol": "clean", "split": "/".join(map(str, split)), "test_split": test_split or "drawn",
                     "images_per_class": "all" if images_per_class is None else "/".join(map(str, images_per_class)),
                     "fit": fit, "normalization": normalization}
    self._drawn = {class_id: self._draw(class_id) for task in self.tasks for class_id in task.class_ids}
    self._is_decoded = False
    self._listed = self._data.positions({class_id for task in self.tasks for class_id in task.class_ids})
    self._rows = {index: row for row, index in enumerate(self._listed)}
    self._cache = self._open_cache(pathlib.Path(self._data.folder).parents[dataset.count("/")])

  def _open_cache(self, folder: pathlib.Path) -> image_cache.ImageCache:
    """Beside the data set's folder, with a row for each image of the tasks' classes, whatever the trial draws."""
    name = f"{self.name}_{hashlib.sha256(self._data.folder.encode()).hexdigest()[:8]}"
    return image_cache.ImageCache(cache_folder.choose_directory(self.context.cache_dir, folder), name,
                                  [pathlib.Path(f"{self._data.folder}: image {index}") for index in self._listed],
                                  self._rule, content=lambda row: self._encoded[self._listed[row]])

  def _draw(self, class_id: int) -> dict[str, np.ndarray]:
    """Source indices of a class by split, drawn once per trial, whichever task asks."""
    key = (self.context.design_seed, self.context.seed, self.name, "split", class_id)
    train = np.flatnonzero(self._data.labels["train"] == class_id)
    if "test" in self._data.labels:
      proportion = self._shares[1] / (self._shares[0] + self._shares[1])
      num_validation = self._limits["validation"] if self._limits else int(len(train) * proportion)
      order = train[seeding.generator(*key).permutation(len(train))]
      drawn = {"train": order[num_validation:], "validation": order[:num_validation],
               "test": np.flatnonzero(self._data.labels["test"] == class_id) + _TEST}
    else:
      shares = self._shares
      if self._limits:
        shares = tuple(fractions.Fraction(self._limits[split], max(len(train), 1)) for split in types.SPLITS)
      drawn = {split: train[positions] for split, positions in own_tasks.draw(len(train), shares, key).items()}
    for split, indices in drawn.items():
      least = self._limits[split] if self._limits else 1
      if len(indices) < least:
        raise DataError(f"{self._data.folder}: class {self._data.class_names[class_id]!r} has {len(indices)} "
                        f"images for {split}, but {least} are needed. Leave the class out, or bind another "
                        "TFDSStream.split or TFDSStream.images_per_class.")
      drawn[split] = indices[:least] if self._limits else indices
    return drawn

  def _members(self, task_id: int, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Source indices and labels in stored order."""
    of_classes = [self._drawn[class_id][split] for class_id in self.tasks[task_id].class_ids]
    labels = np.repeat(np.arange(len(of_classes), dtype=np.int32), list(map(len, of_classes)))
    order = seeding.generator(self.context.design_seed, self.context.seed, self.name, "order", task_id,
                              split).permutation(len(labels))
    return np.concatenate(of_classes)[order], labels[order]

  def _source_indices(self, task_id, split):
    return self._members(task_id, split)[0]

  @functools.cached_property
  def _encoded(self) -> dict[int, bytes]:
    """The image files that the trial uses, by source index."""
    return self._data.images(sorted({int(index) for task in self.tasks for class_id in task.class_ids
                                     for indices in self._drawn[class_id].values() for index in indices}))

  def _used_rows(self) -> list[int]:
    """Rows of the cache that the trial uses; reads the image files, before threads ask for them."""
    return [self._rows[index] for index in self._encoded]

  def _resized(self, task_id: int, split: str) -> np.ndarray:
    if not self._is_decoded:  # All that the trial uses, so that damage is found before anything is trained.
      self._cache.prepare(self._cache.absent(self._used_rows()))
      self._is_decoded = True
    return self._cache.load([self._rows[int(index)] for index in self._source_indices(task_id, split)])

  @property
  def cache_directory(self) -> pathlib.Path:
    """Where the resized images lie."""
    return self._cache.file.parent

  def all_image_files(self) -> list[pathlib.Path]:
    """A name for every image of this trial; those of all trials could take more memory than there is."""
    return [self._cache.paths[row] for row in self._used_rows()]

  def prepare(self, progress: Callable[[int], None] = lambda num_done: None) -> image_cache.CacheReport:
    """Decodes and resizes them into the cache; `progress` gets the number done since its last call."""
    return self._cache.prepare(self._used_rows(), progress)

  def _load(self, task_id, split):
    indices, labels = self._members(task_id, split)
    return types.TaskSplit(self.preprocessing(task_id).normalize(self._resized(task_id, split)), labels, indices)

  def how_to_begin_with(self, earlier):
    """See `TaskStream.how_to_begin_with`."""
    return own_tasks.how_to_begin_with(earlier, self.tasks, "TFDSStream")

  @functools.cached_property
  def _rules(self) -> dict[int, preprocessing_lib.Preprocessing]:
    return {}

  def preprocessing(self, task_id):
    """See `TaskStream.preprocessing`: the very rule that `load` applies."""
    if task_id not in self._rules:
      plan = self._plans[task_id]
      rule = dataclasses.replace(self._rule, rotation=plan.rotation, permutation_seed=plan.permutation_seed)
      if self.protocol["normalization"] == "train":
        rule = pipeline.channel_statistics([self._resized(task_id, "train")]).added_to(rule)
      self._rules[task_id] = rule
    return self._rules[task_id]

  def _data_seed(self):
    """The content of every image of the trial."""
    digest = hashlib.sha256()
    for index, of_image in zip(self._encoded, self._cache.digests(self._used_rows())):
      digest.update(of_image + index.to_bytes(8, "little"))
    return digest.hexdigest()


class _Labelled:
  """Labels and encoded images of a prepared data set.

  Attributes:
    folder: where it lies.
    class_names: one for each class.
    labels: by split 'train' and, unless it is to be drawn, 'test': int64 `[n]`.
  """

  def __init__(self, folder: str, image_key: str, label_key: str, train_split: str, test_split: str):
    self.folder, self._image_key = folder, image_key
    self._builder = tfds_source.opened(folder)
    info = self._builder.info
    self._splits = {"train": train_split, **({"test": test_split} if test_split else {})}
    if missing := [name for name in self._splits.values() if name not in info.splits]:
      raise DataError(f"{folder} has no split {missing[0]!r}; it has {', '.join(info.splits)}. Bind "
                      "TFDSStream.train_split or TFDSStream.test_split ('' draws test images from the training split).")
    for binding, key in (("image_key", image_key), ("label_key", label_key)):
      if key not in info.features:
        raise DataError(f"{folder} has no feature {key!r}; it has {', '.join(info.features)}. Bind "
                        f"TFDSStream.{binding}.")
    names = getattr(info.features[label_key], "names", None)
    if not names:
      raise DataError(f"{folder}: feature {label_key!r} names no classes. Bind TFDSStream.label_key to one that does.")
    self.class_names = tuple(names)
    self.labels = {split: _read_labels(folder, name, label_key, sources.file_state([f"{folder}/dataset_info.json"]))
                   for split, name in self._splits.items()}

  def positions(self, class_ids: Iterable[int]) -> list[int]:
    """Source indices of all images of the classes, ascending."""
    wanted = list(class_ids)
    return [int(position) + (_TEST if split == "test" else 0) for split, labels in self.labels.items()
            for position in np.flatnonzero(np.isin(labels, wanted))]

  def images(self, indices: Sequence[int]) -> dict[int, bytes]:
    """The image files with these source indices."""
    wanted, found, num_bytes = set(indices), {}, 0
    for split, name in self._splits.items():
      offset = _TEST if split == "test" else 0
      for position, content in enumerate(tfds_source.encoded_images(self._builder, name, self._image_key)):
        if position + offset not in wanted:
          continue
        found[position + offset] = content
        num_bytes += len(content)
        if num_bytes > _MOST_BYTES:
          raise DataError(f"{self.folder}: the images of this stream take more than {_MOST_BYTES >> 30} GiB, which are "
                          "kept in memory. Bind TFDSStream.images_per_class.")
    return found


@functools.lru_cache(maxsize=8)
def _read_labels(folder: str, split: str, label_key: str, state: tuple) -> np.ndarray:
  del state  # part of the cache key
  return tfds_source.read_feature(tfds_source.opened(folder), split, label_key)


def _check_limits(images_per_class) -> dict[str, int] | None:
  if images_per_class is None:
    return None
  if len(images_per_class) != 3 or not all(type(number) is int and number > 0 for number in images_per_class):
    raise ValueError("TFDSStream.images_per_class must be three positive whole numbers (training, validation, test), "
                     f"not {images_per_class!r}.")
  return dict(zip(types.SPLITS, images_per_class))
