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
  'relative' keeps those two ratios for any number of steps.

  Attributes:
    mode: 'relative'; 'absolute', thresholds per step as in the released code; 'lr_scaled', the same with the group
      threshold times the learning rate, as in an earlier convolutional implementation.
    l1: total shrinkage of a weight over a phase in standard deviations of its initial draw, or the threshold itself.
    group: total shrinkage of a new unit over the expansion in multiples of its initial norm, or the threshold itself.
  """

  mode: str = "relative"
  l1: float = 1.0
  group: float = 3.0

  def __post_init__(self):
    if self.mode not in MODES:
      raise ValueError(f"Shrinkage.mode must be one of {MODES}, not {self.mode!r}.")
    if self.l1 < 0 or self.group < 0:
      raise ValueError(f"Shrinkage.l1 and Shrinkage.group must not be negative, not {self.l1} and {self.group}.")

  def l1_threshold(self, num_steps: int) -> float:
    """Of every weight in every step of a phase."""
    return proximal.relative_l1_threshold(self.l1, num_steps) if self.mode == "relative" else self.l1

  def group_threshold(self, fan_in: int, num_steps: int, learning_rate: tf.Tensor) -> tf.Tensor | float:
    """Of the group of every new unit of a layer, which has `fan_in` incoming weights, in every step of an expansion."""
    if self.mode == "relative":
      return proximal.relative_group_threshold(self.group, fan_in, num_steps)
    return self.group * learning_rate if self.mode == "lr_scaled" else self.group
