"""Random flips and crops of training images, a pure function of the step's seed."""

import tensorflow as tf

from lasem_tf.nn import architecture

_FLIP, _CROP = 0x666C6970, 0x63726F70  # Keep these draws apart from whatever a learner derives from the same seed.


def augment(spec: architecture.ConvNetSpec, images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
  """A mini-batch as `ConvNetSpec.augmentation` says; the identity for 'none'.

  Args:
    spec: the backbone.
    images: `[n, height, width, channels]`, normalised.
    seed: int32 `[2]` of the step. It names run, task, visit, epoch and step and no method, so that all methods see the
      same images, and so does a resumed run.

  Returns:
    The same shape: each image mirrored with probability 1/2 ('flip'), then cut, at a place of its own, from the image
    with a border of an eighth of its sides in zeros, which is the mean of a standardised channel ('crop').
  """
  if spec.augmentation in ("flip", "flip_and_crop"):
    images = _flipped(images, tf.random.experimental.stateless_fold_in(seed, _FLIP))
  if spec.augmentation in ("crop", "flip_and_crop"):
    images = _cropped(images, tf.random.experimental.stateless_fold_in(seed, _CROP))
  return images


def _flipped(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
  is_flipped = tf.random.stateless_uniform([tf.shape(images)[0], 1, 1, 1], seed) < 0.5
  return tf.where(is_flipped, tf.reverse(images, [2]), images)


def _cropped(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
  height, width = images.shape[1:3]
  borders = height // 8, width // 8
  padded = tf.pad(images, [[0, 0], *([border, border] for border in borders), [0, 0]])
  seeds = (tf.random.experimental.stateless_fold_in(seed, axis) for axis in (0, 1))
  rows, columns = (
      tf.random.stateless_uniform([tf.shape(images)[0], 1], own, maxval=2 * border + 1, dtype=tf.int32) + tf.range(side)
      for own, border, side in zip(seeds, borders, (height, width)))
  return tf.gather(tf.gather(padded, rows, axis=1, batch_dims=1), columns, axis=2, batch_dims=1)
