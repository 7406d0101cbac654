"""WSN: every task finds a subnetwork by scores; weights that an earlier task's subnetwork uses are reused, not updated.

Kang, Mina, Madjid, Yoon, Hasegawa-Johnson, Hwang, Yoo, "Forget-free continual learning with winning subnetworks"
(ICML 2022). With a score s for every weight w of a layer and M the union of all earlier tasks' masks, a step of task t
uses the weights m * w, m = 1 for the share c of the layer whose |s| is largest, and follows

  w <- w - lr (1 - M) dL/dw,    s <- s - lr dL/dm sign(s)   (straight through),    at the end M <- M or m.

The scores go on from task to task, so that a new subnetwork begins at the last one and shares as much of it as helps.
Biases of the trunk are trained by the first task and fixed after it (the authors' networks have none), heads are each
task's own. Answers for earlier tasks are bit-identical for ever.
"""

import gin
import numpy as np
import tensorflow as tf

from lasem_tf.learners import base, descent, promise, trunk
from lasem_tf.nn import optimizers, replacement, workload

_DIGIT_BITS = 8


def top_share(scores: tf.Tensor, capacity: float) -> tf.Tensor:
  """Boolean, where |score| is among the largest share of the layer; ties at the threshold are in."""
  magnitudes = tf.abs(scores)
  count = max(1, round(capacity * magnitudes.shape.num_elements()))
  return magnitudes >= kth_largest(tf.reshape(magnitudes, [-1]), count)


def kth_largest(magnitudes: tf.Tensor, count: int) -> tf.Tensor:
  """The element of this rank, counted from 1, exactly: a scalar.

  Numbers without sign are ordered as their bits are, so that counts by digit find it without sorting, ten times
  as fast as `tf.math.top_k` where half of many elements are wanted.

  Args:
    magnitudes: `[n]`, none negative, float32 or float64.
    count: the rank.
  """
  width, integers = (32, tf.int32) if magnitudes.dtype == tf.float32 else (64, tf.int64)
  left, rank = tf.bitcast(magnitudes, integers), tf.constant(count)
  for shift in range(width - _DIGIT_BITS, -1, -_DIGIT_BITS):
    digits = tf.cast(tf.bitwise.bitwise_and(tf.bitwise.right_shift(left, shift), 2**_DIGIT_BITS - 1), tf.int32)
    counts = tf.math.bincount(digits, minlength=2**_DIGIT_BITS, maxlength=2**_DIGIT_BITS)
    at_least = tf.cumsum(counts, reverse=True)
    digit = tf.math.count_nonzero(at_least >= rank, dtype=tf.int32) - 1
    rank -= at_least[digit] - counts[digit]
    left = tf.boolean_mask(left, digits == digit)
  return tf.bitcast(left[0], magnitudes.dtype)


