"""Flags of the command lines: absl's, with exit status 2 and one clear line for a bad flag or a stray argument.

Importing this module decides how the program ends that no handler stops: an interrupt and an error of the operating
system give one line, also while libraries are imported, which takes seconds.
"""

import errno
import os
import shutil
import sys
import types
from collections.abc import Callable, Sequence
from typing import NoReturn, TypeVar

from absl import flags

from benchmark.execution import standard_streams
from benchmark.results import texts

BAD_INPUT = 2
INTERRUPTED = 130
STOPPED = "Stopped."
Returned = TypeVar("Returned")
_MAX_LINE = 2000
_REMEDIES = {
    errno.EACCES: "get permission, or name another place",
    errno.EPERM: "get permission, or name another place",
    errno.EROFS: "name a place that can be written",
    errno.ENOENT: "check the name",
    errno.ENOTDIR: "a part of the path is a file: check the name",
    errno.EEXIST: "there is a file where a folder is needed: name another place",
    errno.EISDIR: "a file is needed, not a folder: check the name",
    errno.ENAMETOOLONG: "use a shorter name",
    errno.ELOOP: "symbolic links lead in a circle: remove one",
    errno.ENOSPC: "make room, then start the same command again",
    errno.EDQUOT: "make room, then start the same command again",
    errno.EMFILE: "too many open files: raise the limit (ulimit -n)",
}


def terminal_width() -> int | None:
  """Characters in a line of the terminal that standard output is; None where it is none."""
  if sys.stdout is None or sys.stdout.closed or not sys.stdout.isatty():
    return None
  return shutil.get_terminal_size().columns


def new_flags() -> flags.FlagValues:
  """A set of flags of its own, so that command lines do not share theirs; has --help."""
  values = flags.FlagValues()
  flags.DEFINE_bool("help", False, "Show this text.", short_name="h", flag_values=values)
  return values


def parse(values: flags.FlagValues, argv: Sequence[str], manual: str | None, takes_names: bool = False) -> list[str]:
  """Parses the arguments into `values`; prints the manual for --help and exits.

  Args:
    values: what `new_flags` gave, with flags defined on it.
    argv: program name and arguments.
    manual: docstring of the command; None where Python drops docstrings (PYTHONOPTIMIZE=2).
    takes_names: whether the command takes arguments that are no flags, before and after flags.

  Returns:
    These arguments.
  """
  standard_streams.secure()
  values.set_gnu_getopt(takes_names)
  try:
    rest = values(list(argv))
  except flags.Error as error:
    fail(str(error))
  for name in filter(_names_path, values):
    values[name].value = _expanded(values[name].value)
  if values.help:
    run_or_fail(lambda: print(f"{(manual or '').strip()}\n\nFlags:\n{_flags_text(values)}"), (), only_prints=True)
    sys.exit(0)
  if rest[1:] and not takes_names:
    fail(f"unexpected argument {rest[1]!r}: every argument is a flag, such as --{rest[1]}=...; see --help.")
  return rest[1:]


def _flags_text(values: flags.FlagValues) -> str:
  """What absl says of the flags, without its own and without the modules that define them."""
  own = values.get_help().partition("\nabsl.flags:")[0]
  return "\n".join(line for line in own.splitlines() if line.startswith(" "))


def data_dirs(values: flags.FlagValues) -> tuple[str, ...]:
  """The folders of raw data that the flag --data_dir names, else the environment, else the usual one."""
  return tuple(values.data_dir) or (os.path.expanduser(os.environ.get("LASEM_DATA_DIR") or "Data"),)


def _names_path(flag: str) -> bool:
  return flag.endswith(("_dir", "_file")) or flag in ("grow", "markdown", "output")


def _expanded(value: str | list[str] | None) -> str | list[str] | None:
  """Paths with the home folder for '~', which a shell leaves alone behind '='."""
  if isinstance(value, list):
    return list(map(os.path.expanduser, value))
  return value and os.path.expanduser(value)


def fail(message: str) -> NoReturn:
  """Ends the program with status 2 and one line."""
  _print_error(message)
  sys.exit(BAD_INPUT)


def _print_error(message: str) -> None:
  text = texts.printable(" ".join(message.split()))
  print(f"Error: {text if len(text) <= _MAX_LINE else f'{text[:_MAX_LINE]}...'}", file=sys.stderr)


def run_or_fail(function: Callable[[], Returned], errors: tuple[type[Exception], ...],
                stopped: str | None = None, only_prints: bool = False) -> Returned:
  """What the function returns.

  The named errors and those of the operating system end the program with status 2 and one line; so does an interrupt,
  with status 130 and the line `stopped`, unless that is None; so does output that could not be written, where the
  function does nothing but print.
  """
  try:
    returned = function()
    if only_prints:
      standard_streams.check_output()
    return returned
  except errors as error:
    fail(str(error))
  except OSError as error:
    fail(os_error_message(error))
  except KeyboardInterrupt:
    if stopped is None:
      raise
    print(stopped, file=sys.stderr)
    sys.exit(INTERRUPTED)


def os_error_message(error: OSError) -> str:
  """What an error of the operating system means and what can be done, in a line."""
  names = " and ".join(str(name) for name in (error.filename, error.filename2) if name is not None)
  reason = error.strerror or str(error).rstrip(".")
  if not names and "temporary directory" in reason:
    return f"{reason}: set TMPDIR to a folder that can be written."
  remedy = _REMEDIES.get(error.errno or 0)
  return f"{names + ': ' if names else ''}{reason}{f'; {remedy}' if remedy else ''}."


def _end(kind: type[BaseException], error: BaseException, trace: types.TracebackType | None) -> None:
  """What becomes of an exception that nothing caught."""
  if isinstance(error, KeyboardInterrupt):
    print(STOPPED, file=sys.stderr)
    raise SystemExit(INTERRUPTED)
  if isinstance(error, OSError):
    _print_error(os_error_message(error))
    raise SystemExit(BAD_INPUT)
  sys.__excepthook__(kind, error, trace)


sys.excepthook = _end
