"""Experience replay: every step also trains on a few stored examples of earlier tasks.

Chaudhry et al., "On tiny episodic memories in continual learning" (2019); Rolnick et al., "Experience replay for
continual learning" (NeurIPS 2019). Each stored example is scored by the head of its own task.
"""

import gin
import tensorflow as tf

from lasem_tf.learners import base, rehearsal, trunk


@gin.register
class ExperienceReplay(rehearsal.RehearsalLearner):
  """Mean cross-entropy over the current batch and a batch from memory, on the trunk and all heads."""

  def __init__(self, context: base.LearnerContext, budget: int | None = None, policy: str = "class_balanced",
               memory_batch: int | None = None, head_depth: str = "last",
               per_class: int | None = None):
    """Creates the trunk and an empty memory.

    Args:
      context: of the run.
      budget: number of stored examples, M; None: two for every class of the stream; 0 is fine-tuning.
      policy: 'class_balanced' or 'reservoir'.
      memory_batch: stored examples in a step; None: as many as the current task's.
      head_depth: see `TrunkLearner`.
      per_class: a fixed number of examples of every class seen, in place of a budget.
    """
    super().__init__(context, budget, policy, memory_batch, head_depth, per_class)

  def _objective(self, batch, context):
    if self._rehearsed is None:
      return super()._objective(batch, context)
    stored = self._draw(context.fold(1))
    losses = self._losses_of_both(batch, stored, context.seed, training=[self.task.info.task_id])
    # The trainer watches the current task; the update follows the mean over both halves.
    current, total = tf.reduce_mean(losses[:tf.shape(batch.labels)[0]]), tf.reduce_mean(losses)
    return trunk.Objective(total, None, {"current_loss": current})
