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


def readable(images: Sequence[ListedImage], skip_unreadable: bool, binding: str) -> list[ListedImage]:
  """The images whose files are not damaged; every file is looked at once in a process, few are decoded.

  Args:
    images: all of them.
    skip_unreadable: whether damaged files are left out, which a warning names, instead of refused.
    binding: the gin binding that says so, for the message.

  Raises:
    DataError: a file is damaged and may not be left out.
  """
  damaged = _damaged(sources.file_state([str(image.path) for image in images]))
  if not damaged:
    return list(images)
  reason = next(iter(damaged.values()))
  if not skip_unreadable:
    others = f" ({len(damaged) - 1} further files are damaged, too.)" if len(damaged) > 1 else ""
    raise DataError(f"{reason} Or bind {binding} = True to leave such files out.{others}")
  names = ", ".join(list(damaged)[:5]) + (", ..." if len(damaged) > 5 else "")
  sources.warn_once(f"{len(damaged)} unreadable files are left out: {names}")
  return [image for image in images if str(image.path) not in damaged]


@functools.lru_cache(maxsize=8)
def _damaged(states: tuple) -> dict[str, str]:
  """What is wrong with each damaged file."""
  found = {}
  for path, _, _ in states:
    try:
      image_decoding.check(path)
    except DataError as error:
      found[path] = str(error)
  return found
