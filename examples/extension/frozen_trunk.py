"""A learner of one's own: the trunk learns from the first task alone, later tasks only fit their heads."""

import gin

from lasem_tf.learners import promise, trunk
from lasem_tf.nn import weights


@gin.register
class FrozenTrunk(trunk.TrunkLearner):
  """No forgetting, and no transfer but from the first task's features."""

  promises = promise.Promises(answers_move_at_most=0.0)  # Checked by `python -m benchmark.check_learner`.

  def _trained_variables(self):
    head = self.heads[self.task.info.task_id]
    return weights.merge_variables([self.trunk, head] if self.visit == 0 else [head])
