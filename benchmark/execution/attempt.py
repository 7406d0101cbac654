"""One attempt at a run inside a worker, whichever engine started it.

What it prints goes to the run's log, its errors go to its record.
"""

import contextlib
import dataclasses
import datetime
import errno
import os
import pathlib
import platform
import traceback
from collections.abc import Callable, Iterator

import filelock

from benchmark.execution import run_folder, run_once, standard_streams
from benchmark.execution.outcome import Outcome
from benchmark.execution.settings import Settings
from benchmark.results import run_files, texts
from benchmark.results.status import Status
from benchmark.suites import suite
from lasem_tf.training import events
from lasem_tf.training.interruption import Interrupted

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


def attempt(run: suite.Run, settings: Settings, report: Callable[[events.Event], None],
            should_stop: Callable[[], bool]) -> Outcome:
  """Executes a run and turns whatever happens into an outcome.

  The run's folder is claimed from the first look into it until the record, of success or failure, is written.

  Args:
    run: what to train.
    settings: see there.
    report: takes the run's events; must not fail, whether or not anybody listens.
    should_stop: asked between steps.
  """
  try:
    with run_folder.claimed(settings, run, should_stop) as claim:
      return _attempt_claimed(run, settings, report, should_stop, claim)
  except Interrupted:
    return Outcome(Status.INTERRUPTED)
  except filelock.Timeout:
    return Outcome(Status.LOCKED)
  except Exception as error:  # The folder is not this run's, or cannot be written: no record is.
    return Outcome(Status.FAILED, _reason(error, settings.run_dir(run)))


def record_loss(run: suite.Run, settings: Settings, reason: str) -> Outcome:
  """Records the failure of a run whose process is gone, unless another process trains the run by now."""
  try:
    with run_folder.claimed(dataclasses.replace(settings, lock_seconds=0.0), run, lambda: False):
      if (finished := run_folder.finished_record(settings.run_dir(run), run)) is not None:
        return Outcome(Status(finished.status), finished.result["reason"])
      return _record_failure(run, settings, reason)
  except filelock.Timeout:
    return Outcome(Status.LOCKED)
  except Exception as error:  # As above.
    return Outcome(Status.FAILED, f"{reason} {_reason(error, settings.run_dir(run))}")


def _attempt_claimed(run: suite.Run, settings: Settings, report: Callable[[events.Event], None],
                     should_stop: Callable[[], bool], claim: run_folder.Claim) -> Outcome:
  try:
    with _logged(settings.run_dir(run) / run_files.LOG_FILE):
      record = run_once.train(run, settings, report, should_stop, claim)
    return Outcome(Status(record.status), record.result["reason"])
  except Interrupted:
    raise
  except Exception as error:
    # One run's failure must not end the suite: it is recorded, shown in the table, and tried again next time.
    claim.check()
    return _record_failure(run, settings, _reason(error, settings.run_dir(run)), traceback.format_exc())


def _record_failure(run: suite.Run, settings: Settings, reason: str, details: str = "") -> Outcome:
  """Writes the record of a run that failed, in a claimed folder; adds to the reason if not even that is possible."""
  try:
    if details:
      (settings.run_dir(run) / run_files.FAILURE_FILE).write_text(details, encoding="utf-8")
    run_once.failed_record(run, settings, reason)
  except OSError as error:
    return Outcome(Status.FAILED, f"{reason} Its record could not be written either ({error.strerror}).")
  return Outcome(Status.FAILED, reason)


def _reason(error: Exception, run_dir: pathlib.Path) -> str:
  if isinstance(error, OSError) and error.errno in _NO_ROOM:
    return (f"Writing to {run_dir} failed ({error.strerror}); the last checkpoint is intact. Make room "
            "or make it writable, then start the same command again to go on from there.")
  if isinstance(error, (run_folder.ForeignFolderError, run_folder.FolderLostError)):
    return str(error)
  return texts.printable(f"{type(error).__name__}: {' '.join(str(error).split())[:400]}")


@contextlib.contextmanager
def _logged(path: pathlib.Path) -> Iterator[None]:
  """Appends all that this process writes to standard output and error to a file, libraries' own notes included."""
  standard_streams.flush()
  kept = [os.dup(descriptor) for descriptor in (1, 2)]
  try:
    with open(path, "ab", buffering=0) as log:
      now = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
      log.write(f"--- {now}, {platform.node()}, process {os.getpid()}\n".encode())
      for descriptor in (1, 2):
        os.dup2(log.fileno(), descriptor)
    yield
  finally:
    standard_streams.flush()
    for descriptor, original in zip((1, 2), kept):
      os.dup2(original, descriptor)
      os.close(original)
