"""Single-task learning: one network for every task, nothing shared. No transfer and no forgetting."""

import gin

from lasem_tf.knowledge import independent
from lasem_tf.learners import base, composed, promise
from lasem_tf.selection import static


@gin.register
class SingleTask(composed.Composed):
  """The composition that shares nothing."""

  promises = promise.Promises(answers_move_at_most=0.0)

  def __init__(self, context: base.LearnerContext):
    super().__init__(context, independent.Independent(), static.Static("none"))

  def _end_visit(self):
    return base.TaskSummary()
