"""Exact accuracy: correct answers over all examples, counted in large batches by one compiled function per network."""

import collections
import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from lasem_tf import types
from lasem_tf.learners import base
from lasem_tf.nn import architecture
from lasem_tf.training import splits

# Memory for activations. Larger batches than this allows are not faster.
_ACTIVATION_BYTES = 64 * 2**20
_SMALLEST_BATCH, _LARGEST_BATCH = 16, 512


class EvaluationInterrupted(Exception):
  """A stop request interrupted an evaluation; its partial counts are discarded."""


def evaluation_batch_size(largest_layer: int) -> int:
  """Images evaluated at once.

  Args:
    largest_layer: numbers in one image's largest activation; its input and output are held at the same time.
  """
  return max(_SMALLEST_BATCH, min(_LARGEST_BATCH, _ACTIVATION_BYTES // (2 * 4 * largest_layer)))


def batch_size_for(spec: architecture.ConvNetSpec) -> int:
  """Images evaluated at once by a backbone."""
  elements = [spec.image_shape, *(spec.convolved_shape(layer) for layer in range(spec.depth))]
  return evaluation_batch_size(max(height * width * channels for height, width, channels in elements))


def at_least_two(images: np.ndarray) -> np.ndarray:
  """The images; a single one twice.

  A product with one row takes another kernel than one with several, which adds in another order. An image's logits
  should not depend on how many images are asked about, so no network is asked about one alone; the second answer is
  dropped.

  Args:
    images: `[n, height, width, channels]`.
  """
  return np.repeat(images, 2, axis=0) if len(images) == 1 else images


class Evaluator:
  """Measures a learner's accuracies.

  A compiled function is kept for every task across visits, until the learner says that the task's network is another. A
  row of accuracies evaluates again only tasks whose function or whose variables changed, by a digest of their values:
  where old networks stay as they are (columns, masks, single tasks), that is the task just learned.
  """

  def __init__(self, learner: base.Learner, data: splits.SplitCache, should_stop: Callable[[], bool] = lambda: False):
    """Keeps what is evaluated.

    Args:
      learner: whose `logits` count.
      data: where splits come from.
      should_stop: asked between batches; true raises `EvaluationInterrupted`.
    """
    self._learner, self._data, self._should_stop = learner, data, should_stop
    spec = learner.context.spec
    self.batch_size = batch_size_for(spec)
    self._signature = (tf.TensorSpec([None, *spec.image_shape], keras.config.floatx()), tf.TensorSpec([None], tf.int32))
    self._resident_task: int | None = None
    self._resident: dict[str, types.TaskSplit] = {}
    self._functions: dict[int, tuple[int, Any]] = {}
    self._measured: dict[tuple[int, str], tuple[bytes, float]] = {}
    self._traces: collections.Counter[tuple[int, int]] = collections.Counter()

  @property
  def num_traces(self) -> int:
    """Networks compiled so far."""
    return sum(self._traces.values())

  @property
  def num_retraces(self) -> int:
    """Compilations of a network that had been compiled before; 0, or something is wrong."""
    return self.num_traces - len(self._traces)

  def keep_resident(self, task_id: int | None) -> None:
    """Keeps this task's splits, and no other's, in memory between evaluations; large ones until another's is due."""
    self._resident_task, self._resident = task_id, {}

  def accuracy(self, task_id: int, split: str) -> float:
    """Fraction of a split's examples that the learner classifies correctly, at this moment; there must be some."""
    count, total, correct = self._function(task_id), 0, 0
    for images, labels in self.batches(task_id, split):
      correct += int(count(images, labels)[0])
      total += len(labels)
    return correct / total

  def logits(self, task_id: int, head: int, now: Callable[[], float] = time.perf_counter) -> tuple[np.ndarray, float]:
    """What a task's network says about a task's test images, of which those count that `accuracy` counts.

    Args:
      task_id: whose images.
      head: whose network.
      now: tells seconds.

    Returns:
      float32 `[images, classes of head]`; and the seconds that the network took, without making its input.
    """
    answer, found, seconds = self._function(head), [], 0.0
    for images, labels in self.batches(task_id, "test"):
      start = now()
      found.append(np.asarray(answer(images, labels)[1], np.float32))
      seconds += now() - start
    return np.concatenate(found), seconds

  def labels(self, task_id: int) -> np.ndarray:
    """int32 `[images]`: of all test images of a task."""
    resident = self._resident.get("test") if task_id == self._resident_task else None
    return (self._data.load(task_id, "test") if resident is None else resident).labels

  def row(self, num_tasks: int, split: str = "test") -> list[float | None]:
    """Accuracy of every task; None for tasks not begun yet, and for those without examples at hand."""
    learned = self._learner.learned_tasks
    return [self._row_entry(task_id, split) if task_id in learned and self._data.has_examples(task_id, split) else None
            for task_id in range(num_tasks)]

  def _row_entry(self, task_id: int, split: str) -> float:
    """As `accuracy`; the last row's where nothing changed that decides it."""
    digest = hashlib.blake2b(str(self._learner.network_version(task_id)).encode())
    for variable in self.variables_read(task_id):
      digest.update(variable.numpy().tobytes())
    state = digest.digest()
    if self._measured.get((task_id, split), (b"", 0.0))[0] != state:
      self._measured[task_id, split] = state, self.accuracy(task_id, split)
    return self._measured[task_id, split][1]

  def variables_read(self, task_id: int) -> Sequence[tf.Variable]:
    """Variables that decide the answers of the task's present network."""
    return self._function(task_id).variables

  def _num_counted(self, data: types.TaskSplit) -> int:
    if not self._learner.context.reference.drop_evaluation_remainder:
      return len(data)
    size = self._learner.context.batch_size
    if len(data) < size:
      raise ValueError(f"With reference.drop_evaluation_remainder, a split of {len(data)} examples has no full batch "
                       f"of {size} to evaluate. Lower `batch_size` or switch it off.")
    return len(data) // size * size

  @property
  def images_type(self) -> tf.DType:
    """Of the images in `batches`."""
    return self._signature[0].dtype

  def batches(self, task_id: int, split: str) -> Iterator[tuple[tf.Tensor, tf.Tensor]]:
    """(images, labels) of a split in large batches, with one label to a single image, which is there twice.

    Raises:
      EvaluationInterrupted: between batches, on a stop request.
    """
    for batch in self._batches(task_id, split):
      if self._should_stop():
        raise EvaluationInterrupted
      yield batch

  def _batches(self, task_id: int, split: str) -> Iterator[tuple[tf.Tensor, tf.Tensor]]:
    is_resident = task_id == self._resident_task
    data = self._resident.get(split) if is_resident else None
    if data is None:
      if not is_resident:
        # Another task's split may be as large as what is resident. Both at once are the peak of a run's memory.
        self._resident = {name: kept for name, kept in self._resident.items() if self._data.fits(kept)}
      data = self._data.load(task_id, split)
      if is_resident:
        self._resident[split] = data
    num_counted = self._num_counted(data)
    # Tensors are made batch by batch: small beside the networks, and a large split exists once in memory.
    images_type, labels_type = (spec.dtype for spec in self._signature)
    ends = ((start, min(start + self.batch_size, num_counted)) for start in range(0, num_counted, self.batch_size))
    return ((tf.constant(at_least_two(data.images[start:end]), images_type),
             tf.constant(data.labels[start:end], labels_type)) for start, end in ends)

  def _function(self, task_id: int) -> Any:
    """The compiled function of the task's present network."""
    version = self._learner.network_version(task_id)
    kept = self._functions.get(task_id)
    if kept is None or kept[0] != version:
      self._functions[task_id] = kept = version, self._compile(task_id, version)
    return kept[1]

  def _compile(self, task_id: int, version: int) -> Any:
    def count(images, labels):
      self._traces[task_id, version] += 1
      logits = self._learner.logits(images, task_id)[:tf.shape(labels)[0]]
      answers = tf.argmax(logits, axis=1, output_type=tf.int32)
      return tf.math.count_nonzero(tf.equal(answers, labels), dtype=tf.int32), logits

    # A concrete function can never be traced again.
    compiled = tf.function(count, autograph=False, jit_compile=False, input_signature=self._signature)
    return compiled.get_concrete_function()
