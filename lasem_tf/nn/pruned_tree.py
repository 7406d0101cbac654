"""Features of some transfer configurations at once: the prefix tree without the branches that nobody asks for.

Which configurations are wanted is a tensor, so one graph serves every set of them. The nodes of a level are stacked
along the batch axis in the order of their index; those that take the shared route of a layer come first.
"""

from collections.abc import Sequence

import tensorflow as tf

from lasem_tf.nn import architecture, layers, networks


class PrunedTree:
  """The nodes that a set of configurations needs.

  Node i of the level after k groups of layers is the common prefix of the configurations whose index is i modulo 2^k.
  """

  def __init__(self, spec: architecture.ConvNetSpec, groups: Sequence[int], wanted: tf.Tensor):
    """Finds the nodes.

    Args:
      spec: the backbone.
      groups: number of consecutive layers in each group; their sum is the depth.
      wanted: boolean `[2**len(groups)]`, which configurations, in the order of their index.
    """
    self._spec = spec
    starts = {sum(groups[:group]) for group in range(len(groups))}
    self._starts = starts
    # Level of what a layer reads and of what it gives.
    self._before = [sum(start < layer for start in starts) for layer in range(spec.depth)]
    self._after = [sum(start <= layer for start in starts) for layer in range(spec.depth)]
    self._occupied = [tf.reduce_any(tf.reshape(wanted, [-1, 2**level]), axis=0) for level in range(len(groups) + 1)]
    self._nodes = [tf.where(occupied)[:, 0] for occupied in self._occupied]
    self._position = [tf.cumsum(tf.cast(occupied, tf.int64)) - 1 for occupied in self._occupied]

  def convolution_macs(self) -> tf.Tensor:
    """Multiply-accumulate operations of all convolutions for one image, forward; a float32 scalar."""
    return tf.add_n([tf.cast(tf.size(self._nodes[level]), tf.float32) * self._spec.convolution_macs(layer)
                     for layer, level in enumerate(self._after)])

  def features(self, weights: Sequence[networks.LayerWeights], images: tf.Tensor) -> tf.Tensor:
    """Flattened features `[k * n, features]` of the k wanted configurations, n rows each, in the order of their index.

    Args:
      weights: both routes of every layer.
      images: `[n, height, width, channels]`.
    """
    size = tf.shape(images)[0]

    def convolve(layer: int, inputs: tf.Tensor) -> tf.Tensor:
      level = self._after[layer]
      if layer in self._starts:
        inputs = self._spread(inputs, self._before[layer], level)
      num_shared = tf.math.count_nonzero(self._occupied[level][:2**(level - 1)], dtype=tf.int32) * size
      parts = tf.split(inputs, [num_shared, tf.shape(inputs)[0] - num_shared])
      return tf.concat([self._convolution(layer, part, *route) for part, route in zip(parts, weights[layer].both)], 0)

    def align(source: int, target: int, carried: tf.Tensor) -> tf.Tensor:
      return self._spread(carried, self._before[source], self._after[target])

    return layers.convolve_stack(self._spec, images, convolve, rectify=True, align=align)

  def _spread(self, inputs: tf.Tensor, level: int, target: int) -> tf.Tensor:
    """Gives every node of a later level what its ancestor at an earlier one has."""
    ancestors = tf.gather(self._position[level], self._nodes[target] % 2**level)
    blocks = tf.reshape(inputs, [tf.size(self._nodes[level]), -1])
    return tf.reshape(_gather(blocks, ancestors), [-1, *inputs.shape[1:]])

  def _convolution(self, layer: int, inputs: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    # oneDNN gives the convolution of an empty batch a wrong shape.
    return tf.cond(tf.shape(inputs)[0] > 0,
                   lambda: layers.convolution(inputs, kernel, bias, self._spec.padding),
                   lambda: tf.zeros([0, *self._spec.convolved_shape(layer)], inputs.dtype))


@tf.custom_gradient
def _gather(blocks: tf.Tensor, positions: tf.Tensor):
  """`tf.gather` whose gradient is a dense tensor."""
  size = tf.shape(blocks)[0]

  def gradient(upstream):
    return tf.math.unsorted_segment_sum(upstream, positions, size), None

  return tf.gather(blocks, positions), gradient
