"""Multi-head fine-tuning: the control that protects nothing. What a method is worth shows against it.

The loss of task t is its cross-entropy alone, on the shared trunk and head t; old heads have no gradient.
"""

import gin

from lasem_tf.learners import base, trunk
from lasem_tf.nn import optimizers


@gin.register
class FineTuning(trunk.TrunkLearner):
  """The trunk learner as it is, under any optimiser, so that a method can be compared under the optimiser it uses."""

  def __init__(self, context: base.LearnerContext, optimizer: str = "rmsprop", head_depth: str = "last"):
    """Creates the trunk.

    Args:
      context: of the run.
      optimizer: 'rmsprop', 'sgd' or 'adam'.
      head_depth: see `TrunkLearner`.
    """
    super().__init__(context, head_depth)
    self._optimizer = optimizers.by_name(optimizer, "FineTuning.optimizer")

  def _make_optimizer(self, trained):
    return self._optimizer(trained)

  def _end_visit(self):
    return base.TaskSummary(details={"retention_floats": 0})
