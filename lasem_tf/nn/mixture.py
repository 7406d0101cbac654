"""Features of a network whose layers are mixtures of their two routes."""

from collections.abc import Sequence

import tensorflow as tf

from lasem_tf.nn import architecture, layers, networks, normalisation


def mixed_features(spec: architecture.ConvNetSpec, weights: Sequence[networks.LayerWeights], images: tf.Tensor,
                   shared: tf.Tensor, normalise: normalisation.Normalise = normalisation.keep) -> tf.Tensor:
  """Flattened features when every layer adds both activated routes, weighted, before its pool.

  Args:
    spec: the backbone.
    weights: both routes of every layer.
    images: `[n, height, width, channels]`.
    shared: `[depth]`, the weight of the shared route in [0, 1]; the own route has the rest.
    normalise: of either route by itself, before it is activated.

  Returns:
    `[n, spec.num_features]`.
  """

  def activate(layer: int, inputs: tf.Tensor) -> tf.Tensor:
    common, own = (tf.nn.relu(normalise(layer, layers.convolution(inputs, *route, spec.padding)))
                   for route in weights[layer].both)
    share = tf.cast(shared[layer], common.dtype)
    return (1.0 - share) * own + share * common

  return layers.convolve_stack(spec, images, activate)
