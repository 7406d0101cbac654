"""Gin files to checked configurations.

Gin finds unknown configurables and parameters by itself, but neither a misspelt macro nor a value of the wrong type, and
it accepts bindings that nothing ever uses. A `Configuration` is checked for all of these before anything is trained, from
the parsed bindings alone: a binding is *reachable* if following references and macros from the root meets it.
"""

import dataclasses
import difflib
import hashlib
import importlib
import importlib.util  # gin needs it loaded before a relative include
import json
import logging
import pathlib
import pkgutil
from collections.abc import Sequence
from typing import Any

import gin
from gin import config_parser

from benchmark.suites import binding_types

ROOT = "experiment"
_PACKAGES = ("lasem_tf.nn", "lasem_tf.data", "lasem_tf.knowledge", "lasem_tf.selection", "lasem_tf.learners")


class ConfigurationError(ValueError):
  """A gin file, a binding or a flag is wrong; the message names it and the remedy."""


@dataclasses.dataclass(frozen=True)
class Reference:
  """'@name' or '@name()' in a binding."""

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


def gin_root() -> pathlib.Path:
  """The folder of the shipped gin files: in the package where it is installed, beside it in a checkout."""
  package = pathlib.Path(__file__).resolve().parents[1]
  for root in (package / "gin_files", package.parent / "gin"):
    if (root / "base.gin").is_file():
      return root
  raise ConfigurationError(f"The shipped gin files are missing beside {package}; install the package again.")


def register_configurables() -> None:
  """Imports every module that registers something with gin, and tells gin where includes are found."""
  importlib.import_module("benchmark.suites.experiment")
  waiting = list(_PACKAGES)
  while waiting:
    name = waiting.pop(0)
    found = importlib.import_module(name)
    # Not `walk_packages`, which imports every package on its way: the builders import TensorFlow Datasets.
    waiting += [module.name for module in pkgutil.iter_modules(getattr(found, "__path__", ()), f"{name}.")
                if not module.name.endswith(".tfds_builders")]
  root = str(gin_root())
  if root not in gin.config._LOCATION_PREFIXES:  # pylint: disable=protected-access
    gin.add_config_file_search_path(root)
    # Gin logs an error for every search path that does not hold an include, also when the next one does.
    logging.getLogger().addFilter(lambda record: not str(record.msg).startswith("Path not found"))


def parse(files: Sequence[str], bindings: Sequence[str] = ()) -> dict[str, Any]:
  """Parses files and bindings into gin's global state, and returns what is bound.

  Args:
    files: paths, or paths relative to the gin root.
    bindings: 'name.parameter = value' strings, which win over the files.

  Returns:
    Value by 'configurable.parameter' or 'MACRO'; values may hold `Reference` and `Macro`.

  Raises:
    ConfigurationError: a file is missing, or gin cannot make sense of it.
  """
  gin.clear_config()
  for text, parse_text in [*((resolve(name), gin.parse_config_file) for name in files),
                           *((binding, gin.parse_config) for binding in bindings)]:
    try:
      parse_text(text)
    except (ValueError, SyntaxError, OSError, TypeError, AttributeError, ImportError, NameError) as error:
      raise ConfigurationError(f"{text}: {' '.join(str(error).split())}{_suggest(str(error))}") from error
  return bound_values(gin.config_str(max_line_length=100000))


def bound_values(text: str) -> dict[str, Any]:
  """What a text in gin's own output format binds, by 'configurable.parameter' or 'MACRO'."""
  values = {}
  for statement in config_parser.ConfigParser(text, _Delegate()):
    if isinstance(statement, config_parser.BindingStatement):
      name = "/".join(part for part in (statement.scope, statement.selector) if part)
      if statement.arg_name:
        name = f"{name}.{statement.arg_name}"
      values[name] = statement.value
  return values


def resolve(name: str) -> str:
  """Path of a gin file: as given, or below the gin root (a leading 'gin/' may stand for it).

  Raises:
    ConfigurationError: it is in neither place; the nearest names are suggested.
  """
  root = gin_root()
  for path in (pathlib.Path(name), root / name, root / name.removeprefix("gin/")):
    if path.is_file():
      return str(path)
  folder = (root / name.removeprefix("gin/")).parent
  known = sorted(path.stem for path in folder.glob("*.gin")) if folder.is_dir() else []
  raise ConfigurationError(f"No gin file {name!r}, neither there nor below the shipped gin files."
                           f"{nearest(pathlib.Path(name).stem, known)}")


