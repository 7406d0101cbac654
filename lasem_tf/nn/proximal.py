"""Proximal operators of the L1 norm and of the group lasso, and step sizes for them.

One training step with such penalties is a gradient step on the smooth loss, then `soft_threshold` on what the L1 norm
covers, then `group_shrink` on the groups. The order matters: the exact proximal map of k1 * ||.||_1 + k2 * ||.||_2 is
the group shrink *of* the soft threshold; the other order is another function.
"""

import math
from collections.abc import Sequence

import tensorflow as tf

# Standard deviation of the initial weights: a normal with 0.05, cut at two standard deviations.
INITIAL_STDDEV = 0.04396


def soft_threshold(values: tf.Tensor, threshold: tf.Tensor | float) -> tf.Tensor:
  """sign(v) * max(|v| - threshold, 0), element by element; the threshold broadcasts."""
  values = tf.convert_to_tensor(values)
  return tf.sign(values) * tf.nn.relu(tf.abs(values) - _like(threshold, values))


def group_shrink(parts: Sequence[tf.Tensor], threshold: tf.Tensor | float) -> list[tf.Tensor]:
  """v * max(0, 1 - threshold / ||v||_2) for every group v; exactly zero, without a division, when ||v|| <= threshold.

  Args:
    parts: tensors whose last axis numbers the groups: group i is the union of `part[..., i]` over the parts (a kernel
      `[height, width, in, out]` and a bias `[out]` make one group for each output channel).
    threshold: scalar or `[groups]`.

  Returns:
    The shrunk parts, in order.
  """
  parts = [tf.convert_to_tensor(part) for part in parts]
  squares = tf.add_n([tf.reduce_sum(tf.square(part), axis=list(range(part.shape.rank - 1))) for part in parts])
  norms = tf.sqrt(squares)
  threshold = _like(threshold, norms)
  survives = norms > threshold
  # The norm of a group that does not survive may be zero; it is replaced before it can divide.
  factors = tf.where(survives, 1.0 - threshold / tf.where(survives, norms, tf.ones_like(norms)), tf.zeros_like(norms))
  return [tf.where(survives, part * factors, tf.zeros_like(part)) for part in parts]


def relative_l1_threshold(ratio: float, num_steps: int) -> float:
  """Threshold of one step; `num_steps` of them shrink a weight by `ratio` standard deviations of its initial draw."""
  return ratio * INITIAL_STDDEV / max(1, num_steps)


def relative_group_threshold(ratio: float, fan_in: int, num_steps: int) -> float:
  """Threshold per step such that `num_steps` steps shrink a group by `ratio` times its expected initial norm.

  Args:
    ratio: of total shrinkage to initial norm.
    fan_in: number of weights in the group.
    num_steps: of the phase.
  """
  return ratio * INITIAL_STDDEV * math.sqrt(fan_in) / max(1, num_steps)


def diagonal_threshold(weight: float, learning_rate: tf.Tensor, mean_square: tf.Tensor,
                       epsilon: float = 1e-10) -> tf.Tensor:
  """The L1 threshold of every coordinate in RMSProp's own metric: weight * learning_rate / sqrt(mean_square + epsilon).

  With it, w_j = 0 is a fixed point iff |gradient_j| <= weight, whatever the mean square is.
  """
  return weight * tf.cast(learning_rate, mean_square.dtype) / tf.sqrt(mean_square + epsilon)


def _like(number: tf.Tensor | float, other: tf.Tensor) -> tf.Tensor:
  """The number in the type of another tensor. (`tf.cast` alone rounds a Python float to single precision first.)"""
  return tf.cast(tf.convert_to_tensor(number, dtype_hint=other.dtype), other.dtype)
