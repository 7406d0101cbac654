"""What every reader of raw image files shares: finding files, and the images and labels they hold."""

import contextlib
import dataclasses
import functools
import hashlib
import logging
import os
import pathlib
import stat
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from lasem_tf.data import stream

_CHUNK = 1 << 22
READABLE = "Make it readable, or name another folder with --data_dir or --cache_dir."
OFFICIAL = "official"
ANY = "any"


@dataclasses.dataclass(frozen=True)
class ImageSource:
  """All images of a data set as its files hold them.

  Attributes:
    images: by split 'train' and 'test', uint8 `[n, height, width, channels]`, in file order; may be views.
    labels: by split, int64 `[n]`, global class ids.
    class_names: one name per global class id.
    origin: folder that the images come from, for messages.
    official: whether these are provably the published files.
  """

  images: dict[str, np.ndarray]
  labels: dict[str, np.ndarray]
  class_names: tuple[str, ...]
  origin: str
  official: bool

  @functools.cached_property
  def digest(self) -> str:
    """SHA-256 over pixels and labels; the same images give the same digest, whatever files they were read from."""
    digest = hashlib.sha256()
    for split in ("train", "test"):
      images = self.images[split]
      digest.update(f"{split} {images.shape} ".encode())
      for start in range(0, len(images), 1000):
        digest.update(np.ascontiguousarray(images[start:start + 1000]).data)
      digest.update(np.ascontiguousarray(self.labels[split], dtype="<i8").data)
    return digest.hexdigest()

  def class_counts(self, split: str) -> np.ndarray:
    """int64 `[classes]`: number of images of every class."""
    return np.bincount(self.labels[split], minlength=len(self.class_names))


def outline(labels: dict[str, np.ndarray], image_shape: tuple[int, ...], class_names: Sequence[str]) -> ImageSource:
  """A data set of the official size with black images that share one byte: for counts and splits without files.

  Args:
    labels: by split 'train' and 'test', int64 class of every image.
    image_shape: (height, width, channels).
    class_names: one name per class.
  """
  images = {split: np.broadcast_to(np.uint8(0), (len(values), *image_shape)) for split, values in labels.items()}
  return ImageSource(images, labels, tuple(class_names), "the official data", official=True)


@functools.lru_cache(maxsize=256)
def warn_once(message: str) -> None:
  """Logs a warning, once in the life of the process, however often a stream is opened."""
  logging.getLogger(__name__).warning(message)


@contextlib.contextmanager
def reading(path: str | pathlib.Path, remedy: str) -> Iterator[None]:
  """Turns what the operating system refuses into a `DataError` that names the path and ends with the remedy."""
  try:
    yield
  except OSError as error:
    raise stream.DataError(f"Cannot read {path}: {error.strerror or error}. {remedy}") from error


def read_bytes(path: str | pathlib.Path, max_bytes: int, remedy: str) -> bytes:
  """The content of a file of at most `max_bytes` bytes.

  Raises:
    DataError: the file cannot be read, or holds more than any file of its kind.
  """
  with reading(path, remedy), open(path, "rb") as file:
    content = file.read(max_bytes + 1)
  if len(content) > max_bytes:
    raise stream.DataError(f"{path} holds more than {max_bytes} bytes, the most that is read. {remedy}")
  return content


def is_folder(path: str | pathlib.Path) -> bool:
  """Whether the path is a folder.

  Raises:
    DataError: that cannot be found out, for want of permission or because the name is impossible.
  """
  return _has_kind(path, stat.S_ISDIR)


def is_file(path: str | pathlib.Path) -> bool:
  """Whether the path is a file; errors as `is_folder`."""
  return _has_kind(path, stat.S_ISREG)


def _has_kind(path, is_kind) -> bool:
  try:
    return is_kind(os.stat(path).st_mode)
  except (FileNotFoundError, NotADirectoryError):
    return False
  except (OSError, ValueError) as error:
    reason = getattr(error, "strerror", None) or error
    raise stream.DataError(f"Cannot read {str(path)!r}: {reason}. {READABLE}") from error


