"""Averaged gradient episodic memory: a step must not, to first order, raise the mean loss on the memory.

Chaudhry, Ranzato, Rohrbach and Elhoseiny, "Efficient lifelong learning with A-GEM" (ICLR 2019). The promise holds for
the gradient. RMSProp rescales coordinates, so it holds for the step only with plain gradient descent, which is an
option; the default treats all learners alike.
"""

import dataclasses
from collections.abc import Sequence

import gin
import keras
import tensorflow as tf

from lasem_tf.learners import base, rehearsal
from lasem_tf.nn import optimizers

OPTIMIZERS = {"rmsprop": optimizers.RMSProp, "sgd": optimizers.GradientDescent}


def project(gradients: Sequence[tf.Tensor], references: Sequence[tf.Tensor]) -> tuple[list[tf.Tensor], tf.Tensor]:
  """Removes from a gradient what runs against a reference gradient; all tensors together are one vector (Eq. 11).

  Args:
    gradients: of the current task.
    references: of the memory, same shapes.

  Returns:
    (projected gradients, whether they ran against the reference). A reference of (nearly) no length changes nothing.
  """
  product = tf.add_n([tf.reduce_sum(g * r) for g, r in zip(gradients, references)])
  length = tf.add_n([tf.reduce_sum(tf.square(r)) for r in references])
  violated = tf.logical_and(product < 0.0, length >= 1e-12)
  factor = tf.where(violated, product / tf.where(violated, length, tf.ones_like(length)), tf.zeros_like(product))
  return [g - factor * r for g, r in zip(gradients, references)], violated


@gin.register
class AveragedGradientEpisodicMemory(rehearsal.RehearsalLearner):
  """A-GEM on the trunk and all heads; a projected step also moves old heads, along the memory's gradient.

  'statistics/steps' and 'statistics/violations' count the visit in progress.
  """

  def __init__(self, context: base.LearnerContext, budget: int | None = None, policy: str = "class_balanced",
               memory_batch: int = 64, optimizer: str = "rmsprop", head_depth: str = "last",
               per_class: int | None = None):
    """Creates the trunk and an empty memory.

    Args:
      context: of the run.
      budget: number of stored examples, M; None: two for every class of the stream; 0 is fine-tuning.
      policy: 'class_balanced' or 'reservoir'.
      memory_batch: most stored examples behind one reference gradient.
      optimizer: 'rmsprop' or 'sgd'.
      head_depth: see `TrunkLearner`.
      per_class: a fixed number of examples of every class seen, in place of a budget.
    """
    super().__init__(context, budget, policy, memory_batch, head_depth, per_class)
    if optimizer not in OPTIMIZERS:
      raise ValueError(f"AveragedGradientEpisodicMemory.optimizer must be one of {sorted(OPTIMIZERS)}, not "
                       f"{optimizer!r}.")
    self._optimizer = optimizer
    self._statistics = {f"statistics/{name}": tf.Variable(0.0, dtype=keras.config.floatx(), trainable=False)
                        for name in ("steps", "violations")}

  def _make_optimizer(self, trained):
    return OPTIMIZERS[self._optimizer](trained)

  def _begin_visit(self, is_new):
    super()._begin_visit(is_new)
    for counter in self._statistics.values():
      counter.assign(0.0)

  def next_phase(self, num_completed):
    phase = super().next_phase(num_completed)
    return phase and dataclasses.replace(phase, state={**phase.state, **self._statistics})

  def _gradients(self, batch, context, trained, objective):
    result, gradients = super()._gradients(batch, context, trained, objective)
    if self._rehearsed is None:
      return result, gradients
    stored = self._draw(context.fold(1))
    with tf.GradientTape() as tape:
      hidden = self._hidden_of_tasks(stored.images, stored.task_ids, context.fold(2), training=())
      reference = tf.reduce_mean(self._losses_by_own_head(hidden, stored.labels, stored.task_ids))
    references = optimizers.gradients_by_name(tape, reference, trained)

    def filled(by_name):
      return [tf.zeros_like(variable) if by_name[name] is None else by_name[name] for name, variable in trained.items()]

    projected, violated = project(filled(gradients), filled(references))
    violation = tf.cast(violated, keras.config.floatx())
    self._statistics["statistics/steps"].assign_add(1.0)
    self._statistics["statistics/violations"].assign_add(violation)
    metrics = {"memory_loss": reference, "violated": violation}
    return base.StepResult(result.loss, metrics), dict(zip(trained, projected))

  def workload(self, task_id):
    projection = 8.0 if task_id else 0.0
    return dataclasses.replace(super().workload(task_id), weight_operations=projection)

  def _end_visit(self):
    summary = super()._end_visit()
    steps, violations = (float(counter) for counter in self._statistics.values())
    fraction = violations / steps if steps else None
    return dataclasses.replace(summary, details={**summary.details, "violated_fraction": fraction,
                                                 "mechanism_acted": violations > 0})

  def variables(self):
    return {**super().variables(), **self._statistics}
