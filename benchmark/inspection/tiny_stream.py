"""A stream of tiny random tasks, and the trainer's part of a visit in a few lines: what learners are tried on."""

import itertools

import keras
import numpy as np
import tensorflow as tf

from lasem_tf import seeding, types
from lasem_tf.learners import base
from lasem_tf.nn import architecture

SPEC = architecture.ConvNetSpec(image_shape=(8, 8, 3), kernel_sizes=(3, 3), channels=(4, 6), pool_sizes=(2, 2),
                                dense_sizes=(8,))


class TinyStream:
  """Tasks of random images; class k of task t is a bump at a place of its own, so that there is something to learn."""

  def __init__(self, num_classes=(3, 3, 3), num_train=12, num_validation=6, image_shape=(8, 8, 3)):
    self.num_classes = tuple(num_classes)
    self.tasks = [self._make_task(task_id, num_train, num_validation, image_shape)
                  for task_id in range(len(num_classes))]

  def _make_task(self, task_id, num_train, num_validation, image_shape):
    num_classes = self.num_classes[task_id]
    random = seeding.generator("tiny_stream", task_id)
    # Large values, so that a few steps from small initial weights learn something.
    centres = 4.0 * random.normal(size=(num_classes, *image_shape))

    def split(size):
      labels = np.arange(size) % num_classes
      images = centres[labels] + 0.3 * random.normal(size=(size, *image_shape))
      return tf.constant(images, keras.config.floatx()), tf.constant(labels, tf.int32)

    info = types.TaskInfo(task_id, num_classes, tuple(f"class {label}" for label in range(num_classes)))
    return base.TaskData(info, split(num_train), split(num_validation))

  def examples(self, task_id, rows):
    images, labels = self.tasks[task_id].train
    return images.numpy()[rows], labels.numpy()[rows]

  def context(self, spec=SPEC, **overrides):
    options = {"spec": spec, "num_classes": self.num_classes, "seed": 0, "epochs_per_task": 2, "batch_size": 4,
               "learning_rate": 0.01, "examples": self.examples}
    return base.LearnerContext(**{**options, **overrides})


def batch_of(task: base.TaskData, rows) -> base.Batch:
  """Rows of a task's training split as a batch."""
  images, labels = task.train
  return base.Batch(tf.gather(images, rows), tf.gather(labels, rows), tf.constant(rows, tf.int32))


def step_context(learner, number, learning_rate=0.01, phase=None):
  """Context of step `number` of the visit in progress."""
  seed = tf.constant(seeding.stateless_seed(learner.context.seed, "dropout", learner.visit, number), tf.int32)
  validation = None
  if phase is not None and phase.needs_validation_batch:
    size = learner.context.batch_size
    images, labels = learner.task.validation
    validation = base.Batch(images[:size], labels[:size], tf.range(size))
  return base.StepContext(tf.constant(learning_rate, keras.config.floatx()), seed, validation)


def phases(learner, first=0):
  """Phases of the visit in progress from number `first`, asked for one by one as a trainer does."""
  for number in itertools.count(first):
    phase = learner.next_phase(number)
    if phase is None:
      return
    yield phase


def values(variables):
  """Current values by name."""
  return {name: variable.numpy() for name, variable in variables.items()}