def find_folder(data_dirs: Sequence[str], name: str, remedy: str) -> str:
  """First existing folder `name` below the data folders, searched in order.

  Raises:
    DataError: none exists; the message lists every place searched and ends with the remedy.
  """
  candidates = [os.path.join(data_dir, name) for data_dir in data_dirs]
  for candidate in candidates:
    if is_folder(candidate):
      return candidate
  searched = ", ".join(candidates) if candidates else "nowhere, because no data folder is given (--data_dir)"
  raise stream.DataError(f"Folder {name} not found. Searched: {searched}. {remedy}")


def require_files(folder: str, names: Sequence[str], remedy: str) -> list[str]:
  """Paths of the files, all of which must exist.

  Raises:
    DataError: names what is missing, and the remedy.
  """
  missing = [name for name in names if not is_file(os.path.join(folder, name))]
  if missing:
    raise stream.DataError(f"{folder} lacks {', '.join(missing)}. {remedy}")
  return [os.path.join(folder, name) for name in names]


def md5(path: str) -> str:
  """MD5 of a file, in hexadecimal; a file that cannot be read is a `DataError`."""
  digest = hashlib.md5(usedforsecurity=False)
  with reading(path, READABLE), open(path, "rb") as file:
    while chunk := file.read(_CHUNK):
      digest.update(chunk)
  return digest.hexdigest()


def file_state(paths: Sequence[str]) -> tuple:
  """Names, sizes and modification times: a key under which a parsed file may be kept in memory."""
  states = []
  for path in paths:
    with reading(path, READABLE):
      found = os.stat(path)
    states.append((path, found.st_size, found.st_mtime_ns))
  return tuple(states)


def check_display_name(data_name: str | None, official_name: str, format_name: str, binding: str,
                       data_dir: str = "") -> str:
  """What tables call data that are not the published files.

  Args:
    data_name: the user's name, or None.
    official_name: the name that such data must not carry.
    format_name: used in the default, "<folder>, unofficial data in <format_name> format".
    binding: the gin binding, for the message.
    data_dir: data folder; its own name goes into the default.

  Raises:
    ValueError: the user's name claims to be the official data.
  """
  if data_name is None:
    folder = os.path.basename(os.path.abspath(data_dir)) if data_dir else ""
    return f"{folder + ', ' if folder else ''}unofficial data in {format_name} format"
  if not isinstance(data_name, str) or not data_name.strip():
    raise ValueError(f"{binding} must be a non-empty text, not {data_name!r}.")
  if _letters(data_name) == _letters(official_name):
    raise ValueError(
        f"{binding} = {data_name!r}: these files are not the official {official_name}; name them for what they are.")
  return data_name


def check_class_counts(source: ImageSource, expected: Mapping[str, Sequence[int]], binding: str) -> None:
  """Compares the number of images of every class with what the configuration expects.

  Args:
    source: the data.
    expected: by split, one number per class.
    binding: the gin binding that states the expectation, for the message.

  Raises:
    DataError: names folder, split, the first classes that differ, found and expected numbers, and the remedy.
  """
  for split, numbers in expected.items():
    found, wanted = source.class_counts(split), np.asarray(numbers)
    wrong = np.flatnonzero(found != wanted)
    if len(wrong):
      examples = ", ".join(f"class {c} has {found[c]} instead of {wanted[c]}" for c in wrong[:3])
      raise stream.DataError(
          f"{source.origin}: wrong number of {split} images ({found.sum()} instead of {wanted.sum()}): {examples}"
          f"{', ...' if len(wrong) > 3 else ''}. Use the complete official files, or bind {binding} = 'any' for "
          "another set in the same format.")


def _letters(text: str) -> str:
  return "".join(character for character in text.lower() if character.isalnum())
