"""Signals as requests to stop: every run in progress writes a checkpoint and ends."""

import signal
import types
from typing import Any

_NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequest:
  """Turns the first SIGINT, SIGTERM or SIGHUP into a request to stop; a second signal ends at once.

  Attributes:
    signal_number: of the first signal, or None.
  """

  def __init__(self) -> None:
    """Takes the signals over when entered."""
    self.signal_number: int | None = None
    self._previous: dict[int, Any] = {}

  def __enter__(self) -> "StopRequest":
    for number in _NUMBERS:
      # Whoever starts a program with `nohup` wants it to outlive the terminal.
      if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
        self._previous[number] = signal.signal(number, self._handle)
    return self

  def __exit__(self, *_) -> None:
    for number, handler in self._previous.items():
      signal.signal(number, handler)

  def _handle(self, number: int, frame: types.FrameType | None) -> None:
    del frame
    if self.signal_number is not None:
      raise KeyboardInterrupt
    self.signal_number = number


def leave_to_parent() -> None:
  """Ignores the signals that a terminal sends to the whole process group; only the parent decides what they mean."""
  signal.signal(signal.SIGINT, signal.SIG_IGN)
  signal.signal(signal.SIGHUP, signal.SIG_IGN)
