"""Image files to RGB arrays, refusing what cannot or must not be decoded."""

import pathlib
import struct

import numpy as np
from PIL import Image

from lasem_tf.data.stream import DataError

MAX_PIXELS = 50_000_000


def decode_rgb(path: str | pathlib.Path, max_pixels: int = MAX_PIXELS) -> np.ndarray:
  """Decodes an image file to RGB.

  Grey, palette and CMYK images are converted to RGB before anything else happens to them: the released code let its
  resize interpolate the four planes of a CMYK image down to three, which gives wrong colours.

  Args:
    path: an image file in any format that Pillow reads.
    max_pixels: a header that announces more than this is refused before a pixel is decoded (decompression bomb).

  Returns:
    uint8 `[height, width, 3]`.

  Raises:
    DataError: the file cannot be decoded, is cut short, or is too large.
  """
  try:
    with Image.open(path) as image:
      width, height = image.size
      if width * height > max_pixels:
        raise DataError(f"{path} announces {width} x {height} pixels, more than the {max_pixels} that are decoded "
                        "(a decompression bomb?): replace the file by the one of the official archive.")
      return np.asarray(image.convert("RGB"))
  except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
    raise DataError(f"{path} was refused as a decompression bomb ({error}): replace the file by the one of the "
                    "official archive.") from error
  except DataError:
    raise
  except (OSError, SyntaxError, ValueError, EOFError, struct.error) as error:
    raise DataError(f"{path} cannot be decoded ({error}): the file is damaged or no image; unpack the official "
                    "archive again.") from error
