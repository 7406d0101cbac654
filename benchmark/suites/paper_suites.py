"""What the suites of the papers train, read from their files alone: neither TensorFlow nor data are needed."""

import pathlib
from collections.abc import Iterable

from benchmark.suites import bindings, suite

_PATTERN = "suites/paper_*.gin"


def load(root: pathlib.Path | None = None) -> list[suite.Suite]:
  """The suites in order of their names.

  Args:
    root: folder of gin files; the shipped ones by default.

  Raises:
    ConfigurationError: a file binds no suite.
  """
  return [_read(path) for path in sorted((root or bindings.gin_root()).glob(_PATTERN))]


def pairs(suites: Iterable[suite.Suite]) -> set[tuple[str, str]]:
  """Every (stream, learner) that one of them trains."""
  return {(stream, learner) for each in suites for stream in each.streams for learner in each.learners}


def _read(path: pathlib.Path) -> suite.Suite:
  # As `suite.load`, but unchecked: checking needs every configurable, and so TensorFlow.
  values = bindings.bound_values(path.read_text(encoding="utf-8"))
  own = {name.removeprefix("suite."): bindings.expand_macros(value, values) for name, value in values.items()
         if name.startswith("suite.")}
  if not {"streams", "learners", "scale", "seeds"} <= set(own):
    raise bindings.ConfigurationError(f"{path}: a suite binds suite.streams, learners, scale and seeds itself.")
  return suite.Suite(**{"name": path.stem, **own})
