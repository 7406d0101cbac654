"""Office-Home: everyday objects in two domains, 13 classes a task, 128 x 128 pixels.

Tasks 0-4 are five groups of classes on product photographs, tasks 5-9 the same groups on photographs of the real world.
The data set has no official split: every trial draws its own train, validation and test images, 60 / 10 / 30 per cent
of each class in integer arithmetic, as the releases do. Images are scaled to [0, 1] and not normalised.

The incremental stream (classes arriving on product photographs) stands in the second release, which split each class
anew in every task, so that most test images of a task had been training images of an earlier one. Here each class is
split once per trial, and all tasks use that split.
"""

import hashlib
import pathlib

import gin
import numpy as np

from lasem_tf import seeding, types
from lasem_tf.data import sources
from lasem_tf.data.readers import image_cache, office_home_files
from lasem_tf.data.stream import DataError, StreamContext, TaskStream
from lasem_tf.data.streams import office_home_classes as constants, protocols

OFFICIAL_NAME = "Office-Home"
SMALLEST_CLASS = 10  # with fewer images, the 10 % of validation would be none
_INDEX_BASE = 100_000  # image numbers have five digits


def split_sizes(num_images: int) -> dict[str, int]:
  """Images of a class in each split: floors of 60, 10 and 30 per cent; up to two images stay unused."""
  return {"train": 6 * num_images // 10, "validation": num_images // 10, "test": 3 * num_images // 10}


class _OfficeHomeStream(TaskStream):
  """What both streams share: files, splits, indices, the cache."""

  def __init__(self, context: StreamContext, name: str, tasks: list[tuple[str, tuple[int, ...]]], protocol: str,
               image_size: int, images_per_class: str, data_name: str | None):
    kind = type(self).__name__
    if images_per_class not in (sources.OFFICIAL, sources.ANY):
      raise ValueError(f"{kind}.images_per_class must be 'official' or 'any', not {images_per_class!r}.")
    if type(image_size) is not int or image_size < 1:
      raise ValueError(f"{kind}.image_size must be a positive number of pixels, not {image_size!r}.")
    if data_name is not None:
      sources.check_display_name(data_name, OFFICIAL_NAME, OFFICIAL_NAME, f"{kind}.data_name")
    self.context = context
    self.name = name
    self.image_shape = (image_size, image_size, 3)
    self.protocol = protocols.resolve(protocol, {}, {})
    self.tasks = tuple(
        types.TaskInfo(task_id, len(class_ids), tuple(constants.CLASS_NAMES[c] for c in class_ids), class_ids,
                       {"domain": domain}) for task_id, (domain, class_ids) in enumerate(tasks))
    self._cache = None
    self._images = self._find_images({domain for domain, _ in tasks}, images_per_class == sources.OFFICIAL)
    official = not self._images or not office_home_files.differing_counts(self._images)
    self.display_name = OFFICIAL_NAME if official else sources.check_display_name(
        data_name, OFFICIAL_NAME, OFFICIAL_NAME, f"{kind}.data_name",
        str(pathlib.Path(office_home_files.find_folder(context.data_dirs)).parent))
    self._numbers = {domain: self._class_numbers(domain) for domain in constants.DOMAINS
                     if any(domain == task_domain for task_domain, _ in tasks)}

  def _find_images(self, domains: set[str], official: bool) -> dict[str, list[dict[int, pathlib.Path]]]:
    """Image files by domain, class id and number; none under `design_only`."""
    if self.context.design_only:
      return {}
    folder = office_home_files.find_folder(self.context.data_dirs)
    images = {domain: office_home_files.list_images(folder, domain)
              for domain in constants.DOMAINS if domain in domains}
    differences = office_home_files.differing_counts(images)
    if official and differences:
      shown = "; ".join(differences[:5]) + ("; ..." if len(differences) > 5 else "")
      raise DataError(f"{folder} is not the official Office-Home archive ({len(differences)} classes differ: {shown}). "
                      f"Unpack the archive again, or bind {type(self).__name__}.images_per_class = 'any' and "
                      f"{type(self).__name__}.data_name for other images in the same layout.")
    for domain, classes in images.items():
      for name, numbered in zip(constants.CLASS_NAMES, classes):
        if len(numbered) < SMALLEST_CLASS:
          raise DataError(f"{folder}: {domain}/{name} holds {len(numbered)} images named like 00001.jpg; a class needs "
                          f"at least {SMALLEST_CLASS} to be split 60 / 10 / 30.")
    self._cache = image_cache.ImageCache(image_cache.choose_directory(self.context.cache_dir, folder),
                                         *self.image_shape[:2])
    return images

  def _class_numbers(self, domain: str) -> list[list[int]]:
    """Numbers of the images of every class."""
    if not self._images:
      return [list(range(1, count + 1)) for count in constants.OFFICIAL_COUNTS[domain]]
    return [sorted(numbered) for numbered in self._images[domain]]

  def _split_class(self, domain: str, class_id: int) -> dict[str, np.ndarray]:
    """Source indices of a class by split: one draw per trial, whichever task asks."""
    domain_id = constants.DOMAINS.index(domain)
    numbers = np.array(self._numbers[domain][class_id], np.int64)
    drawn = seeding.generator(self.context.design_seed, self.context.seed, self.name, "split", domain,
                              class_id).permutation(numbers)
    sizes = split_sizes(len(numbers))
    ends = np.cumsum([sizes[split] for split in types.SPLITS])
    base = (domain_id * len(constants.CLASS_NAMES) + class_id) * _INDEX_BASE
    return {split: base + drawn[end - sizes[split]:end] for split, end in zip(types.SPLITS, ends)}

  def _source_indices(self, task_id, split):
    task = self.tasks[task_id]
    indices = np.concatenate([self._split_class(task.details["domain"], c)[split] for c in task.class_ids])
    order = seeding.generator(self.context.design_seed, self.context.seed, self.name, "order", task_id, split)
    return order.permutation(indices)

  def _path(self, index: int) -> pathlib.Path:
    class_of_domain, number = divmod(int(index), _INDEX_BASE)
    domain_id, class_id = divmod(class_of_domain, len(constants.CLASS_NAMES))
    return self._images[constants.DOMAINS[domain_id]][class_id][number]

  def _load(self, task_id, split):
    indices = self._source_indices(task_id, split)
    local = {class_id: label for label, class_id in enumerate(self.tasks[task_id].class_ids)}
    class_ids = indices // _INDEX_BASE % len(constants.CLASS_NAMES)
    labels = np.array([local[int(class_id)] for class_id in class_ids], np.int32)
    return types.TaskSplit(self._cache.load([self._path(index) for index in indices]), labels, indices)

  @property
  def cache_directory(self) -> pathlib.Path:
    """Where the resized images lie."""
    return self._cache.directory

  def image_files(self) -> list[pathlib.Path]:
    """Every image file that some split of some task uses in this trial, without repetition."""
    used = {int(index) for task in self.tasks for split in types.SPLITS
            for index in self._source_indices(task.task_id, split)}
    return [self._path(index) for index in sorted(used)]

  def prepare(self, progress=lambda num_done: None) -> image_cache.CacheReport:
    """Decodes and resizes every image of the stream's domains into the cache, for all trials.

    Args:
      progress: called with the number of images done since the last call.
    """
    return self._cache.prepare(self.all_image_files(), progress)

  def all_image_files(self) -> list[pathlib.Path]:
    """Every image file that some trial may use."""
    used = {(task.details["domain"], class_id) for task in self.tasks for class_id in task.class_ids}
    return [path for domain, class_id in sorted(used) for _, path in sorted(self._images[domain][class_id].items())]

  def _data_seed(self):
    """The content of every image of the trial, so that altered pixels alter the data fingerprint."""
    if self._cache is None:
      return "design only"
    return hashlib.sha256("".join(self._cache.digests(self.image_files())).encode()).hexdigest()


@gin.register
class OfficeHome(_OfficeHomeStream):
  """Ten tasks of thirteen classes: five groups of classes in two domains."""

  def __init__(self, context: StreamContext, protocol: str = "clean", image_size: int = 128,
               images_per_class: str = sources.OFFICIAL, data_name: str | None = None):
    """Checks that the raw files fit.

    Args:
      context: seed and folders.
      protocol: 'clean' or 'reference'; they agree on this stream's images and are both recorded as bound.
      image_size: height and width of the resized images, in pixels.
      images_per_class: 'official' expects the number of images of each class of the official archive; 'any' expects at
        least ten.
      data_name: what tables call data that are not official.

    Raises:
      DataError: the folder is missing, incomplete or not the official archive.
    """
    tasks = [(domain, group) for domain in constants.DOMAINS for group in constants.GROUPS]
    super().__init__(context, "office_home", tasks, protocol, image_size, images_per_class, data_name)


@gin.register
class OfficeHomeIncremental(_OfficeHomeStream):
  """Six tasks on product photographs: three classes, then one class more in every task."""

  def __init__(self, context: StreamContext, protocol: str = "clean", image_size: int = 128,
               images_per_class: str = sources.OFFICIAL, data_name: str | None = None):
    """See `OfficeHome`; 'reference' is refused, because the released splits leak test images into training."""
    if protocol != "clean":
      raise ValueError(f"OfficeHomeIncremental.protocol is {protocol!r}: only 'clean' exists, because the released "
                       "split trains on most of the test images.")
    num_tasks = len(constants.INCREMENTAL_CLASSES) - constants.INCREMENTAL_FIRST + 1
    tasks = [("Product", constants.INCREMENTAL_CLASSES[:constants.INCREMENTAL_FIRST + t]) for t in range(num_tasks)]
    super().__init__(context, "office_home_incremental", tasks, protocol, image_size, images_per_class, data_name)
    self.display_name += " (incremental)"
