"""A learner that does as it is told, to watch the trainer."""

import numpy as np
import tensorflow as tf

from lasem_tf.learners import base


class Scripted(base.Learner):
  """Answers label 0 for everything until the number of steps taken reaches `wakes`, then looks at the images.

  Attributes:
    phases: (name, number of epochs) of every visit.
    calls: what the trainer did, in order.
    steps: of every step: rows, seed, learning rate, rows of the validation batch or None.
    losses: loss by step number; default 1.
    peak_phase: reported at the end of visits.
    ends: (phase name, epoch) after which a phase ends sooner.
  """

  def __init__(self, context, phases=None, losses=None, needs_validation=False, commits=False, peak_phase=None,
               ends=()):
    super().__init__(context)
    self.phases = phases or [("train", context.epochs_per_task)]
    self.losses, self.needs_validation, self.commits = losses or {}, needs_validation, commits
    self.peak_phase, self.ends = peak_phase, ends
    self.calls, self.steps = [], []
    self.weight = tf.Variable(tf.random.stateless_normal([*context.spec.image_shape, 3], seed=[1, 2]))
    self.num_steps = tf.Variable(0, dtype=tf.int64)
    self._phase = None

  def _begin_visit(self, is_new):
    self.calls.append(("begin_visit", self.task.info.task_id, self.visit, is_new))

  def next_phase(self, num_completed):
    self.calls.append(("next_phase", num_completed))
    if num_completed >= len(self.phases):
      return None
    self._phase = self.phases[num_completed]

    def step(batch, context):
      number = tf.py_function(self._note, [batch.rows, context.seed, context.learning_rate,
                                           context.validation.rows if context.validation else []], tf.float32)
      self.num_steps.assign_add(1)
      self.weight.assign_add(0.1 * tf.random.stateless_normal(self.weight.shape, context.seed))
      number.set_shape([])
      return base.StepResult(number, {"twice": 2.0 * number})

    slot = tf.Variable(1.0)
    return base.Phase(*self._phase, step, {"weight": self.weight}, {"slot": slot}, self.needs_validation)

  def _note(self, rows, seed, learning_rate, validation_rows):
    self.steps.append((rows.numpy(), tuple(seed.numpy()), float(learning_rate), validation_rows.numpy()))
    return np.float32(self.losses.get(len(self.steps) - 1, 1.0))

  def begin_epoch(self, epoch):
    self.calls.append(("begin_epoch", epoch))

  def end_epoch(self, epoch, validation_accuracy):
    self.calls.append(("end_epoch", epoch, validation_accuracy))
    return (self._phase[0], epoch) in self.ends

  @property
  def commit_changes_weights(self):
    return self.commits

  def _end_visit(self):
    self.calls.append(("end_visit",))
    if self.commits:
      self.weight.assign(-self.weight)
    return base.TaskSummary(configuration="01", details={"visits": self.visit + 1}, peak_phase=self.peak_phase)

  def logits(self, images, task_id):
    return tf.einsum("nhwc,hwck->nk", images, self.weight) + float(task_id)

  def variables(self):
    return {"weight": self.weight, "num_steps": self.num_steps}

  def num_parameters(self):
    return 576

  def _restore_structure(self, structure):
    """The constructor creates everything."""
