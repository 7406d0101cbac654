"""Dark experience replay (DER++): stored examples are replayed with the labels and with the logits they once had.

Buzzega, Boschini, Porrello, Abati, Calderara, "Dark experience for general continual learning" (NeurIPS 2020), Eq. 6:

  CE(f(x), y) + alpha mean ||f(x') - z'||^2 + beta CE(f(x''), y''),

x the current mini-batch, x' and x'' two draws from a reservoir, z' the stored logits; the squared distance is averaged
over the classes as in the authors' code (aimagelab/mammoth). Here every task has a head of its own, so f(x') and z' are
those of the example's own head. An example enters the reservoir once, when its task ends, with the logits of that
moment; the authors insert every mini-batch of every epoch with the logits of that step, which needs a state that
follows the training. With augmentation x' and x'' are augmented anew in every step, as in the authors' code, so that z'
belongs to another view of the image: here to the image itself, there to the one of the step that inserted it.
"""

import gin
import numpy as np
import tensorflow as tf

from lasem_tf.learners import base, descent, rehearsal, trunk
from lasem_tf.nn import optimizers

_RECORDING_BATCH = 64


@gin.register
class DarkExperienceReplay(rehearsal.RehearsalLearner):
  """DER++ on the trunk and all heads; 'logits/task{t}' holds what head t said of its stored examples, by row.

  With alpha 0 it is experience replay with a weight; with beta 0 it is DER without labels.
  """

  def __init__(self, context: base.LearnerContext, alpha: float = 0.3, beta: float = 0.5, budget: int | None = 500,
               policy: str = "reservoir", memory_batch: int | None = None, optimizer: str = "sgd",
               head_depth: str = "last"):
    """Creates the trunk and an empty memory.

    Args:
      context: of the run.
      alpha: factor of the distance to the stored logits.
      beta: factor of the stored examples' cross-entropy.
      budget: number of stored examples, M; None: two for every class of the stream; 0 is fine-tuning.
      policy: 'reservoir' or 'class_balanced'.
      memory_batch: stored examples in each of the two draws; None: as many as the current task's.
      optimizer: 'rmsprop', 'sgd' or 'adam'.
      head_depth: see `TrunkLearner`.
    """
    super().__init__(context, budget, policy, memory_batch, head_depth)
    if alpha < 0 or beta < 0:
      raise ValueError(f"DarkExperienceReplay needs alpha >= 0 and beta >= 0, not {alpha} and {beta}.")
    self._alpha, self._beta = alpha, beta
    self._optimizer = optimizers.by_name(optimizer, "DarkExperienceReplay.optimizer")
    self._logits: dict[int, tf.Variable] = {}
    self._targets: tf.Tensor | None = None

  def _make_optimizer(self, trained):
    return self._optimizer(trained)

  def _load(self):
    loaded = super()._load()
    if loaded is not None:  # In the same order: by task, then by row.
      widest = max(self.context.num_classes)
      self._targets = tf.concat([tf.pad(logits, [[0, 0], [0, widest - logits.shape[1]]]) for task_id, logits in
                                 sorted(self._logits.items()) if task_id != self.task.info.task_id], axis=0)
    return loaded

  def _objective(self, batch, context):
    if self._rehearsed is None:
      return super()._objective(batch, context)
    positions, labelled = self._draw_positions(context.fold(1)), self._draw(context.fold(2))
    images, _, task_ids = self._drawn(positions, context.fold(1))
    sizes = [tf.shape(values)[0] for values in (batch.labels, task_ids, labelled.labels)]
    current_task = self.task.info.task_id
    current_ids = tf.fill(sizes[:1], current_task)
    hidden = tf.split(self._hidden_of_tasks(
        tf.concat([batch.images, images, labelled.images], axis=0),
        tf.concat([current_ids, task_ids, labelled.task_ids], axis=0), context.seed, training=[current_task]), sizes)
    current = tf.reduce_mean(self._losses_by_own_head(hidden[0], batch.labels, current_ids))
    distance = tf.reduce_mean(self._distances(hidden[1], tf.gather(self._targets, positions), task_ids))
    memory_loss = tf.reduce_mean(self._losses_by_own_head(hidden[2], labelled.labels, labelled.task_ids))
    return descent.Objective(current, (self._alpha * distance, self._beta * memory_loss),
                             {"logit_distance": distance, "memory_loss": memory_loss})

  def _distances(self, hidden: tf.Tensor, targets: tf.Tensor, task_ids: tf.Tensor) -> tf.Tensor:
    """Mean squared distance `[n]` of every example's logits to its stored ones, over the classes of its own head."""
    distances = tf.zeros_like(hidden[:, 0])
    for task_id, head in self.heads.items():
      apart = tf.reduce_mean(tf.square(head(hidden) - targets[:, :self.context.num_classes[task_id]]), axis=1)
      distances += tf.where(task_ids == task_id, apart, tf.zeros_like(apart))
    return distances

  def _end_visit(self):
    task_id, before = self.task.info.task_id, self.memory.rows_by_task()
    is_offered = task_id in self._offered
    summary = super()._end_visit()
    self._targets = None
    if not is_offered:
      self._record_logits(task_id, before)
    return base.TaskSummary(details={**summary.details, "memory_logits": self._num_logits()})

  def _num_logits(self) -> int:
    return sum(logits.shape.num_elements() for logits in self._logits.values())

  def memory_floats(self):
    return super().memory_floats() + self._num_logits()

  def _record_logits(self, task_id: int, before: dict[int, np.ndarray]) -> None:
    """Drops the logits of rows that left the memory, and records those of the rows that came in."""
    kept, self._logits = self._logits, {}
    for owner, rows in self.memory.rows_by_task().items():
      if owner == task_id:
        images = self.task.train[0]
        values = tf.concat([self.logits(tf.gather(images, rows[start:start + _RECORDING_BATCH]), task_id)
                            for start in range(0, len(rows), _RECORDING_BATCH)], axis=0)
      else:
        values = tf.gather(kept[owner], np.searchsorted(before[owner], rows))
      self._logits[owner] = tf.Variable(values, trainable=False)

  def variables(self):
    return {**super().variables(), **{f"logits/task{task_id}": logits for task_id, logits in self._logits.items()}}

  def training_macs_per_image(self, task_id):
    drawn = 2.0 * min(self._memory_batch, self.memory.budget) / self.context.batch_size if task_id else 0.0
    return trunk.TrunkLearner.training_macs_per_image(self, task_id) * (1.0 + drawn)

  def _restore_structure(self, structure):
    super()._restore_structure(structure)
    dtype = self.trunk.groups[0]["kernel"].dtype
    self._logits = {owner: tf.Variable(tf.zeros([len(rows), self.context.num_classes[owner]], dtype), trainable=False)
                    for owner, rows in self.memory.rows_by_task().items()}
