"""The command line of `benchmark.report`, as its tests call it."""

import pytest

from benchmark import report


def check(folder, *arguments) -> int:
  """Exit status of a check of a report."""
  return report.main(["report", f"--results_dir={folder}", "--check", *arguments])


def fails(capsys, *arguments) -> str:
  """The one line with which bad arguments are refused."""
  with pytest.raises(SystemExit) as stop:
    report.main(["report", *arguments])
  assert stop.value.code == 2
  error = capsys.readouterr().err
  assert error.count("\n") == 1
  return error
