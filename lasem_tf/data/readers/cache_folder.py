"""Where decoded images are kept."""

import os
import pathlib

from lasem_tf.data import sources
from lasem_tf.data.stream import DataError

CACHE_NAME = "lasem_image_cache"


def choose_directory(cache_dir: str | None, data_folder: pathlib.Path) -> pathlib.Path:
  """Where images of a data folder are cached.

  Args:
    cache_dir: the user's choice, or None.
    data_folder: the folder that holds the images.

  Returns:
    `cache_dir` where given; else a folder beside the data; else, where the data are read-only, the user's own cache
    folder, which a warning names. Permission bits decide, so that the superuser does not write into a folder that its
    owner has closed.

  Raises:
    DataError: the folder neither exists nor can be made, or the data are read-only and the user has no home folder.
  """
  if cache_dir is not None:
    chosen = pathlib.Path(cache_dir) / CACHE_NAME
    _check_can_be_made(chosen)
    return chosen
  parent = data_folder.parent
  beside = parent / CACHE_NAME
  target = beside if beside.exists() else parent
  if target.stat().st_mode & 0o222 and os.access(target, os.W_OK):
    return beside
  home = _own_cache_folder(parent) / CACHE_NAME
  _check_can_be_made(home)
  sources.warn_once(f"{parent} is read-only: resized images are cached in {home} (--cache_dir chooses another place).")
  return home


def _own_cache_folder(read_only: pathlib.Path) -> pathlib.Path:
  if chosen := os.environ.get("XDG_CACHE_HOME"):
    return pathlib.Path(chosen)
  try:
    return pathlib.Path.home() / ".cache"
  except RuntimeError as error:  # In a container: neither HOME is set nor is the user's number known.
    raise DataError(f"{read_only} is read-only, and there is no home folder to cache resized images in. Name a folder "
                    "for them with --cache_dir.") from error


def _check_can_be_made(folder: pathlib.Path) -> None:
  """Finds out before a run begins, without making anything, that the folder could not be made when it is needed."""
  if sources.is_folder(folder):
    return  # one that is complete may be read-only
  ancestor = next(path for path in folder.absolute().parents if os.path.lexists(path))
  if not sources.is_folder(ancestor) or not os.access(ancestor, os.W_OK):
    raise DataError(f"The image cache {folder} cannot be made, because {ancestor} is no folder that may be written to. "
                    "Name another folder with --cache_dir.")
