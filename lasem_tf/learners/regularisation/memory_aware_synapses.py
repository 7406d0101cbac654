"""MAS: a weight is important if the learned function is sensitive to it, whatever the labels.

Aljundi, Babiloni, Elhoseiny, Rohrbach, Tuytelaars, "Memory aware synapses: learning what (not) to forget" (ECCV 2018).
After a task, with f the logits of its head, dropout off, and N training images,

  new_i = 1/N sum_x | d ||f(x)||^2 / d theta_i |                                                             (Eq. 3, 4)

for every image by itself: the absolute value of a mini-batch's gradient would let images cancel. The authors add new to
Omega; FACIL (mmasana/FACIL), whose values are known for split CIFAR-100, keeps the running average
Omega <- alpha Omega + (1 - alpha) new, the default here; alpha None adds. The loss is that of `importance` (Eq. 5).
"""

import gin
import tensorflow as tf

from lasem_tf.learners import base, fisher
from lasem_tf.learners.regularisation import importance
from lasem_tf.nn import weights


@gin.register
class MemoryAwareSynapses(importance.ImportanceLearner):
  """MAS on the shared trunk."""

  def __init__(self, context: base.LearnerContext, strength: float = 1.0, alpha: float | None = 0.5,
               optimizer: str = "rmsprop", head_depth: str = "last"):
    """Creates the trunk.

    Args:
      context: of the run.
      strength: lambda, factor of the penalty; 0 is fine-tuning.
      alpha: share of the old importance in the running average; None: importances add up.
      optimizer: 'rmsprop', 'sgd' or 'adam'.
      head_depth: see `TrunkLearner`.
    """
    super().__init__(context, strength, optimizer, head_depth)
    if alpha is not None and not 0.0 <= alpha < 1.0:
      raise ValueError(f"MemoryAwareSynapses.alpha must lie in [0, 1) or be None, not {alpha}.")
    self._alpha = alpha

  def sensitivity(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
    """Mean absolute gradient of the squared length of the current head's logits, by name of the weight."""
    sums = {name: tf.zeros_like(variable) for name, variable in self.trunk.named_variables.items()}
    normalise = self.normalisations[self.task.info.task_id].by_statistics()
    for start in range(0, len(images), fisher.CHUNK_SIZE):
      observed: list[tuple[weights.WeightGroup, tf.Tensor, tf.Tensor]] = []
      with tf.GradientTape(watch_accessed_variables=False) as tape:

        def observe(group, inputs, outputs, tape=tape, observed=observed):
          tape.watch(outputs)
          observed.append((group, inputs, outputs))

        hidden = self.trunk(images[start:start + fisher.CHUNK_SIZE], observe=observe, normalise=normalise)
        length = tf.reduce_sum(tf.square(self.heads[self.task.info.task_id](hidden)))
      at_outputs = tape.gradient(length, [outputs for _, _, outputs in observed])
      for (group, inputs, _), gradient in zip(observed, at_outputs):
        columns = fisher.columns_of(group, inputs, self.context.spec.padding)
        kernel, bias = fisher.layer_sums(columns, gradient, tf.abs)
        sums[f"{group.prefix}/kernel"] += tf.reshape(kernel, group["kernel"].shape)
        if f"{group.prefix}/bias" in sums:
          sums[f"{group.prefix}/bias"] += bias
    return {name: total / len(images) for name, total in sums.items()}

  def _new_importance(self):
    new = self.sensitivity(self.task.train[0])
    if self._is_first_task() and self.visit == 0:
      return new
    old_share, new_share = (1.0, 1.0) if self._alpha is None else (self._alpha, 1.0 - self._alpha)
    return {name: old_share * self._importance[name] + new_share * value for name, value in new.items()}

  def training_macs_per_image(self, task_id):
    return super().training_macs_per_image(task_id) + 3.0 * self.forward_macs(task_id) / self.context.epochs_per_task
