"""Photographs of any size as the arrays that a network sees, in a graph: `readers.prepared_images` without decoding."""

import tensorflow as tf

from lasem_tf.data import preprocessing as preprocessing_lib

_LUMINANCE = (19595, 38470, 7471)  # Of red, green and blue in 65536ths (ITU-R 601), as Pillow rounds them.
_CUT = 4.0  # Where a Gaussian ends, in standard deviations.


def fitted(pixels: tf.Tensor, rule: preprocessing_lib.Preprocessing) -> tf.Tensor:
  """`prepared_images.resized` of an image that is decoded and upright.

  Args:
    pixels: uint8 `[image_height, image_width, 3]`, red, green and blue; any size.
    rule: its image shape and fit are used.

  Returns:
    float32 `[height, width, channels]` in [0, 1].
  """
  height, width, channels = rule.image_shape
  if channels == 1:
    weighted = tf.reduce_sum(tf.cast(pixels, tf.int32) * _LUMINANCE, axis=2, keepdims=True)
    pixels = tf.bitwise.right_shift(weighted + 2**15, 16)
  image = tf.cast(pixels, tf.float32) / 255.0
  size = tf.shape(image, tf.int64)
  rows, columns = tf.constant(height, tf.int64), tf.constant(width, tf.int64)
  if rule.fit == "pad":
    rows, columns = _largest_within(rows, columns, size[0], size[1])
  if rule.fit == "crop":
    kept_rows, kept_columns = _largest_within(size[0], size[1], rows, columns)
    top, left = (size[0] - kept_rows) // 2, (size[1] - kept_columns) // 2
    image = image[top:top + kept_rows, left:left + kept_columns]
  image = resize_antialiased(image, rows, columns)
  above, before = (height - rows) // 2, (width - columns) // 2
  image = tf.pad(image, [[above, height - rows - above], [before, width - columns - before], [0, 0]])
  return tf.ensure_shape(image, rule.image_shape)


def resize_antialiased(image: tf.Tensor, height: tf.Tensor, width: tf.Tensor) -> tf.Tensor:
  """`image_resizing.resize_antialiased`: smoothing and interpolation are one product with a matrix for each axis.

  Args:
    image: float32 `[image_height, image_width, channels]`.
    height: rows of the result, int64.
    width: columns of the result, int64.

  Returns:
    float32 `[height, width, channels]`, within 1e-6 of that function's.
  """
  size = tf.shape(image, tf.int64)
  rows, row_weights = _axis(size[0], height)
  columns, column_weights = _axis(size[1], width)
  resized = tf.einsum("op,pwc->owc", row_weights, tf.gather(image, rows))
  resized = tf.einsum("op,hpc->hoc", column_weights, tf.gather(resized, columns, axis=1))
  return tf.clip_by_value(resized, tf.reduce_min(image), tf.reduce_max(image))


def _axis(size: tf.Tensor, wanted: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
  """How pixels of an axis become others.

  Args:
    size: pixels there are, int64.
    wanted: pixels of the result, int64.

  Returns:
    int64 `[p]`, pixels of the axis with those mirrored at its ends; and float32 `[wanted, p]`, their weights.
  """
  factor = tf.cast(size, tf.float64) / tf.cast(wanted, tf.float64)
  deviation = tf.maximum((factor - 1) / 2, 1e-15)  # So little smooths nothing.
  reach = tf.floor(_CUT * deviation + 0.5)

  def gaussian(distances: tf.Tensor) -> tf.Tensor:
    return tf.where(tf.abs(distances) <= reach, tf.exp(-0.5 * tf.square(distances / deviation)), 0.0)

  centres = (tf.cast(tf.range(wanted), tf.float64) + 0.5) * factor - 0.5
  below = tf.floor(centres)
  margin = tf.cast(reach, tf.int64) + 1
  places = tf.range(-margin, size + margin)
  distances = tf.cast(places, tf.float64) - below[:, tf.newaxis]
  share = (centres - below)[:, tf.newaxis]  # Of the pixel after the one below.
  weights = (1 - share) * gaussian(distances) + share * gaussian(distances - 1)
  total = tf.reduce_sum(gaussian(tf.range(-reach, reach + 1)))
  period = 2 * (size - 1)
  mirrored = tf.math.floormod(places, tf.maximum(period, 1))
  return tf.minimum(mirrored, period - mirrored), tf.cast(weights / total, tf.float32)


def _largest_within(rows: tf.Tensor, columns: tf.Tensor, height: tf.Tensor,
                    width: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
  """As the function of this name in `prepared_images`; all are int64."""
  is_wide = columns * height > rows * width
  narrower = tf.maximum((2 * rows * width + height) // (2 * height), 1)
  lower = tf.maximum((2 * columns * height + width) // (2 * width), 1)
  return tf.where(is_wide, rows, lower), tf.where(is_wide, narrower, columns)
