"""The prefix tree against 2^L networks, one after the other."""

import collections

import numpy as np
import pytest
import tensorflow as tf

from lasem_tf.nn import architecture, initializers, networks, prefix_tree, weights
from lasem_tf.selection import configuration

PLAIN = architecture.ConvNetSpec((9, 7, 2), (3, 5, 3), (3, 4, 4), (1, 2, 2), (5,))
SKIPS = architecture.ConvNetSpec((6, 6, 2), (3, 3, 3, 3), (3, 3, 3, 3), (1, 1, 2, 1), (5,),
                                 skips=((1, 1), (1, 2), (3, 3)))
VALID = architecture.ConvNetSpec((12, 11, 2), (3, 3), (3, 4), (2, 1), (5,), padding="valid")


def _routes(spec, prefix):
  """Convolutions with large random weights, so that ReLU and pools have something to decide."""
  routes = [weights.plain_convolution(f"{prefix}/conv{layer}", spec, layer, initializers.Initializer(3))
            for layer in range(spec.depth)]
  for route in routes:
    for variable in route.named_variables.values():
      variable.assign(variable * 10.0)
  return routes


def _check_equals_separate_networks(spec, groups, dtype, tolerance):
  """Features of all configurations, and gradients of all routes, relative to the largest entry of each."""
  shared, own = _routes(spec, "shared"), _routes(spec, "task0")
  variables = [variable for route in shared + own for variable in route.named_variables.values()]
  random = np.random.default_rng(0)
  images = tf.constant(random.normal(size=(3, *spec.image_shape)), dtype)
  configurations = configuration.enumerate_configurations(groups)
  # Any loss will do, as long as every feature of every configuration matters to it.
  coefficients = tf.constant(random.normal(size=(len(configurations), 3, spec.num_features)), dtype)
  with tf.GradientTape() as tape:
    layer_weights = [networks.LayerWeights(s.kernel_and_bias(), o.kernel_and_bias()) for s, o in zip(shared, own)]
    tree = tf.reshape(prefix_tree.all_configuration_features(spec, layer_weights, images, groups), coefficients.shape)
    loss = tf.reduce_sum(coefficients * tree * tree)
  tree_gradients = tape.gradient(loss, variables)
  with tf.GradientTape() as tape:
    separate = tf.stack([
        networks.convolutional_features(spec, [s.kernel_and_bias() if bit else o.kernel_and_bias()
                                               for s, o, bit in zip(shared, own, c.bits)], images)
                                               for c in configurations])
    loss = tf.reduce_sum(coefficients * separate * separate)
  gradients = tape.gradient(loss, variables)
  assert tree.dtype == dtype
  for ours, expected in zip([tree, *tree_gradients], [separate, *gradients]):
    np.testing.assert_allclose(ours, expected, rtol=0, atol=tolerance * np.abs(expected).max())


@pytest.mark.parametrize("spec, groups", [
    (PLAIN, (1, 1, 1)), (PLAIN, (2, 1)), (PLAIN, (3,)), (SKIPS, (1, 1, 1, 1)), (SKIPS, (1, 2, 1)), (SKIPS, (2, 2)),
    (VALID, (1, 1))])
def test_equals_separate_networks_forward_and_backward(float64, spec, groups):
  _check_equals_separate_networks(spec, groups, tf.float64, 1e-12)


@pytest.mark.parametrize("spec, groups", [
    (PLAIN, (1, 1, 1)), (PLAIN, (2, 1)), (SKIPS, (1, 1, 1, 1)), (SKIPS, (1, 2, 1)), (VALID, (1, 1))])
def test_equals_separate_networks_in_single_precision(spec, groups):
  _check_equals_separate_networks(spec, groups, tf.float32, 1e-5)


def kernels_launched(function) -> collections.Counter:
  """Convolution kernels, by kind, that a traced function's outputs and updates need; the others are pruned."""
  counts, seen = collections.Counter(), set()
  waiting = [output.op for output in function.outputs] + list(function.graph.control_outputs)
  while waiting:
    operation = waiting.pop()
    if operation.name not in seen:
      seen.add(operation.name)
      counts[operation.type] += 1
      waiting += [tensor.op for tensor in operation.inputs] + list(operation.control_inputs)
  return collections.Counter({kind: count for kind, count in counts.items() if kind.startswith("Conv2D")})


@pytest.mark.parametrize("depth, forward, filters, inputs", [(4, 4, 4, 3), (6, 6, 6, 5)])
def test_number_of_convolution_kernels(depth, forward, filters, inputs):
  spec = architecture.ConvNetSpec((8, 8, 3), (3,) * depth, (4,) * depth, (1,) * depth, (5,))
  shared, own = _routes(spec, "shared"), _routes(spec, "task0")

  @tf.function
  def gradients(images):
    with tf.GradientTape() as tape:
      layer_weights = [networks.LayerWeights(s.kernel_and_bias(), o.kernel_and_bias()) for s, o in zip(shared, own)]
      loss = tf.reduce_sum(prefix_tree.all_configuration_features(spec, layer_weights, images, (1,) * depth))
    return tape.gradient(loss, [variable for route in shared + own for variable in route.named_variables.values()])

  counts = kernels_launched(gradients.get_concrete_function(tf.TensorSpec([2, 8, 8, 3])))
  assert counts == {"Conv2D": forward, "Conv2DBackpropFilter": filters, "Conv2DBackpropInput": inputs}
