"""Checks of what gin files bind, from the text alone, before anything is imported or trained.

Gin accepts a misspelt macro, a value of the wrong type, and bindings that nothing ever uses. Here all of these are
errors that name the remedy. A binding is *reachable* if following references and macros from the root meets it.
"""

import functools
import hashlib
import importlib
import json
import pkgutil
from collections.abc import Mapping
from typing import Any

import gin

from benchmark.suites import binding_types, catalogue, own_code
from benchmark.suites.gin_files import ConfigurationError, gin_root, nearest
from benchmark.suites.gin_text import bound_values, expand_macros, Macro, parts, Reference, render, short

__all__ = ["ROOT", "ConfigurationError", "Macro", "Reference", "bound_values", "expand_macros", "gin_root", "nearest",
           "render"]

ROOT = "experiment"
# Bound by files of today, but not when the oldest records were made; with these values results are the same.
_LATER_DEFAULTS = {"ConvNetSpec.precision": "'float32'"}
_PACKAGES = ("lasem_tf.nn", "lasem_tf.data", "lasem_tf.knowledge", "lasem_tf.selection", "lasem_tf.learners")


@functools.cache
def register_configurables() -> None:
  """Imports every module that registers something with gin, and TensorFlow with them."""
  importlib.import_module("benchmark.suites.experiment")
  waiting = list(_PACKAGES)
  while waiting:
    name = waiting.pop(0)
    found = importlib.import_module(name)
    # Not `walk_packages`, which imports every package on its way: the builders import TensorFlow Datasets.
    waiting += [module.name for module in pkgutil.iter_modules(getattr(found, "__path__", ()), f"{name}.")
                if not module.name.endswith(".tfds_builders")]


def parse(text: str, where: str) -> None:
  """Puts a text without includes into gin's global state; registers everything that it may bind before.

  Args:
    text: as `GinText.render` gives it.
    where: how messages call it.

  Raises:
    ConfigurationError: gin cannot make sense of it, or a module that it imports fails.
  """
  register_configurables()
  gin.clear_config()
  try:
    with own_code.located():
      gin.parse_config(text)
  except (ValueError, SyntaxError, OSError, TypeError, AttributeError, ImportError, NameError) as error:
    raise ConfigurationError(f"{where}: {' '.join(str(error).split())}") from error


def check_names(values: Mapping[str, Any], origins: Mapping[str, str], known: Mapping[str, catalogue.Configurable],
                is_complete: bool) -> None:
  """Refuses names that nothing has.

  Args:
    values: as `GinText.values`.
    origins: as `GinText.origins`.
    known: what may be bound.
    is_complete: whether `known` lists everything; if not, gin itself refuses what is unknown, later.

  Raises:
    ConfigurationError: names the nearest.
  """
  for name, value in values.items():
    where = f"{origins[name]}: "
    for part in parts(value):
      if isinstance(part, Reference) and is_complete and short(part.name) not in known:
        raise ConfigurationError(f"{where}No configurable matching reference '@{part.name}'."
                                 f"{nearest(short(part.name), sorted(known))}")
    if "." not in name:
      continue
    selector, _, parameter = name.rpartition(".")
    configurable = known.get(short(selector))
    if configurable is None:
      if is_complete and short(selector) != "macro":
        raise ConfigurationError(f"{where}No configurable matching '{short(selector)}'."
                                 f"{nearest(short(selector), sorted(known))}")
    elif configurable.parameters is not None and parameter not in configurable.parameters:
      raise ConfigurationError(f"{where}{short(selector)} has no parameter named '{parameter}'."
                               f"{nearest(parameter, sorted(configurable.parameters))}")


def check_types(values: Mapping[str, Any], names: set[str], known: Mapping[str, catalogue.Configurable]) -> None:
  """Compares the literal values of the named bindings, macros resolved, with the annotations of their parameters.

  Raises:
    ConfigurationError: a value has the wrong type.
  """
  for name in sorted(names):
    selector, dot, parameter = name.rpartition(".")
    configurable = known.get(short(selector)) if dot else None
    if configurable is None or configurable.parameters is None:
      continue
    problem = binding_types.mismatch(expand_macros(values[name], values), configurable.parameters.get(parameter, Any),
                                     Reference)
    if problem:
      raise ConfigurationError(f"Binding {name} = {render(values[name])}: {problem}")


def reachable(values: Mapping[str, Any], root: str = ROOT) -> set[str]:
  """Names of the bindings that something reachable from the root uses.

  Raises:
    ConfigurationError: a macro on the way is not bound.
  """
  by_owner: dict[str, set[str]] = {}
  for bound in values:
    if "." in bound:
      by_owner.setdefault(_owner(bound), set()).add(bound)
  used: set[str] = set()
  waiting: list[tuple[Reference | Macro, str]] = [(Reference(root, evaluate=True), "")]
  while waiting:
    found, user = waiting.pop()
    if isinstance(found, Macro):
      if found.name not in values:
        macros = [bound for bound in values if "." not in bound]
        raise ConfigurationError(f"Binding {user} uses the macro %{found.name}, which nothing binds."
                                 f"{nearest(found.name, macros)}")
      names = {found.name}
    else:
      names = by_owner.get(short(found.name), set())
    for bound in names - used:
      used.add(bound)
      waiting += [(part, bound) for part in parts(values[bound]) if isinstance(part, (Reference, Macro))]
  return used


def configuration_hash(values: Mapping[str, Any], names: set[str]) -> str:
  """First 12 hexadecimal digits of SHA-256 of the reachable bindings with macros resolved: comments, unused macros, the
  way files include each other, modules in front of names and `_LATER_DEFAULTS` do not count."""
  bound = sorted((name, render(_without_modules(expand_macros(values[name], values)))) for name in names if "." in name)
  bound = [(name, value) for name, value in bound if _LATER_DEFAULTS.get(name) != value]
  return hashlib.sha256(json.dumps(bound).encode()).hexdigest()[:12]


def unused_message(name: str, used: set[str]) -> str:
  """Why a binding that no run uses is refused, with the nearest name that some run does use."""
  configurable, _, _ = name.rpartition(".")
  own = [bound for bound in used if configurable and _owner(bound) == configurable]
  return (f"Binding {name!r} is used by no run of this suite."
          f"{nearest(name, sorted(own) or sorted(used))} Remove it, or correct its name.")


def _owner(bound: str) -> str:
  return short(bound.rpartition(".")[0]) if "." in bound else bound


def _without_modules(value: Any) -> Any:
  if isinstance(value, Reference):
    scope, slash, name = value.name.rpartition("/")
    return Reference(f"{scope}{slash}{short(name)}", value.evaluate)
  if isinstance(value, (list, tuple)):
    return type(value)(_without_modules(entry) for entry in value)
  if isinstance(value, dict):
    return {_without_modules(key): _without_modules(entry) for key, entry in value.items()}
  return value
