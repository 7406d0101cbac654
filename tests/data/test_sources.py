"""What the operating system refuses becomes one line that names the path and the remedy, whichever reader meets it."""

import builtins
import errno
import os
import pathlib

import numpy as np
import pytest

from lasem_tf.data import sources
from lasem_tf.data.readers import cifar_files, idx_files, office_home_files, stl10_files, tfds_source
from lasem_tf.data.stream import DataError, StreamContext
from lasem_tf.data.streams import stl10_design_files
from tests.data import office_home_raw, raw_files, stl10_raw


def _read_office_home(data_dirs):
  folder = office_home_files.find_folder(data_dirs)
  return [office_home_files.list_images(folder, domain) for domain in ("Product", "RealWorld")]


def _read_tfds(data_dirs):
  return tfds_source.prepared_folder("cifar100", StreamContext(data_dirs=tuple(data_dirs)))


READERS = {
    "cifar100": (cifar_files.read_cifar100, "cifar-100-python", "train"),
    "cifar10": (cifar_files.read_cifar10, "cifar-10-batches-py", "data_batch_3"),
    "mnist": (idx_files.read_mnist, "MNIST_data", "train-labels-idx1-ubyte.gz"),
    "stl10": (stl10_files.read_stl10, "STL-10/raw_data", "test_y.bin"),
    "office_home": (_read_office_home, "OfficeHomeDataset", "Product/TV"),
    "tfds": (_read_tfds, "cifar100", None),
}


@pytest.fixture(name="root", scope="module")
def _root(tmp_path_factory):
  root = raw_files.write_cifar100(tmp_path_factory.mktemp("all"), 1, 1)
  raw_files.write_cifar10(root, 1, 1)
  raw_files.write_mnist(root, np.arange(10), np.arange(10))
  office_home_raw.write(root, side=4)
  return stl10_raw.write(root, 1, 1)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("data_dir, reason", [
    ("n" * 300, "File name too long"), ("nul\0", "null"), ("loop", "symbolic links")])
def test_impossible_folders(tmp_path, reader, data_dir, reason):
  (tmp_path / "loop").symlink_to(tmp_path / "loop")
  with pytest.raises(DataError, match=f"^Cannot read .*{reason}.*--data_dir"):
    READERS[reader][0]([str(tmp_path / data_dir)])


@pytest.mark.parametrize("reader", READERS)
def test_a_file_where_a_folder_is_expected_holds_nothing(tmp_path, monkeypatch, reader):
  monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "none"))
  (tmp_path / "file").write_text("")
  with pytest.raises(DataError, match="not found|was not found|not prepared"):
    READERS[reader][0]([str(tmp_path / "file")])


@pytest.mark.parametrize("reader", [name for name, (_, _, file) in READERS.items() if file])
def test_files_and_folders_without_permission(root, monkeypatch, reader):
  read, folder, name = READERS[reader]
  closed = root / folder / name

  def refusing(function):
    def call(path, *arguments, **options):
      if str(path) == str(closed):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
      return function(path, *arguments, **options)
    return call

  # Permission bits do not stop the superuser.
  for owner, function in ((builtins, "open"), (pathlib.Path, "iterdir")):
    monkeypatch.setattr(owner, function, refusing(getattr(owner, function)))
  with pytest.raises(DataError, match=rf"^Cannot read {closed}: .*Permission denied"):
    read([str(root)])


@pytest.mark.parametrize("reader", READERS)
def test_folders_that_may_not_be_looked_at(root, monkeypatch, reader):
  look = os.stat

  def closed(path, *arguments, **options):
    if str(path).startswith(str(root / READERS[reader][1])):
      raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    return look(path, *arguments, **options)

  monkeypatch.setattr(os, "stat", closed)
  with pytest.raises(DataError, match="^Cannot read .*Permission denied. Make it readable"):
    READERS[reader][0]([str(root)])


def test_a_file_that_grows_without_end_is_given_up(tmp_path):
  with pytest.raises(DataError, match=r"/dev/zero holds more than 1000 bytes, the most that is read. Buy one."):
    sources.read_bytes("/dev/zero", 1000, "Buy one.")


def test_devices_are_no_files():
  assert not sources.is_file("/dev/zero") and not sources.is_folder("/dev/zero")


def test_a_byte_order_mark_in_a_design_is_passed_over(tmp_path):
  path = tmp_path / "design.csv"
  path.write_bytes(b"\xef\xbb\xbfTask,0\r\nClasses,1,2\r\nTrainIndices\r\n1,0\r\nValidationIndices\r\n2,3\r\n")
  tasks, indices = stl10_design_files.read(path)
  assert tasks[0].classes == (1, 2) and indices[0].train == ((1, 0),)
