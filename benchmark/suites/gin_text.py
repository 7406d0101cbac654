"""What gin files bind, read as text: nothing is imported, constructed or put into gin's global state."""

import dataclasses
import functools
import itertools
import math
import pathlib
import re
import tokenize
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gin import config_parser

from benchmark.suites import gin_files
from benchmark.suites.gin_files import ConfigurationError

_MOST_MACROS = 10_000  # In one value.
# Of includes in one text: the shipped files have some ten, three deep.
_MOST_INCLUDES, _DEEPEST_INCLUDE, _MOST_INCLUDED_CHARACTERS = 500, 50, 1 << 22
_LARGEST = 10**18


@dataclasses.dataclass(frozen=True)
class Reference:
  """'@name' or '@name()' in a binding; the name may have a scope and modules in front."""

  name: str
  evaluate: bool


@dataclasses.dataclass(frozen=True)
class Macro:
  """'%NAME' in a binding."""

  name: str


class _Delegate(config_parser.ParserDelegate):

  def configurable_reference(self, scoped_configurable_name, evaluate):
    return Reference(scoped_configurable_name, evaluate)

  def macro(self, macro_name):
    return Macro(macro_name)


@dataclasses.dataclass
class GinText:
  """The statements of gin files, later ones winning.

  Attributes:
    values: by '[scope/]configurable.parameter' or 'MACRO'; may hold `Reference` and `Macro`. Modules in front of a
      configurable's name are left out.
    spelling: the name as the file has it, by the same keys.
    origins: where each is bound, by the same keys.
    imports: 'import ...' statements, in order.
    modules: what they import.
  """

  values: dict[str, Any] = dataclasses.field(default_factory=dict)
  spelling: dict[str, str] = dataclasses.field(default_factory=dict)
  origins: dict[str, str] = dataclasses.field(default_factory=dict)
  imports: list[str] = dataclasses.field(default_factory=list)
  modules: list[str] = dataclasses.field(default_factory=list)

  def render(self) -> str:
    """One text without includes that gin parses to the same bindings."""
    lines = [*self.imports, *(f"{self.spelling[name]} = {render(value)}" for name, value in self.values.items())]
    return "".join(f"{line}\n" for line in lines)

  def copy(self) -> "GinText":
    """An equal text that can be extended by itself."""
    return GinText(dict(self.values), dict(self.spelling), dict(self.origins), list(self.imports), list(self.modules))

  def bind(self, spelling: str, value: Any, origin: str) -> None:
    """Adds a binding, or replaces the one of that name.

    Raises:
      ConfigurationError: a number is not finite, or whole and larger than records hold.
    """
    if not all(map(_is_usable, parts(value))):
      raise ConfigurationError(f"{origin}: {spelling} holds a number that is not finite, or a whole one beyond 10^18; "
                               "bind another.")
    name = canonical(spelling)
    self.values[name], self.spelling[name], self.origins[name] = value, spelling, origin

  def drop(self, name: str) -> None:
    """Takes a binding away, by its key in `values`."""
    for table in (self.values, self.spelling, self.origins):
      table.pop(name, None)


class Reader:
  """Makes a `GinText` of files; every file is opened once, so that all runs of a suite rest on the same text."""

  def __init__(self) -> None:
    self._texts: dict[pathlib.Path, str] = {}
    self._num_includes = self._num_characters = 0  # Of the text that is being read.

  def read(self, files: Sequence[str], bindings: Sequence[str] = (), after: GinText | None = None) -> GinText:
    """What files and bindings say together.

    Args:
      files: paths, or paths relative to the gin root.
      bindings: 'name.parameter = value' strings, which win over the files.
      after: what was read before, over which both win; it is extended.

    Raises:
      ConfigurationError: a file is missing, cannot be read, includes itself or more than any suite needs, or is not
        gin's language.
    """
    text = after or GinText()
    self._num_includes = self._num_characters = 0
    for name in files:
      self._add_file(text, gin_files.resolve(name), ())
    for binding in bindings:
      self._add(text, binding, binding, (), None)
    return text

  def _add_file(self, text: GinText, path: pathlib.Path, being_read: tuple[pathlib.Path, ...]) -> None:
    self._add(text, self._text_of(path), str(path), (*being_read, path), path.parent)

  def _text_of(self, path: pathlib.Path) -> str:
    if path not in self._texts:
      self._texts[path] = gin_files.read(path)
    return self._texts[path]

  def _add(self, text: GinText, source: str, where: str, being_read: tuple[pathlib.Path, ...],
           folder: pathlib.Path | None) -> None:
    for statement in _statements(source, where):
      origin = f"{where}, line {statement.location.line_num}" if folder else where
      if isinstance(statement, config_parser.BindingStatement):
        text.bind(_name(statement), statement.value, origin)
      elif isinstance(statement, config_parser.ImportStatement):
        if statement.format() not in text.imports:
          text.imports.append(statement.format())
          text.modules.append(statement.module)
      elif isinstance(statement, config_parser.IncludeStatement):
        included = gin_files.find(statement.filename, being_read, folder)
        if included is None:
          raise ConfigurationError(f"{origin}: no gin file {statement.filename!r} to include, neither in the working "
                                   "folder, nor below the shipped gin files, nor beside this file.")
        self._count_include(origin, included, being_read)
        self._add_file(text, included, being_read)

  def _count_include(self, origin: str, included: pathlib.Path, being_read: tuple[pathlib.Path, ...]) -> None:
    """Raises ConfigurationError at an include too many: files that include each other twice take for ever."""
    self._num_includes += 1
    self._num_characters += len(self._text_of(included))
    if len(being_read) > _DEEPEST_INCLUDE:
      raise ConfigurationError(f"{origin}: includes are more than {_DEEPEST_INCLUDE} files deep; include fewer.")
    if self._num_includes > _MOST_INCLUDES or self._num_characters > _MOST_INCLUDED_CHARACTERS:
      raise ConfigurationError(f"{origin}: files are included more than {_MOST_INCLUDES} times, or with more than "
                               f"{_MOST_INCLUDED_CHARACTERS} characters in all; include each once.")


