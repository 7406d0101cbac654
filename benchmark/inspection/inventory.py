"""What lies in the data folders: files, counts, checksums, and where what is missing belongs."""

import dataclasses
import hashlib
import os
import pathlib
from collections.abc import Callable, Sequence

import numpy as np

from lasem_tf.data import sources
from lasem_tf.data.readers import cifar_files, idx_files, office_home_files, stl10_files, unpickling
from lasem_tf.data.stream import DataError
from lasem_tf.data.streams import office_home_classes

OFFICIAL, OTHER, DAMAGED, MISSING = "official", "not official", "damaged", "missing"


@dataclasses.dataclass(frozen=True)
class Finding:
  """One file or folder.

  Attributes:
    place: its path, or the path where it belongs.
    state: one of `OFFICIAL`, `OTHER`, `DAMAGED`, `MISSING`.
    details: counts and checksum, or what to do.
  """

  place: str
  state: str
  details: str


def spread(counts: Sequence[int] | np.ndarray) -> str:
  """Images of every class in a few words, e.g. '90 of each class' or '5-22 of each class'."""
  low, high = min(counts), max(counts)
  return f"{low} of each class" if low == high else f"{low}-{high} of each class"


def _checksum(found: str, expected: str) -> tuple[str, str]:
  """State and words for an MD5."""
  if found == expected:
    return OFFICIAL, f"MD5 {found} is the official one"
  return OTHER, f"MD5 {found}, the official one is {expected}"


def _folder(data_dirs: Sequence[str], names: Sequence[str], remedy: str) -> tuple[str | None, list[Finding]]:
  """The first folder that exists, or a finding that says where it belongs."""
  for data_dir in data_dirs:
    for name in names:
      if sources.is_folder(os.path.join(data_dir, name)):
        return os.path.join(data_dir, name), []
  place = os.path.join(data_dirs[0], names[0]) if data_dirs else names[0]
  return None, [Finding(place, MISSING, remedy)]


def _files(folder: str, checksums: dict[str, str], describe: Callable[[str], str], remedy: str) -> list[Finding]:
  """One finding for every file with a published MD5; `describe` reads it and may raise DataError."""
  findings = []
  for name, expected in checksums.items():
    path = os.path.join(folder, name)
    if not sources.is_file(path):
      findings.append(Finding(path, MISSING, remedy))
      continue
    try:
      counts = describe(path)
      state, checksum = _checksum(sources.md5(path), expected)
    except DataError as error:
      findings.append(Finding(path, DAMAGED, str(error)))
      continue
    findings.append(Finding(path, state, f"{counts}; {checksum}" if counts else checksum))
  return findings


def _cifar(data_dirs, folder_name: str, checksums: dict[str, str], key: str, num_classes: int,
           remedy: str) -> list[Finding]:
  folder, findings = _folder(data_dirs, [folder_name], remedy)

  def describe(path):
    if os.path.basename(path) == cifar_files.CIFAR100_META:
      unpickling.load_pickled_dictionary(path, remedy)
      return "class names"
    _, labels = cifar_files.read_rows(path, key, num_classes, remedy)
    return f"{len(labels)} images, {spread(np.bincount(labels, minlength=num_classes))}"

  return findings if folder is None else _files(folder, checksums, describe, remedy)


def cifar100(data_dirs: Sequence[str]) -> list[Finding]:
  """The three pickles of CIFAR-100."""
  return _cifar(data_dirs, cifar_files.CIFAR100_FOLDER, cifar_files.CIFAR100_MD5, "fine_labels", 100,
                cifar_files.CIFAR100_REMEDY)


def cifar10(data_dirs: Sequence[str]) -> list[Finding]:
  """The six pickles of CIFAR-10."""
  return _cifar(data_dirs, cifar_files.CIFAR10_FOLDER, cifar_files.CIFAR10_MD5, "labels", 10,
                cifar_files.CIFAR10_REMEDY)


