"""Resizing equals scikit-image, which the releases use, for images of any size."""

import numpy as np
import pytest

from lasem_tf.data.readers import image_resizing


@pytest.mark.parametrize("height, width", [(1, 1), (1, 7), (23, 31), (90, 200), (127, 129), (128, 128), (300, 131),
                                           (500, 640)])
def test_equals_scikit_image(height, width):
  transform = pytest.importorskip("skimage.transform", reason="scikit-image is not installed: pip install -e .[test]")
  image = np.random.default_rng(height).random((height, width, 3)).astype(np.float32)
  expected = transform.resize(image, (128, 128), anti_aliasing=True)
  resized = image_resizing.resize_antialiased(image, 128, 128)
  assert resized.shape == (128, 128, 3) and resized.dtype == np.float32
  np.testing.assert_allclose(resized, expected, rtol=0, atol=1e-5)


def test_stays_within_the_range_of_the_image():
  image = np.zeros((300, 40, 3), np.float32)
  image[::2] = 1.0
  resized = image_resizing.resize_antialiased(image, 128, 128)
  assert resized.min() >= 0.0 and resized.max() <= 1.0
