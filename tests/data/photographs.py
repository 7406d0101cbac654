"""Writes folders of small generated photographs of odd sizes, whose classes can be told apart."""

import pathlib
from collections.abc import Sequence

import numpy as np
from PIL import Image

CLASSES = ("ant", "bee", "cow", "dog", "elk", "fox", "gnu", "hen", "ibex", "jay", "kite", "lynx")


def photograph(class_id: int, number: int, size: tuple[int, int]) -> np.ndarray:
  """uint8 `[height, width, 3]`: coloured stripes, whose colour, direction and width are the class's, and noise."""
  generator = np.random.default_rng((class_id, number))
  rows, columns = np.mgrid[:size[0], :size[1]] / max(size)
  angle, stripes = class_id % 4 * np.pi / 4, 3 + 2 * (class_id % 3)
  waves = np.sin(2 * np.pi * (stripes * (rows * np.cos(angle) + columns * np.sin(angle)) + generator.random()))
  colour = np.random.default_rng(class_id).uniform(-1, 1, 3)
  pixels = 128 + 70 * waves[..., np.newaxis] * colour + generator.normal(0, 20, (*size, 3))
  return np.clip(pixels, 0, 255).astype(np.uint8)


def write(root: pathlib.Path, classes: Sequence[str] = CLASSES, per_class: int = 10, longest: int = 40) -> pathlib.Path:
  """Writes `<root>/<class>/<number>.jpg` and returns the root.

  Args:
    root: the folder; made if missing.
    classes: names of the folders; those of `CLASSES` have pixels of their own.
    per_class: images of each class.
    longest: largest height and width, in pixels; the smallest is three quarters of it.
  """
  for class_id, name in enumerate(classes):
    folder = root / name
    folder.mkdir(parents=True)
    pattern = CLASSES.index(name) if name in CLASSES else class_id
    for number in range(per_class):
      sizes = np.random.default_rng((pattern, number, 1)).integers(3 * longest // 4, longest + 1, 2)
      Image.fromarray(photograph(pattern, number, tuple(sizes))).save(folder / f"{number:03}.jpg", quality=95)
  return root
