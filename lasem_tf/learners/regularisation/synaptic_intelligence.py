"""SI: a weight is important if its path through training lowered the loss.

Zenke, Poole, Ganguli, "Continual learning through synaptic intelligence" (ICML 2017). Along the training of a task

  omega_i += - g_i (theta_i(after the step) - theta_i(before it)),   g the gradient of the cross-entropy alone   (Eq. 3)

and at its end Omega_i += max(0, omega_i) / ((theta_i - theta_i(at its start))^2 + xi), after which omega is zero again
(Eq. 5). The damping xi keeps weights that hardly moved from becoming infinitely important; a negative omega (the loss
rose along that weight) counts as none. The loss is that of `importance`, c there (Eq. 4).
"""

import gin
import tensorflow as tf

from lasem_tf.learners import base
from lasem_tf.learners.regularisation import importance
from lasem_tf.nn import optimizers


@gin.register
class SynapticIntelligence(importance.ImportanceLearner):
  """SI on the shared trunk; 'path/...' is omega, 'start/...' what the visit in progress began with."""

  def __init__(self, context: base.LearnerContext, strength: float = 0.1, damping: float = 0.1,
               optimizer: str = "rmsprop", head_depth: str = "last"):
    """Creates the trunk.

    Args:
      context: of the run.
      strength: c, factor of the penalty; 0 is fine-tuning.
      damping: xi.
      optimizer: 'rmsprop', 'sgd' or 'adam'.
      head_depth: see `TrunkLearner`.
    """
    super().__init__(context, strength, optimizer, head_depth)
    if damping <= 0:
      raise ValueError(f"SynapticIntelligence.damping must be positive, not {damping}.")
    self._damping = damping
    self._path, self._start = self._one_for_each_weight(), self._one_for_each_weight()

  def _begin_visit(self, is_new):
    super()._begin_visit(is_new)
    for name, variable in self.trunk.named_variables.items():
      self._path[name].assign(tf.zeros_like(variable))
      self._start[name].assign(variable)

  def next_phase(self, num_completed):
    if num_completed:
      return None
    trained = self._trained_variables()
    optimizer, weights = self._make_optimizer(trained), self.trunk.named_variables

    def step(batch, context):
      with tf.GradientTape(persistent=True) as tape:
        result = self._objective(batch, context)
        total = result.loss if result.penalty is None else result.loss + result.penalty
      gradients = optimizers.gradients_by_name(tape, total, trained)
      of_loss = gradients if result.penalty is None else optimizers.gradients_by_name(tape, result.loss, weights)
      before = {name: tf.identity(variable) for name, variable in weights.items()}
      optimizer.apply(gradients, context.learning_rate)
      for name, variable in weights.items():
        self._path[name].assign_sub(of_loss[name] * (variable - before[name]))
      return base.StepResult(result.loss, result.metrics)

    path = {f"path/{name}": variable for name, variable in self._path.items()}
    return base.Phase("train", self.context.epochs_per_task, step, trained, {**optimizer.slots, **path})

  def _new_importance(self):
    return {name: self._importance[name] + tf.nn.relu(self._path[name])
            / (tf.square(variable - self._start[name]) + self._damping)
            for name, variable in self.trunk.named_variables.items()}

  def _retained_per_weight(self):
    return 4  # The path and the start as well.

  def variables(self):
    return {**super().variables(),
            **{f"{kind}/{name}": variable for kind, values in (("path", self._path), ("start", self._start))
               for name, variable in values.items()}}
