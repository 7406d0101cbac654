"""CIFAR-100 from TensorFlow Datasets: same images in the same tasks as the raw files, nothing downloaded unasked."""

import ast
import pathlib
import shutil
import sys

import gin
import numpy as np
import pytest

from benchmark.suites import bindings
from lasem_tf import types
from lasem_tf.data import stream
from lasem_tf.data.readers import cifar_files, tfds_source
from lasem_tf.data.streams import cifar100
from tests.data import raw_files

COUNTS = {"images_per_class": "any", "train_per_class": 2, "validation_per_class": 1}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
  """One folder with the same images as raw files and as a prepared data set."""
  from tests.data import tfds_files  # noqa: PLC0415  TFDS takes seconds to import
  folder = raw_files.write_cifar100(tmp_path_factory.mktemp("tfds"), 4, 2)
  tfds_files.store_cifar100(folder, cifar_files.read_cifar100((str(folder),)))
  return folder


def context(*folders, download=False):
  return stream.StreamContext(seed=3, data_dirs=tuple(map(str, folders)), download=download)


def test_same_images_in_the_same_tasks_as_the_raw_files(root):
  raw, prepared = (cifar100.CIFAR100(context(root), source=source, **COUNTS) for source in ("raw", "tfds"))
  for split in types.SPLITS:
    first, second = raw.load(4, split), prepared.load(4, split)
    np.testing.assert_array_equal(first.images, second.images)
    np.testing.assert_array_equal(first.labels, second.labels)
    np.testing.assert_array_equal(first.indices, second.indices)
  assert raw.source.digest == prepared.source.digest
  assert prepared.display_name == "unofficial data in CIFAR-100 format"


def test_nothing_is_downloaded_unasked(tmp_path, monkeypatch):
  monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "own"))
  with pytest.raises(
      stream.DataError,
      match=r"'cifar100' is not prepared in .*/here, .*/own. Run again with --download, or .*tfds build cifar100"):
    cifar100.CIFAR100(context(tmp_path / "here"), source="tfds", **COUNTS)


def test_failed_download_is_a_data_error(tmp_path, monkeypatch):
  import tensorflow_datasets as tfds  # noqa: PLC0415  it takes seconds to import

  def fail(name, data_dir):
    raise ConnectionError(f"no route to {name}")

  monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "own"))
  monkeypatch.setattr(tfds, "builder", fail)
  with pytest.raises(stream.DataError,
                     match="could not download and prepare 'cifar100' in .*here: no route to cifar100"):
    tfds_source.prepared_folder("cifar100", context(tmp_path / "here", download=True))


def test_own_folder_of_tfds_is_searched_last(root, tmp_path, monkeypatch):
  monkeypatch.setenv("TFDS_DATA_DIR", str(root))
  assert tfds_source.prepared_folder("cifar100", context(tmp_path)) == str(root / "cifar100" / "3.0.2")


def test_highest_finished_version_wins(tmp_path):
  for version, finished in (("3.0.2", True), ("3.0.10", True), ("9.0.0", False), ("notes", True)):
    (tmp_path / "cifar100" / version).mkdir(parents=True)
    if finished:
      (tmp_path / "cifar100" / version / "dataset_info.json").write_text("{}")
  assert tfds_source.prepared_folder("cifar100", context(tmp_path)) == str(tmp_path / "cifar100" / "3.0.10")


def test_missing_split_and_feature_are_named(root):
  folder = str(root / "cifar100" / "3.0.2")
  with pytest.raises(
      stream.DataError,
      match=r"splits \['test', 'train'\] and features \['id', 'image', 'label'\]; needed are split 'dev'"):
    tfds_source.read_split(folder, "dev", ("id",))
  with pytest.raises(stream.DataError, match=r"needed are split 'train' and features \['id', 'mask'\]"):
    tfds_source.read_split(folder, "train", ("id", "mask"))


def test_damaged_records(root, tmp_path):
  copy = tmp_path / "3.0.2"
  shutil.copytree(root / "cifar100" / "3.0.2", copy)
  for path in copy.glob("*train*"):
    path.write_bytes(path.read_bytes()[:5000])
  with pytest.raises(stream.DataError, match=r"The train split in .* is damaged .*Delete the folder"):
    tfds_source.read_split(str(copy), "train", ("id", "image"))


def test_foreign_ids_are_refused():
  with pytest.raises(stream.DataError, match="id b'picture 7' does not look like 'train_00042'"):
    tfds_source._position(b"picture 7", "train", "folder")
  assert tfds_source._position(b"test_00042", "test", "folder") == 42


def test_what_gin_files_may_name_is_registered_without_tfds(monkeypatch):
  for name in [name for name in sys.modules if name.startswith("lasem_tf.data.tfds_builders")]:
    monkeypatch.delitem(sys.modules, name)
  monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)  # an import of it fails
  bindings.register_configurables.cache_clear()
  bindings.register_configurables()
  assert {"CIFAR100", "OfficeHome", "STL10", "Synthetic"} <= {
      selector.rpartition(".")[2] for selector, _ in gin.config._REGISTRY.items()}


def test_tfds_is_imported_only_where_it_is_used():
  for path in pathlib.Path(tfds_source.__file__).parent.glob("*.py"):
    for node in ast.parse(path.read_text()).body:  # top level only
      names = [alias.name for alias in node.names] if isinstance(node, (ast.Import, ast.ImportFrom)) else []
      assert "tensorflow_datasets" not in [*names, getattr(node, "module", None)], path
