"""HAT: every task learns nearly binary masks over units, and what an earlier task's mask uses is not updated.

Serra, Suris, Miron, Karatzoglou, "Overcoming catastrophic forgetting with hard attention to the task" (ICML 2018). Unit
i of layer l is multiplied by the mask a_l^t = sigmoid(s e_l^t), e the task's embedding; answers use s = s_max.
  s = 1/s_max + (s_max - 1/s_max) (b - 1)/(B - 1) in mini-batch b of the B of an epoch          (annealing, Eq. 3)
  g_e' = s_max (cosh(s e) + 1) / (s (cosh(e) + 1)) g_e, then e stays within +-6                 (compensation, Eq. 4)
  g_l,ij' = (1 - min(a_l-1,i^<t, a_l,j^<t)) g_l,ij, a^<t the largest mask of all earlier tasks  (Eq. 2)
  loss = CE + lambda sum a^t (1 - a^<t) / sum (1 - a^<t)                                        (Eqs. 5, 6)
The image counts as always used, a bias belongs to its unit, and the rows of a dense layer behind the flattening to the
channel they come from. Constants, the exponent's clamp and the clipping follow the authors' code (joansj/hat).
"""

from collections.abc import Sequence

import gin
import keras
import numpy as np
import tensorflow as tf

from lasem_tf import seeding
from lasem_tf.learners import base, descent, trunk
from lasem_tf.nn import layers, normalisation, optimizers, weights, workload

LARGEST_EMBEDDING = 6.0
_LARGEST_EXPONENT = 50.0


def compensation(embedding: tf.Tensor, scale: tf.Tensor, largest_scale: float) -> tf.Tensor:
  """Factor of an embedding's gradient, by which annealing does not slow it down (Eq. 4), of the embedding's shape."""
  exponent = tf.clip_by_value(scale * embedding, -_LARGEST_EXPONENT, _LARGEST_EXPONENT)
  return largest_scale / scale * (tf.cosh(exponent) + 1.0) / (tf.cosh(embedding) + 1.0)


