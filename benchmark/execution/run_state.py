"""What the output folder already holds of planned runs, for --dry_run: nothing is written, locked or deleted."""

import dataclasses
import os
import pathlib
import shutil
from collections.abc import Iterable, Sequence

from benchmark.execution import run_folder
from benchmark.execution.settings import Settings
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
    run_folder.check_configuration(directory, run)
    if run_folder.finished_record(directory, run) is not None:
      return RunState(FINISHED, num_bytes=size)
    return RunState(BEGUN, num_bytes=size)
  except (ConfigurationError, RecordError) as error:
    return RunState(CONFLICT, str(error), size)


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
