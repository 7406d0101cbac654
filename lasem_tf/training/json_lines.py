"""A sink that writes one JSON object a line."""

import json
import os
from typing import IO

from lasem_tf import files
from lasem_tf.training import checkpoints, events


class JsonLinesSink:
  """Appends events to a file; a resumed run first truncates it after its checkpoint."""

  name = "json_lines"

  def __init__(self, path: str | os.PathLike):
    """Opens nothing yet.

    Args:
      path: the file, usually 'events.jsonl' in the run's directory.
    """
    self._path = path
    self._file: IO[bytes] | None = None

  def emit(self, event: events.Event) -> None:
    """See `events.Sink`."""
    file = self._open()
    file.write((json.dumps(event.to_json()) + "\n").encode())
    file.flush()

  def position(self) -> int:
    """Bytes written, all of them on disk."""
    file = self._open()
    file.flush()
    os.fsync(file.fileno())
    return file.tell()

  def restore(self, position: int | None) -> None:
    """See `events.Sink`."""
    file = self._open()
    position = position or 0
    if os.fstat(file.fileno()).st_size < position:
      raise checkpoints.CheckpointError(
          f"{self._path} is shorter than the run's checkpoint says ({position} bytes): it was edited or damaged. "
          "Delete the run's folder to train the run again.")
    file.truncate(position)
    file.seek(position)

  def close(self) -> None:
    """See `events.Sink`."""
    if self._file is not None:
      self._file.close()
      self._file = None

  def _open(self) -> IO[bytes]:
    if self._file is None:
      os.makedirs(os.path.dirname(self._path) or ".", exist_ok=True)
      self._file = files.open_plain(self._path, "a")
    return self._file
