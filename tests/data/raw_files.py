"""Writes small files in the formats of CIFAR-100, CIFAR-10 and MNIST, whose pixels say which image they are.

Pickles are written opcode by opcode as Python 2 wrote the official ones, so that the tests read the real format.
"""

import gzip
import pathlib
import pickle
import struct

import numpy as np

PLACE = 32 * 32


def label_pixels(labels: np.ndarray, split: str) -> np.ndarray:
  """uint8 `[n, 3072]`: red = class, green = number within the class modulo 256, blue = 10 for train and 200 for test.

  The first two pixels of each plane differ from the rest by noise, so that no image is of one colour.
  """
  numbers = np.zeros(len(labels), np.int64)
  for class_id in np.unique(labels):
    members = np.flatnonzero(labels == class_id)
    numbers[members] = np.arange(len(members))
  rows = np.empty((len(labels), 3, PLACE), np.uint8)
  rows[:, 0] = labels[:, np.newaxis]
  rows[:, 1] = (numbers % 256)[:, np.newaxis]
  rows[:, 2] = 10 if split == "train" else 200
  rows[:, :, 0], rows[:, :, 1] = 255, (numbers // 256)[:, np.newaxis]
  return rows.reshape(len(labels), 3 * PLACE)


def mixed_labels(per_class: int, num_classes: int) -> np.ndarray:
  """int64, `per_class` of each class in a fixed mixed order."""
  return np.random.default_rng(per_class).permutation(np.repeat(np.arange(num_classes), per_class))


def write_cifar100(root: pathlib.Path, train_per_class: int, test_per_class: int, pixels=label_pixels,
                   names=None) -> pathlib.Path:
  """Writes `cifar-100-python/{train,test,meta}` below `root`, which is returned."""
  folder = root / "cifar-100-python"
  folder.mkdir(parents=True)
  for split, per_class in (("train", train_per_class), ("test", test_per_class)):
    labels = mixed_labels(per_class, 100)
    content = {"data": pixels(labels, split), "fine_labels": labels.tolist(), "coarse_labels": (labels // 5).tolist(),
               "batch_label": "fake", "filenames": [f"{number}.png" for number in range(len(labels))]}
    (folder / split).write_bytes(python2_pickle(content))
  names = names or [f"name_{class_id}" for class_id in range(100)]
  (folder / "meta").write_bytes(python2_pickle({"fine_label_names": names, "coarse_label_names": ["coarse"] * 20}))
  return root


def write_cifar10(root: pathlib.Path, per_class_and_batch: int, test_per_class: int) -> pathlib.Path:
  """Writes `cifar-10-batches-py` with five training batches of `per_class_and_batch` images of each class."""
  folder = root / "cifar-10-batches-py"
  folder.mkdir(parents=True)
  labels = mixed_labels(5 * per_class_and_batch, 10)
  rows = label_pixels(labels, "train")
  for batch, part in enumerate(np.split(np.arange(len(labels)), 5)):
    content = {"data": rows[part], "labels": labels[part].tolist(), "batch_label": "fake"}
    (folder / f"data_batch_{batch + 1}").write_bytes(python2_pickle(content))
  labels = mixed_labels(test_per_class, 10)
  (folder / "test_batch").write_bytes(python2_pickle({"data": label_pixels(labels, "test"), "labels": labels.tolist()}))
  return root


def write_mnist(root: pathlib.Path, train_labels: np.ndarray, test_labels: np.ndarray,
                compress: bool = True) -> pathlib.Path:
  """Writes the four IDX files; pixel (0, 0) is the digit, pixels (0, 1) and (0, 2) the number of the image."""
  folder = root / "MNIST_data"
  folder.mkdir(parents=True)
  for prefix, labels in (("train", train_labels), ("t10k", test_labels)):
    images = np.zeros((len(labels), 28, 28), np.uint8)
    images[:, 0, 0] = labels
    images[:, 0, 1], images[:, 0, 2] = np.divmod(np.arange(len(labels)), 256)
    write_idx(folder / f"{prefix}-images-idx3-ubyte", images, compress)
    write_idx(folder / f"{prefix}-labels-idx1-ubyte", labels.astype(np.uint8), compress)
  return root


def write_idx(path: pathlib.Path, values: np.ndarray, compress: bool) -> None:
  """One IDX file, with `.gz` appended to its name where compressed."""
  content = bytes([0, 0, 8, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape) + values.tobytes()
  if compress:
    path.with_name(path.name + ".gz").write_bytes(gzip.compress(content, compresslevel=1))
  else:
    path.write_bytes(content)


def python2_pickle(content: dict) -> bytes:
  """Protocol 2 as Python 2 wrote it: byte strings for texts, three NumPy names for an array."""
  return b"\x80\x02" + _opcodes(content) + b"."


def _opcodes(value) -> bytes:
  if value is None:
    return b"N"
  if isinstance(value, bool):
    return b"\x88" if value else b"\x89"
  if isinstance(value, int):
    return b"J" + struct.pack("<i", value)
  if isinstance(value, str):
    value = value.encode()
  if isinstance(value, bytes):
    return b"T" + struct.pack("<i", len(value)) + value
  if isinstance(value, tuple):
    return b"(" + b"".join(map(_opcodes, value)) + b"t"
  if isinstance(value, list):
    return b"](" + b"".join(map(_opcodes, value)) + b"e"
  if isinstance(value, dict):
    return b"}(" + b"".join(_opcodes(key) + _opcodes(entry) for key, entry in value.items()) + b"u"
  if isinstance(value, np.ndarray):
    dtype = b"cnumpy\ndtype\n" + _opcodes(("u1", 0, 1)) + b"R" + _opcodes((3, "|", None, None, None, -1, -1, 0)) + b"b"
    array = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n" + _opcodes((0,)) + _opcodes("b") + b"tR"
    return array + b"(" + _opcodes(1) + _opcodes(value.shape) + dtype + _opcodes(False) + _opcodes(
        value.tobytes()) + b"tb"
  raise TypeError(f"no opcodes for {type(value)}")


def official_pickle(content: dict) -> bytes:
  """What a present-day NumPy writes instead; the suite accepts it for sets in the same format."""
  return pickle.dumps(content, protocol=4)
