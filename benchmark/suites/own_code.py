"""Errors of the user's own classes and modules in one line; those of the suite itself stay what they are."""

import contextlib
import os
import pathlib
import sysconfig
import traceback
import types
from collections.abc import Collection, Iterable, Iterator

from benchmark.suites.gin_files import ConfigurationError, without_call

_SUITE = ("benchmark", "lasem_tf")
_CODE = pathlib.Path(__file__).resolve().parents[2]
_SUITE_FOLDERS = tuple(str(_CODE / package) + os.sep for package in _SUITE)
_LIBRARIES = tuple(os.path.realpath(sysconfig.get_path(name)) + os.sep
                   for name in ("stdlib", "platstdlib", "purelib", "platlib"))
# Whoever constructs something turns these into a line: the suite raises them, with a remedy, for wrong bindings.
_EXPLAINED = (ValueError, TypeError, RuntimeError, ArithmeticError)


@contextlib.contextmanager
def located(where: str = "", code: Iterable[tuple[str, str]] = ()) -> Iterator[None]:
  """Turns what the user's own code raises in the block into a `ConfigurationError` that names file, line and error.

  Errors that no code of the user's own has a part in pass through, as do those that the suite raises, in words for the
  user, when it is called by such code.

  Args:
    where: what the message begins with.
    code: modules that are the user's own even where they are installed as libraries are, see `suite.Run`.

  Raises:
    ConfigurationError: see above.
  """
  try:
    yield
  except (Exception, SystemExit) as error:
    is_of_suite = type(error).__module__.partition(".")[0] in _SUITE
    place = None if is_of_suite else _own_place(error, {module.partition(".")[0] for module, _ in code})
    if place is None:
      raise
    name, text = type(error).__name__, without_call(error)
    raise ConfigurationError(f"{where}{place}: {name}{f': {text}' if text else ''}. Correct this code, or what is "
                             "bound to it, then start the same command again.") from error


def _own_place(error: BaseException, roots: Collection[str]) -> str | None:
  """Where the user's own code raised an error, or called what did; None where it had no part in it, or was called."""
  found, called = None, ""
  of_the_block = error.__traceback__ and error.__traceback__.tb_next  # Behind `located` itself.
  for frame, line in traceback.walk_tb(of_the_block):
    path = os.path.realpath(frame.f_code.co_filename)
    if path.startswith(_SUITE_FOLDERS):
      called = f" (in {path}, line {line})"
    elif _is_own(frame, path, roots):
      found, called = (frame.f_code, line), ""
  if found is None or called and isinstance(error, _EXPLAINED):
    return None
  code, line = found
  name = getattr(code, "co_qualname", code.co_name)  # With the class from Python 3.11 on.
  return f"{code.co_filename}, line {line}{'' if name == '<module>' else f', in {name}'}{called}"


def _is_own(frame: types.FrameType, path: str, roots: Collection[str]) -> bool:
  if frame.f_globals.get("__name__", "").partition(".")[0] in roots:
    return True
  return not path.startswith(_LIBRARIES) and os.path.isfile(path)
