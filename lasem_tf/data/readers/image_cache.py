"""Decoded and resized images on disk, each made once.

An entry is named after the SHA-256 of the image file, inside a folder named after the size and the format version, so
neither an altered image nor another size can ever meet an old entry. Entries appear under their final name complete or
not at all: an interrupted pass resumes where it stopped. Every entry carries a checksum of its pixels; one that does
not agree, or that another version wrote, is rebuilt from the image.
"""

import contextlib
import dataclasses
import errno
import hashlib
import logging
import os
import pathlib
import struct
import uuid
import zlib
from collections.abc import Callable, Sequence
from concurrent import futures

import filelock
import numpy as np

from lasem_tf import cores
from lasem_tf.data.readers import image_decoding, image_resizing
from lasem_tf.data.stream import DataError

FORMAT_VERSION = 1
CACHE_NAME = "lasem_image_cache"
_MAGIC = b"LASEMIMG"
_HEADER = struct.Struct("<8sIIII")  # magic, format version, height, width, CRC-32 of the float32 pixels
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def choose_directory(cache_dir: str | None, data_folder: pathlib.Path) -> pathlib.Path:
  """Where images of a data folder are cached.

  Args:
    cache_dir: the user's choice, or None.
    data_folder: the folder that holds the images.

  Returns:
    `cache_dir` where given; else a folder beside the data; else, where the data are read-only, the user's own cache
    folder, which is said aloud. Permission bits decide, so that the superuser does not write into a folder that its
    owner has closed.
  """
  if cache_dir is not None:
    return pathlib.Path(cache_dir) / CACHE_NAME
  parent = data_folder.parent
  beside = parent / CACHE_NAME
  target = beside if beside.exists() else parent
  if target.stat().st_mode & 0o222 and os.access(target, os.W_OK):
    return beside
  home = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / CACHE_NAME
  logging.getLogger(__name__).info("%s is read-only: resized images are cached in %s (--cache_dir chooses another "
                                   "place).", parent, home)
  return home


@dataclasses.dataclass(frozen=True)
class CacheReport:
  """What a pass over images did: how many entries were found intact, built anew, and replaced."""

  reused: int
  built: int
  repaired: int