def nearest(name: str, known: Sequence[str]) -> str:
  """A sentence with the known names most like `name`, or with all of them if none is alike and they are few."""
  close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
  if close:
    return f" Did you mean {' or '.join(close)}?"
  return f" Known: {', '.join(known)}." if 0 < len(known) <= 60 else ""


def reachable(values: dict[str, Any], root: str = ROOT) -> set[str]:
  """Names of the bindings that something reachable from the root uses.

  Raises:
    ConfigurationError: a macro on the way is not bound.
  """
  used, waiting = set(), [(Reference(root, evaluate=True), "")]
  while waiting:
    found, user = waiting.pop()
    if isinstance(found, Macro):
      if found.name not in values:
        macros = [bound for bound in values if "." not in bound]
        raise ConfigurationError(f"Binding {user} uses the macro %{found.name}, which nothing binds."
                                 f"{nearest(found.name, macros)}")
      names = {found.name}
    else:
      names = {bound for bound in values if "." in bound and _owner(bound) == _short(found.name)}
    for bound in names - used:
      used.add(bound)
      waiting += [(reference, bound) for reference in _references(values[bound])]
  return used


def check_types(values: dict[str, Any], names: set[str]) -> None:
  """Compares the literal values of the named bindings, macros resolved, with the annotations of their parameters.

  Raises:
    ConfigurationError: a value has the wrong type.
  """
  for name in sorted(names):
    if "." not in name:
      continue
    configurable, parameter = name.rsplit(".", 1)
    value = expand_macros(values[name], values)
    problem = binding_types.mismatch(gin.get_configurable(_short(configurable)), parameter, value, Reference)
    if problem:
      raise ConfigurationError(f"Binding {name} = {render(values[name])}: {problem}")


def expand_macros(value: Any, values: dict[str, Any]) -> Any:
  """The value with every macro replaced by what it is bound to."""
  if isinstance(value, Macro):
    return expand_macros(values[value.name], values) if value.name in values else value
  if isinstance(value, (list, tuple)):
    return type(value)(expand_macros(entry, values) for entry in value)
  if isinstance(value, dict):
    return {key: expand_macros(entry, values) for key, entry in value.items()}
  return value


def configuration_hash(values: dict[str, Any], names: set[str]) -> str:
  """First 12 hexadecimal digits of SHA-256 of the reachable bindings with macros resolved: comments, unused macros and
  the way files include each other do not count."""
  bound = sorted((name, render(expand_macros(values[name], values))) for name in names if "." in name)
  return hashlib.sha256(json.dumps(bound).encode()).hexdigest()[:12]


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


def unused_message(name: str, used: set[str]) -> str:
  """Why a binding that no run uses is refused, with the nearest name that some run does use."""
  configurable, _, parameter = name.rpartition(".")
  own = [bound for bound in used if configurable and _owner(bound) == configurable]
  return (f"Binding {name!r} is used by no run of this suite."
          f"{nearest(name, sorted(own) or sorted(used))} Remove it, or correct its name.")


def _owner(bound: str) -> str:
  return _short(bound.rsplit(".", 1)[0]) if "." in bound else bound


def _short(configurable: str) -> str:
  return configurable.rsplit("/", 1)[-1]


def _references(value: Any) -> list[Reference | Macro]:
  if isinstance(value, (Reference, Macro)):
    return [value]
  if isinstance(value, dict):
    return [found for pair in value.items() for entry in pair for found in _references(entry)]
  if isinstance(value, (list, tuple)):
    return [found for entry in value for found in _references(entry)]
  return []


def _suggest(message: str) -> str:
  """The nearest configurables or parameters for gin's own complaints."""
  quoted = message.split("'")
  if "No configurable matching" in message and len(quoted) > 1:
    return nearest(quoted[1].lstrip("@").rstrip("()"), registered_names())
  if "doesn't have a parameter named" in message and len(quoted) > 3:
    return nearest(quoted[quoted.index(next(part for part in quoted if "parameter named" in part)) + 1],
                   binding_types.parameters(gin.get_configurable(quoted[1])))
  return ""


def registered_names() -> list[str]:
  """Names of everything that gin files may bind."""
  registry = gin.config._REGISTRY  # pylint: disable=protected-access
  return sorted(selector.rsplit(".", 1)[-1] for selector, _ in registry.items() if not selector.startswith("gin."))
