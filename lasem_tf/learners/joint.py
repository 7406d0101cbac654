"""Joint training on all tasks seen so far: the upper bound of every learner with the same trunk.

Caruana, "Multitask learning" (1997). A step of task t reads a mini-batch of B examples of the current task and B t of
the t earlier ones, drawn from all of their training examples, and minimises

  1/B sum_(x, y, j) CE(head_j(trunk(x)), y),

in expectation the sum of the tasks' mean losses: a head learns as fast as it would alone, however many tasks there are.
It is no lifelong learner, for it keeps every training image; it is recorded as one visit per task, and its cost grows
with the number of tasks. With batch normalisation every task's statistics are measured anew in every visit, for all
tasks train in it.
"""

import gin
import tensorflow as tf

from lasem_tf.learners import base, descent, rehearsal, trunk
from lasem_tf.nn import optimizers

_EVERYTHING = 2**62  # A memory of this budget never drops an example.


@gin.register
class Joint(rehearsal.RehearsalLearner):
  """Trains the trunk and all heads on all tasks seen so far."""

  def __init__(self, context: base.LearnerContext, restart: bool = False, optimizer: str = "rmsprop",
               head_depth: str = "last"):
    """Creates the trunk.

    Args:
      context: of the run.
      restart: begin every visit at the initial weights, so that each row of the accuracies is a multi-task network that
        trained for one visit; otherwise weights are carried on, and earlier tasks train in every later visit again.
      optimizer: 'rmsprop', 'sgd' or 'adam'.
      head_depth: see `TrunkLearner`.
    """
    super().__init__(context, _EVERYTHING, "class_balanced", None, head_depth)
    self._restart, self._optimizer = restart, optimizers.by_name(optimizer, "Joint.optimizer")

  def _make_optimizer(self, trained):
    return self._optimizer(trained)

  def _begin_visit(self, is_new):
    super()._begin_visit(is_new)
    if self._restart:
      self._assign_initial_values()

  def _assign_initial_values(self) -> None:
    """Initial weights are functions of their names, so a second network of the same names has them."""
    fresh = trunk.TrunkLearner(self.context, "last" if self._num_shared_dense else "all_dense")
    for task_id in self._learned:
      fresh._create_head(task_id)
    initial = trunk.TrunkLearner.variables(fresh)
    for name, variable in trunk.TrunkLearner.variables(self).items():
      variable.assign(initial[name])

  def next_phase(self, num_completed):
    self._memory_batch = self.context.batch_size * max(1, len(self._learned) - 1)
    return super().next_phase(num_completed)

  def _objective(self, batch, context):
    if self._rehearsed is None:
      return super()._objective(batch, context)
    earlier = self._draw(context.fold(1))
    losses = self._losses_of_both(batch, earlier, context.seed, training=self._learned)
    size = self.context.batch_size
    return descent.Objective(tf.reduce_sum(losses) / size, None, {"current_loss": tf.reduce_mean(losses[:size])})

  def measure_statistics(self):
    """Of all tasks, as all of them train."""
    super().measure_statistics()
    if self._rehearsed is None:
      return
    for task_id in self.normalisations:
      if task_id != self.task.info.task_id:
        self._measure_statistics_of(
            task_id, tf.boolean_mask(self._rehearsed.images, self._rehearsed.task_ids == task_id))

  def _end_visit(self):
    details = dict(super()._end_visit().details)
    del details["memory_budget"]  # There is none.
    return base.TaskSummary(details=details)

  def training_macs_per_image(self, task_id):
    return trunk.TrunkLearner.training_macs_per_image(self, task_id) * (1 + task_id)
