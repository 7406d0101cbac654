"""Decoding: colour models, damage, decompression bombs."""

import struct
import subprocess
import zlib

import numpy as np
import pytest
from PIL import Image

from lasem_tf.data.readers import image_decoding
from lasem_tf.data.stream import DataError


def _noise(*shape):
  return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def _png(width: int, height: int, depth: int, colour_type: int, rows: bytes, transparent: bytes = b"") -> bytes:
  """A PNG whatever its header announces, also what Pillow does not write."""
  header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
  chunks = [(b"IHDR", header), *([(b"tRNS", transparent)] if transparent else []), (b"IDAT", zlib.compress(rows)),
            (b"IEND", b"")]
  return b"\x89PNG\r\n\x1a\n" + b"".join(
      struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks)


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


@pytest.mark.parametrize("content", [
    b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n(x) run\n", b"P5 2 2 255 abcd"])
@pytest.mark.parametrize("work", [image_decoding.decode_rgb, image_decoding.check])
def test_other_formats_are_refused_whatever_the_file_is_called(tmp_path, monkeypatch, content, work):
  def start(*unused, **unused_too):
    raise AssertionError("a program was started")

  monkeypatch.setattr(subprocess, "Popen", start)
  path = tmp_path / "00001.jpg"
  path.write_bytes(content)
  with pytest.raises(DataError, match="00001.jpg cannot be decoded: it is no image of the formats JPEG, PNG"):
    work(path)


def test_a_stream_may_name_fewer_formats(tmp_path):
  path = tmp_path / "00001.jpg"
  Image.new("RGB", (4, 4)).save(path, "GIF")
  assert image_decoding.decode_rgb(path).shape == (4, 4, 3)
  with pytest.raises(DataError, match="no image of the formats JPEG, PNG\\."):
    image_decoding.decode_rgb(path, formats=("JPEG", "PNG"))


def test_deep_grey_images_are_scaled_to_eight_bits(tmp_path):
  path = tmp_path / "00001.png"
  levels = np.arange(256, dtype=np.uint16)
  Image.fromarray((levels * 257).reshape(16, 16)).save(path)
  decoded = image_decoding.decode_rgb(path)
  np.testing.assert_array_equal(decoded, np.repeat(levels.reshape(16, 16, 1), 3, axis=2))


def _deep_png(values, transparent: bytes = b"") -> bytes:
  """A PNG of 16 bits, of shape `[height, width]` grey or `[height, width, 3]`."""
  rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in np.asarray(values))
  return _png(values.shape[1], values.shape[0], 16, 0 if values.ndim == 2 else 2, rows, transparent)


@pytest.mark.parametrize("factor", [1, 16])
@pytest.mark.parametrize("kind", ["grey.png", "grey.tif", "colours.png"])
def test_deep_images_that_use_few_of_their_bits_are_refused_before_they_are_needed(tmp_path, kind, factor):
  path = tmp_path / kind
  values = factor * np.arange(256).reshape(16, 16)
  if kind == "grey.tif":
    Image.fromarray(values.astype(np.uint16)).save(path)
  else:
    path.write_bytes(_deep_png(values if kind == "grey.png" else np.dstack([values] * 3)))
  for work in (image_decoding.decode_rgb, image_decoding.check):
    with pytest.raises(DataError, match=f"{kind} has 16 bits for each value and none above .*: scale its values"):
      work(path)


def test_dark_images_of_sixteen_bits_are_named_once_by_their_folder_and_black_ones_are_black(tmp_path, caplog):
  for name, value in (("a", 9000), ("b", 8000), ("black", 0), ("bright", 50_000)):
    (tmp_path / f"{name}.png").write_bytes(_deep_png(np.full((4, 4), value)))
    expected = (value * 255 + 32767) // 65535
    assert (image_decoding.decode_rgb(tmp_path / f"{name}.png") == expected).all()
  assert len(caplog.records) == 1 and f"{tmp_path} has images of 16 bits" in caplog.text


def test_colours_of_sixteen_bits_keep_their_upper_eight(tmp_path):
  path = tmp_path / "00001.png"
  levels = np.arange(48).reshape(4, 4, 3) * 5
  path.write_bytes(_deep_png(levels * 257))
  np.testing.assert_array_equal(image_decoding.decode_rgb(path), levels)
  path.write_bytes(_deep_png(levels * 257, struct.pack(">HHH", 0, 1285, 2570)))
  with pytest.raises(DataError, match="16 bits a colour and one that is transparent. Convert it to 8 bits"):
    image_decoding.decode_rgb(path)


@pytest.mark.parametrize("oriented", [False, True])
def test_the_transparent_value_of_a_deep_grey_image_is_laid_on_white(tmp_path, oriented):
  path = tmp_path / "00001.png"
  path.write_bytes(_deep_png(np.array([[300, 25_700, 65_535], [301, 300, 299]]), struct.pack(">H", 300)))
  decoded = image_decoding.decode_rgb(path, oriented=oriented)
  np.testing.assert_array_equal(decoded[..., 1], [[255, 100, 255], [1, 255, 1]])


@pytest.mark.parametrize("mode, value", [("F", 0.5), ("I", 70_000), ("I", 200)])
def test_images_of_unknown_depth_are_refused(tmp_path, mode, value):
  path = tmp_path / "00001.tif"
  Image.new(mode, (4, 4), value).save(path)
  with pytest.raises(DataError, match="00001.tif holds .*Convert it to 8 bits"):
    image_decoding.decode_rgb(path, formats=("TIFF",))


@pytest.mark.parametrize("mode, color, expected", [
    ("RGBA", (200, 100, 0, 0), (255, 255, 255)), ("RGBA", (200, 100, 0, 255), (200, 100, 0)),
    ("RGBA", (0, 0, 0, 51), (204, 204, 204)), ("LA", (10, 0), (255, 255, 255))])
def test_what_is_transparent_is_laid_on_white(tmp_path, mode, color, expected):
  path = tmp_path / "00001.png"
  Image.new(mode, (4, 4), color).save(path)
  np.testing.assert_array_equal(image_decoding.decode_rgb(path)[1, 2], expected)


def test_a_transparent_colour_of_a_palette_is_laid_on_white(tmp_path):
  path = tmp_path / "00001.gif"
  image = Image.new("P", (4, 4), 1)
  image.putpalette([0, 0, 0, 10, 20, 30])
  image.save(path, transparency=1)
  np.testing.assert_array_equal(image_decoding.decode_rgb(path)[0, 0], (255, 255, 255))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_of_exif_is_obeyed_where_asked(tmp_path, orientation):
  exif = Image.Exif()
  exif[0x0112] = orientation
  pixels = _noise(3, 5, 3)
  path = tmp_path / "00001.png"
  Image.fromarray(pixels).save(path, exif=exif)
  turned = {1: pixels, 2: pixels[:, ::-1], 3: pixels[::-1, ::-1], 4: pixels[::-1], 5: pixels.transpose(1, 0, 2),
            6: np.rot90(pixels, -1), 7: pixels[::-1, ::-1].transpose(1, 0, 2), 8: np.rot90(pixels)}[orientation]
  np.testing.assert_array_equal(image_decoding.decode_rgb(path), turned)
  np.testing.assert_array_equal(image_decoding.decode_rgb(path, oriented=False), pixels)


def _damage(content: bytes, kind: str) -> bytes:
  return {"empty": b"", "one byte": content[:1], "half": content[:len(content) // 2], "header": content[:300],
          "a page": b"<html>404</html>", "end": content[:-2]}[kind]


@pytest.mark.parametrize("kind", ["empty", "one byte", "half", "header", "a page"])
@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_damage_is_found_without_decoding(tmp_path, suffix, kind):
  path = tmp_path / f"00001.{suffix}"
  Image.fromarray(_noise(64, 64, 3)).save(path)
  image_decoding.check(path)
  path.write_bytes(_damage(path.read_bytes(), kind))
  with pytest.raises(DataError, match=f"00001.{suffix} cannot be decoded"):
    image_decoding.check(path)


def test_an_intact_jpeg_is_checked_without_decoding_and_one_with_a_tail_by_decoding(tmp_path, monkeypatch):
  path = tmp_path / "00001.jpg"
  Image.fromarray(_noise(64, 64, 3)).save(path)
  decoded = []
  monkeypatch.setattr(image_decoding, "decode_rgb", lambda path, **unused: decoded.append(path))
  image_decoding.check(path)
  assert not decoded
  path.write_bytes(path.read_bytes() + b"tail")
  image_decoding.check(path)
  assert decoded == [path]


@pytest.mark.parametrize("name", ["missing.jpg", "n" * 300])
@pytest.mark.parametrize("work", [image_decoding.decode_rgb, image_decoding.check])
def test_what_cannot_be_opened_is_named(tmp_path, name, work):
  with pytest.raises(DataError, match=f"Cannot read .*{name}: "):
    work(tmp_path / name)


def test_few_bytes_for_many_pixels_are_refused(tmp_path):
  path = tmp_path / "00001.png"
  Image.new("1", (5000, 1000)).save(path)
  assert path.stat().st_size < 5_000_000 / 200
  with pytest.raises(DataError, match="announces 5000 x 1000 pixels in .*decompression bomb"):
    image_decoding.decode_rgb(path)


@pytest.mark.parametrize("side", [8_000, 30_000])  # above the suite's own limit, and above Pillow's
def test_a_decompression_bomb_is_refused_from_its_header(tmp_path, side):
  path = tmp_path / "00009.jpg"
  path.write_bytes(_png(side, side, 8, 2, bytes(100)))
  with pytest.raises(DataError, match="00009.jpg.*decompression bomb"):
    image_decoding.decode_rgb(path)


@pytest.mark.parametrize("colour_type, num_channels", [(2, 3), (6, 4)])  # without and with opacity
def test_deep_colours_are_scaled_to_eight_bits(tmp_path, colour_type, num_channels):
  pixels = _noise(5, 4, num_channels)
  pixels[..., 3:] = 255
  rows = b"".join(b"\0" + row.tobytes() for row in (pixels.astype(np.uint16) * 257).astype(">u2"))
  path = tmp_path / "00001.png"
  path.write_bytes(_png(4, 5, 16, colour_type, rows))
  np.testing.assert_array_equal(image_decoding.decode_rgb(path), pixels[..., :3])


@pytest.mark.parametrize("suffix, flags", [("gif", {}), ("webp", {"lossless": True}), ("png", {}), ("tif", {})])
def test_of_an_animation_the_first_frame_counts(tmp_path, suffix, flags):
  path = tmp_path / f"00001.{suffix}"
  frames = [Image.new("RGB", (6, 4), colour) for colour in ((255, 0, 0), (0, 255, 0), (0, 0, 255))]
  frames[0].save(path, save_all=True, append_images=frames[1:], **flags)
  with Image.open(path) as image:
    assert image.n_frames == 3
  decoded = image_decoding.decode_rgb(path)
  np.testing.assert_array_equal(decoded, np.broadcast_to(np.array([255, 0, 0]), (4, 6, 3)))


@pytest.mark.parametrize("suffix", ["png", "gif", "bmp"])
def test_a_palette_is_looked_up(tmp_path, suffix):
  path = tmp_path / f"00001.{suffix}"
  numbers = np.arange(12, dtype=np.uint8).reshape(3, 4)
  colours = _noise(12, 3)
  image = Image.fromarray(numbers).convert("L")
  image.putpalette(colours.tobytes())
  image.save(path)
  with Image.open(path) as stored:
    assert stored.mode == "P" and "transparency" not in stored.info
  np.testing.assert_array_equal(image_decoding.decode_rgb(path), colours[numbers])
