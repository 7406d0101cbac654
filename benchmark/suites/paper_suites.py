"""What the suites of the papers train, read from their files alone: neither TensorFlow nor data are needed."""

import pathlib
from collections.abc import Iterable

from benchmark.suites import gin_files, gin_text, suite

_PATTERN = "suites/paper_*.gin"


def load(root: pathlib.Path | None = None) -> list[suite.Suite]:
  """The suites in order of their names.

  Args:
    root: folder of gin files; the shipped ones by default.

  Raises:
    ConfigurationError: a file binds no suite.
  """
  return [_read(path) for path in sorted((root or gin_files.gin_root()).glob(_PATTERN))]


def pairs(suites: Iterable[suite.Suite]) -> set[tuple[str, str]]:
  """Every (stream, learner) that one of them trains."""
  return {(stream, learner) for each in suites for stream in each.streams for learner in each.learners}


def _read(path: pathlib.Path) -> suite.Suite:
  return suite.read_suite(gin_text.Reader().read([str(path)]), [str(path)])
