"""Fitting a photograph in a graph equals what is done to files before training."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from lasem_tf.data import preprocessing as preprocessing_lib
from lasem_tf.data.readers import image_resizing, prepared_images
from lasem_tf.training import serving_photographs

_SIZES = ((1, 1), (1, 9), (5, 3), (12, 16), (16, 12), (12, 90), (131, 47), (200, 301))


def _graph(function, *types):
  return tf.function(function, autograph=False, input_signature=types).get_concrete_function()


@pytest.mark.parametrize("fit", preprocessing_lib.FITS)
def test_every_fit_equals_that_of_files(fit, tmp_path):
  for channels in (1, 3):
    rule = preprocessing_lib.Preprocessing((12, 16, channels), fit)
    fitted = _graph(lambda pixels, rule=rule: serving_photographs.fitted(pixels, rule),
                    tf.TensorSpec([None, None, 3], tf.uint8))
    for number, size in enumerate(_SIZES):
      pixels = np.random.default_rng(number).integers(0, 256, (*size, 3), np.uint8)
      Image.fromarray(pixels).save(tmp_path / "image.png")
      expected = prepared_images.resized(tmp_path / "image.png", None, rule)
      found = fitted(tf.constant(pixels)).numpy()
      assert found.dtype == expected.dtype
      np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6, err_msg=f"{fit} {size} {channels}")


def test_resizing_equals_that_of_arrays_for_other_sizes():
  """From so much smoothing that its reach is wider than the image to none; and what lies far outside of [0, 1]."""
  resize = _graph(serving_photographs.resize_antialiased, tf.TensorSpec([None, None, 2], tf.float32),
                  tf.TensorSpec([], tf.int64), tf.TensorSpec([], tf.int64))
  for height, width in ((1, 1), (1, 40), (2, 3), (17, 33), (33, 17), (64, 64)):
    image = np.random.default_rng(height).normal(size=(33, 17, 2)).astype(np.float32)
    expected = image_resizing.resize_antialiased(image, height, width)
    found = resize(tf.constant(image), tf.constant(height, tf.int64), tf.constant(width, tf.int64)).numpy()
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-6)


def test_an_image_of_the_right_size_stays_as_it_is():
  pixels = np.random.default_rng(0).integers(0, 256, (12, 16, 3), np.uint8)
  for fit in preprocessing_lib.FITS:
    found = serving_photographs.fitted(tf.constant(pixels), preprocessing_lib.Preprocessing((12, 16, 3), fit))
    np.testing.assert_array_equal(found, pixels.astype(np.float32) / np.float32(255))
