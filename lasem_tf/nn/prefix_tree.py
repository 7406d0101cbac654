"""Features of all transfer configurations at once.

Configurations with a common prefix share the features of that prefix, so layer l needs 2^l evaluations, not 2^L. All
nodes of a level are stacked along the batch axis; forward and backward passes then take two convolutions a layer,
whatever the number of configurations. The mathematics is that of 2^L separate networks.
"""

from typing import Sequence

import tensorflow as tf

from lasem_tf.nn import architecture, layers, networks


def all_configuration_features(spec: architecture.ConvNetSpec, weights: Sequence[networks.LayerWeights],
                               images: tf.Tensor, groups: Sequence[int]) -> tf.Tensor:
  """Flattened features under every configuration that is constant inside each group of layers.

  Args:
    spec: the backbone.
    weights: both routes of every layer.
    images: `[n, height, width, channels]`.
    groups: number of consecutive layers in each group; their sum is the depth.

  Returns:
    `[2**len(groups) * n, features]`. Block c of n rows belongs to the configuration with index c: group g is shared iff
    bit g of c is 0, so block 0 shares everything.
  """
  starts = {sum(groups[:group]) for group in range(len(groups))}

  def activate(layer: int, inputs: tf.Tensor) -> tf.Tensor:
    # At the first layer of a group every node branches. Inside a group the first half of the batch took the shared
    # route and the second half the own one; each half goes on as it began.
    shared_inputs, own_inputs = (inputs, inputs) if layer in starts else tf.split(inputs, 2)
    return tf.nn.relu(tf.concat([
        layers.convolution(shared_inputs, *weights[layer].shared, spec.padding),
        layers.convolution(own_inputs, *weights[layer].own, spec.padding)], axis=0))

  return layers.convolve_stack(spec, images, activate)
