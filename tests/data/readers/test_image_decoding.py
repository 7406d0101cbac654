"""Decoding: colour models, damage, decompression bombs."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from lasem_tf.data.readers import image_decoding
from lasem_tf.data.stream import DataError


def _noise(*shape):
  return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


@pytest.mark.parametrize("mode, shape", [("L", (9, 7)), ("CMYK", (9, 7, 4)), ("RGB", (9, 7, 3))])
def test_every_colour_model_of_a_jpeg_becomes_rgb(tmp_path, mode, shape):
  path = tmp_path / "00001.jpg"
  Image.frombytes(mode, shape[1::-1], _noise(*shape).tobytes()).save(path)
  with Image.open(path) as image:
    assert image.mode == mode
    expected = np.asarray(image.convert("RGB"))
  decoded = image_decoding.decode_rgb(path)
  assert decoded.shape == (9, 7, 3) and decoded.dtype == np.uint8
  np.testing.assert_array_equal(decoded, expected)
  if mode == "L":
    np.testing.assert_array_equal(decoded[..., 0], decoded[..., 2])


def test_pixels_are_those_of_the_accurate_decoder_of_tensorflow(tmp_path):
  tf = pytest.importorskip("tensorflow")
  path = tmp_path / "00001.jpg"
  Image.fromarray(_noise(40, 56, 3)).save(path, quality=80)
  accurate = tf.io.decode_jpeg(path.read_bytes(), dct_method="INTEGER_ACCURATE").numpy()
  difference = np.abs(image_decoding.decode_rgb(path).astype(int) - accurate.astype(int))
  assert difference.max() <= 1


def test_an_undecodable_image_is_named(tmp_path):
  path = tmp_path / "00007.jpg"
  path.write_bytes(b"this is no image")
  with pytest.raises(DataError, match="00007.jpg cannot be decoded"):
    image_decoding.decode_rgb(path)


def test_a_truncated_image_is_named(tmp_path):
  path = tmp_path / "00008.jpg"
  Image.fromarray(_noise(64, 64, 3)).save(path)
  path.write_bytes(path.read_bytes()[:-900])
  with pytest.raises(DataError, match="00008.jpg cannot be decoded.*truncated"):
    image_decoding.decode_rgb(path)


@pytest.mark.parametrize("side", [8_000, 30_000])  # above the suite's own limit, and above Pillow's
def test_a_decompression_bomb_is_refused_from_its_header(tmp_path, side):
  header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
  chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(100))), (b"IEND", b"")]
  path = tmp_path / "00009.jpg"
  path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(
      struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks))
  with pytest.raises(DataError, match="00009.jpg.*decompression bomb"):
    image_decoding.decode_rgb(path)
