"""Office-Home: everyday objects in two domains, 13 classes a task, 128 x 128 pixels.

Tasks 0-4 are five groups of classes on product photographs, tasks 5-9 the same groups on photographs of the real world.
The data set has no official split: every trial draws its own train, validation and test images, 60 / 10 / 30 per cent
of each class in integer arithmetic, as the releases do. Images are scaled to [0, 1] and not normalised. Their pixels
are taken as they are stored: the releases do not turn them as an EXIF entry might say, so neither does this stream.

Damaged images are found before training: opening the stream reads the header and the end of every file, and before the
first task is loaded, all images of the trial are decoded into the cache.

The incremental stream (classes arriving on product photographs) stands in the second release, which split each class
anew in every task, so that most test images of a task had been training images of an earlier one. Here each class is
split once per trial, and all tasks use that split.
"""

import hashlib
import pathlib
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

import gin
import numpy as np

from lasem_tf import seeding, types
from lasem_tf.data import preprocessing as preprocessing_lib, sources
from lasem_tf.data.readers import cache_folder, image_cache, office_home_files
from lasem_tf.data.stream import DataError, StreamContext, TaskStream
from lasem_tf.data.streams import office_home_classes as constants, protocols

OFFICIAL_NAME = "Office-Home"
SMALLEST_CLASS = 10  # with fewer images, the 10 % of validation would be none
_INDEX_BASE = 100_000  # image numbers have five digits
_MANY = 1000  # images whose decoding takes long enough to be announced


