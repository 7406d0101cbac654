"""What streams of a user's own image files share: splits, indices, the cache, and how images are prepared."""

import dataclasses
import hashlib
import pathlib
from collections.abc import Callable, Sequence
from typing import cast

import numpy as np

from lasem_tf import seeding, types
from lasem_tf.data import overlap, pipeline, preprocessing as preprocessing_lib, sources
from lasem_tf.data.readers import cache_folder, image_cache, image_decoding, listed_images
from lasem_tf.data.readers.listed_images import ListedImage
from lasem_tf.data.stream import DataError, StreamContext, TaskStream
from lasem_tf.data.streams import own_tasks

NORMALIZATIONS = ("train", "none")
_GROUP = 1_000_000  # Source index: number of the class's group times this, plus the position in the group.
_STATISTICS_BATCH = 256  # images


def resizing(kind: str, image_size: int, num_channels: int, fit: str) -> preprocessing_lib.Preprocessing:
  """The rule of a stream's bindings.

  Args:
    kind: name of the stream's class, for messages.
    image_size: height and width of the resized images, in pixels.
    num_channels: 3, or 1 for grey images.
    fit: see `Preprocessing`.

  Raises:
    ValueError: a binding has a value that it cannot take.
  """
  if type(image_size) is not int or image_size < 4:
    raise ValueError(f"{kind}.image_size must be a whole number of at least 4 pixels, not {image_size!r}.")
  if num_channels not in (1, 3):
    raise ValueError(f"{kind}.num_channels must be 1 or 3, not {num_channels!r}.")
  if fit not in preprocessing_lib.FITS:
    raise ValueError(f"{kind}.fit must be one of {', '.join(map(repr, preprocessing_lib.FITS))}, not {fit!r}.")
  return preprocessing_lib.Preprocessing((image_size, image_size, num_channels), cast(preprocessing_lib.Fit, fit))


def open_cache(context: StreamContext, root: pathlib.Path, images: Sequence[ListedImage],
               rule: preprocessing_lib.Preprocessing) -> image_cache.ImageCache:
  """The cache of a folder's or a table's images, damaged ones included, so that no repair of a file moves it.

  Args:
    context: its `cache_dir` counts.
    root: folder or table of the images; names the cache.
    images: all that are listed; one may be listed several times.
    rule: how they are resized.
  """
  directory = cache_folder.choose_directory(context.cache_dir, root if root.is_dir() else root.parent)
  name = f"{root.stem}_{hashlib.sha256(str(root).encode()).hexdigest()[:8]}"
  return image_cache.ImageCache(directory, name, sorted({image.path for image in images}), rule)


def readable(images: Sequence[ListedImage], cache: image_cache.ImageCache, skip_unreadable: bool,
             kind: str) -> list[ListedImage]:
  """The images without damaged ones, which are refused unless they may be skipped.

  To be skipped, damage must be known before splits are drawn. So all images are decoded then, into the cache, where
  `load` finds them. Else header and end of each file are looked at, and `load` finds the rest.

  Args:
    images: all that are listed.
    cache: of them.
    skip_unreadable: whether damaged files are left out, which a warning names.
    kind: name of the stream's class, for messages.

  Raises:
    DataError: a file is damaged and may not be left out, or the cache cannot be written.
  """
  damaged = listed_images.damaged(images)
  if damaged and not skip_unreadable:
    others = f" ({len(damaged) - 1} further files are damaged, too.)" if len(damaged) > 1 else ""
    raise DataError(f"{next(iter(damaged.values()))} {_hint(kind)}{others}")
  if skip_unreadable:
    found = cache.unreadable([row for row, path in enumerate(cache.paths) if path not in damaged])
    damaged = damaged | {cache.paths[row]: str(error) for row, error in found.items()}
  if not damaged:
    return list(images)
  left = [image for image in images if image.path not in damaged]
  if not left:
    raise DataError(f"None of the {len(images)} images can be read; the first: {next(iter(damaged.values()))}")
  names = ", ".join(map(str, list(damaged)[:5])) + (", ..." if len(damaged) > 5 else "")
  sources.warn_once(f"{len(damaged)} unreadable files are left out: {names}")
  return left


def _hint(kind: str) -> str:
  return f"Or bind {kind}.skip_unreadable = True to leave such files out."


