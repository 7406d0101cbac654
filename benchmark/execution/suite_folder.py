"""The folder of a suite, checked before anything is trained."""

import os
import pathlib
import shutil
from collections.abc import Sequence

from benchmark.execution import run_folder
from benchmark.execution.settings import Settings
from benchmark.results import records
from benchmark.suites import suite
from benchmark.suites.bindings import ConfigurationError


def prepare(runs: Sequence[suite.Run], settings: Settings, overwrite: bool) -> None:
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