def split_sizes(num_images: int) -> dict[str, int]:
  """Images of a class in each split: floors of 60, 10 and 30 per cent; up to two images stay unused."""
  return {"train": 6 * num_images // 10, "validation": num_images // 10, "test": 3 * num_images // 10}


class _OfficeHomeStream(TaskStream):
  """What both streams share: files, splits, indices, the cache."""

  def __init__(self, context: StreamContext, name: str, tasks: Sequence[tuple[str, tuple[int, ...]]], protocol: str,
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
    # Not turned as EXIF says: the releases read the pixels as they are stored.
    self._rule = preprocessing_lib.Preprocessing(self.image_shape, "stretch", oriented=False)
    self.protocol = protocols.resolve(protocol, {}, {})
    self.tasks = tuple(
        types.TaskInfo(task_id, len(class_ids), tuple(constants.CLASS_NAMES[c] for c in class_ids), class_ids,
                       {"domain": domain}) for task_id, (domain, class_ids) in enumerate(tasks))
    self._domains = [domain for domain, _ in tasks]
    self._caches: dict[str, image_cache.ImageCache] = {}
    self._rows: dict[str, dict[tuple[int, int], int]] = {}  # by class id and number
    self._is_decoded = False
    self._images = self._find_images({domain for domain, _ in tasks}, images_per_class == sources.OFFICIAL)
    official = not self._images or not office_home_files.differing_counts(self._images)
    self.display_name = OFFICIAL_NAME if official else sources.check_display_name(
        data_name, OFFICIAL_NAME, OFFICIAL_NAME, f"{kind}.data_name",
        str(pathlib.Path(office_home_files.find_folder(context.data_dirs)).parent))
    self._numbers = {domain: self._class_numbers(domain) for domain in constants.DOMAINS
                     if domain in self._domains}
    if self._images:
      office_home_files.check_images(self.all_image_files())

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
      passed_over = office_home_files.left_out(folder, domain)
      if passed_over:
        sources.warn_once(office_home_files.left_out_message(passed_over))
    self._open_caches(folder, images)
    return images

  def _open_caches(self, folder: pathlib.Path, images: dict[str, list[dict[int, pathlib.Path]]]) -> None:
    root = cache_folder.choose_directory(self.context.cache_dir, folder)
    for domain, classes in images.items():
      listing = [(class_id, number) for class_id, numbered in enumerate(classes) for number in sorted(numbered)]
      self._rows[domain] = {key: row for row, key in enumerate(listing)}
      paths = [classes[class_id][number] for class_id, number in listing]
      self._caches[domain] = image_cache.ImageCache(root, domain, paths, self._rule)

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
    domain = self._domains[task_id]
    indices = np.concatenate([self._split_class(domain, c)[split] for c in self.tasks[task_id].class_ids])
    order = seeding.generator(self.context.design_seed, self.context.seed, self.name, "order", task_id, split)
    return order.permutation(indices)

  def _place(self, index: int) -> tuple[str, int, int]:
    """Domain, class id and number of an image."""
    class_of_domain, number = divmod(int(index), _INDEX_BASE)
    domain_id, class_id = divmod(class_of_domain, len(constants.CLASS_NAMES))
    return constants.DOMAINS[domain_id], class_id, number

  def _rows_by_domain(self, indices: Iterable[int]) -> dict[str, list[int]]:
    """Rows of the caches that hold the images."""
    rows: dict[str, list[int]] = {domain: [] for domain in self._caches}
    for index in indices:
      domain, class_id, number = self._place(index)
      rows[domain].append(self._rows[domain][class_id, number])
    return rows

  def _load(self, task_id, split):
    self._decode_all()
    indices = self._source_indices(task_id, split)
    local = {class_id: label for label, class_id in enumerate(self.tasks[task_id].class_ids)}
    class_ids = indices // _INDEX_BASE % len(constants.CLASS_NAMES)
    labels = np.array([local[int(class_id)] for class_id in class_ids], np.int32)
    domain = self._domains[task_id]
    return types.TaskSplit(self._caches[domain].load(self._rows_by_domain(indices)[domain]), labels, indices)

  def preprocessing(self, task_id):
    """See `TaskStream.preprocessing`."""
    return self._rule

  def _decode_all(self) -> None:
    """Decodes all images of the trial that are not cached, so that damage is found before anything is trained."""
    if self._is_decoded:
      return
    rows = self._rows_by_domain(self._used_indices())
    absent = {domain: cache.absent(rows[domain]) for domain, cache in self._caches.items()}
    num_absent = sum(map(len, absent.values()))
    if num_absent >= _MANY:
      sources.warn_once(f"{num_absent} images are decoded and resized, once, into {self.cache_directory}.")
    for domain, cache in self._caches.items():
      cache.prepare(absent[domain])
    self._is_decoded = True

  @property
  def cache_directory(self) -> pathlib.Path:
    """Where the resized images lie."""
    return next(iter(self._caches.values())).file.parent

  def _used_indices(self) -> list[int]:
    """Source indices that some split of some task uses in this trial, without repetition, in ascending order."""
    return sorted({int(index) for task in self.tasks for split in types.SPLITS
                   for index in self._source_indices(task.task_id, split)})

  def prepare(self, progress: Callable[[int], None] = lambda num_done: None) -> image_cache.CacheReport:
    """Decodes and resizes every image that some trial may use into the cache.

    Args:
      progress: called with the number of images done since the last call.
    """
    report = image_cache.CacheReport()
    for domain, cache in self._caches.items():
      keys = [(class_id, number) for used, class_id in self._used_classes() if used == domain
              for number in sorted(self._images[domain][class_id])]
      report += cache.prepare([self._rows[domain][key] for key in keys], progress)
    return report

  def _used_classes(self) -> list[tuple[str, int]]:
    """Domain and class id of everything that some task holds."""
    tasks = zip(self.tasks, self._domains)
    return sorted({(domain, class_id) for task, domain in tasks for class_id in task.class_ids})

  def all_image_files(self) -> list[pathlib.Path]:
    """Every image file that some trial may use."""
    return [path for domain, class_id in self._used_classes()
            for _, path in sorted(self._images[domain][class_id].items())]

  def _data_seed(self):
    """The content of every image of the trial, so that altered pixels alter the data fingerprint."""
    if not self._caches:
      return "design only"
    rows = self._rows_by_domain(self._used_indices())
    digests = (digest.hex() for domain, cache in self._caches.items() for digest in cache.digests(rows[domain]))
    return hashlib.sha256("".join(digests).encode()).hexdigest()


@gin.register
class OfficeHome(_OfficeHomeStream):
  """Ten tasks of thirteen classes: five groups of classes in two domains."""

  def __init__(self, context: StreamContext, protocol: Literal["clean", "reference"] = "clean", image_size: int = 128,
               images_per_class: Literal["official", "any"] = "official", data_name: str | None = None,
               num_tasks: int | None = None):
    """Checks that the raw files fit.

    Args:
      context: seed and folders.
      protocol: 'clean' or 'reference'; they agree on this stream's images and are both recorded as bound.
      image_size: height and width of the resized images, in pixels.
      images_per_class: 'official' expects the number of images of each class of the official archive; 'any' expects at
        least ten.
      data_name: what tables call data that are not official.
      num_tasks: the first so many tasks only; images of further domains must be there all the same.

    Raises:
      DataError: the folder is missing, incomplete or not the official archive.
    """
    tasks = [(domain, group) for domain in constants.DOMAINS for group in constants.GROUPS]
    super().__init__(context, "office_home", tasks, protocol, image_size, images_per_class, data_name)
    self.keep_first(num_tasks)


@gin.register
class OfficeHomeIncremental(_OfficeHomeStream):
  """Six tasks on product photographs: three classes, then one class more in every task."""

  def __init__(self, context: StreamContext, protocol: Literal["clean", "reference"] = "clean", image_size: int = 128,
               images_per_class: Literal["official", "any"] = "official", data_name: str | None = None,
               num_tasks: int | None = None):
    """See `OfficeHome`; 'reference' is refused, because the released splits leak test images into training."""
    if protocol != "clean":
      raise ValueError(f"OfficeHomeIncremental.protocol is {protocol!r}: only 'clean' exists, because the released "
                       "split trains on most of the test images.")
    classes = constants.INCREMENTAL_CLASSES
    tasks = [("Product", classes[:end]) for end in range(constants.INCREMENTAL_FIRST, len(classes) + 1)]
    super().__init__(context, "office_home_incremental", tasks, protocol, image_size, images_per_class, data_name)
    self.display_name += " (incremental)"
    self.keep_first(num_tasks)
