"""How strongly each step shrinks weights and groups."""

import dataclasses

import gin
import tensorflow as tf

from lasem_tf.nn import proximal

MODES = ("relative", "absolute", "lr_scaled")


@gin.register
@dataclasses.dataclass(frozen=True)
class Shrinkage:
  """Thresholds of the proximal steps.

  Published strengths are thresholds per step, and so mean something only together with the number of steps: the
  released code's 1e-5 and 1e-3 over 4300 steps come to 1.0 standard deviations of an initial weight and 3.1 times the
  initial norm of a new group; taken to the step counts of these streams, they would prune everything or nothing.
  'relative' keeps those two ratios for any number of steps. Where the learning rate has decayed, or steps are few,
  the first of them would take from a weight more than training can give back, and the network would die out; the other
  ratio of the released code, 1 % of its learning rate in a step, bounds it there.

  Attributes:
    mode: 'relative'; 'absolute', thresholds per step as in the released code; 'lr_scaled', the same with the group
      threshold times the learning rate, as in an earlier convolutional implementation.
    l1: total shrinkage of a weight over a phase in standard deviations of its initial draw, or the threshold itself.
    group: total shrinkage of a new unit over the expansion in multiples of its initial norm, or the threshold itself.
    l1_limit: in mode 'relative' the most that a step takes from a weight, as a share of the learning rate, which is
      about the most that a step of RMSProp gives; None: no limit.
  """

  mode: str = "relative"
  l1: float = 1.0
  group: float = 3.0
  l1_limit: float | None = 0.01

  def __post_init__(self):
    if self.mode not in MODES:
      raise ValueError(f"Shrinkage.mode must be one of {MODES}, not {self.mode!r}.")
    if self.l1 < 0 or self.group < 0:
      raise ValueError(f"Shrinkage.l1 and Shrinkage.group must not be negative, not {self.l1} and {self.group}.")

  def l1_threshold(self, num_steps: int, learning_rate: tf.Tensor) -> tf.Tensor | float:
    """Of every weight in a step of a phase of so many steps."""
    if self.mode != "relative":
      return self.l1
    threshold = proximal.relative_l1_threshold(self.l1, num_steps)
    return threshold if self.l1_limit is None else tf.minimum(
        tf.cast(threshold, learning_rate.dtype), self.l1_limit * learning_rate)

  def group_threshold(self, fan_in: int, num_steps: int, learning_rate: tf.Tensor) -> tf.Tensor | float:
    """Of the group of every new unit of a layer, which has `fan_in` incoming weights, in every step of an expansion."""
    if self.mode == "relative":
      return proximal.relative_group_threshold(self.group, fan_in, num_steps)
    return self.group * learning_rate if self.mode == "lr_scaled" else self.group
