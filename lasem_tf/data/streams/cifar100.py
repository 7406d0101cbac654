"""CIFAR-100 as a stream of 10, 20 or 40 ten-way tasks (Lee et al., IJCAI 2019 and ICML 2021)."""

import functools
import os
from typing import Literal

import gin
import numpy as np

from lasem_tf import seeding, types
from lasem_tf.data import pipeline, sources, splits, stream
from lasem_tf.data.readers import cifar_files, tfds_source
from lasem_tf.data.streams import cifar100_tables, protocols

CHOICES = {
    # The releases shuffle per-class index lists and do not use them, so all their trials train on the same images.
    "selection": {"clean": "per_trial", "reference": "fixed"},
    # They lose one image of each class, because 500 / 1.2 is rounded down after 500 * 0.2 / 1.2 was.
    "training_pool": {"clean": "rest", "reference": "truncated"},
    # They standardise every split with its own statistics, test images included.
    "normalization": {"clean": "train", "reference": "per_split"},
}
_OFFICIAL_NAME = "CIFAR-100"


@gin.register
class CIFAR100(stream.TaskStream):
  """CIFAR-100, or any set of 100 classes in its file format.

  A class gives the same images to every task that contains it, from one training and one validation pool per class
  (and, under `selection = 'per_trial'`, per seed), so no image is trained on in one task and validated on in another.
  The test set of a task is every test image of its classes.
  """

  image_shape = (32, 32, 3)

  def __init__(self, context: stream.StreamContext, num_tasks: int = 10, data_percent: int = 4,
               train_per_class: int | None = None, validation_per_class: int | None = None,
               protocol: Literal["clean", "reference"] = "clean",
               selection: Literal["per_trial", "fixed"] | None = None,
               training_pool: Literal["rest", "truncated"] | None = None,
               normalization: Literal["train", "per_split"] | None = None,
               images_per_class: Literal["official", "any"] | tuple[int, int] = "official",
               data_name: str | None = None, source: Literal["raw", "tfds"] = "raw"):
    """Reads and checks the files; images are decoded by `load`.

    Args:
      context: `StreamContext`.
      num_tasks: 10, 20 or 40; another number takes the first tasks of the smallest of these that has so many.
      data_percent: share of a task's 5000 official training images used for training and validation together; a row of
        `cifar100_tables.COUNTS_PER_TASK`. 4 means 17 + 3 images per class.
      train_per_class: with `validation_per_class`, replaces `data_percent`; images are then drawn from the whole class
        instead of from its pools. For sets too small for the table.
      validation_per_class: see `train_per_class`.
      protocol: 'clean' or 'reference'; sets the three choices below where they are None.
      selection: 'per_trial' draws the images anew for every seed; 'fixed' takes the same images for all, in another
        order.
      training_pool: 'rest' (417 of 500) or 'truncated' (416 of 500).
      normalization: 'train' standardises all splits of a task with the statistics of its training images; 'per_split'
        each with its own.
      images_per_class: 'official' expects 500 + 100 images of each class and the published checksums; a pair of numbers
        expects those; 'any' expects nothing.
      data_name: what tables call data that are not the official files; they are never called CIFAR-100.
      source: 'raw' (the official python pickles) or 'tfds'.

    Raises:
      ValueError: a binding has a value that it cannot take.
      DataError: files are missing, damaged, altered, or hold other counts than expected.
    """
    if source not in ("raw", "tfds"):
      raise ValueError(f"CIFAR100.source must be 'raw' or 'tfds', not {source!r}.")
    designed = cifar100_tables.smallest_design(num_tasks)
    rows = cifar100_tables.task_classes(designed)
    self.context = context
    self.name = "cifar100" if designed == 10 else f"cifar100_{designed}"
    self.train_per_class, self.validation_per_class, self._pooled = _counts_per_class(
        data_percent, train_per_class, validation_per_class)
    self.protocol = protocols.resolve(
        protocol, CHOICES, {"selection": selection, "training_pool": training_pool, "normalization": normalization})
    self.protocol |= {"train_per_class": self.train_per_class, "validation_per_class": self.validation_per_class,
                      "pools": "split" if self._pooled else "whole class"}
    expected = _expected_counts(images_per_class)
    self.source = _read(context, source, expected)
    self._check_source(expected, images_per_class == sources.OFFICIAL)
    shown = _OFFICIAL_NAME if self.source.official else sources.check_display_name(
        data_name, _OFFICIAL_NAME, _OFFICIAL_NAME, "CIFAR100.data_name",
        os.path.dirname(self.source.origin) if source == "raw" else "")
    self.display_name = shown if designed == 10 else f"{shown} ({designed} tasks)"
    names = cifar100_tables.CLASS_NAMES if self.source.official else self.source.class_names
    self.tasks = tuple(types.TaskInfo(task_id, len(row), tuple(names[class_id] for class_id in row), row)
                       for task_id, row in enumerate(rows))
    self._by_class = {split: splits.indices_by_class(self.source.labels[split], 100) for split in ("train", "test")}
    self._check_enough_images()
    self.keep_first(num_tasks)

  def _check_source(self, expected, strict):
    if expected is not None:
      sources.check_class_counts(self.source, expected, "CIFAR100.images_per_class")
    if strict and not self.source.official:
      raise stream.DataError(
          f"{self.source.origin}: the counts are those of CIFAR-100, but the MD5 of 'train' or 'test' is not the "
          f"published one: the files were altered. {cifar_files.CIFAR100_REMEDY} For another set in the same format "
          "bind CIFAR100.images_per_class = 'any'.")

  def _check_enough_images(self):
    for class_id, indices in enumerate(self._by_class["train"]):
      if self._pooled:
        num_train, num_validation = splits.pool_sizes(len(indices), self.protocol["training_pool"])
        remedy = "use a smaller CIFAR100.data_percent, or CIFAR100.train_per_class and CIFAR100.validation_per_class"
        if self.protocol["training_pool"] == "truncated":
          remedy += ", or CIFAR100.training_pool = 'rest', which keeps the image per class that the releases lose"
      else:
        num_validation = self.validation_per_class
        num_train = len(indices) - num_validation
        remedy = "lower CIFAR100.train_per_class or CIFAR100.validation_per_class"
      if num_train < self.train_per_class or num_validation < self.validation_per_class:
        raise stream.DataError(
            f"{self.source.origin}: class {class_id} has {len(indices)} training images, hence at most "
            f"{max(num_train, 0)} for training and {num_validation} for validation, but {self.train_per_class} and "
            f"{self.validation_per_class} are asked for: {remedy}.")
      if not len(self._by_class["test"][class_id]):
        raise stream.DataError(
            f"{self.source.origin}: class {class_id} has no test image. {cifar_files.CIFAR100_REMEDY}")

  @functools.cached_property
  def _selected(self):
    """By split, the source indices of every class: training and validation without overlap, test complete."""
    per_trial = self.protocol["selection"] == "per_trial"
    train, validation = [], []
    for class_id, indices in enumerate(self._by_class["train"]):
      generator = seeding.generator(self.context.design_seed, self.context.seed if per_trial else "all trials",
                                    "cifar100", "pools", class_id)
      if self._pooled:
        training_pool, validation_pool = splits.partition(indices, self.protocol["training_pool"], generator)
      else:
        order = indices[generator.permutation(len(indices))]
        validation_pool, training_pool = np.split(order, [self.validation_per_class])
      train.append(training_pool[:self.train_per_class])
      validation.append(validation_pool[:self.validation_per_class])
    return {"train": train, "validation": validation, "test": self._by_class["test"]}

  def _members(self, task_id, split):
    """Source indices and labels in stored order."""
    seed = "all trials" if split == "test" else self.context.seed
    generator = seeding.generator(self.context.design_seed, seed, "cifar100", "order", split, task_id)
    return splits.interleave([self._selected[split][class_id] for class_id in self.tasks[task_id].class_ids], generator)

  def _source_indices(self, task_id, split):
    return self._members(task_id, split)[0]

  def _images(self, task_id, split):
    images = self.source.images["test" if split == "test" else "train"]
    return pipeline.decoded(images[self._source_indices(task_id, split)])

  def _load(self, task_id, split):
    indices, labels = self._members(task_id, split)
    images = self._images(task_id, split)
    if self.protocol["normalization"] == "per_split" or split == "train":
      statistics = pipeline.channel_statistics(images)
    else:
      statistics = pipeline.channel_statistics(self._images(task_id, "train"))
    return types.TaskSplit(pipeline.collect(pipeline.standardized(images, statistics)), labels, indices)

  def preprocessing(self, task_id):
    """See `TaskStream.preprocessing`: the statistics of training images, whatever the protocol takes for the test."""
    return pipeline.channel_statistics(self._images(task_id, "train")).preprocessing(self.image_shape)

  def _data_seed(self):
    return "no images" if self.context.design_only else self.source.digest


