"""Photographs in folders: one folder for each class, below folders of splits and of domains where there are these.

  <root>/<class>/*            <root>/<domain>/<class>/*
  <root>/train/<class>/*      <root>/train/<domain>/<class>/*      and the same below val/ and test/

Symbolic links are followed wherever they lead: whoever makes one means what is behind it.
"""

import os
import pathlib

from lasem_tf import types
from lasem_tf.data import sources
from lasem_tf.data.readers import image_decoding
from lasem_tf.data.readers.listed_images import ListedImage, SPLIT_NAMES
from lasem_tf.data.stream import DataError

_LAYOUT = "An image belongs into <root>/<class>/ or, where there are domains, into <root>/<domain>/<class>/."


def find_root(root: str, data_dirs: tuple[str, ...], binding: str) -> pathlib.Path:
  """The folder, or file, of that name: as it is, else below one of the data folders.

  Args:
    root: an absolute path, one that begins with '~', or one relative to the working folder or a data folder.
    data_dirs: searched in order.
    binding: the gin binding that names it, for the message.

  Raises:
    DataError: there is none; the message names every place searched.
  """
  given = pathlib.Path(os.path.expanduser(root))
  candidates = [given] if given.is_absolute() else [given, *(pathlib.Path(folder, given) for folder in data_dirs)]
  for candidate in candidates:
    if sources.is_folder(candidate) or sources.is_file(candidate):
      return candidate.resolve()
  raise DataError(f"{binding} = {root!r}: there is none. Searched: {', '.join(map(str, candidates))}. Correct the "
                  "binding, or name the folder that holds it with --data_dir.")


def read(root: pathlib.Path) -> list[ListedImage]:
  """All images below a folder, in order of their paths.

  Hidden files and folders do not count. Files that are no images by their names are passed over, which is said.

  Raises:
    DataError: the folder holds no class, an image lies beside folders, or classes lie at different depths.
  """
  if not sources.is_folder(root):
    raise DataError(f"{root} is a file; name a folder with one folder for each class.")
  folders = _folders(root)
  if not folders:
    raise DataError(f"{root} holds no folder. {_LAYOUT}")
  splits = {SPLIT_NAMES.get(folder.name.lower(), "") for folder in folders}
  if splits == {""}:
    return _without_splits(root, "")
  if "" in splits or len(folders) != len(splits):
    raise DataError(f"{root} holds {', '.join(folder.name for folder in folders)}: a folder of each split (train, val, "
                    "test) must stand alone there, with the classes inside, or not at all.")
  if missing := [split for split in types.SPLITS if split not in splits]:
    raise DataError(f"{root} has folders of splits, but none of {', '.join(missing)}: add it, or move the classes up, "
                    "and the splits are drawn.")
  return [image for folder in folders for image in _without_splits(folder, SPLIT_NAMES[folder.name.lower()])]


def images_below(folder: pathlib.Path) -> list[pathlib.Path]:
  """All images in a folder and below, in order of their paths, wherever they lie.

  Hidden files and folders do not count. Links to folders are followed, each folder once.

  Raises:
    DataError: a folder cannot be read, or a symbolic link leads nowhere.
  """
  found: list[pathlib.Path] = []
  seen: set[tuple[int, int]] = set()
  waiting = [folder]
  while waiting:
    current = waiting.pop()
    with sources.reading(current, sources.READABLE):
      status = current.stat()
    if (status.st_dev, status.st_ino) not in seen:
      seen.add((status.st_dev, status.st_ino))
      found += _images(current)
      waiting += _folders(current)
  return sorted(found)


def _without_splits(root: pathlib.Path, split: str) -> list[ListedImage]:
  _check_no_images(root)
  tops = _folders(root)
  if not tops:
    raise DataError(f"{root} holds no folder. {_LAYOUT}")
  nested = [folder for folder in tops if _folders(folder)]
  flat = [folder for folder in tops if folder not in nested]
  if nested and flat:
    raise DataError(f"{flat[0]} holds no folders, but {nested[0]} does: either all folders of {root} are classes, or "
                    f"all are domains that hold classes. Move or remove one of them.")
  if not nested:
    return _of_classes(tops, "", split)
  images = []
  for domain in nested:
    _check_no_images(domain)
    deeper = [inner for folder in _folders(domain) for inner in _folders(folder)]
    if deeper:
      raise DataError(f"{deeper[0]} lies too deep. {_LAYOUT} Move its images up.")
    images += _of_classes(_folders(domain), domain.name, split)
  return images


def _of_classes(folders: list[pathlib.Path], domain: str, split: str) -> list[ListedImage]:
  images, passed_over = [], []
  for folder in folders:
    files = _images(folder)
    if not files:
      raise DataError(f"{folder} is empty: it holds no image ({', '.join(image_decoding.SUFFIXES)}). Put the images of "
                      "the class there, or remove the folder.")
    images += [ListedImage(path, folder.name, domain, split) for path in files]
    passed_over += [path for path in _entries(folder) if path not in files]
  if passed_over:
    sources.warn_once(f"{len(passed_over)} files that are no images by their names are passed over, such as "
                      f"{passed_over[0]}.")
  return images


def _check_no_images(folder: pathlib.Path) -> None:
  if files := _images(folder):
    raise DataError(f"{files[0]} lies beside folders, outside any class. {_LAYOUT} Move or remove it.")


def _entries(folder: pathlib.Path) -> list[pathlib.Path]:
  with sources.reading(folder, sources.READABLE):
    found = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
  if lost := next((path for path in found if path.is_symlink() and not path.exists()), None):
    raise DataError(f"{lost} is a symbolic link that leads nowhere, behind which a class or an image may be missing. "
                    "Restore its target, or remove the link.")
  return found


def _folders(folder: pathlib.Path) -> list[pathlib.Path]:
  return [path for path in _entries(folder) if sources.is_folder(path)]


def _images(folder: pathlib.Path) -> list[pathlib.Path]:
  return [path for path in _entries(folder) if path.suffix.lower() in image_decoding.SUFFIXES and sources.is_file(path)]
