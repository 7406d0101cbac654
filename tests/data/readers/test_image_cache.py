"""The image cache: made once, resumed, repaired, never half written."""

import logging
from concurrent import futures

import filelock
import numpy as np
import pytest
from PIL import Image

from lasem_tf.data import preprocessing as preprocessing_lib
from lasem_tf.data.readers import image_decoding, image_resizing
from lasem_tf.data.readers.image_cache import CacheReport, ImageCache
from lasem_tf.data.stream import DataError

ALL = range(5)
ROW_BYTES = 36 + 4 * 16 * 12 * 3


@pytest.fixture(name="paths")
def _paths(tmp_path):
  generator = np.random.default_rng(0)
  paths = []
  for number in range(1, 6):
    paths.append(tmp_path / f"{number:05}.jpg")
    Image.fromarray(generator.integers(0, 256, (10 + number, 30, 3), np.uint8)).save(paths[-1])
  return paths


def _rule(height, width):
  return preprocessing_lib.Preprocessing((height, width, 3), "stretch", oriented=False)


@pytest.fixture(name="make")
def _make(tmp_path, paths):
  def make(height=16, width=12, **arguments):
    return ImageCache(tmp_path / "cache", "Product", paths, _rule(height, width), **arguments)
  return make


def _expected(path):
  return image_resizing.resize_antialiased(image_decoding.decode_rgb(path).astype(np.float32) / np.float32(255), 16, 12)


def test_each_image_is_decoded_once(make, paths, monkeypatch):
  images = make().load(ALL)
  assert images.shape == (5, 16, 12, 3) and images.dtype == np.float32
  np.testing.assert_array_equal(images, np.stack([_expected(path) for path in paths]))

  def refuse(path, *unused, **unused_too):
    raise AssertionError(f"{path} was decoded again")

  monkeypatch.setattr(image_decoding, "decode_rgb", refuse)
  np.testing.assert_array_equal(make().load(ALL[::-1]), images[::-1])
  np.testing.assert_array_equal(make().load([3]), images[3:4])


def test_a_domain_has_one_file_and_one_lock(make):
  cache = make()
  cache.prepare(ALL)
  assert {path.suffix for path in cache.file.parent.iterdir()} == {".images", ".lock"}
  assert cache.file.name.startswith("Product_") and cache.file.stat().st_size == 5 * ROW_BYTES


def test_processes_that_start_together_decode_no_image_twice(make):
  caches = [make(num_workers=1) for _ in range(3)]
  with futures.ThreadPoolExecutor(3) as pool:
    # A file lock keeps threads with locks of their own apart just as it does processes.
    reports = list(pool.map(lambda cache: cache.prepare(ALL), caches))
  assert sum(report.built for report in reports) == 5
  assert all(report.built + report.reused == 5 for report in reports)


def test_an_interrupted_pass_resumes(make, monkeypatch):
  decode, decoded = image_decoding.decode_rgb, []

  def interrupted(path, *arguments, **options):
    if len(decoded) == 3:
      raise KeyboardInterrupt
    decoded.append(path)
    return decode(path, *arguments, **options)

  monkeypatch.setattr(image_decoding, "decode_rgb", interrupted)
  with pytest.raises(KeyboardInterrupt):
    make(num_workers=1).prepare(ALL)
  monkeypatch.setattr(image_decoding, "decode_rgb", decode)
  cache, num_done = make(), []
  assert cache.absent(ALL) == [3, 4]
  assert cache.prepare(ALL, num_done.append) == CacheReport(reused=3, built=2, repaired=0)
  assert sum(num_done) == 5 and not cache.absent(ALL)


def test_a_row_without_header_is_absent(make):
  cache = make()
  images = cache.load(ALL)
  with open(cache.file, "r+b") as file:  # as a builder leaves it that is killed after the pixels
    file.seek(2 * ROW_BYTES)
    file.write(bytes(36))
  assert make().prepare(ALL) == CacheReport(reused=4, built=1, repaired=0)
  np.testing.assert_array_equal(make().load(ALL), images)


@pytest.mark.parametrize("offset", [33, 500])
def test_a_damaged_row_is_detected_and_rebuilt(make, paths, offset, caplog):
  images = make().load(ALL)
  with open(make().file, "r+b") as file:  # one bit of the checksum, or of a pixel
    file.seek(2 * ROW_BYTES + offset)
    byte = file.read(1)[0]
    file.seek(2 * ROW_BYTES + offset)
    file.write(bytes([byte ^ 1]))
  with caplog.at_level(logging.WARNING):
    assert make().prepare(ALL) == CacheReport(reused=4, built=0, repaired=1)
  assert paths[2].name in caplog.text and "rebuilt" in caplog.text
  np.testing.assert_array_equal(make().load(ALL), images)


