"""Decoded and resized images on disk, each made once.

One file holds the images of a domain in one size: an array of rows, one for each image in the order of the domain's
listing. A row is the SHA-256 of the image file, a checksum of the pixels, and the pixels. The digest says whether the
row belongs to the image as it is now, so an altered image is resized again; the checksum finds damage. Pixels are
written before their header, so that an interrupted pass leaves complete rows and absent ones, and resumes.

Rows are read and written by position instead of through a memory map: where the disk is full, or the file was cut
short, a map ends the process by a signal, and this raises an error.
"""

import contextlib
import dataclasses
import errno
import hashlib
import logging
import pathlib
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent import futures
from typing import IO

import filelock
import numpy as np

from lasem_tf import cores
from lasem_tf.data import preprocessing as preprocessing_lib, sources
from lasem_tf.data.readers import image_decoding, prepared_images
from lasem_tf.data.stream import DataError

FORMAT_VERSION = 2
_LOG = logging.getLogger(__name__)
_HEADER = struct.Struct("<32sI")  # SHA-256 of the image file, CRC-32 of the float32 pixels
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclasses.dataclass(frozen=True)
class CacheReport:
  """What a pass over images did: how many rows were found intact, built anew, and replaced because of damage."""

  reused: int = 0
  built: int = 0
  repaired: int = 0

  def __add__(self, other: "CacheReport") -> "CacheReport":
    return CacheReport(self.reused + other.reused, self.built + other.built, self.repaired + other.repaired)


