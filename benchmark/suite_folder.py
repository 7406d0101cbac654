"""The folder of a suite: checked before anything is trained, given its tables afterwards."""

import os
import pathlib
import shutil
import sys
from typing import Mapping, Sequence

from benchmark import execution, records, run_folder, suite, tables
from benchmark.configuration import ConfigurationError


def prepare(runs: Sequence[suite.Run], settings: execution.Settings, overwrite: bool) -> None:
  """Checks that the folder can be written and holds no run of another configuration.

  Args:
    runs: that are to be trained.
    settings: where.
    overwrite: delete runs of another configuration.

  Raises:
    ConfigurationError, RecordError: it cannot be used; the message says what to do.
  """
  try:
    pathlib.Path(settings.output_dir).mkdir(parents=True, exist_ok=True)
    records.write_atomically(pathlib.Path(settings.output_dir, f".write_test_{os.getpid()}"), b"x" * 4096)
    pathlib.Path(settings.output_dir, f".write_test_{os.getpid()}").unlink()
  except OSError as error:
    raise ConfigurationError(f"--output_dir={settings.output_dir} cannot be written ({error.strerror}): make room or "
                             "get permission, or name another.") from error
  for run in runs:
    directory = settings.run_dir(run)
    if not run_folder.is_of_another_configuration(directory, run):
      continue
    if not overwrite:
      raise ConfigurationError(f"{directory} holds a run of another configuration (this one is "
                               f"{run.configuration_hash}): choose another --output_dir, or --overwrite to delete it.")
    shutil.rmtree(directory)


def finish(the_suite: suite.Suite, runs: Sequence[suite.Run], own: Sequence[suite.Run], settings: execution.Settings,
           outcomes: Mapping[str, tuple[str, str | None]], signal_number: int | None) -> int:
  """Writes and prints the suite's tables, and says on standard error what went wrong.

  Args:
    the_suite: the suite.
    runs: all of its runs.
    own: those that were to be trained here; all, or a shard.
    settings: where.
    outcomes: (status, reason) by identity of the runs that were trained.
    signal_number: the signal that stopped the suite, if any.

  Returns:
    The exit status.
  """
  present = [records.read_record(settings.run_dir(run)) for run in runs
             if (settings.run_dir(run) / records.RECORD_FILE).exists()]
  written = _write_tables(the_suite, runs, present, settings)
  if signal_number is not None:
    print("Stopped. The same command continues where every run left off.", file=sys.stderr)
    return 128 + signal_number
  locked = [identity for identity, (status, _) in outcomes.items() if status == "locked"]
  if locked:
    print(f"Trained by another process just now: {', '.join(locked)}.", file=sys.stderr)
  recorded = {record.identity for record in present}
  for identity, (status, reason) in outcomes.items():
    if status == "failed" and identity not in recorded:
      print(f"{identity} failed and could not be recorded: {reason}", file=sys.stderr)
  completed = {record.identity for record in present if record.is_completed}
  return 0 if written and completed >= {run.identity for run in own} else 1


def _write_tables(the_suite, runs, present, settings) -> bool:
  """Whether the tables are on disk, or there is nothing to put into them yet."""
  if not present:
    return True
  try:
    path = tables.write_suite_tables(present, settings.output_dir, [run.identity for run in runs], the_suite.baseline)
    print(pathlib.Path(path).read_text(encoding="utf-8"))
    print(f"Written to {path}")
    return True
  except OSError as error:
    print(f"The tables could not be written to {settings.output_dir} ({error.strerror}). Make room, then start the "
          "same command again; finished runs are not trained again.", file=sys.stderr)
    return False
