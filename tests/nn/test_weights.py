"""Groups of weights: names, counts, dropout in one place, and what Keras knows of them."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from lasem_tf.nn import architecture, initializers, weights

SPEC = architecture.ConvNetSpec((8, 8, 3), (3, 3), (4, 6), (2, 2), (8,))
INITIALIZER = initializers.Initializer(0)


def test_group_takes_its_initial_values():
  group = weights.WeightGroup("kb/conv0", {"": tf.constant([1.0, 2.0]), "scale": tf.constant(3.0)})
  assert list(group.named_variables) == ["kb/conv0", "kb/conv0/scale"]
  np.testing.assert_array_equal(group[""], [1.0, 2.0])
  assert float(group["scale"]) == 3.0 and group.num_parameters == 3


def test_plain_convolution():
  convolution = weights.plain_convolution("task0/conv1", SPEC, 1, INITIALIZER)
  kernel, bias = convolution.kernel_and_bias()
  assert kernel.shape == (3, 3, 4, 6) and bias.shape == (6,)
  assert convolution.num_parameters == SPEC.convolution_parameters(1)
  np.testing.assert_array_equal(bias, np.full(6, 0.2, np.float32))
  again = weights.plain_convolution("task0/conv1", SPEC, 1, INITIALIZER)
  np.testing.assert_array_equal(kernel, again["kernel"])
  redrawn = weights.plain_convolution("task0/conv1", SPEC, 1, INITIALIZER, draw=1)
  assert not np.isclose(kernel, redrawn["kernel"]).any()


def test_same_shape_under_another_name_starts_elsewhere():
  first, second = (weights.plain_convolution(f"task{task}/conv0", SPEC, 0, INITIALIZER) for task in range(2))
  assert not np.isclose(first["kernel"], second["kernel"]).any()


def _head(keep_probability=0.5, shapes=((6, 5), (5, 4), (4, 3))):
  return weights.DenseHead("task0/head", shapes, keep_probability, INITIALIZER)


def test_head_is_relu_between_and_linear_last():
  head = _head()
  features = np.random.default_rng(0).normal(size=(7, 6)).astype(np.float32)
  values = {name.removeprefix("task0/head/"): variable.numpy() for name, variable in head.named_variables.items()}
  hidden = features
  for layer in range(2):
    hidden = np.maximum(hidden @ values[f"dense{layer}/kernel"] + values[f"dense{layer}/bias"], 0.0)
  np.testing.assert_allclose(head(features), hidden @ values["dense2/kernel"] + values["dense2/bias"], atol=1e-6)
  assert head.num_parameters == 6 * 5 + 5 + 5 * 4 + 4 + 4 * 3 + 3


def test_head_without_hidden_layer_gives_signed_logits():
  head = _head(shapes=((6, 3),))
  features = np.random.default_rng(0).normal(size=(50, 6)).astype(np.float32)
  head.groups[0]["bias"].assign([0.0, 0.0, 0.0])
  assert np.min(head(features)) < 0


def test_dropout_acts_on_the_features_only():
  head = _head()
  # With the first layer all zero, nothing that dropout does to the features can reach the logits, and nothing else
  # drops.
  head.groups[0]["kernel"].assign(tf.zeros([6, 5]))
  features = tf.random.normal([20, 6])
  np.testing.assert_array_equal(head(features), head(features, dropout_seed=tf.constant([1, 2])))


def test_dropout_needs_a_seed():
  head = _head()
  features = tf.ones([20, 6])
  np.testing.assert_array_equal(head(features), head(features))
  assert np.any(head(features).numpy() != head(features, dropout_seed=tf.constant([1, 2])).numpy())
  np.testing.assert_array_equal(_head(1.0)(features, dropout_seed=tf.constant([1, 2])), _head(1.0)(features))


def test_merged_names_are_unique():
  convolution = weights.plain_convolution("task0/conv0", SPEC, 0, INITIALIZER)
  merged = weights.merge_variables([convolution, _head()])
  assert list(merged)[:3] == ["task0/conv0/kernel", "task0/conv0/bias", "task0/head/dense0/kernel"]
  with pytest.raises(ValueError, match="Two weights are called task0/conv0/kernel"):
    weights.merge_variables([convolution, convolution])


def test_keras_knows_the_weights_of_a_group_and_of_a_head():
  group, head = weights.plain_convolution("task0/conv0", SPEC, 0, INITIALIZER), _head()
  for layer in (group, head):
    known = {id(variable.value) for variable in layer.trainable_variables}
    assert known == {id(variable) for variable in layer.named_variables.values()}
  assert isinstance(group, keras.layers.Layer)
