"""Binary streams on MNIST and CIFAR-10 (Lee et al., IJCAI 2019), with 5 or 10 tasks.

With 5 tasks, task t is class 2t against class 2t+1. With 10 tasks it is class t against all others, and every class
contributes a subset that the ten tasks share. Label 1 is the positive class (2t or t), label 0 the other side.
"""

from typing import Literal

import gin
import numpy as np

from lasem_tf import seeding, types
from lasem_tf.data import pipeline, preprocessing as preprocessing_lib, sources, splits, stream
from lasem_tf.data.readers import cifar_files, idx_files
from lasem_tf.data.streams import cifar100, protocols

# num_tasks -> data_percent -> images per task (training, validation); then images per task in the test split.
MNIST_COUNTS = {
    5: {1: (100, 20), 3: (300, 60), 5: (500, 100), 7: (700, 140), 9: (900, 180), 10: (1000, 200), 30: (3000, 600),
        50: (5000, 1000), 70: (7000, 1000), 90: (9000, 1000)},
    10: {1: (100, 10), 3: (300, 30), 5: (500, 50), 7: (700, 70), 9: (900, 90), 10: (1000, 100), 30: (3000, 300),
         50: (5000, 500), 70: (7000, 700), 90: (9000, 900)},
}
MNIST_TEST_IMAGES = {5: 1800, 10: 2000}
_EITHER = {2: (160, 40), 4: (340, 60), 6: (500, 100), 8: (660, 140), 10: (840, 160), 30: (2500, 500), 50: (4160, 840),
           70: (5840, 1160), 90: (7500, 1500), 100: (8330, 1670)}
CIFAR10_COUNTS = {5: _EITHER, 10: _EITHER}
CIFAR10_TEST_IMAGES = {5: 2000, 10: 2000}


