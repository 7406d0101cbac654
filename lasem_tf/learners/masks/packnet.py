"""PackNet: every task takes a share of the weights, prunes to it, retrains it and freezes it for all later tasks.

Mallya, Lazebnik, "PackNet: adding multiple tasks to a single network by iterative pruning" (CVPR 2018). Task number p
of N (0-based, in the order of first visits) trains all weights that no earlier task owns, with the earlier tasks'
weights in use and fixed. Then, in every layer, it keeps the 1 / (N - p) of these that are largest in magnitude, sets
the others to zero for later tasks to start from, and retrains the kept ones; the last task keeps all. So all tasks own
equal shares, 1 / N of every layer. Answers for task p use what tasks 0..p own: they are bit-identical for ever.

Biases of the trunk are trained by the first task and fixed after it, heads are each task's own, as in the paper. Batch
normalisation, which the authors train with the first task and fix, is each task's own here, as for all learners.
"""

from collections.abc import Mapping

import gin
import numpy as np
import tensorflow as tf

from lasem_tf.learners import base, descent, promise, trunk
from lasem_tf.nn import optimizers, replacement, weights, workload

FREE = -1


def largest(values: np.ndarray, candidates: np.ndarray, count: int) -> np.ndarray:
  """Boolean mask of the `count` candidates that are largest in magnitude; the first of equals."""
  flat = np.flatnonzero(candidates)
  order = np.argsort(-np.abs(values.ravel()[flat]), kind="stable")
  kept = np.zeros(values.size, bool)
  kept[flat[order[:count]]] = True
  return kept.reshape(values.shape)


