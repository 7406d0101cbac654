"""MNIST's IDX files: compressed or plain, and everything that can be wrong with them."""

import gzip
import os

import numpy as np
import pytest

from lasem_tf.data import stream
from lasem_tf.data.readers import idx_files
from tests.data import raw_files

TRAIN, TEST = np.arange(30) % 10, np.arange(20) % 10


@pytest.mark.parametrize("compress", [True, False])
def test_reads_images_and_digits(tmp_path, compress):
  source = idx_files.read_mnist((str(raw_files.write_mnist(tmp_path, TRAIN, TEST, compress)),))
  assert source.images["train"].shape == (30, 28, 28, 1) and source.images["train"].dtype == np.uint8
  np.testing.assert_array_equal(source.images["test"][:, 0, 0, 0], TEST)
  np.testing.assert_array_equal(source.images["train"][:, 0, 2, 0], np.arange(30))
  np.testing.assert_array_equal(source.labels["train"], TRAIN)
  assert source.class_names[3] == "3" and not source.official


def test_compressed_and_plain_files_hold_the_same_images(tmp_path):
  digests = {idx_files.read_mnist((str(raw_files.write_mnist(tmp_path / str(compress), TRAIN, TEST, compress)),)).digest
             for compress in (True, False)}
  assert len(digests) == 1


def test_missing_files(tmp_path):
  with pytest.raises(stream.DataError, match="MNIST_data not found. Searched: .*Place the four MNIST files"):
    idx_files.read_mnist((str(tmp_path),))
  raw_files.write_mnist(tmp_path, TRAIN, TEST)
  os.remove(tmp_path / "MNIST_data" / "t10k-labels-idx1-ubyte.gz")
  with pytest.raises(stream.DataError, match="MNIST_data lacks t10k-labels-idx1-ubyte. Place"):
    idx_files.read_mnist((str(tmp_path),))


@pytest.mark.parametrize("change, reason", [
    (lambda content: content[:-3], "holds 2365 bytes, expected 2368"),
    (lambda content: content + b"x", "holds 2369 bytes, expected 2368"),
    (lambda content: content[:7], "ends inside its header"),
    (lambda content: b"", "not an IDX file of unsigned bytes: it starts with "),
    (lambda content: b"\0\0\x0d" + content[3:], "starts with 00000d03"),
])
def test_wrong_sizes_are_named(tmp_path, change, reason):
  path = tmp_path / "images"
  raw_files.write_idx(path, np.zeros((3, 28, 28), np.uint8), compress=False)
  path.write_bytes(change(path.read_bytes()))
  with pytest.raises(stream.DataError, match=f"images.*{reason}"):
    idx_files.read_idx(str(path))


@pytest.mark.parametrize(
    "change", [lambda content: content[:40], lambda content: b"not gzip", lambda content: content[:30] + b"\xff" * 20])
def test_damaged_compression(tmp_path, change):
  path = tmp_path / "images.gz"
  path.write_bytes(change(gzip.compress(np.random.default_rng(0).bytes(500))))
  with pytest.raises(stream.DataError, match=r"Cannot read .*images\.gz.*Download the file again"):
    idx_files.read_idx(str(path))


@pytest.mark.parametrize("compress", [True, False])
def test_no_more_is_read_than_any_such_file_holds(tmp_path, monkeypatch, compress):
  monkeypatch.setattr(idx_files, "MAX_BYTES", 16 + 10 * 28 * 28)
  raw_files.write_idx(tmp_path / "images", np.zeros((11, 28, 28), np.uint8), compress)
  with pytest.raises(stream.DataError, match="images.* holds more than 7856 bytes"):
    idx_files.read_idx(str(tmp_path / f"images{'.gz' * compress}"))


def test_wrong_shapes_and_digits(tmp_path):
  folder = raw_files.write_mnist(tmp_path, TRAIN, TEST, compress=False) / "MNIST_data"
  raw_files.write_idx(folder / "t10k-labels-idx1-ubyte", np.full(20, 11, np.uint8), compress=False)
  with pytest.raises(stream.DataError, match="test labels hold 11, which is not a digit"):
    idx_files.read_mnist((str(tmp_path),))
  raw_files.write_idx(folder / "t10k-labels-idx1-ubyte", np.zeros(19, np.uint8), compress=False)
  with pytest.raises(stream.DataError, match=r"test images have shape \(20, 28, 28\) and labels \(19,\)"):
    idx_files.read_mnist((str(tmp_path),))
