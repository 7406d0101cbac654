"""Image files of any size as the arrays that a network sees."""

import pathlib

import numpy as np
from PIL import Image

from lasem_tf.data import preprocessing as preprocessing_lib
from lasem_tf.data.readers import image_decoding, image_resizing


def read(path: str | pathlib.Path, preprocessing: preprocessing_lib.Preprocessing) -> np.ndarray:
  """A new photograph, prepared exactly as the images of training were.

  Args:
    path: an image file of any format of `image_decoding.FORMATS`.
    preprocessing: of the task, `TaskStream.preprocessing(task_id)`.

  Returns:
    float32 `[height, width, channels]`.

  Raises:
    DataError: as `image_decoding.decode_rgb`.
  """
  return preprocessing.normalize(resized(path, None, preprocessing)[np.newaxis])[0]


def resized(path: str | pathlib.Path, content: bytes | None,
            preprocessing: preprocessing_lib.Preprocessing) -> np.ndarray:
  """The first steps of `read`, which precede `Preprocessing.normalize`.

  Args:
    path: the file.
    content: its bytes where they are already known.
    preprocessing: its image shape, fit and orientation are used.

  Returns:
    float32 `[height, width, channels]` in [0, 1].

  Raises:
    DataError: as `image_decoding.decode_rgb`.
  """
  pixels = image_decoding.decode_rgb(path, content, oriented=preprocessing.oriented)
  height, width, channels = preprocessing.image_shape
  if channels == 1:
    pixels = np.asarray(Image.fromarray(pixels).convert("L"))[..., np.newaxis]
  image = pixels.astype(np.float32) / np.float32(255)
  if image.shape[:2] == (height, width):
    return image
  if preprocessing.fit == "crop":
    image = centre(image, height, width)
  if preprocessing.fit == "pad":
    return _padded(image, height, width)
  return image_resizing.resize_antialiased(image, height, width)


def centre(image: np.ndarray, height: int, width: int) -> np.ndarray:
  """The largest centred part `[rows, columns, channels]` with the aspect ratio height : width, to the nearest pixel."""
  rows, columns = _largest_within(image.shape[0], image.shape[1], height, width)
  top, left = (image.shape[0] - rows) // 2, (image.shape[1] - columns) // 2
  return image[top:top + rows, left:left + columns]


def _padded(image: np.ndarray, height: int, width: int) -> np.ndarray:
  """The whole image, resized to fit, in the centre of a black one."""
  rows, columns = _largest_within(height, width, image.shape[0], image.shape[1])
  padded = np.zeros((height, width, image.shape[2]), image.dtype)
  top, left = (height - rows) // 2, (width - columns) // 2
  padded[top:top + rows, left:left + columns] = image_resizing.resize_antialiased(image, rows, columns)
  return padded


def _largest_within(rows: int, columns: int, height: int, width: int) -> tuple[int, int]:
  """Size of the largest part of a rectangle that has the aspect ratio height : width, rounded to whole pixels."""
  if columns * height > rows * width:
    return rows, max(1, (2 * rows * width + height) // (2 * height))
  return max(1, (2 * columns * height + width) // (2 * width)), columns
