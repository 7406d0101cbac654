"""A run's folder: which run it belongs to, and the claim that one process holds while it trains there."""

import contextlib
import json
import os
import pathlib
import time
from collections.abc import Callable, Iterator

import filelock

from benchmark.execution.settings import Settings
from benchmark.results import differences, gin_texts, records, run_files
from benchmark.results.status import Status
from benchmark.suites import bindings, suite
from benchmark.suites.bindings import ConfigurationError
from lasem_tf import files
from lasem_tf.training.interruption import Interrupted

_SECONDS_BETWEEN_TRIES = 0.2


class ForeignFolderError(ConfigurationError):
  """The folder is not this run's: nothing may be written there, the record of a failure included."""


class OtherConfigurationError(ForeignFolderError):
  """The folder holds this run, trained with another configuration."""


class FolderLostError(RuntimeError):
  """The folder was removed or replaced while its run was trained: there is nowhere to write a record."""


def read_claim(directory: pathlib.Path) -> dict:
  """What `claim` wrote: identity, configuration hash and design seed.

  Raises:
    ConfigurationError: it is missing or damaged.
  """
  path = directory / run_files.IDENTITY_FILE
  try:
    content = json.loads(run_files.read_text(path))
    found = {name: content[name] for name in ("identity", "configuration_hash", "design_seed")}
    if not all(isinstance(found[name], str) for name in ("identity", "configuration_hash")):
      raise TypeError("it names no run")
    return found
  except (records.RecordError, ValueError, KeyError, TypeError, RecursionError) as error:
    raise ConfigurationError(f"{path} is missing or damaged ({error}): delete {directory} to train the run "
                             "again.") from error


def claim(directory: pathlib.Path, run: suite.Run) -> None:
  """Marks a folder as belonging to a run and its configuration."""
  content = {"identity": run.identity, "configuration_hash": run.configuration_hash, "design_seed": run.design_seed}
  files.write_atomically(directory / run_files.IDENTITY_FILE, json.dumps(content, indent=1) + "\n")


def finished_record(directory: pathlib.Path, run: suite.Run) -> records.Record | None:
  """The record of a run that needs no more training; None if there is none, or the run failed and is tried again.

  Raises:
    ForeignFolderError: the record is that of another run.
    RecordError: it cannot be used.
  """
  if not (directory / run_files.RECORD_FILE).exists():
    return None
  record = records.read_record(directory)
  _check_identity(directory, record.identity, run)
  return None if record.status == Status.FAILED else record


def is_of_another_configuration(directory: pathlib.Path, run: suite.Run) -> bool:
  """Whether the folder holds this run, but trained with another configuration.

  Raises:
    ForeignFolderError: it holds a run of another identity, copied there.
    ConfigurationError: it cannot be read.
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
    raise ForeignFolderError(f"{directory} holds run {identity}, not {run.identity}: it was copied or moved from "
                             "elsewhere. Move it back, or delete it to train the run here.")


def refuse_planted(settings: Settings, run: suite.Run) -> None:
  """Refuses what is neither file nor folder in a run's folder and on the way to it from the output folder.

  Whoever can write to a shared output folder could else have a log, or what a clean-up deletes, lie anywhere, through
  symbolic links; or have a run wait for ever for a pipe.

  Raises:
    ForeignFolderError: there is such a thing.
  """
  directory = settings.run_dir(run)
  way = [directory, *directory.parents][:len(directory.parts) - len(pathlib.Path(settings.output_dir).parts)]
  for path in (*reversed(way), *_entries(directory)):
    if path.is_symlink():
      raise ForeignFolderError(f"{path} is a symbolic link, through which nothing is written or deleted: replace it by "
                               "what it points to, or choose another --output_dir.")
    try:
      files.refuse_planted(path)
    except files.PlantedError as error:
      raise ForeignFolderError(str(error)) from error


def _entries(directory: pathlib.Path) -> Iterator[pathlib.Path]:
  for folder, folders, others in os.walk(directory):
    yield from (pathlib.Path(folder, name) for name in (*folders, *others))


class Claim:
  """What a process holds while it trains a run in its folder."""

  def __init__(self, directory: pathlib.Path):
    """Takes note of the lock file that this process has locked."""
    self._directory, self._lock_file = directory, directory / run_files.LOCK_FILE
    self._file_id = self._identify()

  def check(self) -> None:
    """Raises `FolderLostError` if the locked file no longer lies in the folder."""
    if self._identify() != self._file_id:
      raise FolderLostError(f"{self._directory} was removed or replaced while the run was trained. Start the same "
                            "command again to train it again.")

  def _identify(self) -> tuple[int, int] | None:
    try:
      found = os.stat(self._lock_file)
    except (FileNotFoundError, NotADirectoryError):
      return None
    return found.st_dev, found.st_ino


@contextlib.contextmanager
def claimed(settings: Settings, run: suite.Run, should_stop: Callable[[], bool]) -> Iterator[Claim]:
  """Holds a run's folder: locked, free of links and pipes, and marked with the run's identity and configuration.

  Args:
    settings: where the folder is, and how long to wait for another process that trains this run.
    run: which.
    should_stop: asked while waiting.

  Raises:
    ForeignFolderError: the folder holds another run or another configuration, symbolic links, pipes or their like.
    ConfigurationError, RecordError: it cannot be read.
    filelock.Timeout: another process still trains the run.
    Interrupted: `should_stop` was true while waiting.
  """
  directory = settings.run_dir(run)
  refuse_planted(settings, run)
  directory.mkdir(parents=True, exist_ok=True)

  def stop_waiting() -> bool:
    check_configuration(directory, run)
    return should_stop()

  with locked(directory, settings.lock_seconds, stop_waiting):
    refuse_planted(settings, run)
    check_configuration(directory, run)
    if not (directory / run_files.IDENTITY_FILE).exists():
      claim(directory, run)
    yield Claim(directory)


def check_configuration(directory: pathlib.Path, run: suite.Run) -> None:
  """Raises `OtherConfigurationError`, or what `is_of_another_configuration` raises."""
  if is_of_another_configuration(directory, run):
    raise OtherConfigurationError(f"{directory} holds a run of another configuration ({differing(directory, run)}): "
                                  "choose another --output_dir, or --overwrite to delete it.")


def differing(directory: pathlib.Path, run: suite.Run) -> str:
  """In which bindings a run differs from the one that its folder holds, in words; its hash where that is not known."""
  words = ""
  with contextlib.suppress(records.RecordError, ConfigurationError):  # This only explains an error.
    text = run_files.read_text(directory / run_files.REQUESTED_FILE)
    there, planned = (gin_texts.bound_values(each, run.identity) for each in (text, run.text))
    used = bindings.reachable({**there, **planned})
    words = differences.in_words(differences.of_bindings(*(
        {name: value for name, value in bound.items() if "." in name and name in used} for bound in (there, planned))))
  return words or f"this one is {run.configuration_hash}"


@contextlib.contextmanager
def locked(directory: pathlib.Path, seconds: float, should_stop: Callable[[], bool]) -> Iterator[None]:
  """Holds the run's lock, which the system frees when this process dies however it dies.

  Whoever holds it may be about to end, as a worker whose parent was killed still writes its checkpoint; so wait.

  Args:
    directory: of the run.
    seconds: longest wait.
    should_stop: asked while waiting.

  Raises:
    filelock.Timeout: another process still trains the run.
    Interrupted: `should_stop` was true while waiting.
  """
  # The loop is this module's own, as the oldest supported filelock cannot be told to give up waiting.
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
