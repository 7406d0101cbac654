"""The image cache: made once, resumed, repaired, never half written, never in a closed folder."""

import errno
import logging
import os
from concurrent import futures

import numpy as np
import pytest
from PIL import Image

from lasem_tf.data.readers import image_cache, image_decoding, image_resizing
from lasem_tf.data.readers.image_cache import CacheReport, ImageCache
from lasem_tf.data.stream import DataError


@pytest.fixture(name="paths")
def _paths(tmp_path):
  generator = np.random.default_rng(0)
  paths = []
  for number in range(1, 6):
    paths.append(tmp_path / f"{number:05}.jpg")
    Image.fromarray(generator.integers(0, 256, (10 + number, 30, 3), np.uint8)).save(paths[-1])
  return paths


def _expected(path):
  return image_resizing.resize_antialiased(image_decoding.decode_rgb(path).astype(np.float32) / np.float32(255), 16, 12)


def test_each_image_is_decoded_once(tmp_path, paths, monkeypatch):
  cache = ImageCache(tmp_path / "cache", 16, 12)
  images = cache.load(paths)
  assert images.shape == (5, 16, 12, 3) and images.dtype == np.float32
  np.testing.assert_array_equal(images, np.stack([_expected(path) for path in paths]))

  def refuse(path):
    raise AssertionError(f"{path} was decoded again")

  monkeypatch.setattr(image_decoding, "decode_rgb", refuse)
  np.testing.assert_array_equal(ImageCache(tmp_path / "cache", 16, 12).load(paths[::-1]), images[::-1])


def test_processes_that_start_together_decode_no_image_twice(tmp_path, paths):
  caches = [ImageCache(tmp_path / "cache", 16, 12, num_workers=1) for _ in range(3)]
  with futures.ThreadPoolExecutor(3) as pool:
    # A file lock keeps threads with locks of their own apart just as it does processes.
    reports = list(pool.map(lambda cache: cache.prepare(paths), caches))
  assert sum(report.built for report in reports) == len(paths)
  assert all(report.built + report.reused == len(paths) for report in reports)


def test_an_interrupted_pass_resumes(tmp_path, paths, monkeypatch):
  decode, decoded = image_decoding.decode_rgb, []

  def interrupted(path):
    if len(decoded) == 3:
      raise KeyboardInterrupt
    decoded.append(path)
    return decode(path)

  monkeypatch.setattr(image_decoding, "decode_rgb", interrupted)
  with pytest.raises(KeyboardInterrupt):
    ImageCache(tmp_path / "cache", 16, 12, num_workers=1).prepare(paths)
  monkeypatch.setattr(image_decoding, "decode_rgb", decode)
  num_done = []
  report = ImageCache(tmp_path / "cache", 16, 12).prepare(paths, num_done.append)
  assert report == CacheReport(reused=3, built=2, repaired=0)
  assert sum(num_done) == 5


def test_a_killed_builder_leaves_nothing_under_a_final_name(tmp_path, paths):
  cache = ImageCache(tmp_path / "cache", 16, 12)
  cache.prepare(paths[:1])
  leftover = cache.directory / f"{cache.digests(paths)[1]}-half.partial"
  leftover.write_bytes(b"half an image")
  cache.prepare(paths)
  assert not leftover.exists()


@pytest.mark.parametrize("damage", [
    pytest.param(lambda content: content[:-1], id="cut short"),
    pytest.param(lambda content: content + b"x", id="too long"),
    pytest.param(lambda content: b"", id="empty"),
    pytest.param(lambda content: b"?" + content[1:], id="other magic"),
    pytest.param(lambda content: content[:500] + bytes([content[500] ^ 1]) + content[501:], id="one bit of a pixel"),
])
def test_a_corrupt_entry_is_detected_and_rebuilt(tmp_path, paths, damage, caplog):
  cache = ImageCache(tmp_path / "cache", 16, 12)
  images = cache.load(paths)
  entry = cache.entry(cache.digests(paths)[2])
  entry.write_bytes(damage(entry.read_bytes()))
  with caplog.at_level(logging.WARNING):
    assert cache.prepare(paths) == CacheReport(reused=4, built=0, repaired=1)
  assert entry.name in caplog.text and "rebuilt" in caplog.text
  np.testing.assert_array_equal(cache.load(paths), images)