@gin.register
class WinningSubnetworks(trunk.TrunkLearner):
  """WSN on the kernels of the shared trunk; 'score/{kernel}' holds s, 'task{t}/mask/{kernel}' the mask of a task.

  A task that is visited again may update the weights that no other task's mask contains, and finds a mask anew.
  """

  promises = promise.Promises(answers_move_at_most=0.0)

  def __init__(self, context: base.LearnerContext, capacity: float = 0.5, optimizer: str = "adam",
               head_depth: str = "last"):
    """Creates the trunk and the scores.

    Args:
      context: of the run.
      capacity: c, share of every layer's weights that a task uses.
      optimizer: 'rmsprop', 'sgd' or 'adam'.
      head_depth: see `TrunkLearner`.
    """
    super().__init__(context, head_depth)
    if not 0.0 < capacity <= 1.0:
      raise ValueError(f"WinningSubnetworks.capacity must lie in (0, 1], not {capacity}.")
    self._capacity = capacity
    self._optimizer = optimizers.by_name(optimizer, "WinningSubnetworks.optimizer")
    self._kernels = {f"{group.prefix}/kernel": group["kernel"] for group in self.trunk.groups}
    self._scores = {name: tf.Variable(self.initializer.truncated_normal(f"score/{name}", tuple(kernel.shape)))
                    for name, kernel in self._kernels.items()}
    self._masks: dict[int, dict[str, tf.Variable]] = {}
    self._is_open = False

  def _make_optimizer(self, trained):
    return self._optimizer(trained)

  def _create_head(self, task_id):
    super()._create_head(task_id)
    self._masks[task_id] = {name: tf.Variable(tf.zeros(kernel.shape, tf.bool), trainable=False)
                            for name, kernel in self._kernels.items()}

  def _features(self, images, task_id, normalise, dropout_seed=None):
    """Through the task's mask; of the task being learned through that of the present scores."""
    if self._is_open and task_id == self.task.info.task_id:
      masked = {name: kernel * self._straight_through(self._scores[name]) for name, kernel in self._kernels.items()}
    else:
      masked = {name: kernel * tf.cast(self._masks[task_id][name], kernel.dtype)
                for name, kernel in self._kernels.items()}
    with replacement.replaced(self._kernels, masked):
      return super()._features(images, task_id, normalise, dropout_seed)

  def _straight_through(self, scores: tf.Variable) -> tf.Tensor:
    """The mask, with the gradient of |s|."""
    magnitudes = tf.abs(scores)
    mask = tf.cast(top_share(scores, self._capacity), magnitudes.dtype)
    return tf.stop_gradient(mask - magnitudes) + magnitudes

  # --- training -------------------------------------------------------------------------------------------------------

  def _begin_visit(self, is_new):
    super()._begin_visit(is_new)
    self._is_open = True

  def _used_by_others(self) -> dict[str, tf.Tensor]:
    """M: which weights the masks of other tasks contain."""
    others = [masks for task_id, masks in self._masks.items() if task_id != self.task.info.task_id]
    return {name: tf.reduce_any(tf.stack([masks[name] for masks in others]), axis=0) if others
            else tf.zeros(kernel.shape, tf.bool) for name, kernel in self._kernels.items()}

  def _trained_variables(self):
    trained = super()._trained_variables()
    if len(self._learned) > 1:
      trained = {name: variable for name, variable in trained.items()
                 if name in self._kernels or not name.startswith("shared/")}
    return {**trained, **{f"score/{name}": score for name, score in self._scores.items()}}

  def next_phase(self, num_completed):
    if num_completed:
      return None
    trained = self._trained_variables()
    free = {name: tf.cast(~used, self._kernels[name].dtype) for name, used in self._used_by_others().items()}

    def gradients(batch, context, trained, objective):
      result, by_name = descent.follow(batch, context, trained, objective)
      return result, {name: gradient * free[name] if name in free else gradient for name, gradient in by_name.items()}

    return descent.make_phase("train", self.context.epochs_per_task, trained, self._objective,
                              optimizer=self._make_optimizer(trained), gradients=gradients)

  def _end_visit(self):
    own = self._masks[self.task.info.task_id]
    for name, mask in own.items():
      mask.assign(top_share(self._scores[name], self._capacity))
    self._is_open = False
    pairs = [(mask.numpy(), used.numpy()) for mask, used in zip(own.values(), self._used_by_others().values())]
    size, num_bytes = self._retained()
    return base.TaskSummary(details={
        "mechanism_acted": 0 < sum(int(np.sum(mask)) for mask, _ in pairs) < size,
        "used_share": [float(np.mean(mask)) for mask, _ in pairs],
        "shared_with_earlier": [float(np.mean(used[mask])) for mask, used in pairs],
        "free_share": [float(np.mean(~(mask | used))) for mask, used in pairs],
        "retention_floats": size, "memory_bytes": num_bytes})

  def _retained(self) -> tuple[int, int]:
    """Scores, and bytes of the masks of all tasks."""
    size = sum(score.shape.num_elements() for score in self._scores.values())
    return size, -(-size // 8) * len(self._masks)

  def memory_floats(self):
    size, num_bytes = self._retained()
    return size + num_bytes / 4

  # --- the rest of the contract ---------------------------------------------------------------------------------------

  def variables(self):
    masks = {f"task{task_id}/mask/{name}": mask for task_id, masks in self._masks.items()
             for name, mask in masks.items()}
    return {**super().variables(), **{f"score/{name}": score for name, score in self._scores.items()}, **masks}

  def _bump_versions(self):
    self.structure_changed((self.task.info.task_id,))

  def workload(self, task_id):
    return workload.Workload(graph=4.0, weight_operations=30.0)

  def _structure(self):
    return {"is_open": self._is_open}

  def _restore_structure(self, structure):
    super()._restore_structure(structure)
    self._is_open = structure["is_open"]