class _BinaryStream(stream.TaskStream):
  """Draws the two sides of every task from per-class pools; subclasses read data, build the pools and standardise."""

  def __init__(self, context, key, designed, num_tasks, source, pools, counts, shared_percent, display_name, protocol):
    """Checks that every split of every task can be drawn.

    Args:
      context: `StreamContext`.
      key: 'mnist' or 'cifar10'; enters every seed.
      designed: 5 or 10, which decides what a task is.
      num_tasks: of the stream, the first ones.
      source: `ImageSource`.
      pools: by split, the source indices of every class that the split may use.
      counts: by split, images per task.
      shared_percent: per cent of each training and validation pool that the ten tasks share.
      display_name: name without the number of tasks.
      protocol: resolved choices.
    """
    self.context = context
    self.name = f"{key}_{designed}" if key[-1].isdigit() else f"{key}{designed}"
    self.display_name = f"{display_name} ({designed} binary tasks)"
    self.image_shape = source.images["train"].shape[1:]
    self.protocol = protocol | {f"{split}_images": counts[split] for split in types.SPLITS}
    self.source = source
    self._key = key
    self._split_sizes = counts
    self._pools = pools
    self._designed = designed
    if designed == 10:
      self._pools = {split: pools[split] if split == "test" else self._subset(pools[split], split, shared_percent)
                     for split in types.SPLITS}
    self.tasks = tuple(self._task_info(task_id) for task_id in range(designed))
    self.keep_first(num_tasks)
    for task in self.tasks:
      for split in types.SPLITS:
        self._side_sizes(task.task_id, split)

  def _subset(self, pools, split, percent):
    """The same percentage of every class, drawn once for each trial. 1 is one per cent (100 in the releases)."""
    subsets = []
    for class_id, pool in enumerate(pools):
      generator = seeding.generator(self.context.design_seed, self.context.seed, self._key, "subset", split, class_id)
      subsets.append(pool[generator.permutation(len(pool))[:len(pool) * percent // 100]])
    return subsets

  def _task_info(self, task_id):
    names = self.source.class_names
    if self._designed == 5:
      positive, negative = 2 * task_id, (2 * task_id + 1,)
      return types.TaskInfo(task_id, 2, (names[negative[0]], names[positive]), (negative[0], positive))
    return types.TaskInfo(task_id, 2, (f"not {names[task_id]}", names[task_id]), (), {"positive_class": task_id})

  def _sides(self, task_id, split):
    """Candidate source indices of label 0 and of label 1."""
    pools = self._pools[split]
    if self._designed == 5:
      return pools[2 * task_id + 1], pools[2 * task_id]
    return np.concatenate([pool for class_id, pool in enumerate(pools) if class_id != task_id]), pools[task_id]

  def _side_sizes(self, task_id, split):
    negative, positive = self._sides(task_id, split)
    try:
      return splits.binary_counts(self._split_sizes[split], len(positive), len(negative))
    except ValueError as error:
      raise stream.DataError(
          f"{self.source.origin}: the {split} split of task {task_id} of {self.name} cannot be drawn: "
          f"{error}. Use another data_percent.") from error

  def _members(self, task_id, split):
    """Source indices and labels in stored order. Test sets are drawn once for all trials."""
    seed = "all trials" if split == "test" else self.context.seed
    generator = seeding.generator(self.context.design_seed, seed, self._key, self._designed, "members", split, task_id)
    negative, positive = self._sides(task_id, split)
    num_positive, num_negative = self._side_sizes(task_id, split)
    drawn = [side[generator.permutation(len(side))[:size]]
             for side, size in ((negative, num_negative), (positive, num_positive))]
    return splits.interleave(drawn, generator)

  def _source_indices(self, task_id, split):
    return self._members(task_id, split)[0]

  def _decoded(self, task_id, split):
    images = self.source.images["test" if split == "test" else "train"]
    return pipeline.decoded(images[self._source_indices(task_id, split)])

  def _load(self, task_id, split):
    indices, labels = self._members(task_id, split)
    return types.TaskSplit(pipeline.collect(self._normalized(task_id, split)), labels, indices)

  def _normalized(self, task_id, split):
    return self._decoded(task_id, split)

  def preprocessing(self, task_id):
    """See `TaskStream.preprocessing`."""
    return preprocessing_lib.Preprocessing(self.image_shape)

  def _data_seed(self):
    return "no images" if self.context.design_only else self.source.digest


@gin.register
class MNISTBinary(_BinaryStream):
  """MNIST as 5 or 10 binary tasks: 28x28x1 images in [0, 1], without further normalisation."""

  def __init__(self, context: stream.StreamContext, num_tasks: int = 5, data_percent: int = 3,
               images_per_task: tuple[int, int, int] | None = None, validation_pool: int = 5000,
               images_per_class: Literal["official", "any"] = "official", data_name: str | None = None,
               protocol: Literal["clean", "reference"] = "clean"):
    """Reads and checks the four IDX files.

    Args:
      context: `StreamContext`.
      num_tasks: 5 or 10; another number takes the first tasks of the smaller of these that has so many.
      data_percent: a row of `MNIST_COUNTS`.
      images_per_task: a triple (training, validation, test) that replaces the table, for other sets in the same format.
      validation_pool: so many first images of the training file are for validation, the others for training.
      images_per_class: 'official' expects MNIST's own files; 'any' expects nothing.
      data_name: what tables call data that are not MNIST.
      protocol: 'clean' or 'reference'; both draw MNIST alike.

    Raises:
      ValueError: a binding has a value that it cannot take.
      DataError: files are missing, damaged, not MNIST, or too few for the counts.
    """
    designed = _designed("MNISTBinary", num_tasks)
    counts = _images_per_task("MNISTBinary", designed, data_percent, images_per_task, MNIST_COUNTS, MNIST_TEST_IMAGES)
    if type(validation_pool) is not int or validation_pool < 1:
      raise ValueError(f"MNISTBinary.validation_pool must be a positive integer, not {validation_pool!r}.")
    resolved = protocols.resolve(protocol, {}, {})
    read = idx_files.mnist_outline() if context.design_only else idx_files.read_mnist(context.data_dirs)
    source = _checked(read, "MNISTBinary", images_per_class, idx_files.MNIST_REMEDY)
    train = splits.indices_by_class(source.labels["train"], 10)
    pools = {"train": [indices[indices >= validation_pool] for indices in train],
             "validation": [indices[indices < validation_pool] for indices in train],
             "test": splits.indices_by_class(source.labels["test"], 10)}
    super().__init__(context, "mnist", designed, num_tasks, source, pools, counts,
                     100 if images_per_task else data_percent,
                     _display_name(source, data_name, "MNIST", "MNISTBinary"), resolved)


@gin.register
class CIFAR10Binary(_BinaryStream):
  """CIFAR-10 as 5 or 10 binary tasks, standardised as CIFAR-100 is."""

  def __init__(self, context: stream.StreamContext, num_tasks: int = 5, data_percent: int = 4,
               images_per_task: tuple[int, int, int] | None = None,
               images_per_class: Literal["official", "any"] = "official", data_name: str | None = None,
               protocol: Literal["clean", "reference"] = "clean",
               selection: Literal["per_trial", "fixed"] | None = None,
               training_pool: Literal["rest", "truncated"] | None = None,
               normalization: Literal["train", "per_split"] | None = None):
    """Reads and checks the six batch files.

    Args:
      context: `StreamContext`.
      num_tasks: 5 or 10; another number takes the first tasks of the smaller of these that has so many.
      data_percent: a row of `CIFAR10_COUNTS`.
      images_per_task: a triple (training, validation, test) that replaces the table, for other sets in the same format.
      images_per_class: 'official' expects CIFAR-10's own files; 'any' expects nothing.
      data_name: what tables call data that are not CIFAR-10.
      protocol: 'clean' or 'reference'; sets the three choices below where they are None.
      selection: 'per_trial' splits the pools of every class anew for each seed, 'fixed' once; images are drawn from the
        pools for each seed either way.
      training_pool: 'rest' (4167 of 5000) or 'truncated' (4166).
      normalization: 'train' or 'per_split', as in `CIFAR100`.

    Raises:
      ValueError: a binding has a value that it cannot take.
      DataError: files are missing, damaged, not CIFAR-10, or too few for the counts.
    """
    designed = _designed("CIFAR10Binary", num_tasks)
    counts = _images_per_task("CIFAR10Binary", designed, data_percent, images_per_task, CIFAR10_COUNTS,
                              CIFAR10_TEST_IMAGES)
    resolved = protocols.resolve(protocol, cifar100.CHOICES, {
        "selection": selection, "training_pool": training_pool, "normalization": normalization})
    read = cifar_files.cifar10_outline() if context.design_only else cifar_files.read_cifar10(context.data_dirs)
    source = _checked(read, "CIFAR10Binary", images_per_class, cifar_files.CIFAR10_REMEDY)
    trial = context.seed if resolved["selection"] == "per_trial" else "all trials"
    halves = [splits.partition(indices, resolved["training_pool"],
                               seeding.generator(context.design_seed, trial, "cifar10", "pools", class_id))
              for class_id, indices in enumerate(splits.indices_by_class(source.labels["train"], 10))]
    pools = {"train": [train for train, _ in halves], "validation": [validation for _, validation in halves],
             "test": splits.indices_by_class(source.labels["test"], 10)}
    super().__init__(context, "cifar10", designed, num_tasks, source, pools, counts,
                     100 if images_per_task else data_percent,
                     _display_name(source, data_name, "CIFAR-10", "CIFAR10Binary"), resolved)

  def _normalized(self, task_id, split):
    images = self._decoded(task_id, split)
    own = split == "train" or self.protocol["normalization"] == "per_split"
    statistics = pipeline.channel_statistics(images if own else self._decoded(task_id, "train"))
    return pipeline.standardized(images, statistics)

  def preprocessing(self, task_id):
    """See `CIFAR100.preprocessing`."""
    return pipeline.channel_statistics(self._decoded(task_id, "train")).preprocessing(self.image_shape)


def _designed(binding, num_tasks):
  """Number of tasks of the stream whose first tasks are taken."""
  for designed in (5, 10):
    if type(num_tasks) is int and 0 < num_tasks <= designed:
      return designed
  raise ValueError(f"{binding}.num_tasks must be 5 or 10, or a smaller number of first tasks, not {num_tasks!r}.")


def _images_per_task(binding, num_tasks, data_percent, images_per_task, table, test_images):
  """By split, how many images a task has."""
  if images_per_task is None:
    if type(data_percent) is not int or data_percent not in table[num_tasks]:
      raise ValueError(f"{binding}.data_percent = {data_percent!r} is not in the table: use one of "
                       f"{', '.join(map(str, table[num_tasks]))}, or bind {binding}.images_per_task.")
    images_per_task = (*table[num_tasks][data_percent], test_images[num_tasks])
  if not isinstance(images_per_task, (tuple, list)) or len(images_per_task) != 3 or not all(
      type(number) is int and number > 0 for number in images_per_task):
    raise ValueError(f"{binding}.images_per_task must be three positive integers (training, validation, test), not "
                     f"{images_per_task!r}.")
  return dict(zip(types.SPLITS, images_per_task))


def _checked(source, binding, images_per_class, remedy):
  """The source, refused where the official files are expected and these are others."""
  if images_per_class not in (sources.OFFICIAL, sources.ANY):
    raise ValueError(f"{binding}.images_per_class must be 'official' or 'any', not {images_per_class!r}.")
  if images_per_class == sources.OFFICIAL and not source.official:
    expected = ({"train": idx_files.MNIST_TRAIN_COUNTS, "test": idx_files.MNIST_TEST_COUNTS} if binding == "MNISTBinary"
                else dict(zip(("train", "test"), ([number] * 10 for number in cifar_files.CIFAR10_IMAGES_PER_CLASS))))
    sources.check_class_counts(source, expected, f"{binding}.images_per_class")
    raise stream.DataError(
        f"{source.origin}: the counts are the official ones, but a checksum (MD5) is not: the files were "
        f"altered. {remedy} For another set in the same format bind {binding}.images_per_class = 'any'.")
  return source


def _display_name(source, data_name, official_name, binding):
  if source.official:
    return official_name
  return sources.check_display_name(data_name, official_name, official_name, f"{binding}.data_name")
