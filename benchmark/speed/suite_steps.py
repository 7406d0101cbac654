"""The suite's own steps, compiled as the trainer compiles them, on random images."""

import functools

import numpy as np
import tensorflow as tf

from benchmark.speed import measure
from lasem_tf import types
from lasem_tf.learners import base
from lasem_tf.nn import architecture
from lasem_tf.training import steps

EPOCH_STEPS = 8  # Steps of one call of the loop in the graph.


class TrainedLearner:
  """A learner in its first visit.

  Attributes:
    learner: the learner.
    task: random images and labels, enough for a few batches.
    phase: its first phase.
  """

  def __init__(self, make_learner, spec: architecture.ConvNetSpec, num_classes: int, batch_size: int):
    """Begins the first visit.

    Args:
      make_learner: function LearnerContext -> Learner.
      spec: the backbone.
      num_classes: of the task.
      batch_size: of training.
    """
    self.batch_size = batch_size
    self.learner = make_learner(base.LearnerContext(spec, (num_classes,), 0, 1, batch_size, 1e-5))
    num_examples = EPOCH_STEPS * batch_size
    images = tf.random.stateless_normal([num_examples, *spec.image_shape], [0, 1])
    labels = tf.range(num_examples) % num_classes
    info = types.TaskInfo(0, num_classes, tuple(map(str, range(num_classes))))
    self.task = base.TaskData(info, (images, labels), (images[:batch_size], labels[:batch_size]))
    self.learner.begin_visit(self.task, 0)
    self.phase = self.learner.next_phase(0)

  def step_arm(self, name: str) -> measure.Arm:
    """One call for every step."""
    return measure.Arm(name, self._caller(1, loop=False))

  def epoch_arm(self, name: str) -> measure.Arm:
    """Several steps in one graph."""
    return measure.Arm(name, self._caller(EPOCH_STEPS, loop=True), EPOCH_STEPS)

  def evaluation_arm(self, name: str, num_images: int) -> measure.Arm:
    """Forward passes of the committed form of the network, per image."""
    images = tf.random.stateless_normal([num_images, *self.learner.context.spec.image_shape], [0, 2])
    logits = tf.function(lambda batch: self.learner.logits(batch, 0), autograph=False)
    return measure.Arm(name, lambda: logits(images).numpy(), num_images)

  def _caller(self, num_steps: int, loop: bool):
    compiled = steps.CompiledPhase(self.phase, self.task, self.batch_size, loop)
    rows = np.arange(num_steps * self.batch_size, dtype=np.int32).reshape(num_steps, self.batch_size)
    seeds = np.arange(2 * num_steps, dtype=np.int32).reshape(num_steps, 2)
    validation = np.tile(np.arange(self.batch_size, dtype=np.int32), (num_steps, 1)) \
        if self.phase.needs_validation_batch else None
    return functools.partial(compiled.run, rows, seeds, validation, 1e-5)
