"""Finding the images of Office-Home on disk."""

import functools
import pathlib
import re
from collections.abc import Iterable, Sequence

from lasem_tf.data import sources
from lasem_tf.data.readers import image_decoding
from lasem_tf.data.stream import DataError
from lasem_tf.data.streams import office_home_classes as constants

FOLDER_NAMES = ("OfficeHomeDataset", "OfficeHomeDataset_10072016")
_IMAGE_NAME = re.compile(r"(\d{5})\.jpe?g", re.IGNORECASE)
_IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff")


def candidate_folders(data_dirs: Sequence[str]) -> list[pathlib.Path]:
  """Places, in order, where the data set may lie: each data folder's sub-folder of the archive's name, or itself."""
  return [pathlib.Path(data_dir, *name) for data_dir in data_dirs for name in (*((n,) for n in FOLDER_NAMES), ())]


def find_folder(data_dirs: Sequence[str]) -> pathlib.Path:
  """The folder that holds the domains.

  Raises:
    DataError: there is none; the message names the place where it belongs.
  """
  for folder in candidate_folders(data_dirs):
    if any(sources.is_folder(folder / name) for names in constants.DOMAIN_FOLDERS.values() for name in names):
      return folder
  where = "name its folder with --data_dir"
  if data_dirs:
    where = f"unpack it to {pathlib.Path(data_dirs[0]) / FOLDER_NAMES[0]}"
  raise DataError("Office-Home was not found: there is no folder Product or Real World in "
                  f"{', '.join(map(str, candidate_folders(data_dirs))) or 'any data folder (none was given)'}. "
                  f"Download the archive from the data set's home page and {where}.")


def domain_folder(folder: pathlib.Path, domain: str) -> pathlib.Path:
  """The folder of one domain, under any of its names.

  Raises:
    DataError: it is missing, or two folders claim to be it.
  """
  present = [folder / name for name in constants.DOMAIN_FOLDERS[domain] if sources.is_folder(folder / name)]
  if not present:
    raise DataError(f"{folder} holds no folder {' or '.join(constants.DOMAIN_FOLDERS[domain])}: unpack the archive "
                    "again.")
  if len(present) > 1:
    raise DataError(f"{' and '.join(map(str, present))} both claim to be the domain {domain}: remove one.")
  return present[0]


def list_images(folder: pathlib.Path, domain: str) -> list[dict[int, pathlib.Path]]:
  """The images of a domain, by class id, each keyed by the number in its name.

  Only files named like the archive's (`00001.jpg`, also `.jpeg`, in small or capital letters) count, see `left_out`;
  folders that are no class are ignored.

  Raises:
    DataError: class folders are missing, which are then named, a folder cannot be read, or two files have one number.
  """
  domain_path = domain_folder(folder, domain)
  missing = [name for name in constants.CLASS_NAMES if not sources.is_folder(domain_path / name)]
  if missing:
    raise DataError(f"{domain_path} lacks {len(missing)} of the {len(constants.CLASS_NAMES)} class folders: "
                    f"{', '.join(missing)}. Unpack the archive again.")
  return [_numbered_images(domain_path / name) for name in constants.CLASS_NAMES]


def left_out(folder: pathlib.Path, domain: str) -> list[pathlib.Path]:
  """Image files in the class folders of a domain that `list_images` passes over because of their names."""
  files = (path for name in constants.CLASS_NAMES for path in _files(domain_folder(folder, domain) / name))
  return [path for path in files if path.suffix.lower() in _IMAGE_SUFFIXES and not _IMAGE_NAME.fullmatch(path.name)]


def left_out_message(paths: Sequence[pathlib.Path]) -> str:
  """How many image files are passed over, the first of them, and the remedy."""
  return (f"Left out because not named like 00001.jpg: {len(paths)} of the image files, such as {paths[0]}; rename "
          "them to use them.")


def check_images(paths: Iterable[pathlib.Path]) -> None:
  """Finds damaged images without decoding them all, see `image_decoding.check`; files are looked at once in a process.

  Raises:
    DataError: names the first damaged file, and how many there are.
  """
  _check_images(sources.file_state([str(path) for path in paths]))


@functools.lru_cache(maxsize=8)
def _check_images(states: tuple) -> None:
  errors = []
  for path, _, _ in states:
    try:
      image_decoding.check(path)
    except DataError as error:
      errors.append(error)
  if errors:
    others = f" ({len(errors) - 1} further images are damaged, too.)" if len(errors) > 1 else ""
    raise DataError(f"{errors[0]}{others}") from errors[0]


def _files(folder: pathlib.Path) -> list[pathlib.Path]:
  with sources.reading(folder, sources.READABLE):
    return sorted(folder.iterdir())


def _numbered_images(class_folder: pathlib.Path) -> dict[int, pathlib.Path]:
  numbered: dict[int, pathlib.Path] = {}
  for path in _files(class_folder):
    match = _IMAGE_NAME.fullmatch(path.name)
    if match and numbered.setdefault(int(match[1]), path) != path:
      raise DataError(f"{path} and {numbered[int(match[1])].name} beside it have one number: rename or remove one.")
  return numbered


def differing_counts(images: dict[str, list[dict[int, pathlib.Path]]]) -> list[str]:
  """Says, class by class, where the number of images is not the official one; empty for the official archive."""
  differences = []
  for domain, classes in images.items():
    for name, expected, numbered in zip(constants.CLASS_NAMES, constants.OFFICIAL_COUNTS[domain], classes):
      if len(numbered) != expected:
        differences.append(f"{domain}/{name}: {len(numbered)} images, {expected} expected")
  return differences