class ImageCache:
  """Images of one size, decoded and resized on all cores, read back from disk.

  Attributes:
    directory: folder of the entries of this size and version.
    image_shape: (height, width, 3).
  """

  def __init__(self, root: str | pathlib.Path, height: int, width: int, num_workers: int | None = None):
    self.image_shape = (height, width, 3)
    self.directory = pathlib.Path(root) / f"resized_{height}x{width}_v{FORMAT_VERSION}"
    self._num_workers = num_workers or cores.num_usable()
    self._digests: dict[str, str] = {}

  def digests(self, paths: Sequence[pathlib.Path]) -> list[str]:
    """SHA-256 of each file, in hexadecimal; a file is read once in the life of the cache object."""
    missing = [path for path in paths if str(path) not in self._digests]
    with futures.ThreadPoolExecutor(self._num_workers) as pool:
      for path, digest in zip(missing, pool.map(_file_digest, missing)):
        self._digests[str(path)] = digest
    return [self._digests[str(path)] for path in paths]

  def load(self, paths: Sequence[pathlib.Path]) -> np.ndarray:
    """float32 `[n, height, width, 3]` in [0, 1]; entries that are missing or unfit are built.

    Raises:
      DataError: an image cannot be decoded, or the cache cannot be written.
    """
    images = np.empty((len(paths), *self.image_shape), "<f4")
    self._fill(paths, images.__getitem__, lambda num_done: None)
    return images.astype(np.float32, copy=False)

  def prepare(self, paths: Sequence[pathlib.Path],
              progress: Callable[[int], None] = lambda num_done: None) -> CacheReport:
    """Builds what is missing or unfit, keeping no image in memory.

    Args:
      paths: image files.
      progress: called with the number of images done since the last call.

    Raises:
      DataError: as `load`.
    """
    return self._fill(paths, lambda position: np.empty(self.image_shape, "<f4"), progress)

  def entry(self, digest: str) -> pathlib.Path:
    """File of the entry of an image whose content has this SHA-256."""
    return self.directory / digest[:2] / f"{digest}.image"

  def _fill(self, paths, place, progress) -> CacheReport:
    """Reads or builds every image into the array that `place(position)` returns."""
    entries = [self.entry(digest) for digest in self.digests(paths)]
    missing = self._read_present(range(len(paths)), entries, place, progress)
    num_built = num_repaired = 0
    for locked in self._locked_stripes(missing, entries):
      # Another process may have built them while this one waited.
      absent = self._read_present(locked, entries, place, progress)
      damaged = sum(entries[position].exists() for position in absent)
      self._build(absent, paths, entries, place, progress)
      num_built, num_repaired = num_built + len(absent) - damaged, num_repaired + damaged
    return CacheReport(len(paths) - num_built - num_repaired, num_built, num_repaired)

  def _locked_stripes(self, positions, entries):
    """Yields the positions stripe by stripe, each while this process alone may build the stripe's entries.

    Entries fall into stripes by the first digit of their name. Processes that start together begin at different stripes
    and pass over those that are taken, so that they share the work and decode no image twice.
    """
    stripes: dict[str, list[int]] = {}
    for position in positions:
      stripes.setdefault(entries[position].name[0], []).append(position)
    order = sorted(stripes, key=lambda stripe: (int(stripe, 16) + os.getpid() * 7) % 16)
    while order:
      for stripe in order:
        with self._stripe_lock(stripe, wait=False) as is_mine:
          if is_mine:
            yield stripes.pop(stripe)
      if len(stripes) == len(order):  # all are taken: wait for one
        with self._stripe_lock(order[0], wait=True):
          yield stripes.pop(order[0])
      order = [stripe for stripe in order if stripe in stripes]

  def _read_present(self, positions, entries, place, progress) -> list[int]:
    """Reads every intact entry and returns the positions of the others."""
    missing = []
    with futures.ThreadPoolExecutor(self._num_workers) as pool:
      reads = pool.map(lambda position: self._read(entries[position], place(position)), positions)
      for position, is_read in zip(positions, reads):
        if is_read:
          progress(1)
        else:
          missing.append(position)
    return missing

  def _build(self, positions, paths, entries, place, progress) -> None:
    def build(position):
      image = image_decoding.decode_rgb(paths[position]).astype(np.float32) / np.float32(255)
      image = image_resizing.resize_antialiased(image, *self.image_shape[:2])
      self._write(entries[position], image)
      place(position)[...] = image

    # Pillow and SciPy release the interpreter lock, so threads use all cores without copying images between processes.
    with futures.ThreadPoolExecutor(self._num_workers) as pool:
      building = [pool.submit(build, position) for position in positions]
      try:
        for built in building:
          built.result()
          progress(1)
      except BaseException:
        pool.shutdown(cancel_futures=True)
        raise

  def _read(self, entry: pathlib.Path, image: np.ndarray) -> bool:
    """Reads an entry into `image`; False where there is none that is intact and of this version."""
    log = logging.getLogger(__name__)
    try:
      with open(entry, "rb") as stream:
        header = stream.read(_HEADER.size)
        num_bytes = stream.readinto(image.data)
        complete = len(header) == _HEADER.size and num_bytes == image.nbytes and not stream.read(1)
    except FileNotFoundError:
      return False
    except OSError as error:
      raise self._unusable(error) from error
    if len(header) == _HEADER.size:
      magic, version, _, _, checksum = _HEADER.unpack(header)
      if magic == _MAGIC and version != FORMAT_VERSION:
        log.warning("Cache entry %s was written by version %d of the format (this is %d) and is rebuilt.", entry,
                    version, FORMAT_VERSION)
        return False
      if complete and magic == _MAGIC and zlib.crc32(image.data) == checksum:
        return True
    log.warning("Cache entry %s is damaged and is rebuilt.", entry)
    return False

  def _write(self, entry: pathlib.Path, image: np.ndarray) -> None:
    pixels = np.ascontiguousarray(image, "<f4").tobytes()
    header = _HEADER.pack(_MAGIC, FORMAT_VERSION, *self.image_shape[:2], zlib.crc32(pixels))
    partial = self.directory / f"{entry.stem}-{uuid.uuid4().hex}.partial"
    try:
      entry.parent.mkdir(parents=True, exist_ok=True)
      with open(partial, "wb") as stream:
        stream.write(header)
        stream.write(pixels)
      os.replace(partial, entry)
    except OSError as error:
      with contextlib.suppress(OSError):
        partial.unlink(missing_ok=True)
      raise self._unusable(error) from error

  @contextlib.contextmanager
  def _stripe_lock(self, stripe: str, wait: bool):
    """Holds the lock of a stripe; gives whether it could be had."""
    try:
      self.directory.mkdir(parents=True, exist_ok=True)
      lock = filelock.FileLock(self.directory / f"{stripe}.lock")
      lock.acquire(timeout=-1 if wait else 0)
    except filelock.Timeout:
      yield False
      return
    except OSError as error:
      raise self._unusable(error) from error
    try:
      for partial in self.directory.glob(f"{stripe}*.partial"):  # of a builder that was killed: no other one is here
        partial.unlink(missing_ok=True)
      yield True
    finally:
      lock.release()

  def _unusable(self, error: OSError) -> DataError:
    reason = "the disk is full" if error.errno in _NO_SPACE else str(error)
    megabytes = 4e-6 * int(np.prod(self.image_shape))
    return DataError(f"The image cache in {self.directory} cannot be used ({reason}); an image takes {megabytes:.1f} "
                     "MB. Free the space or name another folder with --cache_dir.")


def _file_digest(path: pathlib.Path) -> str:
  try:
    return hashlib.sha256(path.read_bytes()).hexdigest()
  except OSError as error:
    raise DataError(f"{path} cannot be read ({error}): unpack the official archive again.") from error
