"""Readers of the CIFAR folders: layout, labels, and everything that can be wrong with a file."""

import os
import shutil

import numpy as np
import pytest

from lasem_tf.data import sources, stream
from lasem_tf.data.readers import cifar_files
from tests.data import raw_files


@pytest.fixture(scope="module")
def cifar100(tmp_path_factory):
  return raw_files.write_cifar100(tmp_path_factory.mktemp("cifar100"), 2, 1)


@pytest.fixture()
def damaged(cifar100, tmp_path):
  """A copy whose files a test may spoil."""
  shutil.copytree(cifar100, tmp_path / "copy")
  return tmp_path / "copy"


def read(root):
  return cifar_files.read_cifar100((str(root),))


def test_cifar100_shapes_labels_and_names(cifar100):
  source = read(cifar100)
  assert source.images["train"].shape == (200, 32, 32, 3) and source.images["test"].shape == (100, 32, 32, 3)
  assert source.images["train"].dtype == np.uint8 and source.labels["train"].dtype == np.int64
  np.testing.assert_array_equal(source.images["train"][:, 5, 5, 0], source.labels["train"])
  assert source.class_names[7] == "name_7" and not source.official
  assert source.class_counts("train").tolist() == [2] * 100


def test_row_is_three_planes_row_by_row(tmp_path):
  ramp = lambda labels, split: np.tile(np.arange(3072) % 256, (len(labels), 1)).astype(np.uint8)
  image = read(raw_files.write_cifar100(tmp_path, 1, 1, pixels=ramp)).images["train"][3]
  row, column, channel = np.meshgrid(range(32), range(32), range(3), indexing="ij")
  np.testing.assert_array_equal(image, (1024 * channel + 32 * row + column) % 256)


def test_the_first_data_folder_that_has_the_files_wins(cifar100, tmp_path):
  assert cifar_files.read_cifar100((str(tmp_path), str(cifar100))).origin == str(cifar100 / "cifar-100-python")


def test_missing_folder_lists_where_it_looked(tmp_path):
  with pytest.raises(
      stream.DataError,
      match=r"cifar-100-python not found. Searched: .*a/cifar.*b/cifar.*cifar-100-python.tar.gz.*--data_dir"):
    cifar_files.read_cifar100((str(tmp_path / "a"), str(tmp_path / "b")))
  with pytest.raises(stream.DataError, match="no data folder is given"):
    cifar_files.read_cifar100(())


def test_missing_file_is_named(damaged):
  os.remove(damaged / "cifar-100-python" / "test")
  with pytest.raises(stream.DataError, match="cifar-100-python lacks test. Download"):
    read(damaged)


def test_missing_meta_gives_plain_names(damaged):
  os.remove(damaged / "cifar-100-python" / "meta")
  assert read(damaged).class_names[42] == "class 42"


def spoil(root, name, content):
  (root / "cifar-100-python" / name).write_bytes(raw_files.python2_pickle(content))


LABELS = list(range(100))
ROWS = np.zeros((100, 3072), np.uint8)


@pytest.mark.parametrize("content, reason", [
    ({"fine_labels": LABELS}, "no entry 'data'"),
    ({"data": ROWS, "labels": LABELS}, "no entry 'fine_labels'"),
    ({"data": ROWS[:, :3000], "fine_labels": LABELS}, r"\(100, 3000\), not uint8 \[n, 3072\]"),
    ({"data": "bytes", "fine_labels": LABELS}, "'data' is bytes"),
    ({"data": ROWS, "fine_labels": LABELS[:-1]}, "100 images but 99 entries"),
    ({"data": ROWS, "fine_labels": LABELS[:-1] + [100]}, "not a list of integers 0..99"),
    ({"data": ROWS, "fine_labels": LABELS[:-1] + ["x"]}, "not a list of integers 0..99"),
])
def test_wrong_content_is_refused(damaged, content, reason):
  spoil(damaged, "train", content)
  with pytest.raises(stream.DataError, match=rf"cifar-100-python/train.*{reason}"):
    read(damaged)


def test_wrong_meta_is_refused(damaged):
  spoil(damaged, "meta", {"fine_label_names": ["one"]})
  with pytest.raises(stream.DataError, match="meta: 'fine_label_names' is not a list of 100 names"):
    read(damaged)


def test_truncated_file_is_refused(damaged):
  path = damaged / "cifar-100-python" / "train"
  path.write_bytes(path.read_bytes()[:-1000])
  with pytest.raises(stream.DataError, match="Refused to unpickle .*train.*Download"):
    read(damaged)


def test_changed_file_is_read_again_and_changes_the_digest(damaged):
  before = read(damaged)
  assert read(damaged) is before
  path = damaged / "cifar-100-python" / "test"
  content = bytearray(path.read_bytes())
  content[content.index(bytes([200] * 50))] ^= 1
  path.write_bytes(content)
  os.utime(path, ns=(1, 1))
  assert read(damaged).digest != before.digest


def test_digest_depends_on_images_not_on_files(cifar100, tmp_path):
  shutil.copytree(cifar100, tmp_path / "copy")
  assert read(tmp_path / "copy").digest == read(cifar100).digest


def test_cifar10_joins_five_batches(tmp_path):
  source = cifar_files.read_cifar10((str(raw_files.write_cifar10(tmp_path, 2, 3)),))
  assert source.images["train"].shape == (100, 32, 32, 3) and source.images["test"].shape == (30, 32, 32, 3)
  np.testing.assert_array_equal(source.images["train"][:, 9, 9, 0], source.labels["train"])
  assert source.class_counts("train").tolist() == [10] * 10 and not source.official


def test_class_counts_are_compared(cifar100):
  with pytest.raises(
      stream.DataError,
      match=r"wrong number of train images \(200 instead of 300\): class 0 has 2 instead of 3.*, \.\.\..*X = 'any'"):
    sources.check_class_counts(read(cifar100), {"train": [3] * 100}, "X")
  sources.check_class_counts(read(cifar100), {"train": [2] * 100, "test": [1] * 100}, "X")


def test_display_names():
  assert sources.check_display_name(None, "CIFAR-100", "CIFAR-100", "b") == "unofficial data in CIFAR-100 format"
  assert sources.check_display_name("Tiny in CIFAR-100 format", "CIFAR-100", "x", "b") == "Tiny in CIFAR-100 format"
  with pytest.raises(ValueError, match="b = 'cifar 100': these files are not the official CIFAR-100"):
    sources.check_display_name("cifar 100", "CIFAR-100", "CIFAR-100", "b")
  with pytest.raises(ValueError, match="non-empty text"):
    sources.check_display_name(" ", "CIFAR-100", "CIFAR-100", "b")
