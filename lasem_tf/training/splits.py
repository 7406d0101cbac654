"""A cache of a stream's splits, within a bound on memory."""

import collections
import hashlib

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
    self._fingerprints: dict[tuple[int, str], str] = {}
    self._has_examples: dict[tuple[int, str], bool] = {}

  def load(self, task_id: int, split: str) -> types.TaskSplit:
    """The split, decoded and normalised."""
    key = task_id, split
    if key not in self._splits:
      self._shrink(0)  # What would have to go anyway goes before there is more.
      self._splits[key] = self.stream.load(task_id, split)
      if key not in self._fingerprints:
        self._fingerprints[key] = _fingerprint(self._splits[key])
    self._splits.move_to_end(key)
    self._shrink(1)
    return self._splits[key]

  def has_examples(self, task_id: int, split: str) -> bool:
    """Whether the split is not empty; asking loads no image."""
    key = task_id, split
    if key not in self._has_examples:
      self._has_examples[key] = len(self.stream.source_indices(*key)) > 0
    return self._has_examples[key]

  def fingerprint(self, task_id: int, split: str) -> str:
    """Identifies the normalised images and labels of a split, wherever else the stream begins or ends.

    It is computed when the split is first loaded, so that asking at the end of a run costs nothing.
    """
    if (task_id, split) not in self._fingerprints:
      self.load(task_id, split)
    return self._fingerprints[task_id, split]

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


def _fingerprint(split: types.TaskSplit) -> str:
  digest = hashlib.sha256(repr((split.images.shape, str(split.images.dtype))).encode())
  digest.update(np.ascontiguousarray(split.images).data)
  digest.update(np.ascontiguousarray(split.labels, dtype="<i4").data)
  return digest.hexdigest()[:16]