def mnist(data_dirs: Sequence[str]) -> list[Finding]:
  """The four IDX files of MNIST, compressed or not; the published MD5 are those of the plain files."""
  folder, findings = _folder(data_dirs, [idx_files.MNIST_FOLDER], idx_files.MNIST_REMEDY)
  if folder is None:
    return findings
  for name, expected in idx_files.MNIST_MD5.items():
    path = next((p for p in (f"{folder}/{name}.gz", f"{folder}/{name}") if sources.is_file(p)), None)
    if path is None:
      findings.append(Finding(f"{folder}/{name}.gz", MISSING, idx_files.MNIST_REMEDY))
      continue
    try:
      array = idx_files.read_idx(path)
      found = hashlib.md5(idx_files.read_content(path), usedforsecurity=False).hexdigest()
    except DataError as error:
      findings.append(Finding(path, DAMAGED, str(error)))
      continue
    state, checksum = _checksum(found, expected)
    findings.append(Finding(path, state, f"{len(array)} entries; {checksum}"))
  return findings


def stl10(data_dirs: Sequence[str]) -> list[Finding]:
  """The four binaries of STL-10, and how many images of each class they hold."""
  folder, findings = _folder(data_dirs, stl10_files.FOLDERS, stl10_files.REMEDY)

  def describe(path):
    path = pathlib.Path(path)
    labels_path = path.with_name(path.name.replace("_X", "_y"))
    if path == labels_path:
      labels = stl10_files.read_labels(path)
      return f"{len(labels)} labels, {spread(np.bincount(labels, minlength=10))}"
    num_bytes = stl10_files.file_size(path)
    size, rest = divmod(num_bytes, stl10_files.IMAGE_BYTES)
    if rest:
      raise DataError(f"{num_bytes} bytes are no whole number of images of {stl10_files.IMAGE_BYTES} bytes. "
                      f"{stl10_files.REMEDY}")
    if sources.is_file(labels_path):
      stl10_files.map_images(path, stl10_files.file_size(labels_path))
    return f"{size} images"

  return findings if folder is None else _files(folder, stl10_files.MD5, describe, stl10_files.REMEDY)


def office_home(data_dirs: Sequence[str]) -> list[Finding]:
  """The two domains of Office-Home that the streams use."""
  try:
    folder = office_home_files.find_folder(data_dirs)
  except DataError as error:
    place = os.path.join(data_dirs[0] if data_dirs else "", office_home_files.FOLDER_NAMES[0])
    return [Finding(place, MISSING, str(error))]
  findings = []
  for domain in office_home_classes.DOMAINS:
    try:
      path = office_home_files.domain_folder(folder, domain)
      images = office_home_files.list_images(folder, domain)
      passed_over = office_home_files.left_out(folder, domain)
    except DataError as error:
      findings.append(Finding(str(folder / office_home_classes.DOMAIN_FOLDERS[domain][0]), MISSING, str(error)))
      continue
    counts = [len(numbered) for numbered in images]
    differences = office_home_files.differing_counts({domain: images})
    official = sum(office_home_classes.OFFICIAL_COUNTS[domain])
    verdict = "every class has the official count"
    if differences:
      verdict = f"{len(differences)} classes differ from the official {official} images: {differences[0]}"
    if passed_over:
      verdict += f"; {office_home_files.left_out_message(passed_over)}"
    findings.append(Finding(str(path), OTHER if differences else OFFICIAL,
                            f"{sum(counts)} images in {len(counts)} classes, {spread(counts)}; {verdict}"))
  return findings


# By the name of the stream's class; a class that is not here reads no files.
INVENTORIES = {"CIFAR100": cifar100, "CIFAR10Binary": cifar10, "MNISTBinary": mnist, "STL10": stl10,
               "OfficeHome": office_home, "OfficeHomeIncremental": office_home}
FORMATS = {"CIFAR-100": cifar100, "CIFAR-10": cifar10, "MNIST": mnist, "STL-10": stl10, "Office-Home": office_home}
