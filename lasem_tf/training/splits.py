"""A cache of a stream's splits, within a bound on memory."""

import collections

import numpy as np

from lasem_tf import types
from lasem_tf.data import stream as stream_lib

_CACHE_BYTES = 64 * 2**20


class SplitCache:
  """Loads splits and keeps those used last, as long as they fit.

  Attributes:
    stream: whose splits these are.
  """

  def __init__(self, stream: stream_lib.TaskStream, num_bytes: int = _CACHE_BYTES):
    self.stream, self._num_bytes = stream, num_bytes
    self._splits: collections.OrderedDict[tuple[int, str], types.TaskSplit] = collections.OrderedDict()

  def load(self, task_id: int, split: str) -> types.TaskSplit:
    """The split, decoded and normalised."""
    key = task_id, split
    if key not in self._splits:
      self._shrink(0)  # What would have to go anyway goes before there is more.
      self._splits[key] = self.stream.load(task_id, split)
    self._splits.move_to_end(key)
    self._shrink(1)
    return self._splits[key]

  def fits(self, split: types.TaskSplit) -> bool:
    """Whether a split alone is within the bound."""
    return split.images.nbytes <= self._num_bytes

  def _shrink(self, least: int) -> None:
    """Drops the splits used longest ago until the rest fits, but keeps `least` of them."""
    while len(self._splits) > least and sum(kept.images.nbytes for kept in self._splits.values()) > self._num_bytes:
      self._splits.popitem(last=False)

  def training_examples(self, task_id: int, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(images, labels) of some training examples, for learners that rehearse."""
    split = self.load(task_id, "train")
    return split.images[rows], split.labels[rows]