def bound_values(text: str, where: str = "configuration") -> dict[str, Any]:
  """What a text without includes binds, by '[scope/]configurable.parameter' or 'MACRO'."""
  result = GinText()
  for statement in _statements(text, where):
    if isinstance(statement, config_parser.BindingStatement):
      result.bind(_name(statement), statement.value, where)
  return result.values


def _name(statement: config_parser.BindingStatement) -> str:
  """What a statement binds, as the file spells it."""
  selector = f"{statement.scope}/{statement.selector}" if statement.scope else statement.selector
  return f"{selector}.{statement.arg_name}" if statement.arg_name else selector


def _statements(text: str, where: str) -> Sequence[Any]:
  try:
    return _parsed(text)
  except (SyntaxError, ValueError, TypeError, AttributeError, RecursionError, tokenize.TokenError) as error:
    raise ConfigurationError(f"{where}: {' '.join(str(error).split())}") from error


@functools.lru_cache(maxsize=2048)
def _parsed(text: str) -> tuple[Any, ...]:
  """The statements of a text; the runs of a suite share most of theirs, and a report reads each several times."""
  return tuple(config_parser.ConfigParser(text, _Delegate()))


def canonical(name: str) -> str:
  """'[scope/]configurable.parameter' without the modules in front of the configurable; macros stay as they are."""
  if "." not in name:
    return name
  selector, _, parameter = name.rpartition(".")
  scope, slash, configurable = selector.rpartition("/")
  return f"{scope}{slash}{short(configurable)}.{parameter}"


def short(configurable: str) -> str:
  """The name of a configurable without scope and modules."""
  return re.split(r"[/.]", configurable)[-1]


def expand_macros(value: Any, values: Mapping[str, Any]) -> Any:
  """The value with every macro replaced by what it is bound to; macros that nothing binds stay.

  Raises:
    ConfigurationError: a macro stands for itself, or macros that name each other stand for more than any file needs.
  """
  return _expanded(value, values, (), itertools.count(1))


def _expanded(value: Any, values: Mapping[str, Any], within: tuple[str, ...], count: Iterator[int]) -> Any:
  """See `expand_macros`; `within` are the macros on the way to this value, `count` numbers all that are replaced."""
  expand = lambda entry: _expanded(entry, values, within, count)
  if isinstance(value, Macro) and value.name in values:
    if value.name in within:
      raise ConfigurationError(f"Macro %{value.name} stands for itself, through "
                               f"{', '.join(f'%{name}' for name in within)}: bind it to a value.")
    if next(count) > _MOST_MACROS:
      raise ConfigurationError(f"Macro %{value.name}: macros in macros stand for more than {_MOST_MACROS} values; bind "
                               "fewer.")
    return _expanded(values[value.name], values, (*within, value.name), count)
  if isinstance(value, (list, tuple)):
    return type(value)(map(expand, value))
  if isinstance(value, dict):
    return {key: expand(entry) for key, entry in value.items()}
  return value


def render(value: Any) -> str:
  """A value as gin would write it."""
  if isinstance(value, Reference):
    return f"@{value.name}{'()' if value.evaluate else ''}"
  if isinstance(value, Macro):
    return f"%{value.name}"
  if isinstance(value, dict):
    return "{" + ", ".join(f"{render(key)}: {render(entry)}" for key, entry in value.items()) + "}"
  if isinstance(value, (list, tuple)):
    inner = ", ".join(render(entry) for entry in value)
    return f"[{inner}]" if isinstance(value, list) else f"({inner}{',' if len(value) == 1 else ''})"
  return repr(value)


def parts(value: Any) -> Iterator[Any]:
  """The value itself, or whatever lies in its lists, tuples and dicts."""
  if isinstance(value, dict):
    value = [entry for pair in value.items() for entry in pair]
  if isinstance(value, (list, tuple)):
    for entry in value:
      yield from parts(entry)
  else:
    yield value


def _is_usable(part: Any) -> bool:
  return math.isfinite(part) if isinstance(part, float) else not isinstance(part, int) or abs(part) <= _LARGEST
