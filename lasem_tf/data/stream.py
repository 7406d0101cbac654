"""Task streams: the interface between data and learners."""

import abc
import dataclasses
import functools
import hashlib
import pathlib
from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from lasem_tf import seeding, types
from lasem_tf.data import preprocessing as preprocessing_lib


@dataclasses.dataclass(frozen=True)
class StreamContext:
  """What the caller, not the configuration, decides about a stream.

  Attributes:
    seed: the trial; splits, noise pixels and batch order derive from it.
    design_seed: fixes what all trials share (STL-10's classes, noise and permutations; planted structure).
    data_dirs: folders searched in order for the raw files.
    cache_dir: where decoded images may be cached; None means beside the data or, where these are read-only, in the
      user's cache folder.
    download: whether TensorFlow Datasets may download.
    design_only: describe the stream as the official data make it, without looking for raw files; tasks, counts and
      source indices are then available, images are not.
  """

  seed: int = 0
  design_seed: int = 0
  data_dirs: tuple[str, ...] = ()
  cache_dir: str | None = None
  download: bool = False
  design_only: bool = False


class DataError(ValueError):
  """Raw data are missing, damaged or not what the configuration expects; the message names the file and the remedy."""


class TaskStream(abc.ABC):
  """A sequence of classification tasks with train, validation and test splits.

  Subclasses set the attributes in their constructor, after checking that the raw data fit, and implement `_load` and
  `_source_indices`. A constructor reads no more than it needs to check; images are decoded by `load`.

  Attributes:
    name: registry name, e.g. 'cifar100'.
    display_name: what tables call the data; never an official name for data that are not official.
    image_shape: (height, width, channels).
    tasks: one `TaskInfo` per task.
    protocol: the protocol choices in force, JSON-able, e.g. {'protocol': 'clean', 'normalization': 'train'}.
    context: the `StreamContext`.
  """

  name: str
  display_name: str
  image_shape: tuple[int, int, int]
  tasks: tuple[types.TaskInfo, ...]
  protocol: dict
  context: StreamContext
  _uncut: tuple[int, str] | None = None  # Number of tasks and display name, before `keep_first`.

  @property
  def num_tasks(self) -> int:
    """Number of distinct tasks."""
    return len(self.tasks)

  def keep_first(self, num_tasks: int | None, binding: str | None = None) -> None:
    """Leaves the stream's first tasks, as they were, once a constructor has set all attributes.

    Fewer tasks enter display name, protocol and fingerprints; images and splits of those that stay are unchanged. Hence
    subclasses draw and number images by what they were constructed with, not by `num_tasks`. Of a stream that was cut
    before, the record says how many tasks it had at first.

    Args:
      num_tasks: how many; None for all.
      binding: what messages call the number; default: '<class>.num_tasks'.

    Raises:
      ValueError: the stream has no such number of tasks.
    """
    present = len(self.tasks)
    if num_tasks is None or (type(num_tasks) is int and num_tasks == present):
      return
    if type(num_tasks) is not int or not 0 < num_tasks < present:
      raise ValueError(f"{binding or f'{type(self).__name__}.num_tasks'} must be a whole number from 1 to {present}, "
                       f"the number of tasks of stream {self.name}, not {num_tasks!r}.")
    own, name = self._uncut = self._uncut or (present, self.display_name)
    self.tasks = self.tasks[:num_tasks]
    self.display_name = f"{name} (first {num_tasks} of {own} tasks)"
    self.protocol = self.protocol | {"num_tasks": num_tasks, "of_tasks": own}
    for cached in ("_counts", "design_fingerprint", "data_fingerprint"):  # A constructor may have asked for them.
      vars(self).pop(cached, None)

  def load(self, task_id: int, split: str) -> types.TaskSplit:
    """Decodes, selects and normalises one split; one task is resident at a time, callers keep what they need."""
    if split not in types.SPLITS:
      raise ValueError(f"Unknown split {split!r}: use one of {', '.join(types.SPLITS)}.")
    if not 0 <= task_id < self.num_tasks:
      raise ValueError(f"Task {task_id} is not in stream {self.name}, which has {self.num_tasks} tasks.")
    if self.context.design_only:
      raise DataError(f"Stream {self.name} was opened for its design only: it has no images.")
    return self._load(task_id, split)

  def source_indices(self, task_id: int, split: str) -> np.ndarray:
    """int64 `[n]`: which source images make up a split, in stored order, without decoding any."""
    return self._source_indices(task_id, split)

  def preprocessing(self, task_id: int) -> preprocessing_lib.Preprocessing | None:
    """How an image file becomes what the network sees in a task, for images that are not of the stream.

    Subclasses override. May read the task's training images, whose statistics it may hold.

    Args:
      task_id: the task.

    Returns:
      The rule; None where images do not come from files with 8 bits a channel, or the stream does not tell.
    """
    del task_id
    return None

  def how_to_begin_with(self, earlier: Sequence[tuple[str, ...]]) -> str:
    """What makes the stream begin with tasks of a shorter one, a sentence for messages.

    Subclasses override.

    Args:
      earlier: class names of each task of the shorter stream.

    Returns:
      '' where the stream cannot tell.
    """
    del earlier
    return ""

  def counts(self) -> dict[str, list[int]]:
    """Number of examples of every task, by split."""
    return {split: list(numbers) for split, numbers in self._counts.items()}

  @functools.cached_property
  def _counts(self) -> dict[str, list[int]]:
    return {split: [len(self.source_indices(task.task_id, split)) for task in self.tasks] for split in types.SPLITS}

  @functools.cached_property
  def design_fingerprint(self) -> str:
    """Identifies the tasks: classes, order of labels, details, protocol. Equal over seeds."""
    tasks = [[t.task_id, list(t.class_names), list(t.class_ids), sorted((k, repr(v)) for k, v in t.details.items())]
             for t in self.tasks]
    return seeding.fingerprint(self.name, list(self.image_shape), tasks,
                               sorted((k, repr(v)) for k, v in self.protocol.items()))

  @functools.cached_property
  def data_fingerprint(self) -> str:
    """Identifies the images of this seed: design plus the source index of every example. Equal over methods."""
    digest = hashlib.sha256(self.design_fingerprint.encode())
    for task in self.tasks:
      for split in types.SPLITS:
        digest.update(np.ascontiguousarray(self.source_indices(task.task_id, split), dtype="<i8").tobytes())
        digest.update(b"|")
    digest.update(repr(self._data_seed()).encode())
    return digest.hexdigest()[:16]

  def _data_seed(self):
    """What else of the seed reaches the pixels (noise); subclasses override."""
    return

  @abc.abstractmethod
  def _load(self, task_id: int, split: str) -> types.TaskSplit:
    ...

  @abc.abstractmethod
  def _source_indices(self, task_id: int, split: str) -> np.ndarray:
    ...


@runtime_checkable
class CachesImages(Protocol):
  """What a stream that keeps decoded images on disk offers besides."""

  @property
  def cache_directory(self) -> pathlib.Path:
    """Where they are kept."""

  def all_image_files(self) -> list[pathlib.Path]:
    """Every image file that some trial may use."""

  def prepare(self, progress: Callable[[int], None]):
    """Decodes them all; `progress` is called with the number done since the last call."""


@runtime_checkable
class WritesDesign(Protocol):
  """What a stream whose design can be written to files offers besides."""

  def write_design(self, folder: pathlib.Path) -> list[pathlib.Path]:
    """Writes the files into an existing folder and returns their paths."""
