"""The compiled training step, and the loop over steps in the graph. The only place that compiles training.

A phase's step is traced once for fixed shapes: rows, seeds and learning rate are tensors. Two forms run it. One call
for every step serves large networks and searches that train many; a loop over many steps inside one graph saves the
dispatch, which matters where a step is cheap. Steps are traced without AutoGraph: a learner branches on tensors with
`tf.cond` or `tf.where`.
"""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from lasem_tf.learners import base

# Above this cost of a step, dispatch is no longer worth saving: measured on networks of 0.7 (loop gains) and 5 (it does
# not) billion multiply-accumulate operations a step.
_LOOP_MACS = 2e9


def prefers_loop(learner: base.Learner, task_id: int, batch_size: int) -> bool:
  """Whether the steps of a task are cheap enough for the loop; a function of cost, never of time.

  A search trains many networks in every step, unless a bound leaves operations out: then most steps train one alone.
  """
  macs = learner.training_macs_per_image(task_id)
  if learner.super_network_parameters() is not None:
    if learner.workload(task_id).macs_share >= 1.0:
      return False
    macs = 3.0 * learner.forward_macs(task_id)
  return macs * batch_size <= _LOOP_MACS


class CompiledPhase:
  """A phase's step, compiled for one task's resident data.

  Attributes:
    num_traces: how often the step was traced: 1, whatever is asked of it later.
  """

  def __init__(self, phase: base.Phase, task: base.TaskData, batch_size: int, loop: bool,
               augment: Callable[[tf.Tensor, tf.Tensor], tf.Tensor] | None = None):
    """Traces the step.

    Args:
      phase: what to compile.
      task: whose examples the steps gather.
      batch_size: of training; every batch is full.
      loop: run many steps in one graph.
      augment: function (images, seed of the step) -> images for training batches; None: they stay as they are.
    """
    # Compiled functions hold weak references to their variables; the phase keeps its slots alive.
    self._phase = phase
    self._needs_validation = phase.needs_validation_batch
    self._learning_rate_dtype = tf.as_dtype(keras.config.floatx())
    self.num_traces = 0
    validation_size = min(batch_size, len(task.validation[1])) if self._needs_validation else 0

    def take_step(rows, seed, validation_rows, learning_rate):
      self.num_traces += 1
      validation = _gather(task.validation, validation_rows) if self._needs_validation else None
      batch = _gather(task.train, rows)
      if augment is not None:
        batch = batch._replace(images=augment(batch.images, seed))
      result = phase.step(batch, base.StepContext(learning_rate, seed, validation))
      return {"loss": result.loss, **result.metrics}

    self._step = tf.function(take_step, autograph=False, jit_compile=False, input_signature=(
        tf.TensorSpec([batch_size], tf.int32), tf.TensorSpec([2], tf.int32), tf.TensorSpec([validation_size], tf.int32),
        tf.TensorSpec([], self._learning_rate_dtype))).get_concrete_function()
    self._loop = tf.function(self._take_steps, autograph=False, jit_compile=False, input_signature=(
        tf.TensorSpec([None, batch_size], tf.int32), tf.TensorSpec([None, 2], tf.int32),
        tf.TensorSpec([None, validation_size], tf.int32),
        tf.TensorSpec([], self._learning_rate_dtype))).get_concrete_function() if loop else None

  def run(self, rows: np.ndarray, seeds: np.ndarray, validation_rows: np.ndarray | None,
          learning_rate: float) -> dict[str, np.ndarray]:
    """Takes steps.

    Args:
      rows: int32 `[k, batch_size]`.
      seeds: int32 `[k, 2]`.
      validation_rows: int32 `[k, n]` where the phase needs validation batches, else None.
      learning_rate: of all these steps.

    Returns:
      'loss' and the phase's metrics, `[k]` each.
    """
    if validation_rows is None:
      validation_rows = np.zeros((len(rows), 0), np.int32)
    rate = tf.constant(learning_rate, self._learning_rate_dtype)
    if self._loop is not None:
      arguments = (tf.constant(values, tf.int32) for values in (rows, seeds, validation_rows))
      return {name: values.numpy() for name, values in self._loop(*arguments, rate).items()}
    results = [self._step(*(tf.constant(values[i], tf.int32) for values in (rows, seeds, validation_rows)), rate)
               for i in range(len(rows))]
    return {name: np.array([result[name].numpy() for result in results]) for name in results[0]}

  def _take_steps(self, rows, seeds, validation_rows, learning_rate):
    outputs = self._step.structured_outputs
    num_steps = tf.shape(rows)[0]
    arrays = {name: tf.TensorArray(output.dtype, size=num_steps, element_shape=[]) for name, output in outputs.items()}

    def body(index, arrays):
      result = self._step(rows[index], seeds[index], validation_rows[index], learning_rate)
      return index + 1, {name: array.write(index, result[name]) for name, array in arrays.items()}

    _, arrays = tf.while_loop(lambda index, _: index < num_steps, body, (tf.constant(0), arrays), parallel_iterations=1)
    return {name: array.stack() for name, array in arrays.items()}


def first_non_finite(losses: np.ndarray) -> int | None:
  """Position of the first loss that is NaN or infinite, or None."""
  bad = np.flatnonzero(~np.isfinite(losses))
  return int(bad[0]) if len(bad) else None


def _gather(examples: tuple[tf.Tensor, tf.Tensor], rows: tf.Tensor) -> base.Batch:
  images, labels = examples
  return base.Batch(tf.gather(images, rows), tf.gather(labels, rows), rows)
