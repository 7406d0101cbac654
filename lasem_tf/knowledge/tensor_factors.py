"""Tensor factors: a shared core tensor, bent to a task by one square matrix for every axis.

A Tucker form of full rank: nothing is compressed, the core is shared and the factors are a task's own. Used for
lifelong learning by Lee, Behpour, Eaton: "Sharing Less is More" (ICML Workshop 2020), after Bulat, Kossaifi,
Tzimiropoulos, Pantic: "Incremental multi-domain learning with network latent tensor factorization" (AAAI 2020).
"""

import math

import gin
import tensorflow as tf

from lasem_tf.knowledge import base
from lasem_tf.nn import weights

AXES = ("factor_h", "factor_w", "factor_in", "factor_out")

# What the releases tried; the first is their default.
RELEASED_ORTHOGONALITY_WEIGHTS = (0.1, 0.05, 0.01, 0.005, 0.001)


def contract(core: tf.Tensor, factors: list[tf.Tensor]) -> tf.Tensor:
  """Multiplies every axis of a tensor by its factor, over the factor's first index.

  Always the first axis is contracted and becomes the last, so that four contractions bring the axes back into place:
  the release's order, which float32 results depend on. Each is a matrix product without a transposition in memory.

  Args:
    core: `[n0, n1, ...]`.
    factors: one `[n, m]` for every axis.

  Returns:
    `[m0, m1, ...]`.
  """
  sizes = list(core.shape)
  for factor in factors:
    core = tf.matmul(tf.reshape(core, [factor.shape[0], -1]), factor, transpose_a=True)
    sizes = sizes[1:] + [factor.shape[1]]
  return tf.reshape(core, sizes)


def orthogonality(factor: tf.Tensor) -> tf.Tensor:
  """Frobenius norm, not squared, of `U^T U - I`; its gradient is zero where the norm is."""
  difference = tf.matmul(factor, factor, transpose_a=True) - tf.eye(factor.shape[1], dtype=factor.dtype)
  squared = tf.reduce_sum(difference * difference)
  positive = squared > 0
  return tf.where(positive, tf.sqrt(tf.where(positive, squared, tf.ones_like(squared))), tf.zeros_like(squared))


@gin.register
class TensorFactors(base.Knowledge):
  """Kernel = shared core times the task's four factors; the bias is the task's own.

  The shared group 'kb/conv{l}' has the kernel's shape. The task's group 'task{t}/tf{l}' holds 'factor_h', 'factor_w',
  'factor_in', 'factor_out' (square) and 'bias'. All of them start Glorot-uniform, the bias too.
  """

  graph = 2.5

  def __init__(self, orthogonality_weight: float = RELEASED_ORTHOGONALITY_WEIGHTS[0]):
    """Sets the weight of the term that keeps the factors near orthogonal.

    Args:
      orthogonality_weight: factor of the sum of `orthogonality` over a task's factors; the releases tried 0.1 (the
        default), 0.05, 0.01, 0.005 and 0.001. 0 leaves the term out.
    """
    if orthogonality_weight < 0:
      raise ValueError(f"TensorFactors.orthogonality_weight must not be negative, it is {orthogonality_weight}.")
    self._orthogonality_weight = orthogonality_weight

  def shared_values(self, layer, draw=0):
    prefix = f"kb/conv{layer}"
    return prefix, {"": self.initializer.glorot_uniform(prefix, self.spec.kernel_shape(layer), draw)}

  def create_transform(self, layer, task_id):
    prefix = f"task{task_id}/tf{layer}"
    shapes: dict[str, tuple[int, ...]] = {axis: (size, size) for axis, size in zip(AXES, self.spec.kernel_shape(layer))}
    if self.spec.has_biases:
      shapes["bias"] = (self.spec.channels[layer],)
    return weights.WeightGroup(prefix, {name: self.initializer.glorot_uniform(f"{prefix}/{name}", shape)
                                        for name, shape in shapes.items()})

  def kernel_and_bias(self, layer, shared, transform):
    kernel = contract(shared[""], [transform[axis] for axis in AXES])
    return kernel, transform.get("bias")

  def penalty(self, shared, transforms, sharing):
    if not transforms or not self._orthogonality_weight:
      return None
    terms = [sharing[layer] * tf.add_n([orthogonality(transform[axis]) for axis in AXES])
             for layer, transform in transforms.items()]
    return self._orthogonality_weight * tf.add_n(terms)

  def generation_macs(self, layer):
    shape = self.spec.kernel_shape(layer)
    return math.prod(shape) * sum(shape)