@gin.register
class HardAttention(trunk.TrunkLearner):
  """HAT on the shared trunk. Embeddings are 'task{t}/embedding/{conv{l} or dense{i}}', one number for every unit."""

  def __init__(self, context: base.LearnerContext, strength: float = 0.75, largest_scale: float = 400.0,
               clip_norm: float = 10000.0, optimizer: str = "sgd", head_depth: str = "last"):
    """Creates the trunk.

    Args:
      context: of the run.
      strength: lambda, factor of the share of free units that a task takes.
      largest_scale: s_max, the steepness of masks in answers and at the end of an epoch.
      clip_norm: longest gradient of all variables together.
      optimizer: 'rmsprop', 'sgd' or 'adam'.
      head_depth: see `TrunkLearner`.
    """
    super().__init__(context, head_depth)
    if strength < 0 or largest_scale <= 1 or clip_norm <= 0:
      raise ValueError("HardAttention needs strength >= 0, largest_scale > 1 and clip_norm > 0, not "
                       f"{strength}, {largest_scale} and {clip_norm}.")
    self._strength, self._largest_scale, self._clip_norm = strength, largest_scale, clip_norm
    self._optimizer = optimizers.by_name(optimizer, "HardAttention.optimizer")
    self.embeddings: dict[int, weights.WeightGroup] = {}
    self._position = tf.Variable(0.0, dtype=keras.config.floatx(), trainable=False)  # b - 1

  def _make_optimizer(self, trained):
    return self._optimizer(trained)

  def _create_head(self, task_id):
    super()._create_head(task_id)
    prefix = f"task{task_id}/embedding"
    names = [group.prefix.split("/")[1] for group in self.trunk.groups]
    self.embeddings[task_id] = weights.WeightGroup(prefix, {
        name: tf.random.stateless_normal(group["kernel"].shape[-1:], seeding.stateless_seed(
            self.context.seed, "embedding", task_id, name), dtype=keras.config.floatx())
        for name, group in zip(names, self.trunk.groups)})

  # --- masks ----------------------------------------------------------------------------------------------------------

  def masks(self, task_id: int, scale: tf.Tensor | float | None = None) -> list[tf.Tensor]:
    """The mask of every layer of the trunk, `[units]`; without a scale those of answers."""
    scale = self._largest_scale if scale is None else scale
    return [tf.sigmoid(scale * embedding) for embedding in self.embeddings[task_id].named_variables.values()]

  def used_by_others(self) -> list[tf.Tensor]:
    """a^<t: for every unit the largest mask of the tasks other than the current one."""
    others = [self.masks(task_id) for task_id in self._learned if task_id != self.task.info.task_id]
    return [tf.reduce_max(tf.stack(masks), axis=0) for masks in zip(*others)] if others else [
        tf.zeros(group["kernel"].shape[-1:], group["kernel"].dtype) for group in self.trunk.groups]

  def _hidden(self, images: tf.Tensor, masks: Sequence[tf.Tensor], dropout_seed: tf.Tensor | None,
              normalise: normalisation.Normalise = normalisation.keep) -> tf.Tensor:
    """What the heads read. A mask comes after the skip connection: a task must not read what another may change.

    It comes after normalisation too, so that a unit that is off stays zero, whatever its shift.
    """
    spec, groups = self.context.spec, self.trunk.groups
    hidden = layers.convolve_stack(
        spec, images, lambda layer, inputs: normalise(
            layer, layers.convolution(inputs, *groups[layer].kernel_and_bias(), spec.padding)),
        branch=lambda layer, outputs: outputs * tf.cast(masks[layer], outputs.dtype), rectify=True)
    hidden = layers.dropout(hidden, spec.dropout_keep_probability, dropout_seed)
    for group, mask in zip(groups[spec.depth:], masks[spec.depth:]):
      hidden = tf.nn.relu(tf.matmul(hidden, group["kernel"]) + group["bias"]) * mask
    return hidden

  def plasticity(self, used: Sequence[tf.Tensor]) -> dict[str, tf.Tensor]:
    """1 - min(a_l-1,i^<t, a_l,j^<t) of every weight, 1 - a_l,j^<t of every bias, by name (Eq. 2)."""
    factors = {}
    below = tf.ones([self.context.spec.image_shape[2]], used[0].dtype)
    for group, above in zip(self.trunk.groups, used):
      # Flattened features run through the channels of one position after the other.
      below = tf.tile(below, [group["kernel"].shape[-2] // below.shape[0]])
      factors[f"{group.prefix}/kernel"] = 1.0 - tf.minimum(below[:, tf.newaxis], above)
      if group.get("bias") is not None:  # A normalised convolution has none.
        factors[f"{group.prefix}/bias"] = 1.0 - above
      below = above
    return factors

  # --- training -------------------------------------------------------------------------------------------------------

  def _trained_variables(self):
    task_id = self.task.info.task_id
    return weights.merge_variables([self.trunk, *self._own_parts([task_id]), self.embeddings[task_id]])

  def begin_epoch(self, epoch):
    self._position.assign(0.0)

  def _scale(self) -> tf.Tensor:
    last = len(self.task.train[1]) // self.context.batch_size - 1
    share = tf.minimum(self._position / last, 1.0) if last > 0 else tf.ones_like(self._position)
    return 1.0 / self._largest_scale + (self._largest_scale - 1.0 / self._largest_scale) * share

  def next_phase(self, num_completed):
    if num_completed:
      return None
    self._used = self.used_by_others()
    self._plasticity = self.plasticity(self._used)
    trained = self._trained_variables()
    return descent.make_phase("train", self.context.epochs_per_task, trained, self._objective,
                              optimizer=self._make_optimizer(trained), gradients=self._gradients, finish=self._finish,
                              state={"mini_batch": self._position})

  def _finish(self, context: base.StepContext) -> None:
    del context
    for embedding in self.embeddings[self.task.info.task_id].named_variables.values():
      embedding.assign(tf.clip_by_value(embedding, -LARGEST_EMBEDDING, LARGEST_EMBEDDING))
    self._position.assign_add(1.0)

  def _objective(self, batch, context):
    task_id = self.task.info.task_id
    masks = self.masks(task_id, self._scale())
    normalise = self.normalisations[task_id].by_batch(batch.images)
    logits = self.heads[task_id](self._hidden(batch.images, masks, context.seed, normalise))
    taken = tf.add_n([tf.reduce_sum(mask * (1.0 - used)) for mask, used in zip(masks, self._used)])
    free = tf.add_n([tf.reduce_sum(1.0 - used) for used in self._used])
    share = tf.math.divide_no_nan(taken, free)
    return descent.Objective(layers.mean_cross_entropy(logits, batch.labels), self._strength * share,
                             {"taken_share": share})

  def _gradients(self, batch, context, trained, objective):
    result, gradients = super()._gradients(batch, context, trained, objective)
    for name, factor in self._plasticity.items():
      gradients[name] *= factor
    for name, embedding in self.embeddings[self.task.info.task_id].named_variables.items():
      gradients[name] *= compensation(embedding, self._scale(), self._largest_scale)
    clipped, _ = tf.clip_by_global_norm(list(gradients.values()), self._clip_norm)
    return result, dict(zip(gradients, clipped))

  def _end_visit(self):
    masks = [mask.numpy() for mask in self.masks(self.task.info.task_id)]
    used = [mask.numpy() > 0.5 for mask in self.used_by_others()]
    own = [mask > 0.5 for mask in masks]
    together = np.concatenate(masks)
    used_units = sum(int(np.sum(mask)) for mask in own)
    return base.TaskSummary(details={
        # Masks that take all units or none leave nothing for attention to decide.
        "mechanism_acted": 0 < used_units < together.size,
        "retention_floats": 0, "saturated_share": float(np.mean(np.minimum(together, 1.0 - together) < 0.01)),
        "used_share": [float(np.mean(mask)) for mask in own],
        "shared_with_earlier": [float(np.sum(mask & other) / max(1, np.sum(mask))) for mask, other in zip(own, used)],
        "free_share": [float(np.mean(~(mask | other))) for mask, other in zip(own, used)]})

  # --- the rest of the contract ---------------------------------------------------------------------------------------

  def _features(self, images, task_id, normalise, dropout_seed=None):
    return self._hidden(images, self.masks(task_id), dropout_seed, normalise)

  def workload(self, task_id):
    return workload.Workload(graph=1.5, weight_operations=6.0)

  def variables(self):
    return {**super().variables(), **weights.merge_variables(self.embeddings.values())}

  def num_parameters(self):
    return super().num_parameters() + sum(group.num_parameters for group in self.embeddings.values())
