"""Writes small or sparse binaries in the format of STL-10."""

import pathlib

import numpy as np

from lasem_tf.data.readers import stl10_files


def labels(per_class: int) -> np.ndarray:
  """uint8 `[10 * per_class]`, 1..10 in a mixed order in which every class keeps its images in file order."""
  return np.tile(np.arange(1, 11, dtype=np.uint8)[::-1], per_class)


def write(root: pathlib.Path, train_per_class: int, test_per_class: int, pixels=None) -> pathlib.Path:
  """Writes the four files.

  Args:
    root: the data folder; `STL-10/raw_data` is made in it.
    train_per_class: training images of each class.
    test_per_class: test images of each class.
    pixels: a function from (split, image number) to uint8 `[96, 96, 3]`; None writes sparse files of zeros, which take
      no space and no time.

  Returns:
    `root`.
  """
  folder = root / "STL-10" / "raw_data"
  folder.mkdir(parents=True)
  for split, per_class in (("train", train_per_class), ("test", test_per_class)):
    labels(per_class).tofile(folder / f"{split}_y.bin")
    with open(folder / f"{split}_X.bin", "wb") as stream:
      if pixels is None:
        stream.truncate(10 * per_class * stl10_files.IMAGE_BYTES)
      else:
        for number in range(10 * per_class):
          stream.write(np.ascontiguousarray(pixels(split, number).transpose(2, 1, 0)).tobytes())
  return root
