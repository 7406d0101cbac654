"""The pruned tree against the whole one: every set of configurations, forward and backward, in one trace."""

import numpy as np
import pytest
import tensorflow as tf

from lasem_tf.nn import networks, prefix_tree, pruned_tree
from tests.nn.test_prefix_tree import _routes, PLAIN, SKIPS, VALID


def _compared(spec, groups, dtype):
  """A traced function mask -> (pruned, whole) features and gradients, and the list that counts its traces."""
  shared, own = _routes(spec, "shared"), _routes(spec, "task0")
  variables = [variable for route in shared + own for variable in route.named_variables.values()]
  random = np.random.default_rng(0)
  images = tf.constant(random.normal(size=(3, *spec.image_shape)), dtype)
  coefficients = tf.constant(random.normal(size=(2**len(groups), 3, spec.num_features)), dtype)
  traces = []

  @tf.function(autograph=False, input_signature=[tf.TensorSpec([2**len(groups)], tf.bool)])
  def compare(wanted):
    traces.append(1)
    results = []
    for pruned in (True, False):
      with tf.GradientTape() as tape:
        weights = [networks.LayerWeights(s.kernel_and_bias(), o.kernel_and_bias()) for s, o in zip(shared, own)]
        if pruned:
          features = pruned_tree.PrunedTree(spec, groups, wanted).features(weights, images)
          features = tf.reshape(features, [-1, 3, spec.num_features])
        else:
          features = tf.reshape(prefix_tree.all_configuration_features(spec, weights, images, groups),
                                coefficients.shape)
          features = tf.boolean_mask(features, wanted)
        loss = tf.reduce_sum(tf.boolean_mask(coefficients, wanted) * features * features)
      results.append([features, *tape.gradient(loss, variables, unconnected_gradients="zero")])
    return results

  return compare, traces


def _check(spec, groups, dtype, tolerance, masks):
  compare, traces = _compared(spec, groups, dtype)
  for mask in masks:
    pruned, whole = compare(tf.constant(mask))
    assert pruned[0].shape[0] == sum(mask)
    for ours, expected in zip(pruned, whole):
      np.testing.assert_allclose(ours, expected, rtol=0, atol=tolerance * max(np.abs(expected).max(), 1e-9),
                                 err_msg=str(mask))
  assert len(traces) == 1


def _subsets(size):
  """Every set of at least one configuration."""
  return [[bool(number >> index & 1) for index in range(size)] for number in range(1, 2**size)]


@pytest.mark.parametrize("spec, groups", [(VALID, (1, 1)), (PLAIN, (2, 1))])
def test_every_set_of_a_small_tree(spec, groups):
  _check(spec, groups, tf.float32, 1e-6, _subsets(4))


def test_every_set_of_a_tree_with_skip_connections(float64):
  _check(SKIPS, (2, 2), tf.float64, 1e-13, _subsets(4))


@pytest.mark.parametrize("spec, groups", [(PLAIN, (1, 1, 1)), (SKIPS, (1, 2, 1)), (PLAIN, (3,))])
def test_sets_in_double_precision(float64, spec, groups):
  random = np.random.default_rng(1)
  masks = [random.permutation(np.arange(2**len(groups)) < count) for count in (1, 1, 2, 2**len(groups) // 2)]
  _check(spec, groups, tf.float64, 1e-13, masks)


def test_cost_counts_the_nodes_that_are_there():
  for mask, nodes in (([True] * 8, (2, 4, 8)), ([True] + [False] * 7, (1, 1, 1)),
                      ([True, False, False, False, True, False, False, False], (1, 1, 2)),
                      ([True, True, False, False, False, False, False, False], (2, 2, 2))):
    expected = sum(count * PLAIN.convolution_macs(layer) for layer, count in enumerate(nodes))
    assert float(pruned_tree.PrunedTree(PLAIN, (1, 1, 1), tf.constant(mask)).convolution_macs()) == expected
