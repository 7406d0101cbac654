"""One attempt at a run inside a worker, whichever engine started it.

What it prints goes to the run's log, its errors go to its record.
"""

import contextlib
import datetime
import errno
import os
import pathlib
import sys
import traceback
from collections.abc import Callable

import filelock

from benchmark.execution import run_once
from benchmark.execution.outcome import Outcome
from benchmark.execution.settings import Settings
from benchmark.results import run_files
from benchmark.suites import suite
from lasem_tf.training import events
from lasem_tf.training.interruption import Interrupted

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


def attempt(run: suite.Run, settings: Settings, report: Callable[[events.Event], None],
            should_stop: Callable[[], bool]) -> Outcome:
  """Executes a run and turns whatever happens into a status.

  Args:
    run: what to train.
    settings: see there.
    report: takes the run's events; if it raises EOFError or a ConnectionError, nobody listens any more, and so does this.
    should_stop: asked between steps.

  """
  try:
    with _logged(settings.run_dir(run) / run_files.LOG_FILE):
      record = run_once.execute(run, settings, report, should_stop)
    return Outcome(record.status, record.result["reason"])
  except Interrupted:
    return Outcome("interrupted")
  except filelock.Timeout:
    return Outcome("locked")
  except (EOFError, ConnectionError):
    raise
  except Exception as error:
    # One run's failure must not end the suite: it is recorded, shown in the table, and tried again next time.
    return Outcome("failed", record_failure(run, settings, _reason(error, settings.run_dir(run)), traceback.format_exc()))


def record_failure(run: suite.Run, settings: Settings, reason: str, details: str = "") -> str:
  """Writes the record of a run that failed; returns the reason, with a remark if not even that could be written."""
  try:
    if details:
      (settings.run_dir(run) / run_files.FAILURE_FILE).write_text(details, encoding="utf-8")
    run_once.failed_record(run, settings, reason)
  except OSError as error:
    return f"{reason} Its record could not be written either ({error.strerror})."
  return reason


def _reason(error: Exception, run_dir: pathlib.Path) -> str:
  if isinstance(error, OSError) and error.errno in _NO_ROOM:
    return (f"Writing to {run_dir} failed ({error.strerror}); the last checkpoint is intact. Make room "
            "or make it writable, then start the same command again to go on from there.")
  return f"{type(error).__name__}: {' '.join(str(error).split())[:400]}"


@contextlib.contextmanager
def _logged(path: pathlib.Path):
  """Appends all that this process writes to standard output and error to a file, libraries' own notes included."""
  path.parent.mkdir(parents=True, exist_ok=True)
  _flush()
  kept = [os.dup(descriptor) for descriptor in (1, 2)]
  try:
    with open(path, "ab", buffering=0) as log:
      now = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
      log.write(f"--- {now}, process {os.getpid()}\n".encode())
      for descriptor in (1, 2):
        os.dup2(log.fileno(), descriptor)
    yield
  finally:
    _flush()
    for descriptor, original in zip((1, 2), kept):
      os.dup2(original, descriptor)
      os.close(original)


def _flush() -> None:
  for stream in (sys.stdout, sys.stderr):
    with contextlib.suppress(OSError, ValueError):  # A log that cannot be written ends no run.
      stream.flush()
