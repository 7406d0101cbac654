"""Layer functions against plain NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from lasem_tf.nn import architecture, layers


def _convolve(images, kernel, bias, padding):
  """The definition, in loops."""
  size = kernel.shape[0]
  if padding == "same":
    before = (size - 1) // 2
    images = np.pad(images, ((0, 0), (before, size - 1 - before), (before, size - 1 - before), (0, 0)))
  height, width = images.shape[1] - size + 1, images.shape[2] - size + 1
  outputs = np.zeros((len(images), height, width, kernel.shape[3]))
  for y in range(height):
    for x in range(width):
      outputs[:, y, x] = np.tensordot(images[:, y:y + size, x:x + size], kernel, 3)
  return outputs + bias


@pytest.mark.parametrize("padding", ["same", "valid"])
def test_convolution(padding):
  random = np.random.default_rng(0)
  images, kernel, bias = random.normal(size=(2, 7, 6, 3)), random.normal(size=(3, 3, 3, 4)), random.normal(size=4)
  outputs = layers.convolution(tf.constant(images), kernel, bias, padding)
  np.testing.assert_allclose(outputs, _convolve(images, kernel, bias, padding), atol=1e-12)


@pytest.mark.parametrize("padding, sides", [("same", (4, 4)), ("valid", (3, 3))])
def test_max_pool_rounds_up_only_with_same_padding(padding, sides):
  images = np.random.default_rng(0).normal(size=(1, 10, 11, 2))
  pooled = layers.max_pool(tf.constant(images), 3, padding).numpy()
  assert pooled.shape == (1, *sides, 2)
  if padding == "valid":
    np.testing.assert_array_equal(pooled[0, 1, 2], images[0, 3:6, 6:9].max(axis=(0, 1)))


def test_pool_of_one_is_the_identity():
  images = tf.random.normal([1, 3, 3, 2])
  assert layers.max_pool(images, 1, "same") is images


def test_a_pool_apart_has_the_same_values_and_gradients():
  images = tf.constant(np.random.default_rng(0).normal(size=(2, 7, 8, 3)))
  upstream = tf.constant(np.random.default_rng(1).normal(size=(2, 4, 4, 3)))
  found = []
  for pool in (layers.max_pool, layers.max_pool_apart):
    with tf.GradientTape() as tape:
      tape.watch(images)
      pooled = pool(images, 2, "same")
    found.append((pooled, tape.gradient(pooled, images, output_gradients=upstream)))
  np.testing.assert_array_equal(found[0][0], found[1][0])
  np.testing.assert_array_equal(found[0][1], found[1][1])
  assert layers.max_pool_apart(images, 1, "same") is images


def test_dropout_keeps_and_rescales():
  inputs = tf.ones([200, 100])
  seed = tf.constant([1, 2])
  outputs = layers.dropout(inputs, 0.5, seed).numpy()
  assert set(np.unique(outputs)) == {0.0, 2.0}
  assert outputs.mean() == pytest.approx(1.0, abs=0.03)
  np.testing.assert_array_equal(outputs, layers.dropout(inputs, 0.5, seed))
  assert np.any(outputs != layers.dropout(inputs, 0.5, tf.constant([1, 3])).numpy())
  # The number is the probability to keep: with 0.9 few entries vanish.
  assert np.mean(layers.dropout(inputs, 0.9, seed).numpy() == 0) == pytest.approx(0.1, abs=0.02)


def test_dropout_is_off_without_a_seed_or_with_certainty():
  inputs = tf.random.normal([4, 5])
  assert layers.dropout(inputs, 0.5, None) is inputs
  assert layers.dropout(inputs, 1.0, tf.constant([1, 2])) is inputs


def test_stack_adds_skips_before_the_pool():
  spec = architecture.ConvNetSpec((4, 4, 2), (3, 3), (2, 2), (1, 2), (3,), skips=((1, 1),))
  images = tf.constant(np.random.default_rng(0).normal(size=(2, 4, 4, 2)))
  features = layers.convolve_stack(spec, images, lambda layer, inputs: inputs * (layer + 2.0))
  # Layer 0 doubles; layer 1 triples and adds its own input; then the pool.
  expected = layers.max_pool(8.0 * images, 2, "same")
  np.testing.assert_allclose(features, tf.reshape(expected, [2, -1]), rtol=1e-12)


def test_stack_repeats_a_skip_for_every_block_of_a_multiplied_batch():
  spec = architecture.ConvNetSpec((2, 2, 1), (3,), (1,), (1,), (3,), skips=((0, 0),))
  images = tf.constant(np.arange(8.0).reshape(2, 2, 2, 1))
  features = layers.convolve_stack(spec, images, lambda layer, inputs: tf.concat([inputs, 10.0 * inputs], 0))
  np.testing.assert_allclose(features, np.concatenate([2.0 * np.reshape(images, [2, 4]),
                                                       11.0 * np.reshape(images, [2, 4])]))


def test_cross_entropy():
  logits = np.array([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]])
  expected = [-np.log(np.exp(2.0) / np.exp(logits[0]).sum()), np.log(3.0)]
  labels = tf.constant([1, 0])
  np.testing.assert_allclose(layers.cross_entropy(tf.constant(logits), labels), expected, rtol=1e-12)
  assert float(layers.mean_cross_entropy(tf.constant(logits), labels)) == pytest.approx(np.mean(expected))


@pytest.mark.parametrize("dtype", [tf.float32, tf.float64])
@pytest.mark.parametrize("features", [24, 7])  # Blocks that begin inside a count of the generator, too.
def test_dropout_of_some_blocks_is_that_of_the_whole_batch(dtype, features):
  inputs, seed = tf.random.stateless_normal([16, 3, features], [1, 2], dtype=dtype), tf.constant([3, 4])
  whole = tf.reshape(layers.dropout(tf.reshape(inputs, [-1, features]), 0.5, seed), inputs.shape).numpy()
  for blocks in ([0], [15], [2, 7, 14]):
    some = layers.dropout(tf.reshape(tf.gather(inputs, blocks), [-1, features]), 0.5, seed, tf.constant(blocks))
    np.testing.assert_array_equal(tf.reshape(some, [-1, 3, features]), whole[blocks])
