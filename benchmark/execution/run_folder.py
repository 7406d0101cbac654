"""What lies in a run's folder: which run it belongs to, and whether a run may go on there."""

import contextlib
import json
import pathlib
import time
from collections.abc import Callable, Iterator

import filelock

from benchmark.results import records, run_files
from benchmark.suites import suite
from benchmark.suites.bindings import ConfigurationError
from lasem_tf.training.interruption import Interrupted

_SECONDS_BETWEEN_TRIES = 0.2


def read_claim(directory: pathlib.Path) -> dict:
  """What `claim` wrote: identity, configuration hash and design seed.

  Raises:
    ConfigurationError: it is missing or damaged.
  """
  path = directory / run_files.IDENTITY_FILE
  try:
    content = json.loads(path.read_text(encoding="utf-8"))
    return {name: content[name] for name in ("identity", "configuration_hash", "design_seed")}
  except (OSError, ValueError, KeyError, TypeError) as error:
    raise ConfigurationError(f"{path} is missing or damaged ({error}): delete {directory} to train the run "
                             "again.") from error


def claim(directory: pathlib.Path, run: suite.Run) -> None:
  """Marks a folder as belonging to a run."""
  content = {"identity": run.identity, "configuration_hash": run.configuration_hash, "design_seed": run.design_seed}
  records.write_atomically(directory / run_files.IDENTITY_FILE, json.dumps(content, indent=1) + "\n")


def finished_record(directory: pathlib.Path, run: suite.Run) -> records.Record | None:
  """The record of a run that needs no more training; None if there is none, or the run failed and is tried again.

  Raises:
    ConfigurationError: the record is that of another run.
    RecordError: it cannot be used.
  """
  if not (directory / run_files.RECORD_FILE).exists():
    return None
  record = records.read_record(directory)
  _check_identity(directory, record.identity, run)
  return None if record.status == "failed" else record


def is_of_another_configuration(directory: pathlib.Path, run: suite.Run) -> bool:
  """Whether the folder holds this run, but trained with another configuration.

  Raises:
    ConfigurationError: it holds a run of another identity, copied there, or cannot be read.
    RecordError: its record cannot be used.
  """
  found = set()
  if (directory / run_files.IDENTITY_FILE).exists():
    content = read_claim(directory)
    _check_identity(directory, content["identity"], run)
    found.add(content["configuration_hash"])
  if (directory / run_files.RECORD_FILE).exists():
    record = records.read_record(directory)
    _check_identity(directory, record.identity, run)
    found.add(record.result["configuration_hash"])
  return bool(found - {run.configuration_hash})


def _check_identity(directory: pathlib.Path, identity: str, run: suite.Run) -> None:
  if identity != run.identity:
    raise ConfigurationError(f"{directory} holds run {identity}, not {run.identity}: it was copied or moved from "
                             "elsewhere. Move it back, or delete it to train the run here.")


@contextlib.contextmanager
def locked(directory: pathlib.Path, seconds: float, should_stop: Callable[[], bool]) -> Iterator[None]:
  """Holds the run's lock, which the system frees when this process dies however it dies.

  Whoever holds it may be about to end: a worker whose parent was killed still writes its checkpoint. It is waited for.

  Args:
    directory: of the run.
    seconds: longest wait.
    should_stop: asked while waiting.

  Raises:
    filelock.Timeout: another process still trains the run.
    Interrupted: `should_stop` was true while waiting.
  """
  lock = filelock.FileLock(str(directory / run_files.LOCK_FILE))
  deadline = time.monotonic() + seconds
  while True:
    try:
      lock.acquire(timeout=0)
      break
    except filelock.Timeout:
      if should_stop():
        raise Interrupted from None
      if time.monotonic() >= deadline:
        raise
      time.sleep(_SECONDS_BETWEEN_TRIES)
  try:
    yield
  finally:
    lock.release()
