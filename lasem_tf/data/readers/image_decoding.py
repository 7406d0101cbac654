"""Image files to RGB arrays, with bounds on format, size and depth."""

import io
import pathlib
import struct

import numpy as np
from PIL import Image, ImageFile, ImageOps

from lasem_tf.data import sources
from lasem_tf.data.stream import DataError

# Formats that Pillow decodes by itself; for others, such as EPS, it starts an external program.
FORMATS = ("JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF", "JPEG2000")
# Names of their files, in small letters; a JPEG with several pictures, as some cameras write it, is an MPO file.
SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff",
            ".jp2", ".j2k")
MAX_PIXELS = 32_000_000  # The largest image of Office-Home has 6500 x 4900.
MAX_BYTES = 1 << 28
# A single-coloured JPEG has 64 pixels per byte and photographs far fewer; deflated bombs have thousands.
_MAX_PIXELS_PER_BYTE = 200
_ENDS = {"JPEG": b"\xff\xd9", "PNG": b"IEND\xae\x42\x60\x82"}
_ALWAYS_DECODED = 4_000_000  # pixels; cheap to decode whatever the compression
REMEDY = "Replace the file, by the one of the original archive if there is one."
# A deep image below the first is of 12 bits or fewer, and would become all but black; below the second it may be.
_TOO_DARK, _DARK = 1 << 12, 1 << 14
_DAMAGED = (Image.DecompressionBombError, Image.DecompressionBombWarning, OSError, SyntaxError, ValueError, EOFError,
            struct.error, OverflowError, MemoryError)


class UnreadableImage(DataError):
  """An image file that is there but cannot be decoded; the message names it."""


def decode_rgb(path: str | pathlib.Path, content: bytes | None = None, formats: tuple[str, ...] = FORMATS,
               oriented: bool = True) -> np.ndarray:
  """Decodes an image file to RGB.

  Everything else is converted before a resize can mix what must not be mixed: grey values are repeated, palettes looked
  up, CMYK converted, 16-bit values scaled to 8 bits, and what is transparent is laid on white. Of an animation the
  first frame counts. Colour profiles are not applied.

  Args:
    path: the file.
    content: its bytes where they are already known.
    formats: names of Pillow's decoders that may be used, whatever the file is called.
    oriented: whether the image is turned as its EXIF entry says; without, pixels stay as they are stored.

  Returns:
    uint8 `[height, width, 3]`.

  Raises:
    UnreadableImage: the file cannot be decoded, is cut short, of another format, too large or too deep, or uses so
      little of its 16 bits that fewer are meant.
    DataError: the file cannot be read.
  """
  content = sources.read_bytes(path, MAX_BYTES, REMEDY) if content is None else content
  try:
    with Image.open(io.BytesIO(content), formats=formats) as image:
      _check_size(path, image, len(content))
      is_deep = _is_deep(image)
      if image.mode == "I" and not is_deep or image.mode == "F":
        numbers = "whole numbers of 32 bits" if image.mode == "I" else "real numbers"
        raise UnreadableImage(f"{path} holds {numbers}, whose range is unknown. Convert it to 8 bits.")
      turned = ImageOps.exif_transpose(image) if oriented else image
      return np.asarray(_to_rgb(_eight_bits(path, turned) if is_deep else turned))
  except DataError:
    raise
  except _DAMAGED as error:
    raise _refused(path, error, formats) from error


def check(path: str | pathlib.Path, formats: tuple[str, ...] = FORMATS) -> None:
  """Finds most damage without decoding: reads header and end of a JPEG or PNG; decodes only what looks odd.

  Raises:
    UnreadableImage, DataError: as `decode_rgb`.
  """
  with sources.reading(path, REMEDY):
    file = open(path, "rb")  # noqa: SIM115  closed below; what Pillow says of the content is another kind of error
  try:
    with file, Image.open(file, formats=formats) as image:
      _check_size(path, image, file.seek(0, io.SEEK_END))
      end = _ENDS.get(image.format or "", b"")
      file.seek(-len(end), io.SEEK_END)
      is_ordinary = bool(end) and file.read() == end and not _is_deep(image)
  except DataError:
    raise
  except _DAMAGED as error:
    raise _refused(path, error, formats) from error
  if not is_ordinary:
    decode_rgb(path, formats=formats, oriented=False)


