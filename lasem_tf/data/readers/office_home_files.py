"""Finding the images of Office-Home on disk."""

import pathlib
import re
from collections.abc import Sequence

from lasem_tf.data.stream import DataError
from lasem_tf.data.streams import office_home_classes as constants

FOLDER_NAMES = ("OfficeHomeDataset", "OfficeHomeDataset_10072016")
_IMAGE_NAME = re.compile(r"(\d{5})\.jpg")


def candidate_folders(data_dirs: Sequence[str]) -> list[pathlib.Path]:
  """Places, in order, where the data set may lie: each data folder's sub-folder of the archive's name, or itself."""
  return [pathlib.Path(data_dir, *name) for data_dir in data_dirs for name in (*((n,) for n in FOLDER_NAMES), ())]


def find_folder(data_dirs: Sequence[str]) -> pathlib.Path:
  """The folder that holds the domains.

  Raises:
    DataError: there is none; the message names the place where it belongs.
  """
  for folder in candidate_folders(data_dirs):
    if any((folder / name).is_dir() for names in constants.DOMAIN_FOLDERS.values() for name in names):
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
  present = [folder / name for name in constants.DOMAIN_FOLDERS[domain] if (folder / name).is_dir()]
  if not present:
    raise DataError(f"{folder} holds no folder {' or '.join(constants.DOMAIN_FOLDERS[domain])}: unpack the archive "
                    "again.")
  if len(present) > 1:
    raise DataError(f"{' and '.join(map(str, present))} both claim to be the domain {domain}: remove one.")
  return present[0]


def list_images(folder: pathlib.Path, domain: str) -> list[dict[int, pathlib.Path]]:
  """The images of a domain, by class id, each keyed by the number in its name.

  Only files named like the archive's (`00001.jpg`) count; anything else in a folder is ignored, and so are folders
  that are no class.

  Raises:
    DataError: a class folder is missing; all that are missing are named.
  """
  domain_path = domain_folder(folder, domain)
  missing = [name for name in constants.CLASS_NAMES if not (domain_path / name).is_dir()]
  if missing:
    raise DataError(f"{domain_path} lacks {len(missing)} of the {len(constants.CLASS_NAMES)} class folders: "
                    f"{', '.join(missing)}. Unpack the archive again.")
  return [_numbered_images(domain_path / name) for name in constants.CLASS_NAMES]


def _numbered_images(class_folder: pathlib.Path) -> dict[int, pathlib.Path]:
  matches = ((_IMAGE_NAME.fullmatch(path.name), path) for path in sorted(class_folder.iterdir()))
  return {int(match[1]): path for match, path in matches if match}


def differing_counts(images: dict[str, list[dict[int, pathlib.Path]]]) -> list[str]:
  """Says, class by class, where the number of images is not the official one; empty for the official archive."""
  differences = []
  for domain, classes in images.items():
    for name, expected, numbered in zip(constants.CLASS_NAMES, constants.OFFICIAL_COUNTS[domain], classes):
      if len(numbered) != expected:
        differences.append(f"{domain}/{name}: {len(numbered)} images, {expected} expected")
  return differences
