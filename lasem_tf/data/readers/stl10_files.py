"""Readers of the official STL-10 binaries.

A `_X.bin` file is tightly packed bytes: for each image three planes (red, green, blue) of 96 x 96 pixels, each plane
column by column. A `_y.bin` file is one byte per image, 1..10.
"""

import functools
import os
import pathlib
from collections.abc import Sequence

import numpy as np

from lasem_tf.data import sources
from lasem_tf.data.readers import tfds_source
from lasem_tf.data.stream import DataError, StreamContext

SIDE = 96
IMAGE_BYTES = 3 * SIDE * SIDE
CLASS_NAMES = ("airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck")
MAX_IMAGES = 1_000_000  # The official files have 13,000, and 100,000 without labels.
OFFICIAL_COUNTS = {"train": 500, "test": 800}  # images of each class
MD5 = {
    "train_X.bin": "918c2871b30a85fa023e0c44e0bee87f",
    "train_y.bin": "5a34089d4802c674881badbb80307741",
    "test_X.bin": "7f263ba9f9e0b06b93213547f721ac82",
    "test_y.bin": "36f9794fa4beb8a2c72628de14fa638e",
}
FOLDERS = (os.path.join("STL-10", "raw_data"), "stl10_binary")
REMEDY = ("Download stl10_binary.tar.gz from https://cs.stanford.edu/~acoates/stl10 and put its .bin files into "
          f"<data folder>/{FOLDERS[0]} (or keep its folder {FOLDERS[1]}); name the data folder with --data_dir.")


def find_folder(data_dirs: Sequence[str]) -> str:
  """The first folder below the data folders that goes by one of the names of the raw data.

  Raises:
    DataError: there is none; the message lists the places searched.
  """
  candidates = [os.path.join(data_dir, name) for data_dir in data_dirs for name in FOLDERS]
  for candidate in candidates:
    if sources.is_folder(candidate):
      return candidate
  searched = ", ".join(candidates) or "nowhere, because no data folder is given (--data_dir)"
  raise DataError(f"STL-10 was not found. Searched: {searched}. {REMEDY}")


def read_stl10(data_dirs: Sequence[str]) -> sources.ImageSource:
  """Finds, maps and checks the binaries. Images stay on disk until they are indexed.

  Returns:
    uint8 images `[n, 96, 96, 3]`, upright, as views of the mapped files, and labels 0..9. `official` means that the MD5
    of all four files are the published ones.

  Raises:
    DataError: a file is missing, cut short, or holds a byte that is no label.
  """
  folder = find_folder(data_dirs)
  return _read_stl10(folder, sources.file_state(sources.require_files(folder, tuple(MD5), REMEDY)))


@functools.lru_cache(maxsize=2)
def _read_stl10(folder: str, state: tuple) -> sources.ImageSource:
  images, labels = {}, {}
  for split in ("train", "test"):
    labels[split] = read_labels(pathlib.Path(folder, f"{split}_y.bin"))
    images[split] = map_images(pathlib.Path(folder, f"{split}_X.bin"), len(labels[split]))
  # Sizes settle most cases without reading a third of a gigabyte.
  official = (all(len(labels[split]) == 10 * count for split, count in OFFICIAL_COUNTS.items())
              and all(sources.md5(path) == MD5[os.path.basename(path)] for path, _, _ in state))
  return sources.ImageSource(images, labels, _class_names(official), folder, official)


def _class_names(official: bool) -> tuple[str, ...]:
  """The binaries hold no names, so other images in their format have none."""
  return CLASS_NAMES if official else tuple(f"class {class_id}" for class_id in range(len(CLASS_NAMES)))


def read_labels(path: pathlib.Path) -> np.ndarray:
  """int64 `[n]`, 0..9.

  Raises:
    DataError: a byte outside 1..10, an empty file, or more than `MAX_IMAGES` bytes.
  """
  labels = np.frombuffer(sources.read_bytes(path, MAX_IMAGES, REMEDY), np.uint8)
  wrong = np.flatnonzero((labels < 1) | (labels > 10))
  if len(wrong):
    raise DataError(f"{path}: byte {wrong[0]} is {labels[wrong[0]]}, but labels are 1..10 ({len(wrong)} of "
                    f"{len(labels)} bytes are wrong). {REMEDY}")
  if not len(labels):
    raise DataError(f"{path} is empty. {REMEDY}")
  return labels.astype(np.int64) - 1


def file_size(path: pathlib.Path) -> int:
  """Bytes of a file; one that cannot be looked at is a `DataError`."""
  with sources.reading(path, REMEDY):
    return path.stat().st_size


def map_images(path: pathlib.Path, num_images: int) -> np.ndarray:
  """uint8 `[n, 96, 96, 3]`, a view of the file that is read when indexed.

  Raises:
    DataError: the size of the file is not that of `num_images` images.
  """
  found, expected = file_size(path), num_images * IMAGE_BYTES
  if found != expected:
    raise DataError(f"{path} has {found} bytes, expected {expected} ({num_images} labels times {IMAGE_BYTES} bytes): "
                    f"the file is cut short or not the right one. {REMEDY}")
  with sources.reading(path, REMEDY):
    columns = np.memmap(path, np.uint8, mode="r", shape=(num_images, 3, SIDE, SIDE))
  return columns.transpose(0, 3, 2, 1)


def read_tfds(context: StreamContext) -> sources.ImageSource:
  """STL-10 from TensorFlow Datasets, whose order is not that of the files and cannot be restored: it stores no id.

  Raises:
    DataError: not prepared, damaged, or not STL-10.
  """
  folder = tfds_source.prepared_folder("stl10", context)
  images, labels = {}, {}
  for split in ("train", "test"):
    examples = tfds_source.read_split(folder, split, ("image", "label"))
    images[split], labels[split] = examples["image"], examples["label"].astype(np.int64)
    if images[split].shape[1:] != (SIDE, SIDE, 3) or labels[split].min() < 0 or labels[split].max() > 9:
      raise DataError(f"{folder}: images of shape {images[split].shape[1:]} or labels outside 0..9 are not STL-10. "
                      "Prepare the data set again.")
  official = all((np.bincount(labels[split], minlength=10) == count).all() for split, count in OFFICIAL_COUNTS.items())
  return sources.ImageSource(images, labels, _class_names(official), folder, official)
