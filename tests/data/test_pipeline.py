"""Decoding, statistics and normalisation, in tf.data and beside it in NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from lasem_tf.data import pipeline

IMAGES = np.random.default_rng(0).integers(0, 256, (700, 4, 5, 3)).astype(np.uint8)


def test_decoded_equals_numpy_over_several_batches():
  found = pipeline.collect(pipeline.decoded(IMAGES))
  assert found.dtype == np.float32 and found.shape == IMAGES.shape
  np.testing.assert_array_equal(found, IMAGES.astype(np.float32) / np.float32(255))


def test_statistics_equal_numpy():
  statistics = pipeline.channel_statistics(pipeline.decoded(IMAGES))
  pixels = (IMAGES / 255.0).reshape(-1, 3)
  np.testing.assert_allclose(statistics.mean, pixels.mean(axis=0), rtol=1e-7)
  np.testing.assert_allclose(statistics.scale, pixels.std(axis=0), rtol=1e-7)


def test_standardized_has_mean_zero_and_deviation_one():
  dataset = pipeline.decoded(IMAGES)
  found = pipeline.collect(pipeline.standardized(dataset, pipeline.channel_statistics(dataset))).astype(np.float64)
  assert abs(found.mean(axis=(0, 1, 2))).max() < 1e-5
  assert abs(found.std(axis=(0, 1, 2)) - 1).max() < 1e-4


def test_constant_channels_become_zero():
  constant = np.full((170, 32, 32, 3), (7, 100, 251), np.uint8)
  dataset = pipeline.decoded(constant)
  statistics = pipeline.channel_statistics(dataset)
  np.testing.assert_allclose(statistics.scale, 1 / np.sqrt(170 * 1024))
  found = pipeline.collect(pipeline.standardized(dataset, statistics))
  assert np.isfinite(found).all() and abs(found).max() < 1e-5


def test_images_are_decoded_once(monkeypatch):
  calls = []

  def count(batch):
    calls.append(len(batch))
    return batch.astype(np.float32)

  monkeypatch.setattr(pipeline, "_scale", lambda batch: tf.ensure_shape(
      tf.numpy_function(count, [batch], tf.float32), batch.shape))
  dataset = pipeline.decoded(IMAGES)
  pipeline.collect(pipeline.standardized(dataset, pipeline.channel_statistics(dataset)))  # three passes
  assert calls == [512, 188]


@pytest.mark.parametrize("shape", [(4, 16, 3), (2, 4, 3)])
def test_statistics_accept_any_rank(shape):
  values = np.random.default_rng(1).random(shape)
  statistics = pipeline.channel_statistics([values])
  np.testing.assert_allclose(statistics.mean, values.mean(axis=(0, 1)))