def test_an_entry_of_another_version_is_rebuilt(tmp_path, paths, monkeypatch, caplog):
  cache = ImageCache(tmp_path / "cache", 16, 12)
  images = cache.load(paths)
  entries = [cache.entry(digest) for digest in cache.digests(paths)]
  with monkeypatch.context() as patch:
    patch.setattr(image_cache, "FORMAT_VERSION", image_cache.FORMAT_VERSION + 1)
    newer = ImageCache(tmp_path / "cache", 16, 12)
    assert newer.directory != cache.directory
    # Even a folder renamed by hand does not pass off entries of one version as those of another.
    cache.directory.rename(newer.directory)
    with caplog.at_level(logging.WARNING):
      assert newer.prepare(paths) == CacheReport(reused=0, built=0, repaired=5)
    assert "written by version 1" in caplog.text
  assert not any(entry.exists() for entry in entries)
  np.testing.assert_array_equal(cache.load(paths), images)


def test_an_altered_image_never_meets_the_old_entry(tmp_path, paths):
  ImageCache(tmp_path / "cache", 16, 12).prepare(paths)
  Image.new("RGB", (9, 9), (255, 0, 0)).save(paths[0], quality=100, subsampling=0)
  image = ImageCache(tmp_path / "cache", 16, 12).load(paths[:1])[0]
  assert image[..., 0].min() > 0.98 and image[..., 1].max() < 0.02


def test_another_size_has_entries_of_its_own(tmp_path, paths):
  ImageCache(tmp_path / "cache", 16, 12).prepare(paths)
  assert ImageCache(tmp_path / "cache", 12, 16).prepare(paths).built == 5


def test_a_full_disk_is_a_clear_error_and_leaves_no_file(tmp_path, paths, monkeypatch):
  cache = ImageCache(tmp_path / "cache", 16, 12)

  def full(source, target):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

  monkeypatch.setattr(os, "replace", full)
  with pytest.raises(DataError, match=r"cache in .*cannot be used \(the disk is full\).*--cache_dir"):
    cache.load(paths)
  monkeypatch.undo()
  assert {path.name for path in cache.directory.rglob("*") if path.is_file() and path.suffix != ".lock"} == set()
  assert cache.prepare(paths).built == 5


def test_the_cache_lies_beside_the_data_unless_told_otherwise(tmp_path):
  data = tmp_path / "data" / "OfficeHomeDataset"
  data.mkdir(parents=True)
  assert image_cache.choose_directory(None, data) == tmp_path / "data" / image_cache.CACHE_NAME
  assert image_cache.choose_directory(str(tmp_path / "fast"), data) == tmp_path / "fast" / image_cache.CACHE_NAME


def test_read_only_data_are_cached_in_the_users_folder_and_that_is_said(tmp_path, monkeypatch, caplog):
  data = tmp_path / "data" / "OfficeHomeDataset"
  data.mkdir(parents=True)
  data.parent.chmod(0o555)
  monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
  with caplog.at_level(logging.INFO):
    assert image_cache.choose_directory(None, data) == tmp_path / "home" / image_cache.CACHE_NAME
  assert "read-only" in caplog.text and "--cache_dir" in caplog.text
  data.parent.chmod(0o755)


def test_a_cache_folder_that_cannot_be_made_is_a_clear_error(tmp_path, paths):
  (tmp_path / "file").write_text("not a folder")
  with pytest.raises(DataError, match="--cache_dir"):
    ImageCache(tmp_path / "file", 16, 12).load(paths)