@pytest.mark.parametrize("size, report", [
    (0, CacheReport(0, 5, 0)), (4 * ROW_BYTES + 20, CacheReport(4, 1, 0)), (5 * ROW_BYTES - 1, CacheReport(4, 0, 1))])
def test_a_file_that_was_cut_short_is_filled_again(make, size, report):
  cache = make()
  images = cache.load(ALL)
  with open(cache.file, "r+b") as file:
    file.truncate(size)
  assert make().prepare(ALL) == report
  np.testing.assert_array_equal(make().load(ALL), images)


def test_an_altered_image_never_meets_the_old_row(make, paths):
  make().prepare(ALL)
  Image.new("RGB", (9, 9), (255, 0, 0)).save(paths[0], quality=100, subsampling=0)
  assert make().absent(ALL) == [0]
  image = make().load([0])[0]
  assert image[..., 0].min() > 0.98 and image[..., 1].max() < 0.02


def test_an_image_that_is_altered_meanwhile_is_refused(make, paths):
  cache = make()
  cache.digests(ALL)
  Image.new("RGB", (9, 9)).save(paths[0])
  with pytest.raises(DataError, match="00001.jpg was changed while it was in use"):
    cache.load(ALL)


def test_another_size_and_another_listing_have_files_of_their_own(make, paths, tmp_path):
  make().prepare(ALL)
  assert make(12, 16).prepare(ALL).built == 5
  assert ImageCache(tmp_path / "cache", "Product", paths[1:], _rule(16, 12)).prepare(range(4)).built == 4
  assert make().prepare(ALL).reused == 5


def test_pixels_are_not_turned(make, paths):
  exif = Image.Exif()
  exif[0x0112] = 6  # to be turned by 90 degrees
  stored = Image.open(paths[0])
  stored.save(paths[0], exif=exif, quality=95)
  np.testing.assert_array_equal(make().load([0])[0], image_resizing.resize_antialiased(
      image_decoding.decode_rgb(paths[0], oriented=False).astype(np.float32) / np.float32(255), 16, 12))
  assert image_decoding.decode_rgb(paths[0]).shape == (30, 11, 3)


def test_a_full_disk_is_a_clear_error(make):
  cache = make()
  cache.file.parent.mkdir(parents=True)
  cache.file.symlink_to("/dev/full")  # reads as zeros, and has no space
  with pytest.raises(DataError, match=r"cache .*cannot be used \(the disk is full\).*--cache_dir"):
    cache.load(ALL)
  cache.file.unlink()
  assert cache.prepare(ALL).built == 5


def test_a_cache_folder_that_cannot_be_made_is_a_clear_error(tmp_path, paths):
  (tmp_path / "file").write_text("not a folder")
  with pytest.raises(DataError, match="--cache_dir"):
    ImageCache(tmp_path / "file", "Product", paths, _rule(16, 12)).load(ALL)


def test_a_file_system_without_locks_is_a_clear_error(make, monkeypatch):
  def refuse(self):
    raise NotImplementedError("no flock here")

  monkeypatch.setattr(filelock.FileLock, "acquire", refuse)
  with pytest.raises(DataError, match=r"no flock here.*--cache_dir"):
    make().load(ALL)


def test_what_cannot_be_decoded_is_told_and_the_rest_is_built(make, paths):
  content = bytearray(paths[2].read_bytes())
  content[len(content) // 2:-2] = b"\xff" * (len(content) - len(content) // 2 - 2)
  paths[2].write_bytes(content)
  cache = make()
  found = cache.unreadable(ALL)
  assert list(found) == [2] and "00003.jpg cannot be decoded" in str(found[2])
  assert cache.absent(ALL) == [2] and cache.prepare([0, 1, 3, 4]) == CacheReport(reused=4)
  np.testing.assert_array_equal(cache.load([4])[0], _expected(paths[4]))


def test_images_may_lie_in_other_files(tmp_path, paths):
  contents = [path.read_bytes() for path in paths]
  names = [tmp_path / "archive" / f"image {number}" for number in ALL]
  cache = ImageCache(tmp_path / "cache", "archive", names, _rule(16, 12), content=lambda row: contents[row])
  np.testing.assert_array_equal(cache.load([3])[0], _expected(paths[3]))
  contents[1] = b"no image"
  with pytest.raises(DataError, match="archive/image 1 cannot be decoded"):
    cache.load(ALL)
