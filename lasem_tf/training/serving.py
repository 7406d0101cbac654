"""Networks that leave this package: preprocessing and logits of a learner's tasks as functions of pixels."""

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from lasem_tf.data import preprocessing as preprocessing_lib
from lasem_tf.learners import base
from lasem_tf.training import serving_photographs


def prepared(pixels: tf.Tensor, rule: preprocessing_lib.Preprocessing | None) -> tf.Tensor:
  """Scaling and `Preprocessing.normalize` in a graph.

  Args:
    pixels: uint8 `[n, height, width, channels]` of the network's size; floats as the network sees them without a rule.
    rule: of the task.

  Returns:
    Float images of that shape.
  """
  if rule is None:
    return tf.cast(pixels, keras.config.floatx())
  return _normalized(tf.cast(pixels, tf.float32) / 255.0, rule)


def _normalized(images: tf.Tensor, rule: preprocessing_lib.Preprocessing) -> tf.Tensor:
  """The steps after scaling to [0, 1]."""
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
      'probabilities'}, each `[n, classes of the task]`. By name 'task{t}_photograph', where the task has a rule:
      functions of one image, uint8 `[height, width, 3]` of any size, -> the same, each `[classes of the task]`.
  """

  def __init__(self, learner: base.Learner, rules: Mapping[int, preprocessing_lib.Preprocessing | None]):
    """Compiles the functions.

    Args:
      learner: between visits.
      rules: of the tasks to serve.
    """
    super().__init__(name="served_network")
    functions = {f"task{task_id}": _serving(learner, task_id, rule) for task_id, rule in rules.items()}
    if len(rules) == 1:
      functions["serving_default"] = next(iter(functions.values()))
    functions |= {f"task{task_id}_photograph": _serving_photograph(learner, task_id, rule)
                  for task_id, rule in rules.items() if rule is not None}
    self.functions = functions  # TensorFlow refuses to save a dictionary that changes after this.
    read = {variable.ref(): variable for function in functions.values() for variable in function.variables}
    self._read = list(read.values())  # What a module holds is saved; the rest of the learner stays behind.


def _serving(learner: base.Learner, task_id: int, rule: preprocessing_lib.Preprocessing | None) -> Any:
  def serve(images):
    return _answers(learner.logits(prepared(images, rule), task_id))

  return _compiled(serve, tf.TensorSpec([None, *learner.context.spec.image_shape], pixel_type(rule), name="images"))


def _serving_photograph(learner: base.Learner, task_id: int, rule: preprocessing_lib.Preprocessing) -> Any:
  def serve(image):
    images = _normalized(serving_photographs.fitted(image, rule)[tf.newaxis], rule)
    return _answers(learner.logits(images, task_id)[0])

  return _compiled(serve, tf.TensorSpec([None, None, 3], tf.uint8, name="image"))


def _answers(logits: tf.Tensor) -> dict[str, tf.Tensor]:
  return {"logits": logits, "probabilities": tf.nn.softmax(logits)}


def _compiled(serve: Callable[[tf.Tensor], dict[str, tf.Tensor]], taken: tf.TensorSpec) -> Any:
  return tf.function(serve, autograph=False, jit_compile=False, input_signature=(taken,)).get_concrete_function()
