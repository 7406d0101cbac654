"""SupSup: a control whose trunk is random and never trained; each task finds a mask over it.

Wortsman, Ramanujan, Liu, Kembhavi, Rastegari, Yosinski, Farhadi, "Supermasks in superposition" (NeurIPS 2020), for
known task identities (its case GG). A task's subnetwork is found by scores alone, as in Ramanujan et al., "What's
hidden in a randomly weighted neural network?" (CVPR 2020): the share c of a layer's weights with the largest |s| is
used, and s <- s - lr dL/dm sign(s), straight through. The weights are signed constants +- sqrt(2 / (c fan_in)), there
are no biases, and every task draws its scores anew, so that tasks have nothing in common but the random weights: what a
method transfers shows against it. Heads are trained, where the authors mask a random output layer as well; so are scale
and shift of batch normalisation, which the authors have not.
"""

import math

import gin
import tensorflow as tf

from lasem_tf.learners import base
from lasem_tf.learners.masks import winning_subnetworks
from lasem_tf.nn import weights


@gin.register
class Supermasks(winning_subnetworks.WinningSubnetworks):
  """Fixed random kernels, zero biases, a mask and a head for every task; answers never move after a task's visit."""

  def __init__(self, context: base.LearnerContext, capacity: float = 0.5, optimizer: str = "adam",
               head_depth: str = "last"):
    """Draws the trunk; see `WinningSubnetworks` for the arguments."""
    super().__init__(context, capacity, optimizer, head_depth)
    for group in self.trunk.groups:
      fan_in = math.prod(group["kernel"].shape[:-1])
      group["kernel"].assign(math.sqrt(2.0 / (capacity * fan_in)) * tf.sign(group["kernel"]))
      if group.get("bias") is not None:  # A normalised convolution has none.
        group["bias"].assign(tf.zeros_like(group["bias"]))

  def _begin_visit(self, is_new):
    super()._begin_visit(is_new)
    if is_new:
      for name, score in self._scores.items():
        score.assign(self.initializer.truncated_normal(f"score/{name}", tuple(score.shape),
                                                       draw=self.task.info.task_id))

  def _trained_variables(self):
    own = weights.merge_variables(self._own_parts([self.task.info.task_id]))
    return {**own, **{f"score/{name}": score for name, score in self._scores.items()}}
