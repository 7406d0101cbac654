"""The folder of a suite: checked, cleared where that is asked for, and claimed before anything is trained."""

import contextlib
import fcntl
import os
import pathlib
import secrets
import shutil
from collections.abc import Iterator, Sequence

import filelock

from benchmark.execution import run_folder, tuned
from benchmark.execution.settings import Settings
from benchmark.results import run_files
from benchmark.results.record_schema import RecordError
from benchmark.suites import suite
from benchmark.suites.bindings import ConfigurationError
from lasem_tf import files

LOCK_FILE = "suite.lock"  # Held while a suite prepares its runs, so that of two suites one sees the other's claims.
_SECONDS_TO_WAIT = 120.0
_CLAIM_FILES = {run_files.IDENTITY_FILE, run_files.LOCK_FILE}


def prepare(runs: Sequence[suite.Run], settings: Settings, overwrite: bool) -> dict[suite.Run, str]:
  """Checks that the folder can be written and locked, and claims it for the runs.

  Args:
    runs: that are to be trained.
    settings: where.
    overwrite: delete runs of another configuration, unless another process trains them.

  Returns:
    Why the record of a run cannot be used, by run; the others were claimed.

  Raises:
    ConfigurationError: the folder cannot be used; the message says what to do. No run was deleted or claimed, except
      where another process took a run up at the same moment.
  """
  _check_usable(settings.output_dir)
  _refuse_planted(pathlib.Path(settings.output_dir))
  lock = filelock.FileLock(os.path.join(settings.output_dir, LOCK_FILE), timeout=_SECONDS_TO_WAIT)
  try:
    with lock:
      return _prepare(runs, settings, overwrite)
  except filelock.Timeout as error:
    raise ConfigurationError(f"--output_dir={settings.output_dir}: another suite has been preparing its runs there for "
                             f"{_SECONDS_TO_WAIT:.0f} s. Wait for it, or name another folder.") from error


def release(runs: Sequence[suite.Run], settings: Settings) -> None:
  """Takes back the claims on runs that were never begun, so that they may be begun with other settings."""
  for run in runs:
    directory = settings.run_dir(run)
    if not directory.is_dir() or not {path.name for path in directory.iterdir()} <= _CLAIM_FILES:
      continue
    try:
      with run_folder.locked(directory, 0.0, lambda: False):
        if {path.name for path in directory.iterdir()} <= _CLAIM_FILES:
          (directory / run_files.IDENTITY_FILE).unlink(missing_ok=True)
    except (OSError, filelock.Timeout):
      continue  # Another process begins this run, or the folder is gone.


def _refuse_planted(folder: pathlib.Path) -> None:
  """Refuses links, pipes and their like in the place of what a suite writes beside its runs; see also `run_folder`."""
  tuning = folder / tuned.FOLDER
  for path in (folder / LOCK_FILE, tuning, *(tuning.iterdir() if tuning.is_dir() else ())):
    try:
      files.refuse_planted(path)
    except files.PlantedError as error:
      raise ConfigurationError(str(error)) from error


def _check_usable(output_dir: str) -> None:
  """Writes, syncs and locks a file of random name: some network file systems offer no locks."""
  probe = pathlib.Path(output_dir, f".probe-{secrets.token_hex(8)}")
  try:
    pathlib.Path(output_dir).mkdir(parents=True, exist_ok=True)
    with open(probe, "xb") as file:
      file.write(b"x" * 4096)
      file.flush()
      os.fsync(file.fileno())
      try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
      except OSError as error:
        raise ConfigurationError(
            f"--output_dir={output_dir} lies on a file system without file locks ({error.strerror}), so nothing would "
            "keep two processes from training the same run: name a folder on another, such as a local disk, or have "
            "it mounted with locks (for Lustre, -o flock).") from error
  except OSError as error:
    raise ConfigurationError(f"--output_dir={output_dir} cannot be written ({error.strerror}): make room or get "
                             "permission, or name another.") from error
  finally:
    with contextlib.suppress(OSError):
      probe.unlink()


def _prepare(runs: Sequence[suite.Run], settings: Settings, overwrite: bool) -> dict[suite.Run, str]:
  foreign, damaged = [], {}
  for run in runs:
    run_folder.refuse_planted(settings, run)
    try:
      run_folder.check_configuration(settings.run_dir(run), run)
    except run_folder.OtherConfigurationError:
      if not overwrite:
        raise
      foreign.append(run)
    except RecordError as error:  # One run's record must not end the others.
      damaged[run] = str(error)
  for run in foreign:  # Nothing is deleted while one of these is being trained.
    with _locked(settings.run_dir(run)):
      pass
  for run in foreign:
    with _locked(settings.run_dir(run)):
      _clear(settings.run_dir(run))
  for run in runs:
    directory = settings.run_dir(run)
    is_known = any((directory / name).exists() for name in (run_files.IDENTITY_FILE, run_files.RECORD_FILE))
    if run not in damaged and not is_known:
      run_folder.claim(directory, run)
  return damaged


@contextlib.contextmanager
def _locked(directory: pathlib.Path) -> Iterator[None]:
  try:
    with run_folder.locked(directory, 0.0, lambda: False):
      yield
  except filelock.Timeout as error:
    raise ConfigurationError(f"{directory} holds a run of another configuration that another process is training: stop "
                             "that first, or choose another --output_dir.") from error


def _clear(directory: pathlib.Path) -> None:
  """Deletes everything but the lock, for which somebody may be waiting."""
  for path in directory.iterdir():
    if path.is_dir():
      shutil.rmtree(path)
    elif path.name != run_files.LOCK_FILE:
      path.unlink()
