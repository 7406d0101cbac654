"""What replay and A-GEM have in common: a memory of earlier tasks' examples and every head for its own."""

from collections.abc import Collection
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from lasem_tf.learners import base, memory, promise, trunk
from lasem_tf.nn import augmentation, layers, normalisation, weights, workload


class MemoryBatch(NamedTuple):
  """Examples of several tasks.

  Attributes:
    images: `[n, height, width, channels]`.
    labels: int32 `[n]`, local to each example's task.
    task_ids: int32 `[n]`.
  """

  images: tf.Tensor
  labels: tf.Tensor
  task_ids: tf.Tensor


class RehearsalLearner(trunk.TrunkLearner):
  """A trunk learner with a memory. Images are fetched when a phase starts; the state is indices alone."""

  promises = promise.Promises(stores_examples=True, trains_old_parts=True)

  def __init__(self, context: base.LearnerContext, budget: int | None, policy: str, memory_batch: int | None,
               head_depth: str, per_class: int | None = None):
    super().__init__(context, head_depth)
    self.memory = memory.make_memory(policy, budget, context.num_classes, context.seed, per_class)
    self._budget_follows_stream = budget is None and per_class is None
    if context.examples is None:
      raise ValueError(f"{type(self).__name__} rehearses training examples, but this run has no "
                       "LearnerContext.examples.")
    self._examples = context.examples
    if memory_batch is not None and memory_batch < 1:
      raise ValueError(f"{type(self).__name__}.memory_batch must be positive, not {memory_batch}.")
    self._memory_batch = memory_batch or context.batch_size
    self._offered: list[int] = []
    self._rehearsed: MemoryBatch | None = None

  def refuses_growth(self, num_learned, num_tasks):
    if not self._budget_follows_stream:
      return None
    return (f"the memory of {type(self).__name__} was sized for the classes of {num_learned} tasks, so that it is not "
            "that of a longer run: bind the learner's budget from the beginning.")

  def _trained_variables(self):
    return weights.merge_variables([self.trunk, *self._own_parts(self.heads)])

  def next_phase(self, num_completed):
    if num_completed == 0:
      self._rehearsed = self._load()
    return super().next_phase(num_completed)

  def _load(self) -> MemoryBatch | None:
    """All that is kept of tasks other than the current one, or None."""
    rows_by_task = {owner: rows for owner, rows in self.memory.rows_by_task().items()
                    if owner != self.task.info.task_id}
    if not rows_by_task:
      return None
    images, labels = zip(*(self._examples(owner, rows) for owner, rows in rows_by_task.items()))
    task_ids = np.repeat(list(rows_by_task), [len(rows) for rows in rows_by_task.values()])
    return MemoryBatch(tf.constant(np.concatenate(images), keras.config.floatx()),
                       tf.constant(np.concatenate(labels), tf.int32), tf.constant(task_ids, tf.int32))

  def _draw_positions(self, seed: tf.Tensor) -> tf.Tensor:
    """Which `memory_batch` of the loaded examples, int32, without replacement; all of them if there are fewer."""
    assert self._rehearsed is not None
    size = self._rehearsed.labels.shape[0]
    if size <= self._memory_batch:
      return tf.range(size)
    return tf.math.top_k(tf.random.stateless_uniform([size], seed), self._memory_batch).indices

  def _draw(self, seed: tf.Tensor) -> MemoryBatch:
    """The loaded examples of one step, augmented anew as the current ones are; only where there are any."""
    return self._drawn(self._draw_positions(seed), seed)

  def _drawn(self, positions: tf.Tensor, seed: tf.Tensor) -> MemoryBatch:
    """The loaded examples at these positions, augmented by a seed."""
    assert self._rehearsed is not None
    images, labels, task_ids = (tf.gather(values, positions) for values in self._rehearsed)
    return MemoryBatch(augmentation.augment(self.context.spec, images, seed), labels, task_ids)

  def _hidden_of_tasks(self, images: tf.Tensor, task_ids: tf.Tensor, dropout_seed: tf.Tensor,
                       training: Collection[int]) -> tf.Tensor:
    """What the heads read of images of several tasks.

    Args:
      images: `[n, height, width, channels]`.
      task_ids: int32 `[n]`.
      dropout_seed: int32 `[2]`.
      training: tasks that are normalised by their images here. Stored examples are too few for that: they are
        normalised by their task's statistics, as its answers are, and leave them as they are.
    """
    return self.trunk(images, dropout_seed=dropout_seed,
                      normalise=normalisation.by_tasks(self.normalisations, task_ids, training))

  def _losses_of_both(self, batch: base.Batch, stored: MemoryBatch, dropout_seed: tf.Tensor,
                      training: Collection[int]) -> tf.Tensor:
    """Cross-entropy of a batch of the current task `[n]`, then of stored examples; see `_hidden_of_tasks`."""
    labels = tf.concat([batch.labels, stored.labels], axis=0)
    task_ids = tf.concat([tf.fill(tf.shape(batch.labels), self.task.info.task_id), stored.task_ids], axis=0)
    images = tf.concat([batch.images, stored.images], axis=0)
    return self._losses_by_own_head(self._hidden_of_tasks(images, task_ids, dropout_seed, training), labels, task_ids)

  def _losses_by_own_head(self, hidden: tf.Tensor, labels: tf.Tensor, task_ids: tf.Tensor) -> tf.Tensor:
    """Cross-entropy `[n]` of every example under the head of its own task."""
    losses = tf.zeros_like(hidden[:, 0])
    for task_id, head in self.heads.items():
      mine = task_ids == task_id
      # Another task's label may not exist in this head, so it is replaced before it is looked up.
      theirs = layers.cross_entropy(head(hidden), tf.where(mine, labels, 0))
      losses += tf.where(mine, theirs, tf.zeros_like(theirs))
    return losses

  def _end_visit(self):
    task_id = self.task.info.task_id
    rehearsed = any(owner != task_id for owner, _ in self.memory.pairs())
    if task_id not in self._offered:
      self.memory.insert(task_id, self.task.train[1].numpy())
      self._offered.append(task_id)
    self._rehearsed = None
    num_kept = len(self.memory.pairs())
    by_task = {str(owner): len(rows) for owner, rows in self.memory.rows_by_task().items()}
    return base.TaskSummary(details={"memory_budget": self.memory.budget, "memory_examples": num_kept,
                                     "memory_bytes": self._num_bytes(), "memory_by_task": by_task,
                                     "mechanism_acted": rehearsed})

  def _num_bytes(self) -> int:
    """Of all stored images, a byte for each channel of a pixel."""
    return len(self.memory.pairs()) * int(np.prod(self.context.spec.image_shape))

  def memory_floats(self):
    return self._num_bytes() / 4

  def training_macs_per_image(self, task_id):
    rehearsed = min(self._memory_batch, self.memory.budget) / self.context.batch_size if task_id else 0.0
    return super().training_macs_per_image(task_id) * (1.0 + rehearsed)

  def workload(self, task_id):
    if not task_id:
      return workload.Workload()
    # Operations are counted as of a full memory; one that grows with the classes is small at first.
    drawn, counted = (min(self._memory_batch, size) / self.context.batch_size
                      for size in (self.memory.capacity(sum(self.context.num_classes[:task_id])), self.memory.budget))
    return workload.Workload(graph=1.5, macs_share=(1.0 + drawn) / (1.0 + counted))

  def _structure(self):
    return {"memory": self.memory.structure(), "offered": list(self._offered)}

  def _restore_structure(self, structure):
    super()._restore_structure(structure)
    self.memory.restore_structure(structure["memory"])
    self._offered = list(structure["offered"])
