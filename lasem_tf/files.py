"""Files that appear complete or not at all, and that are never written through a planted link. No TensorFlow.

From a planted pipe, socket or device nothing is read either, as that might never end.
"""

import contextlib
import errno
import os
import pathlib
import secrets
import stat
import zipfile
from collections.abc import Iterator
from typing import IO

# Random, because process numbers are equal in containers that share a folder.
_UNFINISHED = ".unfinished-"


class PlantedError(OSError):
  """What belongs to a run is a symbolic link, or no file and no folder; the message names it and the remedy."""


@contextlib.contextmanager
def atomic(path: str | os.PathLike) -> Iterator[IO[bytes]]:
  """A file to write, which takes the name `path` once the block has ended and all of it is on disk.

  An error leaves whatever `path` was before. A symbolic link of that name is replaced, not followed.
  """
  path = pathlib.Path(path)
  temporary = path.with_name(f"{_UNFINISHED}{secrets.token_hex(16)}")
  # Exclusive creation follows no link either.
  descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
  try:
    with open(descriptor, "wb") as file:
      yield file
      file.flush()
      os.fsync(file.fileno())
    os.replace(temporary, path)
  except BaseException:
    temporary.unlink(missing_ok=True)
    raise
  _sync_directory(path.parent)


def write_atomically(path: str | os.PathLike, content: str | bytes) -> None:
  """Writes a file so that a reader sees all of it or none, even after a power cut; makes missing folders."""
  pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
  with atomic(path) as file:
    file.write(content.encode() if isinstance(content, str) else content)


def remove_unfinished(directory: str | os.PathLike) -> None:
  """Removes half-written files of killed processes; the caller must be the folder's only writer."""
  for path in pathlib.Path(directory).glob(f"{_UNFINISHED}*"):
    path.unlink(missing_ok=True)


def open_plain(path: str | os.PathLike, mode: str) -> IO[bytes]:
  """Opens a binary file, as `open` does, unless its last component is a symbolic link, a pipe, a socket or a device.

  Raises:
    PlantedError: it is one.
  """
  return _open(path, mode, os.O_NOFOLLOW)


def open_regular(path: str | os.PathLike) -> IO[bytes]:
  """Opens a file for reading, or the one that a symbolic link leads to.

  Raises:
    PlantedError: it is a pipe, a socket or a device.
  """
  return _open(path, "r", 0)


def refuse_planted(path: str | os.PathLike) -> None:
  """Raises PlantedError if it is a symbolic link, or neither file nor folder; it need not exist."""
  try:
    mode = os.lstat(path).st_mode
  except OSError:  # Not there, or not to be seen: whoever opens it says so.
    return
  if stat.S_ISLNK(mode):
    raise PlantedError(_link_message(path))
  if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
    raise PlantedError(_special_message(path))


def refuse_compressed(archive: IO[bytes]) -> None:
  """Refuses an archive of arrays that NumPy would read into more memory than the file is long; then rewinds it.

  Raises:
    ValueError: a member is compressed, which no program of this package does, or members overlap.
    zipfile.BadZipFile: it is no archive.
  """
  size = archive.seek(0, os.SEEK_END)
  with zipfile.ZipFile(archive) as members:
    if any(member.compress_type != zipfile.ZIP_STORED for member in members.infolist()) or sum(
        member.file_size for member in members.infolist()) > size:
      raise ValueError("compressed")
  archive.seek(0)


def is_inside(path: str | os.PathLike, folder: str | os.PathLike) -> bool:
  """Whether a path, which need not exist, lies below a folder once all links of both are followed."""
  return pathlib.Path(path).resolve().is_relative_to(pathlib.Path(folder).resolve())


def _open(path: str | os.PathLike, mode: str, flags: int) -> IO[bytes]:
  def opener(name: str, usual: int) -> int:
    # Without O_NONBLOCK, a pipe is opened only once another process opens its other end.
    descriptor = os.open(name, usual | flags | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
    kind = os.fstat(descriptor).st_mode
    if not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
      os.close(descriptor)
      raise PlantedError(_special_message(path))
    return descriptor

  try:
    return open(path, f"{mode}b", opener=opener)
  except OSError as error:
    if error.errno == errno.ELOOP and flags & os.O_NOFOLLOW:
      raise PlantedError(_link_message(path)) from error
    if error.errno == errno.ENXIO:  # A socket, or a pipe that nobody reads.
      raise PlantedError(_special_message(path)) from error
    raise


def _link_message(path: str | os.PathLike) -> str:
  return f"{os.fspath(path)} is a symbolic link, which is not written through. Remove the link, then start again."


def _special_message(path: str | os.PathLike) -> str:
  return (f"{os.fspath(path)} is a pipe, a socket or a device, from which a run would wait for ever. Remove it, then "
          "start again.")


def _sync_directory(directory: pathlib.Path) -> None:
  descriptor = os.open(directory, os.O_RDONLY)
  try:
    os.fsync(descriptor)
  finally:
    os.close(descriptor)
