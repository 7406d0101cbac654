"""Answers of a trained learner, compiled once for every task."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from lasem_tf.learners import base
from lasem_tf.training import evaluation


class Predictor:
  """Computes logits in the batches in which accuracies are measured, so that both rest on the same numbers."""

  def __init__(self, learner: base.Learner):
    """Takes a learner between visits."""
    self._learner = learner
    self._batch_size = evaluation.batch_size_for(learner.context.spec)
    self._functions: dict[int, Any] = {}

  def logits(self, images: np.ndarray, task_id: int) -> np.ndarray:
    """Logits of one task's head.

    Args:
      images: float `[n, height, width, channels]`, prepared as in training.
      task_id: a learned task.

    Returns:
      float `[n, classes of the task]`.
    """
    compute, dtype = self._function(task_id), keras.config.floatx()
    batches = (images[start:start + self._batch_size] for start in range(0, len(images), self._batch_size))
    parts = [compute(tf.constant(evaluation.at_least_two(batch), dtype)).numpy()[:len(batch)] for batch in batches]
    return np.concatenate(parts) if parts else np.zeros((0, self._learner.context.num_classes[task_id]), dtype)

  def _function(self, task_id: int) -> Any:
    if task_id not in self._functions:
      signature = (tf.TensorSpec([None, *self._learner.context.spec.image_shape], keras.config.floatx()),)
      self._functions[task_id] = tf.function(
          lambda images: self._learner.logits(images, task_id), autograph=False, jit_compile=False,
          input_signature=signature).get_concrete_function()
    return self._functions[task_id]
