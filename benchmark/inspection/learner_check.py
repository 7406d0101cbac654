"""What `benchmark.check_learner` does, apart from reading flags."""

import dataclasses
import pathlib
import traceback
from collections.abc import Callable, Sequence

from benchmark.inspection import learner_life, learner_subject
from benchmark.inspection.requirement import ContractBroken
from benchmark.suites.bindings import ConfigurationError

_CODE = pathlib.Path(__file__).resolve().parents[2]


def check(path: str | None, name: str | None, bindings: Sequence[str]) -> int:
  """Prints every check of a learner as it is made.

  Args:
    path: of a learner's gin file, or None.
    name: of a learner, where there is no path.
    bindings: 'name.parameter = value' strings, which win over the file.

  Returns:
    0 if the learner keeps the contract, else 1.

  Raises:
    ConfigurationError: a file or a binding is wrong.
  """
  try:
    subject = learner_subject.of_file(path, bindings) if path else learner_subject.of_name(str(name), bindings)
  except (ValueError, TypeError) as error:
    if isinstance(error, ConfigurationError):
      raise
    raise ConfigurationError(f"{path or name}: {' '.join(str(error).split())}") from error
  life = learner_life.Life(subject)
  print(f"{type(life.learner).__name__}, as {subject.name} configures it. It declares: {_declared(life)}.")
  for what, function in life.checks():
    problem = _problem(function)
    print(f"  {'FAILED' if problem else 'ok':<6}  {what}", flush=True)
    if problem:
      print(f"{subject.name}: {problem}")
      return 1
  print(f"{subject.name} keeps the contract.")
  return 0


def _declared(life: learner_life.Life) -> str:
  values = dataclasses.asdict(life.learner.promises)
  return ", ".join(f"{name} {value}" for name, value in values.items())


def _problem(function: Callable[[], None]) -> str:
  """What a check found, in a line; nothing if all is well."""
  try:
    function()
  except ContractBroken as error:
    return str(error)
  except Exception as error:  # noqa: BLE001  A user's class may raise anything: it is told with its place.
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if pathlib.Path(frame.filename).is_file()
           and "site-packages" not in frame.filename and "benchmark/inspection" not in frame.filename]
    place = own[-1] if own else frames[-1]
    return (f"{type(error).__name__} in {place.name}() ({_short(place.filename)}, line {place.lineno}): "
            f"{' '.join(str(error).split())}")
  return ""


def _short(filename: str) -> str:
  path = pathlib.Path(filename)
  for folder in (pathlib.Path.cwd(), _CODE):
    if path.is_relative_to(folder):
      return str(path.relative_to(folder))
  return filename
