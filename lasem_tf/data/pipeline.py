"""From selected uint8 images to normalised float32 arrays, by tf.data.

Decoding and scaling run once and are cached in the dataset; statistics and normalisation are further passes over that
cache. Everything in the graph is element-wise and therefore deterministic; sums are taken in float64 by NumPy.
"""

import dataclasses

import numpy as np
import tensorflow as tf

from lasem_tf.data import preprocessing as preprocessing_lib

_BATCH = 512


@dataclasses.dataclass(frozen=True)
class ChannelStatistics:
  """The affine map that standardises each colour channel.

  Attributes:
    mean: float64 `[channels]`.
    scale: float64 `[channels]`: the population standard deviation, but at least 1/sqrt(number of pixels), so that a
      constant channel becomes zero instead of infinite.
  """

  mean: np.ndarray
  scale: np.ndarray

  def preprocessing(self, image_shape: tuple[int, int, int]) -> preprocessing_lib.Preprocessing:
    """What `decoded` and `standardized` do, as a value for single images of any size."""
    return self.added_to(preprocessing_lib.Preprocessing(image_shape, fit="crop"))

  def added_to(self, rule: preprocessing_lib.Preprocessing) -> preprocessing_lib.Preprocessing:
    """The rule, standardising channels in float32 with these statistics."""
    mean, deviation = (tuple(np.asarray(values, np.float32).tolist()) for values in (self.mean, self.scale))
    return dataclasses.replace(rule, mean=mean, deviation=deviation)


def decoded(images: np.ndarray) -> tf.data.Dataset:
  """Batches of float32 images in [0, 1], decoded once and then cached in memory.

  Args:
    images: uint8 `[n, height, width, channels]`.
  """
  dataset = tf.data.Dataset.from_tensor_slices(images).batch(_BATCH)
  return dataset.map(_scale, num_parallel_calls=1).cache()


def collect(dataset: tf.data.Dataset) -> np.ndarray:
  """All batches of a dataset as one array, in order."""
  return np.concatenate(list(dataset.as_numpy_iterator()))


def channel_statistics(batches) -> ChannelStatistics:
  """Mean and floored standard deviation of each channel over all images and pixels.

  Args:
    batches: an iterable, passed over twice, of float arrays `[n, ..., channels]`; a `tf.data.Dataset` will do.

  Returns:
    The statistics, accumulated in float64 (the releases accumulate in float32 and are off by up to 1e-3).
  """
  num_pixels, total = 0, np.zeros(())
  for batch in batches:
    pixels = _pixels(batch)
    num_pixels += len(pixels)
    total = total + pixels.sum(axis=0)
  mean = total / num_pixels
  squares = sum(np.square(_pixels(batch) - mean).sum(axis=0) for batch in batches)
  return ChannelStatistics(mean, np.maximum(np.sqrt(squares / num_pixels), 1.0 / np.sqrt(num_pixels)))


def standardized(dataset: tf.data.Dataset, statistics: ChannelStatistics) -> tf.data.Dataset:
  """(image - mean) / scale, channel by channel, in float32."""
  mean, scale = (tf.constant(values, tf.float32) for values in (statistics.mean, statistics.scale))
  return dataset.map(lambda batch: (batch - mean) / scale, num_parallel_calls=1)


def _scale(batch: tf.Tensor) -> tf.Tensor:
  return tf.cast(batch, tf.float32) / 255.0


def _pixels(batch) -> np.ndarray:
  array = np.asarray(batch, np.float64)
  return array.reshape(-1, array.shape[-1])
