"""Shows runs that train elsewhere: reads the events that they write to the shared folder."""

import json
import os
import pathlib

from benchmark.execution.display import Display
from benchmark.execution.settings import Settings
from benchmark.results import run_files
from benchmark.suites import suite

_TAIL_BYTES = 8192  # Longer than any event.


class Watch:
  """Follows runs by their event files and tells a display what is new."""

  def __init__(self, settings: Settings, display: Display):
    """Follows no run yet."""
    self._settings, self._display = settings, display
    self._seen: dict[str, int] = {}  # Size of the events when last looked at, of runs in the cluster.
    self._begun: set[str] = set()
    self._runs: dict[str, suite.Run] = {}

  def add(self, run: suite.Run) -> None:
    """A run was handed to the cluster. What an earlier process wrote of it is no sign of life."""
    self._runs[run.identity] = run
    self._seen[run.identity] = self._size(run)

  def has_begun(self, run: suite.Run) -> bool:
    """Whether a sign of life was seen."""
    return run.identity in self._begun

  def look(self) -> None:
    """Passes on the newest event of every run that wrote some."""
    for run in self._runs.values():
      size = self._size(run)
      if size == self._seen[run.identity]:
        continue
      self._seen[run.identity] = size
      self._begin(run)
      event = self._last_event(run)
      if event is not None:
        self._display.event(run.identity, event)

  def remove(self, run: suite.Run, status: str, reason: str | None) -> None:
    """A run ended."""
    self._begin(run)
    self._display.end(run.identity, status, reason)
    self._begun.discard(run.identity)
    del self._runs[run.identity], self._seen[run.identity]

  def _begin(self, run: suite.Run) -> None:
    if run.identity not in self._begun:
      self._begun.add(run.identity)
      self._display.begin(run.identity)

  def _path(self, run: suite.Run) -> pathlib.Path:
    return self._settings.run_dir(run) / run_files.EVENTS_FILE

  def _size(self, run: suite.Run) -> int:
    try:
      return os.path.getsize(self._path(run))
    except OSError:  # Not there yet, or a network file system that fails for a moment: only the display waits for it.
      return 0

  def _last_event(self, run: suite.Run) -> dict | None:
    """The last complete epoch near the end of the file; None if there is none."""
    try:
      with open(self._path(run), "rb") as file:
        file.seek(max(0, self._size(run) - _TAIL_BYTES))
        lines = file.read().split(b"\n")
    except OSError:  # As above.
      return None
    for line in reversed(lines[:-1]):
      try:
        event = json.loads(line)
      except ValueError:
        continue  # The beginning of this line is further up.
      if isinstance(event, dict) and event.get("event") == "epoch":
        return event
    return None