class OwnImages(TaskStream):
  """Tasks made of listed image files. Subclasses list the files and say which make a task."""

  def __init__(self, context: StreamContext, name: str, root: pathlib.Path, plans: Sequence[own_tasks.TaskPlan],
               images: Sequence[Sequence[ListedImage]], split: Sequence[float], cache: image_cache.ImageCache,
               normalization: str, data_name: str | None):
    """Draws the splits; images are decoded by `load`.

    Args:
      context: `StreamContext`.
      name: of the stream.
      root: folder or table of the images; names the data without `data_name`.
      plans: the tasks.
      images: of each task; an image that is in several has the same split in all.
      split: shares of train, validation and test of a class, where the images do not say their split.
      cache: of `open_cache`; holds all of the images, and more.
      normalization: 'train' standardises each channel with the statistics of the task's training images; 'none' leaves
        values in [0, 1].
      data_name: what tables call the data.

    Raises:
      ValueError: a binding has a value that it cannot take.
      DataError: a class has too few images.
    """
    kind = type(self).__name__
    if normalization not in NORMALIZATIONS:
      raise ValueError(f"{kind}.normalization must be one of {', '.join(map(repr, NORMALIZATIONS))}, not "
                       f"{normalization!r}.")
    self.context, self.name = context, name
    self.display_name = data_name or root.stem
    self.image_shape = cache.image_shape
    self._shares = own_tasks.check_shares(split, f"{kind}.split")
    is_fixed = any(image.split for of_task in images for image in of_task)
    self.protocol = {"protocol": "clean", "split": "fixed" if is_fixed else "/".join(map(str, split)),
                     "fit": cache.rule.fit, "normalization": normalization}
    self.tasks = tuple(types.TaskInfo(task_id, len(plan.classes), plan.classes, (), plan.details)
                       for task_id, plan in enumerate(plans))
    self._plans = plans
    self._cache = cache
    self._is_decoded = False
    self._rules: dict[int, preprocessing_lib.Preprocessing] = {}
    self._ordered: dict[tuple[int, str], tuple[np.ndarray, np.ndarray]] = {}
    self._place_images(images)
    self._check_counts(root, kind)

  def _place_images(self, images: Sequence[Sequence[ListedImage]]) -> None:
    """Numbers the images and draws splits. Groups, images of one label and domain, are split alone."""
    groups: dict[tuple[str, str], dict[pathlib.Path, ListedImage]] = {}
    for image in (image for of_task in images for image in of_task):
      groups.setdefault((image.domain, image.label), {})[image.path] = image
    self._indices: dict[pathlib.Path, int] = {}
    self._splits: dict[pathlib.Path, str] = {}
    for number, (key, members) in enumerate(groups.items()):
      paths = sorted(members)
      self._indices |= {path: number * _GROUP + position for position, path in enumerate(paths)}
      if members[paths[0]].split:
        self._splits |= {path: image.split for path, image in members.items()}
        continue
      drawn = own_tasks.draw(len(paths), self._shares,
                             (self.context.design_seed, self.context.seed, self.name, "split", *key))
      self._splits |= {paths[position]: split for split, positions in drawn.items() for position in positions}
    self._members = [{image.path: plan.classes.index(image.label) for image in of_task}
                     for plan, of_task in zip(self._plans, images)]
    self._rows = {self._indices[path]: row for row, path in enumerate(self._cache.paths) if path in self._indices}

  def _check_counts(self, root: pathlib.Path, kind: str) -> None:
    for task in self.tasks:
      for label, name in enumerate(task.class_names):
        found = [self._splits.get(path) for path, own in self._members[task.task_id].items() if own == label]
        empty = [split for split in types.SPLITS if split not in found]
        if empty:
          where = f"{root}: class {name!r} of task {task.task_id} has {len(found)} images"
          if self.protocol["split"] == "fixed":
            raise DataError(f"{where}, none of them for {' and '.join(empty)}. Add some, or leave the class out.")
          raise DataError(f"{where}, too few for shares of {self.protocol['split']}: none is left for "
                          f"{' and '.join(empty)}. Add images, leave the class out, or bind another {kind}.split.")

  def _members_of(self, task_id: int, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Source indices and labels in stored order."""
    if (task_id, split) not in self._ordered:
      self._ordered[task_id, split] = self._order(task_id, split)
    return self._ordered[task_id, split]

  def _order(self, task_id: int, split: str) -> tuple[np.ndarray, np.ndarray]:
    own = sorted((self._indices[path], label) for path, label in self._members[task_id].items()
                 if self._splits.get(path) == split)
    order = seeding.generator(self.context.design_seed, self.context.seed, self.name, "order", task_id,
                              split).permutation(len(own))
    indices, labels = (np.array(values) for values in zip(*own))
    return indices[order].astype(np.int64), labels[order].astype(np.int32)

  def _source_indices(self, task_id, split):
    return self._members_of(task_id, split)[0]

  def _resized(self, task_id: int, split: str) -> np.ndarray:
    if not self._is_decoded:  # All that the trial uses, so that damage is found before anything is trained.
      self._decode(self._cache.absent([self._rows[index] for index in self._used_indices()]))
      self._is_decoded = True
    return self._cache.load([self._rows[int(index)] for index in self._source_indices(task_id, split)])

  def _decode(self, rows: Sequence[int],
              progress: Callable[[int], None] = lambda num_done: None) -> image_cache.CacheReport:
    try:
      return self._cache.prepare(rows, progress)
    except image_decoding.UnreadableImage as error:
      raise DataError(f"{error} {_hint(type(self).__name__)}") from error

  def _load(self, task_id, split):
    indices, labels = self._members_of(task_id, split)
    return types.TaskSplit(self.preprocessing(task_id).normalize(self._resized(task_id, split)), labels, indices)

  def preprocessing(self, task_id):
    """See `TaskStream.preprocessing`: the very rule that `load` applies."""
    if task_id not in self._rules:
      self._rules[task_id] = self._rule_of(task_id)
    return self._rules[task_id]

  def _rule_of(self, task_id: int) -> preprocessing_lib.Preprocessing:
    plan = self._plans[task_id]
    rule = dataclasses.replace(self._cache.rule, rotation=plan.rotation, permutation_seed=plan.permutation_seed)
    if self.protocol["normalization"] == "none":
      return rule
    return pipeline.channel_statistics(_Batches(self._resized(task_id, "train"))).added_to(rule)

  @property
  def cache_directory(self) -> pathlib.Path:
    """Where the resized images lie."""
    return self._cache.file.parent

  def all_image_files(self) -> list[pathlib.Path]:
    """Every image file that some trial may use."""
    return [self._cache.paths[row] for row in self._all_rows()]

  def _all_rows(self) -> list[int]:
    return sorted({self._rows[self._indices[path]] for task in self.tasks for path in self._members[task.task_id]})

  def prepare(self, progress: Callable[[int], None] = lambda num_done: None) -> image_cache.CacheReport:
    """Decodes and resizes these images into the cache; `progress` gets the number done since its last call."""
    return self._decode(self._all_rows(), progress)

  def _data_seed(self):
    """The content of every image of the trial, so that altered pixels alter the data fingerprint."""
    digests = self._cache.digests([self._rows[index] for index in self._used_indices()])
    return hashlib.sha256("".join(digest.hex() for digest in digests).encode()).hexdigest()

  def shared_files(self, task_id: int) -> list[str]:
    """Sentences about files that are in several splits of a task by their content; nothing is decoded."""
    return overlap.shared_digests({split: self._cache.digests([self._rows[int(index)] for index in
                                                               self._source_indices(task_id, split)])
                                   for split in types.SPLITS}, task_id)

  def _used_indices(self) -> list[int]:
    """Source indices that some split of some task uses in this trial, without repetition, in ascending order."""
    return sorted({int(index) for task in self.tasks for split in types.SPLITS
                   for index in self._source_indices(task.task_id, split)})


class _Batches:
  """Images in batches, so that float64 copies for statistics stay small; may be passed over twice."""

  def __init__(self, images: np.ndarray):
    self._images = images

  def __iter__(self):
    return (self._images[start:start + _STATISTICS_BATCH] for start in range(0, len(self._images), _STATISTICS_BATCH))


def say_shared_labels(plans: Sequence[own_tasks.TaskPlan], name: str) -> None:
  """Says, once, which labels occur in several tasks."""
  if message := own_tasks.in_several(plans):
    sources.warn_once(f"Stream {name}: {message}")
