"""What the output folder already holds of planned runs, for --dry_run: nothing is written, locked or deleted."""

import dataclasses
import os
import pathlib
import shutil
from collections.abc import Iterable, Sequence

from benchmark.execution import run_folder
from benchmark.execution.settings import Settings
from benchmark.models import model_folder
from benchmark.results import run_files
from benchmark.results.record_schema import RecordError
from benchmark.suites import suite
from benchmark.suites.gin_files import ConfigurationError

NOT_BEGUN, BEGUN, FINISHED, CONFLICT = "", "begun", "finished", "conflict"


@dataclasses.dataclass(frozen=True)
class RunState:
  """What is there of a run.

  Attributes:
    kind: one of the names above; a run that failed is begun, for it is tried again.
    note: what hinders the run, and the remedy; '' where nothing does.
    num_bytes: size of the run's folder.
  """

  kind: str
  note: str = ""
  num_bytes: int = 0


def of_run(run: suite.Run, settings: Settings) -> RunState:
  """The state of one run."""
  size = 0
  try:
    directory = settings.run_dir(run)
    if not directory.is_dir():
      return RunState(NOT_BEGUN)
    size = _size(directory)
    run_folder.refuse_planted(settings, run)
    run_folder.check_configuration(directory, run)
    if run_folder.finished_record(directory, run) is not None:
      return RunState(FINISHED, num_bytes=size)
    return RunState(BEGUN, num_bytes=size)
  except (ConfigurationError, RecordError) as error:
    return RunState(CONFLICT, str(error), size)


def check_folders(runs: Sequence[suite.Run], settings: Settings) -> None:
  """Finds out, without making or writing anything, that runs could not be trained for want of a folder.

  Raises:
    ConfigurationError: --output_dir can be no folder, or what --grow names holds no model for one of the runs.
  """
  wanted = pathlib.Path(settings.output_dir).absolute()
  there = next(path for path in (wanted, *wanted.parents) if os.path.lexists(path))
  if not there.is_dir():
    raise ConfigurationError(f"--output_dir={settings.output_dir} cannot be written, because {there} is no folder: "
                             "name another.")
  if there != wanted and not os.access(there, os.W_OK):
    raise ConfigurationError(f"--output_dir={settings.output_dir} cannot be made, because {there} is not to be written "
                             "to: get permission, or name another.")
  check_parents_are_there(runs, settings)


def check_parents_are_there(runs: Sequence[suite.Run], settings: Settings) -> None:
  """Raises ConfigurationError if a run without a record has nothing to go on from, though --grow says so."""
  if settings.grow is None:
    return
  folder, own = pathlib.Path(settings.grow), {settings.run_dir(run).resolve() for run in runs}
  for run in runs:
    directory = model_folder.run_of(folder, run.identity)
    # With --overwrite the run would go on from what is deleted first.
    if directory.resolve() in own:
      raise ConfigurationError(f"--grow={folder}: {directory} is a folder that this suite writes to: name another "
                               "--output_dir.")
    if not (settings.run_dir(run) / run_files.RECORD_FILE).exists():
      try:
        model_folder.check(directory)
      except model_folder.ModelError as error:
        raise ConfigurationError(f"--grow={folder}: {error}") from error


def describe_disk(states: Iterable[RunState], settings: Settings, expected: Sequence[int] = ()) -> str:
  """Free space where the runs go, and what those without a record will take.

  Args:
    states: of the runs. Where some are finished, the others are expected to be like these.
    settings: where the runs go.
    expected: bytes of every run, as far as they can be foreseen, for where none is finished.
  """
  folder = pathlib.Path(settings.output_dir).resolve()
  existing = next(path for path in (folder, *folder.parents) if path.exists())
  free = f"{_amount(shutil.disk_usage(existing).free)} are free for {settings.output_dir}"
  states = list(states)
  finished = [state.num_bytes for state in states if state.kind == FINISHED]
  if not finished and any(expected):
    return f"{free}; the runs will take about {_amount(sum(expected))}: what is estimated above, and logs of a few kB."
  if not finished or len(finished) == len(states):
    return f"{free}."
  mean = sum(finished) / len(finished)
  others = len(states) - len(finished)
  return (f"{free}; a finished run takes {_amount(mean)} on average, so the other {others} will take about "
          f"{_amount(mean * others)}.")


def notes(runs: Sequence[suite.Run], states: Sequence[RunState]) -> list[str]:
  """A sentence for every run that cannot be trained as things are."""
  return [f"{run.identity}: {state.note}" for run, state in zip(runs, states) if state.note]


def _size(directory: pathlib.Path) -> int:
  return sum(os.lstat(os.path.join(folder, name)).st_size for folder, _, names in os.walk(directory) for name in names)


def _amount(num_bytes: float) -> str:
  for unit in ("B", "kB", "MB", "GB"):
    if num_bytes < 1000:
      return f"{num_bytes:.0f} {unit}"
    num_bytes /= 1000
  return f"{num_bytes:.1f} TB"
