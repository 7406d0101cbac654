"""Reader of MNIST's IDX files, gzip-compressed or plain (LeCun, Cortes and Burges, "The MNIST database", 1998).

An IDX file is two zero bytes, a type byte (8 = unsigned byte), the number of dimensions, each dimension as a big-endian
32-bit integer, then the values.
"""

import functools
import gzip
import hashlib
import math
import os
import struct
import zlib
from collections.abc import Sequence

import numpy as np

from lasem_tf.data import sources, stream

MNIST_FOLDER = "MNIST_data"
MNIST_VALIDATION_COUNTS = (479, 563, 488, 493, 535, 434, 501, 550, 462, 495)  # among the first 5000 training images
# MD5 of the uncompressed official files.
MNIST_MD5 = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
MNIST_TRAIN_COUNTS = (5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949)
MNIST_TEST_COUNTS = (980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009)
_FILES = {
    ("train", "images"): "train-images-idx3-ubyte",
    ("train", "labels"): "train-labels-idx1-ubyte",
    ("test", "images"): "t10k-images-idx3-ubyte",
    ("test", "labels"): "t10k-labels-idx1-ubyte",
}
_UNSIGNED_BYTE = 8
_MAX_DIMENSIONS = 4
MAX_BYTES = 16 + 250_000 * 28 * 28  # Four times the largest official file; EMNIST's digits fit.
MNIST_REMEDY = (
    f"Place the four MNIST files {', '.join(_FILES.values())} (with or without .gz) in <data folder>/{MNIST_FOLDER} "
    "and name the data folder with --data_dir.")


def read_mnist(data_dirs: Sequence[str]) -> sources.ImageSource:
  """Finds and reads a folder in the format of MNIST.

  Args:
    data_dirs: folders searched in order for `MNIST_data`.

  Returns:
    Images uint8 `[n, 28, 28, 1]` and digits; `official` means that the uncompressed files have the published MD5.

  Raises:
    DataError: a folder or file is missing, truncated, of an unexpected size, or not IDX.
  """
  folder = sources.find_folder(data_dirs, MNIST_FOLDER, MNIST_REMEDY)
  paths = []
  for name in _FILES.values():
    compressed = os.path.join(folder, name + ".gz")
    paths.append(compressed if sources.is_file(compressed) else os.path.join(folder, name))
  sources.require_files(folder, [os.path.basename(path) for path in paths], MNIST_REMEDY)
  return _read_mnist(folder, sources.file_state(paths))


@functools.lru_cache(maxsize=2)
def _read_mnist(folder: str, state: tuple) -> sources.ImageSource:
  contents = {key: read_content(path) for key, (path, _, _) in zip(_FILES, state)}
  official = all(hashlib.md5(contents[key], usedforsecurity=False).hexdigest() == MNIST_MD5[name]
                 for key, name in _FILES.items())
  arrays = {key: _parse(contents[key], path) for key, (path, _, _) in zip(_FILES, state)}
  images, labels = {}, {}
  for split in ("train", "test"):
    pixels, digits = arrays[split, "images"], arrays[split, "labels"]
    if pixels.ndim != 3 or pixels.shape[1:] != (28, 28) or digits.shape != pixels.shape[:1]:
      raise stream.DataError(
          f"{folder}: {split} images have shape {pixels.shape} and labels {digits.shape}; expected [n, 28, 28] "
          f"and [n]. {MNIST_REMEDY}")
    if digits.size and digits.max() > 9:
      raise stream.DataError(f"{folder}: {split} labels hold {digits.max()}, which is not a digit. {MNIST_REMEDY}")
    images[split], labels[split] = pixels[..., np.newaxis], digits.astype(np.int64)
  return sources.ImageSource(images, labels, tuple(map(str, range(10))), folder, official)


def mnist_outline() -> sources.ImageSource:
  """MNIST's digits in the official numbers, the first 5000 included, without images or files."""
  rest = np.subtract(MNIST_TRAIN_COUNTS, MNIST_VALIDATION_COUNTS)
  train = np.concatenate([_mixed(MNIST_VALIDATION_COUNTS), _mixed(rest)])
  return sources.outline({"train": train, "test": _mixed(MNIST_TEST_COUNTS)}, (28, 28, 1), tuple(map(str, range(10))))


def _mixed(counts):
  """Classes in these numbers, evenly mixed: every part of the file holds its share of each, as in the real one."""
  places = np.concatenate([(np.arange(count) + 0.5) / count for count in counts])
  return np.repeat(np.arange(len(counts)), counts)[np.argsort(places, kind="stable")]


def read_idx(path: str) -> np.ndarray:
  """The uint8 array of one IDX file.

  Raises:
    DataError: names the file, and the expected and found number of bytes where they differ.
  """
  return _parse(read_content(path), path)


def read_content(path: str) -> bytes:
  """The bytes of an IDX file, decompressed where its name ends in `.gz`; a bomb is given up at `MAX_BYTES`.

  Raises:
    DataError: the file cannot be read, is damaged, or holds more than any file of its kind.
  """
  remedy = f"Download the file again. {MNIST_REMEDY}"
  if not path.endswith(".gz"):
    return sources.read_bytes(path, MAX_BYTES, remedy)
  try:
    with gzip.open(path, "rb") as file:
      content = file.read(MAX_BYTES + 1)
  except (OSError, EOFError, zlib.error) as error:
    raise stream.DataError(f"Cannot read {path}: {error}. {remedy}") from error
  if len(content) > MAX_BYTES:
    raise stream.DataError(f"{path} holds more than {MAX_BYTES} bytes once decompressed, the most that is read (a "
                           f"decompression bomb?). {remedy}")
  return content


def _parse(content: bytes, path: str) -> np.ndarray:
  if len(content) < 4 or content[:3] != bytes([0, 0, _UNSIGNED_BYTE]):
    raise stream.DataError(
        f"{path} is not an IDX file of unsigned bytes: it starts with {content[:4].hex()}. {MNIST_REMEDY}")
  num_dimensions = content[3]
  if not 1 <= num_dimensions <= _MAX_DIMENSIONS:
    raise stream.DataError(f"{path} announces {num_dimensions} dimensions; images have 3, labels 1. {MNIST_REMEDY}")
  header = 4 + 4 * num_dimensions
  if len(content) < header:
    raise stream.DataError(f"{path} ends inside its header. Download the file again. {MNIST_REMEDY}")
  shape = struct.unpack(f">{num_dimensions}I", content[4:header])
  expected = header + math.prod(shape)
  if len(content) != expected:
    raise stream.DataError(
        f"{path} holds {len(content)} bytes, expected {expected}. Download the file again. {MNIST_REMEDY}")
  return np.frombuffer(content, np.uint8, offset=header).reshape(shape)
