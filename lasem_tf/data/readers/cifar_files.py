"""Readers of the official CIFAR "python version" folders.

A row of 3072 bytes is three planes (red, green, blue) of 32x32 pixels, each row by row (Krizhevsky, "Learning Multiple
Layers of Features from Tiny Images", 2009).
"""

import functools
import os
from collections.abc import Sequence

import numpy as np

from lasem_tf.data import sources, stream
from lasem_tf.data.readers import pickled_arrays, unpickling

CIFAR100_FOLDER = "cifar-100-python"
CIFAR10_FOLDER = "cifar-10-batches-py"
CIFAR100_META = "meta"
CIFAR10_CLASS_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
CIFAR10_IMAGES_PER_CLASS = (5000, 1000)  # official training and test images
CIFAR100_MD5 = {
    "train": "16019d7e3df5f24257cddd939b257f8d",
    "test": "f0ef6b0ae62326f3e7ffdfab6717acfc",
    CIFAR100_META: "7973b15100ade9c7d40fb424638fde48",
}
CIFAR10_MD5 = {
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
}
_SIDE, _CHANNELS = 32, 3
_ROW = _SIDE * _SIDE * _CHANNELS
_LONGEST_NAME = 200  # characters of a class name


def _remedy(archive: str, folder: str) -> str:
  return (f"Download https://www.cs.toronto.edu/~kriz/{archive} and unpack it so that <data folder>/{folder} holds its "
          "files; name the data folder with --data_dir.")


CIFAR100_REMEDY = _remedy("cifar-100-python.tar.gz", CIFAR100_FOLDER)
CIFAR10_REMEDY = _remedy("cifar-10-python.tar.gz", CIFAR10_FOLDER)


def read_cifar100(data_dirs: Sequence[str]) -> sources.ImageSource:
  """Finds and reads a folder in the format of CIFAR-100.

  Args:
    data_dirs: folders searched in order for `cifar-100-python`.

  Returns:
    The images with fine labels. `official` means that the MD5 of `train` and `test` are the published ones. Class names
    come from `meta` where present.

  Raises:
    DataError: a folder or file is missing, unreadable, or not in the format.
  """
  folder = sources.find_folder(data_dirs, CIFAR100_FOLDER, CIFAR100_REMEDY)
  paths = sources.require_files(folder, ("train", "test"), CIFAR100_REMEDY)
  meta = os.path.join(folder, CIFAR100_META)
  return _read_cifar100(folder, sources.file_state(paths + [meta] * sources.is_file(meta)))


@functools.lru_cache(maxsize=2)
def _read_cifar100(folder: str, state: tuple) -> sources.ImageSource:
  images, labels = {}, {}
  for split in ("train", "test"):
    images[split], labels[split] = read_rows(os.path.join(folder, split), "fine_labels", 100, CIFAR100_REMEDY)
  names = _class_names(os.path.join(folder, CIFAR100_META), "fine_label_names", 100, CIFAR100_REMEDY)
  official = all(sources.md5(path) == CIFAR100_MD5[os.path.basename(path)] for path, _, _ in state[:2])
  return sources.ImageSource(images, labels, names, folder, official)


def read_cifar10(data_dirs: Sequence[str]) -> sources.ImageSource:
  """Finds and reads a folder in the format of CIFAR-10: five training batches, joined in order, and one test batch.

  Args, Returns, Raises: as `read_cifar100`, for `cifar-10-batches-py` with labels 0..9.
  """
  folder = sources.find_folder(data_dirs, CIFAR10_FOLDER, CIFAR10_REMEDY)
  return _read_cifar10(folder, sources.file_state(sources.require_files(folder, tuple(CIFAR10_MD5), CIFAR10_REMEDY)))


@functools.lru_cache(maxsize=2)
def _read_cifar10(folder: str, state: tuple) -> sources.ImageSource:
  paths = [path for path, _, _ in state]
  batches = [read_rows(path, "labels", 10, CIFAR10_REMEDY) for path in paths]
  images = {"train": np.concatenate([batch[0] for batch in batches[:-1]]), "test": batches[-1][0]}
  labels = {"train": np.concatenate([batch[1] for batch in batches[:-1]]), "test": batches[-1][1]}
  names = _class_names(os.path.join(folder, "batches.meta"), "label_names", 10, CIFAR10_REMEDY)
  official = all(sources.md5(path) == CIFAR10_MD5[os.path.basename(path)] for path in paths)
  return sources.ImageSource(images, labels, names, folder, official)


def cifar10_outline() -> sources.ImageSource:
  """CIFAR-10's labels in the official numbers, without images or files."""
  labels = {split: np.repeat(np.arange(10), size) for split, size in zip(("train", "test"), CIFAR10_IMAGES_PER_CLASS)}
  return sources.outline(labels, (_SIDE, _SIDE, _CHANNELS), CIFAR10_CLASS_NAMES)


def read_rows(path: str, label_key: str, num_classes: int, remedy: str) -> tuple[np.ndarray, np.ndarray]:
  """Images uint8 `[n, 32, 32, 3]` (a read-only view) and labels int64 `[n]` of one pickle.

  Args:
    path: the file.
    label_key: entry that holds the labels.
    num_classes: labels must be 0..num_classes-1.
    remedy: ends every message.

  Raises:
    DataError: the file cannot be read, or its entries are not images and labels of the format.
  """
  content = unpickling.load_pickled_dictionary(path, remedy)
  for key in ("data", label_key):
    if key not in content:
      raise stream.DataError(f"{path} has no entry {key!r}; it holds {_keys(content)}. {remedy}")
  rows, labels = content["data"], content[label_key]
  if not isinstance(rows, np.ndarray) or rows.ndim != 2 or rows.shape[1] != _ROW:
    raise stream.DataError(
        f"{path}: 'data' is {getattr(rows, 'shape', type(rows).__name__)}, not uint8 [n, {_ROW}]. {remedy}")
  if not isinstance(labels, list) or not all(type(label) is int and 0 <= label < num_classes for label in labels):
    raise stream.DataError(f"{path}: {label_key!r} is not a list of integers 0..{num_classes - 1}. {remedy}")
  if len(labels) != len(rows):
    raise stream.DataError(f"{path}: {len(rows)} images but {len(labels)} entries in {label_key!r}. {remedy}")
  planes = rows.reshape(len(rows), _CHANNELS, _SIDE, _SIDE)
  return planes.transpose(0, 2, 3, 1), np.asarray(labels, np.int64)


def _class_names(path: str, key: str, num_classes: int, remedy: str) -> tuple[str, ...]:
  """Names from the meta file; plain numbers where the folder has none, because nothing is computed from names."""
  if not sources.is_file(path):
    return tuple(f"class {class_id}" for class_id in range(num_classes))
  names = unpickling.load_pickled_dictionary(path, remedy).get(key)
  if not isinstance(names, list) or len(names) != num_classes or not all(
      isinstance(name, (bytes, str)) and 0 < len(name) <= _LONGEST_NAME for name in names):
    raise stream.DataError(f"{path}: {key!r} is not a list of {num_classes} names of at most "
                           f"{_LONGEST_NAME} characters. {remedy}")
  return tuple(name.decode("utf8", "replace") if isinstance(name, bytes) else name for name in names)


def _keys(content: dict[str, object]) -> list[str]:
  """Some keys of a dictionary, for a message."""
  return sorted(pickled_arrays.shown(key, 30) for key in content)[:8]
