"""Features of all transfer configurations at once.

Configurations with a common prefix share the features of that prefix, so layer l needs 2^l evaluations, not 2^L. All
nodes of a level are stacked along the batch axis, and both kernels of a layer that branches along the output channels;
one convolution a layer then serves any number of configurations, forward and backward. The mathematics is that of 2^L
separate networks.
"""

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from lasem_tf.nn import architecture, layers, networks, normalisation

GRAPH = 1.5  # For estimates: the operations of a tree's step beside a plain network's.


def forward_macs(layer_macs: Sequence[float], groups: Sequence[int]) -> float:
  """Multiply-accumulate operations of all convolutions of `all_configuration_features`, for one image.

  Args:
    layer_macs: of every convolution of one network.
    groups: see there.
  """
  branches = np.cumsum(np.isin(np.arange(len(layer_macs)), np.cumsum((0, *groups[:-1]))))
  return float(sum(macs * 2.0**count for macs, count in zip(layer_macs, branches)))


def all_configuration_features(spec: architecture.ConvNetSpec, weights: Sequence[networks.LayerWeights],
                               images: tf.Tensor, groups: Sequence[int],
                               pool: Callable = layers.max_pool,
                               normalise: normalisation.Normalise = normalisation.keep) -> tf.Tensor:
  """Flattened features under every configuration that is constant inside each group of layers.

  Args:
    spec: the backbone.
    weights: both routes of every layer.
    images: `[n, height, width, channels]`.
    groups: number of consecutive layers in each group; their sum is the depth.
    pool: `layers.max_pool` or `layers.max_pool_apart`.
    normalise: of blocks of n rows, each for itself, and of both routes side by side.

  Returns:
    `[2**len(groups) * n, features]`. Block c of n rows belongs to the configuration with index c: group g is shared iff
    bit g of c is 0, so block 0 shares everything.
  """
  starts = {sum(groups[:group]) for group in range(len(groups))}

  def convolve(layer: int, inputs: tf.Tensor) -> tf.Tensor:
    (shared_kernel, shared_bias), (own_kernel, own_bias) = weights[layer].both
    if layer in starts:
      # At the first layer of a group every node branches.
      bias = None if shared_bias is None else tf.concat([shared_bias, own_bias], axis=0)
      return normalise(layer, layers.convolution(inputs, tf.concat([shared_kernel, own_kernel], axis=3), bias,
                                                 spec.padding))
    # Inside a group the first half of the batch took the shared route, the second half the own one, and goes on with
    # it.
    shared_inputs, own_inputs = tf.split(inputs, 2)
    return normalise(layer, tf.concat([layers.convolution(shared_inputs, shared_kernel, shared_bias, spec.padding),
                                       layers.convolution(own_inputs, own_kernel, own_bias, spec.padding)], axis=0))

  def branch(layer: int, outputs: tf.Tensor) -> tf.Tensor:
    # After the pool there is less to move from the channels to the batch. A transposition moves it once; splitting the
    # channels and joining them along the batch would move it twice.
    if layer not in starts:
      return outputs
    height, width, channels = outputs.shape[1:]
    routes = tf.transpose(tf.reshape(outputs, [-1, 2, channels // 2]), [1, 0, 2])
    return tf.reshape(routes, [-1, height, width, channels // 2])

  return layers.convolve_stack(spec, images, convolve, branch, rectify=True, pool=pool)