def _read(context: stream.StreamContext, source: str, expected) -> sources.ImageSource:
  if context.design_only:
    # As many as the configuration says that there are.
    counts = expected or _expected_counts(sources.OFFICIAL)
    labels = {split: np.repeat(np.arange(100), numbers) for split, numbers in counts.items()}
    return sources.outline(labels, CIFAR100.image_shape, cifar100_tables.CLASS_NAMES)
  return cifar_files.read_cifar100(context.data_dirs) if source == "raw" else tfds_source.read_cifar100(context)


def _counts_per_class(data_percent, train_per_class, validation_per_class) -> tuple[int, int, bool]:
  """(training, validation) images per class, and whether they come from the pools."""
  explicit = {"train_per_class": train_per_class, "validation_per_class": validation_per_class}
  if train_per_class is None and validation_per_class is None:
    if type(data_percent) is not int or data_percent not in cifar100_tables.COUNTS_PER_TASK:
      raise ValueError(f"CIFAR100.data_percent = {data_percent!r} is not in the table: use one of "
                       f"{', '.join(map(str, cifar100_tables.COUNTS_PER_TASK))}, or bind CIFAR100.train_per_class and "
                       "CIFAR100.validation_per_class.")
    num_train, num_validation = cifar100_tables.COUNTS_PER_TASK[data_percent]
    return num_train // 10, num_validation // 10, True
  for name, value in explicit.items():
    if type(value) is not int or value < 1:
      raise ValueError(f"CIFAR100.{name} must be a positive integer, not {value!r}; bind train_per_class and "
                       "validation_per_class together.")
  return train_per_class, validation_per_class, False


def _expected_counts(images_per_class):
  """By split, the expected number of images of every class, or None."""
  if images_per_class == sources.ANY:
    return None
  pair = cifar100_tables.IMAGES_PER_CLASS if images_per_class == sources.OFFICIAL else images_per_class
  if not isinstance(pair, (tuple, list)) or len(pair) != 2 or not all(type(n) is int and n > 0 for n in pair):
    raise ValueError(
        "CIFAR100.images_per_class must be 'official', 'any' or a pair (training, test) of positive integers, not "
        f"{images_per_class!r}.")
  return {"train": [pair[0]] * 100, "test": [pair[1]] * 100}