class ImageCache:
  """Images of one domain and size, decoded and resized on all usable cores, read back from disk.

  Attributes:
    image_shape: (height, width, channels).
    paths: the images, one for each row.
    rule: how they are resized.
    file: the array of rows.
  """

  def __init__(self, root: str | pathlib.Path, name: str, paths: Sequence[pathlib.Path],
               rule: preprocessing_lib.Preprocessing, num_workers: int | None = None,
               content: Callable[[int], bytes] | None = None):
    """Notes where the rows belong; nothing is read or written.

    Args:
      root: folder of all caches.
      name: of the domain; begins the name of the file.
      paths: all images of the domain; row i belongs to path i. Another listing has another file.
      rule: how images are resized; its other steps are left to the reader of the cache.
      num_workers: threads; None means one for each usable core.
      content: gives the image file of a row, where the paths only name images that lie in other files.
    """
    self.image_shape = rule.image_shape
    self.paths = tuple(paths)
    self.rule = rule
    self._content = content or self._read_file
    listing = "\n".join(f"{path.parent.name}/{path.name}" for path in paths)
    height, width, channels = rule.image_shape
    kind = f"{rule.fit}_turned" if rule.oriented else rule.fit
    folder = pathlib.Path(root) / f"{'resized' if kind == 'stretch' else kind}_{height}x{width}_v{FORMAT_VERSION}"
    self.file = folder / f"{name}_{hashlib.sha256(listing.encode()).hexdigest()[:12]}.images"
    self._row_bytes = _HEADER.size + 4 * height * width * channels
    self._num_workers = num_workers or cores.num_usable()
    self._digests: dict[int, bytes] = {}

  def digests(self, rows: Sequence[int]) -> list[bytes]:
    """SHA-256 of each image file; a file is read once in the life of the cache object."""
    missing = [row for row in rows if row not in self._digests]
    with futures.ThreadPoolExecutor(self._num_workers) as pool:
      self._digests |= zip(missing, pool.map(lambda row: hashlib.sha256(self._content(row)).digest(), missing))
    return [self._digests[row] for row in rows]

  def load(self, rows: Sequence[int]) -> np.ndarray:
    """float32 `[n, height, width, channels]` in [0, 1]; rows that are absent or damaged are built.

    Raises:
      DataError: an image cannot be decoded, or the cache cannot be written.
    """
    images = np.empty((len(rows), *self.image_shape), "<f4")
    self._fill(rows, images.__getitem__)
    return images.astype(np.float32, copy=False)

  def prepare(self, rows: Sequence[int], progress: Callable[[int], None] = lambda num_done: None) -> CacheReport:
    """Builds what is absent or damaged, keeping no image in memory.

    Args:
      rows: which images.
      progress: called with the number of images done since the last call.

    Raises:
      DataError: as `load`.
    """
    return self._fill(rows, lambda position: np.empty(self.image_shape, "<f4"), progress)

  def absent(self, rows: Sequence[int]) -> list[int]:
    """Those of the rows that no pass has built from the image files as they are now; pixels are not read."""
    self.digests(rows)
    return [row for row in rows if self._checksum(row) is None]

  def unreadable(self, rows: Sequence[int]) -> dict[int, image_decoding.UnreadableImage]:
    """What is wrong with those of the images that cannot be decoded; all others are in the cache afterwards.

    Raises:
      DataError: a file cannot be read, or the cache cannot be written.
    """
    found: dict[int, image_decoding.UnreadableImage] = {}

    def build(row):
      try:
        self._build(row)
      except image_decoding.UnreadableImage as error:
        found[row] = error
      return True

    if self.absent(rows):
      with self._locked():
        self._each(build, self.absent(rows))  # another process may have built some meanwhile
    return dict(sorted(found.items()))

  def _fill(self, rows, place, progress=lambda num_done: None) -> CacheReport:
    """Reads or builds every image into the array that `place(position)` returns."""
    def read(position):
      return self._read(rows[position], place(position))

    def build(position):
      place(position)[...] = self._build(rows[position])
      return True

    self.digests(rows)
    num_damaged, missing = 0, self._each(read, range(len(rows)), progress)
    if missing:
      with self._locked():
        missing = self._each(read, missing, progress)  # another process may have built them meanwhile
        damaged = [rows[position] for position in missing if self._checksum(rows[position]) is not None]
        for row in damaged:
          _LOG.warning("%s: the row of %s is damaged and is rebuilt.", self.file, self.paths[row])
        self._each(build, missing, progress)
        num_damaged = len(damaged)
    return CacheReport(len(rows) - len(missing), len(missing) - num_damaged, num_damaged)

  def _each(self, work: Callable[[int], bool], positions, progress=lambda num_done: None) -> list[int]:
    """Calls `work` for every position, on threads; returns the positions for which it was false."""
    # Pillow and SciPy release the interpreter lock, so threads use all cores without copying images between processes.
    with futures.ThreadPoolExecutor(self._num_workers) as pool:
      calls = {position: pool.submit(work, position) for position in positions}
      try:
        for call in calls.values():
          progress(int(call.result()))
      except BaseException:
        pool.shutdown(cancel_futures=True)
        raise
    return [position for position, call in calls.items() if not call.result()]

  def _checksum(self, row: int) -> int | None:
    """Checksum of the row's pixels, or None where the row is absent or of another version of the image."""
    if not self.file.exists():
      return None
    with self._opened("rb", row) as file:
      header = file.read(_HEADER.size)
    if len(header) < _HEADER.size:
      return None
    digest, checksum = _HEADER.unpack(header)
    return checksum if digest == self._digests[row] else None

  def _read(self, row: int, image: np.ndarray) -> bool:
    """Reads a row into `image`; whether it is there and intact."""
    checksum = self._checksum(row)
    if checksum is None:
      return False
    with self._opened("rb", row, _HEADER.size) as file:
      pixels = file.read(image.nbytes)
    if zlib.crc32(pixels) != checksum or len(pixels) != image.nbytes:
      return False
    image[...] = np.frombuffer(pixels, "<f4").reshape(self.image_shape)
    return True

  def _build(self, row: int) -> np.ndarray:
    path, content = self.paths[row], self._content(row)
    if hashlib.sha256(content).digest() != self._digests[row]:
      raise DataError(f"{path} was changed while it was in use: leave the data alone during a run, and start again.")
    image = prepared_images.resized(path, content, self.rule)
    pixels = np.ascontiguousarray(image, "<f4").tobytes()
    with self._opened("r+b", row, _HEADER.size) as file:
      file.write(pixels)
    with self._opened("r+b", row) as file:
      file.write(_HEADER.pack(self._digests[row], zlib.crc32(pixels)))
    return image

  @contextlib.contextmanager
  def _opened(self, mode: str, row: int, offset: int = 0) -> Iterator[IO[bytes]]:
    """The file, at some byte of a row; what the operating system refuses becomes a `DataError`."""
    try:
      with open(self.file, mode) as file:
        file.seek(row * self._row_bytes + offset)
        yield file
    except OSError as error:
      raise self._unusable(error) from error

  @contextlib.contextmanager
  def _locked(self) -> Iterator[None]:
    """Keeps other processes from building rows of this file."""
    lock = filelock.FileLock(self.file.with_suffix(".lock"))
    try:
      self.file.parent.mkdir(parents=True, exist_ok=True)
      lock.acquire()
      self.file.touch()
    except (OSError, NotImplementedError) as error:  # the second where the file system has no locks
      raise self._unusable(error) from error
    try:
      yield
    finally:
      lock.release()

  def _read_file(self, row: int) -> bytes:
    return sources.read_bytes(self.paths[row], image_decoding.MAX_BYTES, image_decoding.REMEDY)

  def _unusable(self, error: Exception) -> DataError:
    reason = "the disk is full" if getattr(error, "errno", None) in _NO_SPACE else str(error)
    return DataError(f"The image cache {self.file} cannot be used ({reason}); its {len(self.paths)} images take up to "
                     f"{len(self.paths) * self._row_bytes / 1e6:.0f} MB. Free the space or name another folder with "
                     "--cache_dir.")
