"""What SI and MAS have in common: a quadratic penalty on moving trunk weights away from where the last task left them.

  loss = CE + c sum_i Omega_i (theta_i - theta*_i)^2,

with one importance Omega and one anchor theta* for all earlier tasks. (EWC's penalty has a factor 1/2: `elastic`.)
"""

from collections.abc import Mapping

import tensorflow as tf

from lasem_tf.learners import base, descent, elastic, trunk
from lasem_tf.nn import optimizers, workload


class ImportanceLearner(trunk.TrunkLearner):
  """Keeps 'importance/...' and 'anchor/...' for every weight of the trunk; subclasses say what is important.

  Heads of other tasks have no gradient and stay as they are.
  """

  def __init__(self, context: base.LearnerContext, strength: float, optimizer: str, head_depth: str):
    super().__init__(context, head_depth)
    name = type(self).__name__
    if strength < 0:
      raise ValueError(f"{name}.strength must not be negative, not {strength}.")
    self._strength, self._optimizer = strength, optimizers.by_name(optimizer, f"{name}.optimizer")
    self._importance = self._one_for_each_weight()
    self._anchor = self._one_for_each_weight()

  def _one_for_each_weight(self) -> dict[str, tf.Variable]:
    """Zeros in the shape of the trunk's variables, by their names."""
    return {name: tf.Variable(tf.zeros_like(variable), trainable=False)
            for name, variable in self.trunk.named_variables.items()}

  def _make_optimizer(self, trained):
    return self._optimizer(trained)

  def _is_first_task(self) -> bool:
    """Whether there is nothing to hold on to: only one task was ever visited."""
    return len(self._learned) == 1

  def _objective(self, batch, context):
    loss = self._cross_entropy(batch, context.seed)
    if self._is_first_task() or self._strength == 0.0:
      return descent.Objective(loss)
    penalty = 2.0 * self._strength * elastic.quadratic_penalty(self.trunk.named_variables, self._anchor,
                                                               self._importance)
    return descent.Objective(loss, penalty, {"penalty": penalty})

  def _new_importance(self) -> Mapping[str, tf.Tensor]:
    """Omega after the visit that ends now, earlier tasks' included."""
    raise NotImplementedError

  def _end_visit(self):
    paid = 0.0 if self._is_first_task() else 2.0 * self._strength * float(elastic.quadratic_penalty(
        self.trunk.named_variables, self._anchor, self._importance))
    for name, importance in self._new_importance().items():
      self._importance[name].assign(importance)
    moved = tf.sqrt(tf.add_n([tf.nn.l2_loss(variable - self._anchor[name]) * 2.0
                              for name, variable in self.trunk.named_variables.items()]))
    for name, variable in self.trunk.named_variables.items():
      self._anchor[name].assign(variable)
    size = self.trunk.num_parameters
    return base.TaskSummary(details={
        "retention_floats": self._retained_per_weight() * size,
        "mean_importance": float(tf.add_n([tf.reduce_sum(value) for value in self._importance.values()])) / size,
        "final_penalty": paid, "mechanism_acted": paid > elastic.SMALLEST_PENALTY,
        "distance_moved": float(moved) if not self._is_first_task() else None})

  def _retained_per_weight(self) -> int:
    return 2

  def memory_floats(self):
    return float(self._retained_per_weight() * self.trunk.num_parameters)

  def workload(self, task_id):
    return workload.Workload(weight_operations=8.0)

  def variables(self):
    return {**super().variables(),
            **{f"{kind}/{name}": variable for kind, values in (("importance", self._importance),
                                                               ("anchor", self._anchor))
               for name, variable in values.items()}}
