"""Learning without forgetting: the old heads' answers to the new images are kept by distillation.

Li and Hoiem, "Learning without forgetting" (ECCV 2016). Old tasks' images are not stored; what their heads said of the
current task's images before training is. With augmentation no two steps see the same image, so that what was said of
the images themselves would not fit: the network as it was before the visit then answers the step's own images.
"""

from typing import Any

import gin
import tensorflow as tf

from lasem_tf.learners import base, promise, snapshot, trunk
from lasem_tf.nn import layers, optimizers, weights, workload

RECORDING_BATCH = 64


def distillation_loss(old_logits: tf.Tensor, new_logits: tf.Tensor, temperature: float) -> tf.Tensor:
  """Mean over the batch of the cross-entropy between two softened predictions, a scalar.

  No factor temperature^2: the paper has none.

  Args:
    old_logits: `[n, classes]`, the target.
    new_logits: `[n, classes]`.
    temperature: divides both.
  """
  return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(
      labels=tf.nn.softmax(old_logits / temperature), logits=new_logits / temperature))


@gin.register
class LearningWithoutForgetting(trunk.TrunkLearner):
  """Two phases: the new head alone ('warm_up'), then trunk and all heads with distillation of every old head ('joint').

  While a task is learned, 'target/task{j}' holds what head j said of its training images; with augmentation
  'teacher/{name}' holds the weights that said it.
  """

  promises = promise.Promises(trains_old_parts=True)

  def __init__(self, context: base.LearnerContext, strength: float = 1.0, temperature: float = 2.0,
               warm_up_share: float = 0.1, head_depth: str = "last", slots_per_visit: bool = False):
    """Creates the trunk.

    Args:
      context: of the run.
      strength: lambda_o, factor of each old task's distillation loss; 0 leaves the new task's loss alone.
      temperature: of the softened predictions.
      warm_up_share: share of a visit's epochs that trains the new head alone, at least one epoch unless it is 0; the
        paper warms up until convergence. A first task and a visit of a single epoch have none.
      head_depth: see `TrunkLearner`.
      slots_per_visit: the optimiser's mean squares of the new head go on from the warm-up to the joint phase; otherwise
        the joint phase begins with ones everywhere.
    """
    super().__init__(context, head_depth)
    if strength < 0 or temperature <= 0 or not 0 <= warm_up_share < 1:
      raise ValueError("LearningWithoutForgetting needs strength >= 0, temperature > 0 and 0 <= warm_up_share < 1, not "
                       f"{strength}, {temperature} and {warm_up_share}.")
    self._strength, self._temperature, self._warm_up_share = strength, temperature, warm_up_share
    self._targets: dict[int, tf.Variable] = {}
    self._teacher: snapshot.Snapshot | None = None
    self._warm_up_epochs = 0
    self._slots_per_visit = slots_per_visit
    self._slots: dict[str, tf.Variable] = {}

  def _begin_visit(self, is_new):
    super()._begin_visit(is_new)
    task_id, epochs = self.task.info.task_id, self.context.epochs_per_task
    old_tasks = [other for other in self._learned if other != task_id]
    wanted = max(1, round(self._warm_up_share * epochs)) if self._warm_up_share else 0
    self._warm_up_epochs = min(wanted, epochs - 1) if is_new and old_tasks else 0
    self._start_slots()
    images = self.task.train[0]
    self._create_targets(old_tasks, images.shape[0])
    for start in range(0, images.shape[0], RECORDING_BATCH):
      part = images[start:start + RECORDING_BATCH]
      for other, hidden in self._read_by_old_heads(part).items():
        self._targets[other][start:start + RECORDING_BATCH].assign(self.heads[other](hidden))

  def _start_slots(self) -> None:
    """Slots of one for a whole visit, where they outlive phases."""
    if self._slots_per_visit:
      everything = weights.merge_variables([self.trunk, *self._own_parts(self.heads)])
      self._slots = dict(optimizers.RMSProp(everything).slots)

  def _make_optimizer(self, trained):
    return optimizers.RMSProp(trained, mean_squares=self._slots or None)

  def _create_targets(self, old_tasks: list[int], num_examples: int) -> None:
    dtype = self.trunk.groups[0]["kernel"].dtype
    shapes = {other: [num_examples, self.context.num_classes[other]] for other in old_tasks}
    self._targets = {other: tf.Variable(tf.zeros(shape, dtype), trainable=False) for other, shape in shapes.items()}
    if old_tasks and self.context.spec.augmentation != "none":
      self._teacher = snapshot.Snapshot("teacher", weights.merge_variables([self.trunk, *self._own_parts(old_tasks)]))

  def _targets_of(self, batch: base.Batch) -> dict[int, tf.Tensor]:
    """What every old head said, before the visit, of the images of a mini-batch."""
    if self._teacher is None:
      return {other: tf.gather(target, batch.rows) for other, target in self._targets.items()}
    with self._teacher.in_use():
      return {other: tf.stop_gradient(self.heads[other](read))
              for other, read in self._read_by_old_heads(batch.images).items()}

  def next_phase(self, num_completed):
    task_id, epochs = self.task.info.task_id, self.context.epochs_per_task
    everything = weights.merge_variables([self.trunk, *self._own_parts(self.heads)])
    own = weights.merge_variables(self._own_parts([task_id]))
    phases: list[tuple] = [("joint", epochs - self._warm_up_epochs, everything, None)]
    if self._warm_up_epochs:
      phases.insert(0, ("warm_up", self._warm_up_epochs, own, super()._objective))
    return self._training_phase(*phases[num_completed]) if num_completed < len(phases) else None

  def _objective(self, batch, context):
    hidden = self._read_by_head(batch.images, context.seed)
    loss = layers.mean_cross_entropy(self.heads[self.task.info.task_id](hidden), batch.labels)
    if not self._targets or self._strength == 0.0:
      return trunk.Objective(loss)
    targets = self._targets_of(batch)
    penalty = self._strength * tf.add_n([
        distillation_loss(targets[other], self.heads[other](read), self._temperature)
        for other, read in self._read_by_old_heads(batch.images, hidden, context.seed).items()])
    return trunk.Objective(loss, penalty, {"distillation": penalty})

  def _read_by_old_heads(self, images: tf.Tensor, hidden: tf.Tensor | None = None,
                         dropout_seed: tf.Tensor | None = None) -> dict[int, tf.Tensor]:
    """What every head with a target reads of the current task's images; with normalisation, by its task's statistics.

    Args:
      images: `[n, height, width, channels]`.
      hidden: what the current head reads, if it is known.
      dropout_seed: int32 `[2]`, or None for no dropout.
    """
    if self.context.spec.normalisation != "none":
      return {other: self.trunk(images, dropout_seed=dropout_seed,
                                normalise=self.normalisations[other].by_statistics()) for other in self._targets}
    if hidden is None:
      hidden = self.trunk(images, dropout_seed=dropout_seed)
    return dict.fromkeys(self._targets, hidden)

  def _end_visit(self):
    details: dict[str, Any] = {"mechanism_acted": False}
    if self._targets:
      moved = [self._distance(other, target) for other, target in self._targets.items()]
      # Distillation is at work where old heads' answers have moved from what they were: at first it has no gradient.
      details = {"old_answers_moved": moved, "warm_up_epochs": self._warm_up_epochs,
                 "mechanism_acted": self._strength > 0 and max(moved) > 0}
    self._targets, self._teacher, self._warm_up_epochs, self._slots = {}, None, 0, {}
    return base.TaskSummary(details=details)

  def _distance(self, other: int, target: tf.Variable) -> float:
    """Mean change of the probabilities that another task's head gives the current task's images."""
    images = self.task.train[0]
    total = 0.0
    for start in range(0, images.shape[0], RECORDING_BATCH):
      now = tf.nn.softmax(self.logits(images[start:start + RECORDING_BATCH], other))
      total += float(tf.reduce_sum(tf.abs(now - tf.nn.softmax(target[start:start + RECORDING_BATCH]))))
    return total / target.shape.num_elements()

  def variables(self):
    return {**super().variables(), **self._slots,
            **{f"target/task{other}": target for other, target in self._targets.items()},
            **({} if self._teacher is None else self._teacher.named_variables)}

  def training_macs_per_image(self, task_id):
    heads = sum(self._head_macs(other) for other in range(task_id))
    macs = super().training_macs_per_image(task_id)
    trunk_macs = macs - 3.0 * self._head_macs(task_id)
    # With normalisation the trunk runs once more for the statistics of every old task.
    passes = 0 if self.context.spec.normalisation == "none" else task_id
    macs += 3.0 * heads + passes * trunk_macs
    if task_id and self.context.spec.augmentation != "none":
      macs += heads + max(1, passes) * trunk_macs / 3.0  # The network as it was, forward alone.
    return macs

  def _head_macs(self, task_id: int) -> int:
    shapes = self.context.spec.dense_shapes(self.context.num_classes[task_id])
    return sum(rows * columns for rows, columns in shapes[self._num_shared_dense:])

  def workload(self, task_id):
    return workload.Workload(phases=2.0 if task_id and self._warm_up_share else 1.0, graph=1.0 + 0.05 * task_id)

  def _structure(self):
    rows = next(iter(self._targets.values())).shape[0] if self._targets else 0
    return {"recorded": list(self._targets), "rows": rows, "warm_up_epochs": self._warm_up_epochs,
            "keeps_slots": bool(self._slots)}

  def _restore_structure(self, structure):
    super()._restore_structure(structure)
    self._create_targets(structure["recorded"], structure["rows"])
    self._warm_up_epochs = structure["warm_up_epochs"]
    if structure["keeps_slots"]:
      self._start_slots()
