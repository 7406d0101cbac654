"""Standard streams that never fail: what a program does must not depend on anybody reading what it prints.

A stream that was closed before the program started, whose reader has ended, or whose terminal is gone leads nowhere
from then on. Characters that its encoding lacks are replaced.
"""

import errno
import io
import os
import sys

_ERRORS = {"stdout": "replace", "stderr": "backslashreplace"}


class _NeverFailing(io.TextIOWrapper):
  """A text stream whose file descriptor is turned to the null device once writing to it has failed.

  Attributes:
    lost: why it failed; None while it has not, or if its reader ended.
  """

  lost: OSError | None = None

  def write(self, text: str) -> int:
    """See `io.TextIOBase`."""
    try:
      return super().write(text)
    except OSError as error:
      self._give_up(error)
      return len(text)

  def flush(self) -> None:
    """See `io.TextIOBase`."""
    try:
      super().flush()
    except OSError as error:
      self._give_up(error)
      super().flush()

  def _give_up(self, error: OSError) -> None:
    if error.errno != errno.EPIPE:
      self.lost = OSError(error.errno, error.strerror, "standard output")
    _to_null_device(self.fileno())


def secure() -> None:
  """Opens the standard streams that are closed, and replaces `sys.stdout` and `sys.stderr` by ones that never fail.

  Streams that somebody put in their place (a test, a notebook) are left alone.
  """
  for descriptor in (0, 1, 2):
    try:
      os.fstat(descriptor)
    except OSError:
      # Left closed, the next file that is opened would get its number, and with it what is printed.
      _to_null_device(descriptor)
  for descriptor, name in ((1, "stdout"), (2, "stderr")):
    stream = getattr(sys, name)
    if stream is not getattr(sys, f"__{name}__") or isinstance(stream, _NeverFailing):
      continue
    if stream is not None:
      _flush(stream)
    secured = _NeverFailing(
        open(descriptor, "wb", closefd=False),  # noqa: SIM115  lives as long as the process
        encoding=stream.encoding if stream is not None else "utf-8", errors=_ERRORS[name],
        line_buffering=name == "stderr" or os.isatty(descriptor))
    setattr(sys, name, secured)
    setattr(sys, f"__{name}__", secured)


def check_output() -> None:
  """Raises OSError if what was printed to standard output is lost, for programs of which that is all the work.

  A reader that ended early, or an output that was closed before, has all that it asked for.
  """
  flush()
  if isinstance(sys.stdout, _NeverFailing) and sys.stdout.lost is not None:
    raise sys.stdout.lost


def flush() -> None:
  """Flushes standard output and error, whatever state they are in."""
  for stream in (sys.stdout, sys.stderr):
    if stream is not None:
      _flush(stream)


def _flush(stream) -> None:
  try:
    stream.flush()
  except (OSError, ValueError):
    return  # Nobody reads it, or it is closed: what is lost was for the reader alone.


def _to_null_device(descriptor: int) -> None:
  null = os.open(os.devnull, os.O_RDWR)
  if null == descriptor:
    os.set_inheritable(descriptor, True)
    return
  os.dup2(null, descriptor)
  os.close(null)
