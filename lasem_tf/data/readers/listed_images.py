"""Image files of a user's own, each with what its place or a table says of it."""

import dataclasses
import functools
import pathlib
from collections.abc import Sequence

from lasem_tf.data import sources
from lasem_tf.data.readers import image_decoding
from lasem_tf.data.stream import DataError

# Spellings of the splits in folders and tables, in small letters.
SPLIT_NAMES = {"train": "train", "training": "train", "val": "validation", "valid": "validation",
               "validation": "validation", "test": "test", "testing": "test"}


@dataclasses.dataclass(frozen=True)
class ListedImage:
  """One image file.

  Attributes:
    path: the file.
    label: name of its class.
    domain: name of its domain; '' where there are none.
    split: 'train', 'validation' or 'test'; '' where splits are to be drawn.
    task: name of its task; '' where tasks are made from classes or domains.
  """

  path: pathlib.Path
  label: str
  domain: str = ""
  split: str = ""
  task: str = ""


def damaged(images: Sequence[ListedImage]) -> dict[pathlib.Path, str]:
  """What is wrong with each damaged file, as far as its header and its end show it, see `image_decoding.check`.

  Every file is looked at once in a process; few are decoded.
  """
  return _damaged(sources.file_state([str(image.path) for image in images]))


@functools.lru_cache(maxsize=8)
def _damaged(states: tuple) -> dict[pathlib.Path, str]:
  found = {}
  for path, _, _ in states:
    try:
      image_decoding.check(path)
    except DataError as error:
      found[pathlib.Path(path)] = str(error)
  return found
