"""Networks with two routes: which is taken, and models of several tasks that share layers."""

import numpy as np
import pytest
import tensorflow as tf

from lasem_tf.nn import architecture, initializers, networks, weights

SPEC = architecture.ConvNetSpec((6, 6, 2), (3, 3), (3, 4), (2, 1), (5,), dropout_keep_probability=0.5)


def _convolutions(prefix):
  return [weights.plain_convolution(f"{prefix}/conv{layer}", SPEC, layer, initializers.Initializer(0))
          for layer in range(2)]


def _head(task_id=0):
  return weights.DenseHead(f"task{task_id}/head", SPEC.dense_shapes(3), 0.5, initializers.Initializer(0))


@pytest.fixture
def images():
  return tf.constant(np.random.default_rng(0).normal(size=(4, 6, 6, 2)).astype(np.float32))


def test_routes_are_taken_as_asked(images):
  shared, own, head = _convolutions("shared"), _convolutions("task0"), _head()
  both = networks.RoutedNetwork(SPEC, shared, own, head)
  for flags in np.ndindex(2, 2):
    routes = [pair[not flag] for pair, flag in zip(zip(shared, own), flags)]
    alone = networks.RoutedNetwork(SPEC, [None, None], routes, head)
    np.testing.assert_array_equal(both(images, sharing=tf.constant(np.array(flags, bool))), alone(images))
    np.testing.assert_array_equal(both(images, sharing=tuple(map(bool, flags))), alone(images))


def test_one_graph_serves_every_configuration(images):
  network = networks.RoutedNetwork(SPEC, _convolutions("shared"), _convolutions("task0"), _head())
  traces = []

  @tf.function
  def logits(sharing):
    traces.append(1)
    return network(images, sharing=sharing)

  results = [logits(tf.constant(np.array(flags, bool))).numpy() for flags in np.ndindex(2, 2)]
  assert len(traces) == 1
  assert all(np.any(results[0] != other) for other in results[1:])


def test_dropout_only_with_a_seed(images):
  network = networks.RoutedNetwork(SPEC, [None, None], _convolutions("task0"), _head())
  np.testing.assert_array_equal(network(images), network(images))
  assert np.any(network(images).numpy() != network(images, dropout_seed=tf.constant([1, 2])).numpy())


def test_models_of_two_tasks_share_layers(images):
  """A built Keras layer refuses new weights, so each task has its own model that refers to the shared layers."""
  shared = _convolutions("shared")
  first, second = (networks.RoutedNetwork(SPEC, shared, [None, None], _head(task), name=f"task{task}")
                   for task in range(2))
  before = first(images).numpy()
  second.shared_routes[0]["kernel"].assign_add(tf.ones(SPEC.kernel_shape(0)))
  assert np.any(before != first(images).numpy())
  for model in (first, second):
    known = {id(variable.value) for variable in model.trainable_variables}
    assert {id(variable) for route in shared for variable in route.named_variables.values()} <= known


def test_wrong_number_of_routes():
  with pytest.raises(ValueError, match="2 layers needs as many routes, not 1 and 2"):
    networks.RoutedNetwork(SPEC, [None], _convolutions("task0"), _head())