def size(path: str | pathlib.Path) -> tuple[int, int]:
  """Width and height in pixels, as the file's header says; errors as `decode_rgb`."""
  with sources.reading(path, REMEDY):
    file = open(path, "rb")  # noqa: SIM115  as in `check`
  try:
    with file, Image.open(file, formats=FORMATS) as image:
      return image.size
  except _DAMAGED as error:
    raise _refused(path, error, FORMATS) from error


def _check_size(path, image: Image.Image, num_bytes: int) -> None:
  width, height = image.size
  num_pixels = width * height
  if num_pixels > MAX_PIXELS or num_pixels > max(_ALWAYS_DECODED, _MAX_PIXELS_PER_BYTE * num_bytes):
    raise UnreadableImage(f"{path} announces {width} x {height} pixels in {num_bytes} bytes, more than is decoded (a "
                          f"decompression bomb?). {REMEDY}")


def _is_deep(image: Image.Image) -> bool:
  """Whether an image that was opened and not loaded has 16 bits for each value."""
  tile = image.tile[0][3] if isinstance(image, ImageFile.ImageFile) and image.tile else ""
  raw_mode = tile[0] if isinstance(tile, tuple) and tile else tile  # As the file has it; colours lose their low bytes.
  return image.mode.startswith("I;16") or ";16" in str(raw_mode)


def _eight_bits(path, image: Image.Image) -> Image.Image:
  """A deep image with 8 bits for each value.

  Raises:
    UnreadableImage: so little of the range is used that the image must be of fewer bits; or it has a colour of 16 bits
      that is transparent.
  """
  transparent = image.info.get("transparency")
  if not image.mode.startswith("I"):
    if transparent is not None:
      raise UnreadableImage(f"{path} has 16 bits a colour and one that is transparent. Convert it to 8 bits.")
    _check_range(path, int(np.asarray(image.convert("RGB")).max(initial=0)) * 256 + 255)
    return image
  values = np.asarray(image).astype(np.int64)
  is_opaque = np.full(values.shape, True) if transparent is None else values != transparent
  if values[is_opaque].any():  # Black alone tells nothing.
    _check_range(path, int(values[is_opaque].max()))
  grey = Image.fromarray(((values * 255 + 32767) // 65535).astype(np.uint8))
  grey.putalpha(Image.fromarray(np.where(is_opaque, 255, 0).astype(np.uint8)))
  return grey


def _check_range(path, brightest: int) -> None:
  remedy = "scale its values to all 16 bits, or convert it to 8"
  if brightest < _TOO_DARK:
    raise UnreadableImage(f"{path} has 16 bits for each value and none above {brightest}, as images of 12 or fewer "
                          f"bits have, and would become all but black: {remedy}.")
  if brightest < _DARK:
    sources.warn_once(f"{pathlib.Path(path).parent} has images of 16 bits that use less than a quarter of their range. "
                      f"If one is of fewer bits and not just dark, {remedy}.")


def _to_rgb(image: Image.Image) -> Image.Image:
  """An image of any mode of 8 bits as RGB."""
  if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
    image = image.convert("RGBA")
    image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
  return image.convert("RGB")


def _refused(path, error: Exception, formats: tuple[str, ...]) -> UnreadableImage:
  if isinstance(error, Image.UnidentifiedImageError):
    return UnreadableImage(f"{path} cannot be decoded: it is no image of the formats {', '.join(formats)}. {REMEDY}")
  if isinstance(error, (Image.DecompressionBombError, Image.DecompressionBombWarning)):
    return UnreadableImage(f"{path} was refused as a decompression bomb ({error}). {REMEDY}")
  return UnreadableImage(f"{path} cannot be decoded ({error}): the file is damaged. {REMEDY}")
