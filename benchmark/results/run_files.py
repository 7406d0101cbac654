"""Files of runs and reports: their names, where they lie, and how they are read."""

import contextlib
import errno
import hashlib
import os
import pathlib
import re
from collections.abc import Iterator

from benchmark.results.record_schema import RecordError

RECORD_FILE = "record.json"          # Result and provenance of a finished run.
IDENTITY_FILE = "run.json"           # Which run the folder belongs to, from its first moment.
REQUESTED_FILE = "requested.gin"     # All bindings, as given.
OPERATIVE_FILE = "operative.gin"     # The values used, defaults included.
EVENTS_FILE = "events.jsonl"         # The course of the training.
PREDICTIONS_FILE = "predictions.npz"  # Logits of the test images, see `lasem_tf.training.predictions`.
LOG_FILE = "run.log"                 # What the process and its libraries wrote.
FAILURE_FILE = "failure.txt"         # The traceback of a failed run.
LOCK_FILE = "run.lock"
MODEL_FOLDER = "model"               # The final weights and what is needed to use them.
COLLECTION_FILE = "records.jsonl"    # The records of many runs, one a line.
DETAILS_FILE = "details.jsonl"       # Their courses, one a line.
SUMMARIES_FILE = "predictions.jsonl"  # What their predictions say, one a line.
_OF_A_RUN = {"checkpoints", "tensorboard", MODEL_FOLDER}  # Folders beside a record, which hold no further records.
_MAX_STEM = 120


def file_name(*parts: str) -> str:
  """A file name made of the parts: letters, digits, dots and hyphens, at most 129 characters.

  A digest is added where these do not tell the parts from all others.
  """
  name = "-".join(re.sub(r"[^A-Za-z0-9.]+", "_", part).strip("_") for part in parts)
  if len(name) <= _MAX_STEM and all(re.fullmatch(r"[A-Za-z0-9.]+(_[A-Za-z0-9.]+)*", part) for part in parts):
    return name
  return f"{name[:_MAX_STEM]}-{hashlib.sha256('/'.join(parts).encode()).hexdigest()[:8]}"


def find(folder: pathlib.Path) -> Iterator[pathlib.Path]:
  """The record and collection files in and below a folder, in a fixed order; a file is itself the only one.

  Symbolic links to folders are followed, each folder once.

  Raises:
    OSError: a folder cannot be read, or a link leads nowhere: results may be missing.
  """
  if folder.is_file():
    yield folder
  if not folder.is_dir():
    return
  seen = set()
  for directory, names, files in os.walk(folder, onerror=_raise, followlinks=True):
    status = os.stat(directory)
    if (status.st_dev, status.st_ino) in seen:
      names.clear()
      continue
    seen.add((status.st_dev, status.st_ino))
    # Real folders before links, so that a folder which is also linked is found by its own path.
    names.sort(key=lambda name: (os.path.islink(os.path.join(directory, name)), name))
    if RECORD_FILE in files:
      names[:] = [name for name in names if name not in _OF_A_RUN]
    else:
      _check_links(pathlib.Path(directory), files)
    yield from (pathlib.Path(directory, name) for name in (RECORD_FILE, COLLECTION_FILE) if name in files)


def read_text(path: pathlib.Path) -> str:
  """A text file in UTF-8, with or without a byte order mark.

  Raises:
    RecordError: it cannot be read, or holds another encoding.
  """
  with _readable(path):
    return path.read_text(encoding="utf-8-sig")


def read_lines(path: pathlib.Path) -> Iterator[tuple[str, str]]:
  """(place for messages, line) of a text file, without blank lines; as `read_text`, line by line."""
  with _readable(path), open(path, encoding="utf-8-sig") as file:
    for number, line in enumerate(file, start=1):
      if line.strip():
        yield f"{path}, line {number}", line


@contextlib.contextmanager
def _readable(path: pathlib.Path) -> Iterator[None]:
  if path.exists() and not path.is_file():  # From a pipe nothing might ever come.
    raise RecordError(f"{path}: cannot be read (it is no file).")
  try:
    yield
  except UnicodeDecodeError as error:
    raise RecordError(f"{path}: not UTF-8 ({error.reason} at byte {error.start}). Save it in that encoding.") from error
  except OSError as error:
    raise RecordError(f"{path}: cannot be read ({error.strerror}).") from error


def _check_links(directory: pathlib.Path, files: list[str]) -> None:
  """Among the files that `os.walk` names are links that it cannot follow: folders of results may be behind them."""
  for path in (directory / name for name in files):
    if path.is_symlink() and not path.exists():
      raise FileNotFoundError(errno.ENOENT, "a symbolic link that leads nowhere: restore its target or delete the link",
                              str(path))


def _raise(error: OSError) -> None:
  raise error
