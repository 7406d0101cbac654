"""Networks that leave this package: preprocessing and logits of a learner's tasks as functions of pixels."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from lasem_tf.data import preprocessing as preprocessing_lib
from lasem_tf.learners import base


def prepared(pixels: tf.Tensor, rule: preprocessing_lib.Preprocessing | None) -> tf.Tensor:
  """`Preprocessing.normalize` in a graph.

  Args:
    pixels: uint8 `[n, height, width, channels]` of the network's size; floats as the network sees them without a rule.
    rule: of the task.

  Returns:
    Float images of that shape.
  """
  if rule is None:
    return tf.cast(pixels, keras.config.floatx())
  images = tf.cast(pixels, tf.float32) / 255.0
  if rule.offset:
    images += np.float32(rule.offset)
  if rule.limits:
    images = tf.clip_by_value(images, *np.asarray(rule.limits, np.float32))
  if rule.mean:
    images -= np.asarray(rule.mean, np.float32)
  if rule.deviation:
    images /= np.asarray(rule.deviation, np.float32)
  if rule.channel_order:
    images = tf.gather(images, rule.channel_order, axis=3)
  if rule.rotation:
    images = tf.image.rot90(images, rule.rotation // 90)
  order = rule.pixel_order()
  if order is not None:
    shape = tf.shape(images)
    images = tf.reshape(tf.gather(tf.reshape(images, [shape[0], len(order), -1]), order, axis=1), shape)
  return tf.cast(images, keras.config.floatx())


def pixel_type(rule: preprocessing_lib.Preprocessing | None) -> tf.DType:
  """What `prepared` takes."""
  return tf.as_dtype(keras.config.floatx()) if rule is None else tf.uint8


class ServedNetwork(tf.Module):
  """Functions of some tasks, and the variables that they read, for `tf.saved_model.save`.

  Attributes:
    functions: by name 'task{t}', and 'serving_default' where there is one task: functions images -> {'logits',
      'probabilities'}, each `[n, classes of the task]`.
  """

  def __init__(self, learner: base.Learner, rules: Mapping[int, preprocessing_lib.Preprocessing | None]):
    """Compiles the functions.

    Args:
      learner: between visits.
      rules: of the tasks to serve.
    """
    super().__init__(name="served_network")
    self.functions = {f"task{task_id}": _serving(learner, task_id, rule) for task_id, rule in rules.items()}
    if len(rules) == 1:
      self.functions["serving_default"] = next(iter(self.functions.values()))
    read = {variable.ref(): variable for function in self.functions.values() for variable in function.variables}
    self._read = list(read.values())  # What a module holds is saved; the rest of the learner stays behind.


def _serving(learner: base.Learner, task_id: int, rule: preprocessing_lib.Preprocessing | None) -> Any:
  def serve(images):
    logits = learner.logits(prepared(images, rule), task_id)
    return {"logits": logits, "probabilities": tf.nn.softmax(logits)}

  signature = (tf.TensorSpec([None, *learner.context.spec.image_shape], pixel_type(rule), name="images"),)
  return tf.function(serve, autograph=False, jit_compile=False, input_signature=signature).get_concrete_function()