@gin.register
class PackNet(trunk.TrunkLearner):
  """PackNet on the kernels of the shared trunk; 'owner/{kernel}' says which task owns each weight, int8, -1 for free.

  Phases: 'train', then 'retrain' after pruning. A task that is visited again trains its head alone ('head') and, with
  normalisation, its scale and shift, for all later tasks read its weights.
  """

  promises = promise.Promises(answers_move_at_most=0.0)

  def __init__(self, context: base.LearnerContext, planned_tasks: int | None = None, retrain_share: float = 1.0 / 3.0,
               optimizer: str = "adam", head_depth: str = "last"):
    """Creates the trunk.

    Args:
      context: of the run.
      planned_tasks: N, how many tasks share the weights; None: as many as the stream has.
      retrain_share: share of a visit's epochs that follows pruning; a visit of a single epoch has none.
      optimizer: 'rmsprop', 'sgd' or 'adam'.
      head_depth: see `TrunkLearner`.
    """
    super().__init__(context, head_depth)
    self._planned_tasks = len(context.num_classes) if planned_tasks is None else planned_tasks
    self._is_planned = planned_tasks is not None
    if not len(context.num_classes) <= self._planned_tasks <= np.iinfo(np.int8).max:
      raise ValueError(f"PackNet.planned_tasks must lie between the stream's {len(context.num_classes)} tasks and "
                       f"{np.iinfo(np.int8).max}, not be {self._planned_tasks}.")
    if not 0.0 <= retrain_share < 1.0:
      raise ValueError(f"PackNet.retrain_share must lie in [0, 1), not {retrain_share}.")
    self._retrain_share, self._optimizer = retrain_share, optimizers.by_name(optimizer, "PackNet.optimizer")
    self._kernels = {f"{group.prefix}/kernel": group["kernel"] for group in self.trunk.groups}
    self._owners = {name: tf.Variable(tf.fill(kernel.shape, tf.constant(FREE, tf.int8)), trainable=False)
                    for name, kernel in self._kernels.items()}
    self._is_new, self._prunes = False, False

  def _make_optimizer(self, trained):
    return self._optimizer(trained)

  # --- who owns what --------------------------------------------------------------------------------------------------

  def _number(self, task_id: int) -> int:
    return self._learned.index(task_id)

  def _features(self, images, task_id, normalise, dropout_seed=None):
    """Of what the task and earlier ones own; the latest task also sees free ones, zero once it is pruned."""
    number = self._number(task_id)
    is_latest = number == len(self._learned) - 1
    masks = {name: owner <= number if is_latest else (owner >= 0) & (owner <= number)
             for name, owner in self._owners.items()}
    masked = {name: kernel * tf.cast(masks[name], kernel.dtype) for name, kernel in self._kernels.items()}
    with replacement.replaced(self._kernels, masked):
      return super()._features(images, task_id, normalise, dropout_seed)

  def _prune(self) -> None:
    """Gives the current task its share of every layer, and sets the other free weights to zero."""
    number = self._number(self.task.info.task_id)
    for name, kernel in self._kernels.items():
      values, owner = kernel.numpy(), self._owners[name].numpy()
      free = owner == FREE
      kept = largest(values, free, round(np.count_nonzero(free) / (self._planned_tasks - number)))
      self._owners[name].assign(np.where(kept, np.int8(number), owner))
      kernel.assign(np.where(free & ~kept, np.zeros_like(values), values))

  def refuses_growth(self, num_learned, num_tasks):
    if self._is_planned:
      return None
    return (f"PackNet divided its weights among {num_learned} tasks, so that none is left for another: bind "
            "PackNet.planned_tasks from the beginning.")

  # --- training -------------------------------------------------------------------------------------------------------

  def _begin_visit(self, is_new):
    super()._begin_visit(is_new)
    self._is_new = is_new

  def _retrain_epochs(self) -> int:
    return min(round(self._retrain_share * self.context.epochs_per_task), self.context.epochs_per_task - 1)

  def next_phase(self, num_completed):
    task_id, epochs = self.task.info.task_id, self.context.epochs_per_task
    number, own = self._number(task_id), weights.merge_variables(self._own_parts([task_id]))
    if not self._is_new:
      return None if num_completed else self._packed_phase("head", epochs, own, None)
    retraining = self._retrain_epochs()
    biases = {} if number else {name: variable for name, variable in self.trunk.named_variables.items()
                                if name not in self._kernels}
    trained = {**self._kernels, **biases, **own}
    phases = [("train", epochs - retraining, trained, FREE), ("retrain", retraining, trained, number)]
    if num_completed >= (2 if retraining else 1):
      return None
    self._prunes = num_completed == 0
    return self._packed_phase(*phases[num_completed])

  def _packed_phase(self, name: str, num_epochs: int, trained: Mapping[str, tf.Variable],
                    owner: int | None) -> base.Phase:
    """A phase that moves no kernel but the weights of one owner (of none: no kernel is among the trained)."""

    def gradients(batch, context, trained, objective):
      result, by_name = descent.follow(batch, context, trained, objective)
      for name, owners in self._owners.items():
        if (gradient := by_name.get(name)) is not None:
          by_name[name] = gradient * tf.cast(owners == owner, gradient.dtype)
      return result, by_name

    return descent.make_phase(name, num_epochs, trained, self._objective, optimizer=self._make_optimizer(trained),
                              gradients=gradients)

  def end_epoch(self, epoch, validation_accuracy):
    if self._is_new and self._prunes and epoch == self.context.epochs_per_task - self._retrain_epochs() - 1:
      self._prune()
      self.measure_statistics()  # Of the pruned network, which answers where no retraining follows.
    return False

  def _end_visit(self):
    number = self._number(self.task.info.task_id)
    owners = [owner.numpy() for owner in self._owners.values()]
    return base.TaskSummary(details={
        "owned_share": [float(np.mean(owner == number)) for owner in owners],
        "free_share": [float(np.mean(owner == FREE)) for owner in owners],
        "memory_bytes": self._num_bytes(),
        # Beside weights that stay as an earlier task left them, each task owns some.
        "mechanism_acted": number > 0 and all(np.any(owner == number) and np.any((owner >= 0) & (owner < number))
                                              for owner in owners)})

  # --- the rest of the contract ---------------------------------------------------------------------------------------

  def _num_bytes(self) -> int:
    """Of the owner of every weight."""
    return sum(owner.shape.num_elements() for owner in self._owners.values())

  def memory_floats(self):
    return self._num_bytes() / 4

  def variables(self):
    return {**super().variables(), **{f"owner/{name}": owner for name, owner in self._owners.items()}}

  def _bump_versions(self):
    self.structure_changed()  # Which task is the latest decides what each of them sees.

  def workload(self, task_id):
    return workload.Workload(phases=2.0 if self._retrain_epochs() else 1.0,
                             weight_operations=10.0)

  def _structure(self):
    return {"is_new": self._is_new}

  def _restore_structure(self, structure):
    super()._restore_structure(structure)
    self._is_new = structure["is_new"]
