"""Flags of the command lines: absl's, with exit status 2 and one clear line for a bad flag or a stray argument."""

import sys
from collections.abc import Callable, Sequence
from typing import NoReturn, TypeVar

from absl import flags

from benchmark.execution import standard_streams

BAD_INPUT = 2
Returned = TypeVar("Returned")


def new_flags() -> flags.FlagValues:
  """A set of flags of its own, so that command lines do not share theirs; has --help."""
  values = flags.FlagValues()
  flags.DEFINE_bool("help", False, "Show this text.", short_name="h", flag_values=values)
  return values


def parse(values: flags.FlagValues, argv: Sequence[str], manual: str | None) -> None:
  """Parses the arguments into `values`; prints the manual for --help and exits.

  Args:
    values: what `new_flags` gave, with flags defined on it.
    argv: program name and arguments.
    manual: docstring of the command; None where Python drops docstrings (PYTHONOPTIMIZE=2).
  """
  standard_streams.secure()
  try:
    rest = values(list(argv))
  except flags.Error as error:
    fail(str(error))
  if values.help:
    print(f"{(manual or '').strip()}\n\nFlags:\n{values.get_help()}")
    sys.exit(0)
  if rest[1:]:
    fail(f"unexpected argument {rest[1]!r}: every argument is a flag, such as --{rest[1]}=...; see --help.")


def fail(message: str) -> NoReturn:
  """Ends the program with status 2 and one line."""
  print(f"Error: {' '.join(message.split())}", file=sys.stderr)
  sys.exit(BAD_INPUT)


def run_or_fail(function: Callable[[], Returned], errors: tuple[type[Exception], ...]) -> Returned:
  """What the function returns; the named errors end the program with status 2."""
  try:
    return function()
  except errors as error:
    fail(str(error))
