"""Files that appear complete or not at all, and that are never written through a planted link. No TensorFlow."""

import contextlib
import errno
import os
import pathlib
import secrets
from collections.abc import Iterator
from typing import IO

# Random, because process numbers are equal in containers that share a folder.
_UNFINISHED = ".unfinished-"


class LinkError(OSError):
  """A file or folder that belongs to a run is a symbolic link; the message names it and the remedy."""


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
  """Opens a binary file, as `open` does, unless its last component is a symbolic link.

  Raises:
    LinkError: it is one.
  """
  def opener(name: str, flags: int) -> int:
    return os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)

  try:
    return open(path, f"{mode}b", opener=opener)
  except OSError as error:
    if error.errno == errno.ELOOP:
      raise LinkError(_message(path)) from error
    raise


def refuse_link(path: str | os.PathLike) -> None:
  """Raises LinkError if the file or folder is a symbolic link; it need not exist."""
  if os.path.islink(path):
    raise LinkError(_message(path))


def is_inside(path: str | os.PathLike, folder: str | os.PathLike) -> bool:
  """Whether a path, which need not exist, lies below a folder once all links of both are followed."""
  return pathlib.Path(path).resolve().is_relative_to(pathlib.Path(folder).resolve())


def _message(path: str | os.PathLike) -> str:
  return f"{os.fspath(path)} is a symbolic link, which is not written through. Remove the link, then start again."


def _sync_directory(directory: pathlib.Path) -> None:
  descriptor = os.open(directory, os.O_RDONLY)
  try:
    os.fsync(descriptor)
  finally:
    os.close(descriptor)
