"""Writes tiny folders in the layout of Office-Home, whose pixels say which image they are."""

import pathlib
from collections.abc import Callable

import numpy as np
from PIL import Image

from lasem_tf.data.streams import office_home_classes


def color(domain_id: int, class_id: int, number: int) -> tuple[int, int, int]:
  """RGB of every pixel of an image."""
  return 60 + 100 * domain_id, 30 + 3 * class_id, 30 + 2 * (number % 100)


def write(root: pathlib.Path, count: Callable[[int, int], int] = lambda domain_id, class_id: 10, side: int = 8,
          real_world: str = "Real World") -> pathlib.Path:
  """Writes both domains.

  Args:
    root: the data folder; `OfficeHomeDataset` is made in it.
    count: number of images by domain id and class id.
    side: height of the images, in pixels; they are two pixels wider.
    real_world: name of the folder of the second domain.

  Returns:
    `root`.
  """
  for domain_id, domain in enumerate(("Product", real_world)):
    for class_id, name in enumerate(office_home_classes.CLASS_NAMES):
      folder = root / "OfficeHomeDataset" / domain / name
      folder.mkdir(parents=True)
      for number in range(1, count(domain_id, class_id) + 1):
        pixels = np.broadcast_to(np.uint8(color(domain_id, class_id, number)), (side, side + 2, 3))
        Image.fromarray(pixels).save(folder / f"{number:05}.jpg", quality=100, subsampling=0)
  return root


def path_of(root: pathlib.Path, index: int) -> pathlib.Path:
  """File of the image with this source index."""
  class_of_domain, number = divmod(int(index), 100_000)
  domain_id, class_id = divmod(class_of_domain, len(office_home_classes.CLASS_NAMES))
  domain = ("Product", "Real World")[domain_id]
  return root / "OfficeHomeDataset" / domain / office_home_classes.CLASS_NAMES[class_id] / f"{number:05}.jpg"
