"""Random flips and crops: what they do to images, and that they follow the step's seed alone."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from lasem_tf.nn import architecture, augmentation

_SPEC = architecture.ConvNetSpec((16, 24, 3), (3,), (4,), (2,), (8,))


def _augmented(kind, images, seed=(1, 2)):
  spec = dataclasses.replace(_SPEC, augmentation=kind)
  return augmentation.augment(spec, tf.constant(images), tf.constant(seed, tf.int32)).numpy()


@pytest.fixture(name="images")
def _images():
  return np.random.default_rng(0).normal(size=(64, 16, 24, 3)).astype(np.float32)


def test_none_leaves_images_alone(images):
  np.testing.assert_array_equal(_augmented("none", images), images)


def test_about_half_of_the_images_are_mirrored(images):
  found = _augmented("flip", images)
  mirrored = (found == images[:, :, ::-1]).all(axis=(1, 2, 3))
  assert ((found == images).all(axis=(1, 2, 3)) != mirrored).all() and 20 < mirrored.sum() < 44


def test_crops_are_windows_of_the_padded_image(images):
  padded = np.pad(images, [(0, 0), (2, 2), (3, 3), (0, 0)])
  places = []
  for image, whole in zip(_augmented("crop", images), padded):
    fitting = [(row, column) for row in range(5) for column in range(7)
               if np.array_equal(image, whole[row:row + 16, column:column + 24])]
    assert len(fitting) == 1
    places += fitting
  rows, columns = zip(*places)
  assert set(rows) == set(range(5)) and set(columns) == set(range(7))


def test_draws_follow_the_seed(images):
  for kind in ("flip", "crop", "flip_and_crop"):
    np.testing.assert_array_equal(_augmented(kind, images), _augmented(kind, images))
    assert (_augmented(kind, images) != _augmented(kind, images, (1, 3))).any()


def test_unknown_kinds_are_refused():
  with pytest.raises(ValueError, match=r"ConvNetSpec.augmentation must be one of .* not 'rotate'"):
    dataclasses.replace(_SPEC, augmentation="rotate")
