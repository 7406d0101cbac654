"""What gin files may bind, read from source files: importing them would import TensorFlow, which takes seconds."""

import ast
import dataclasses
import functools
import hashlib
import importlib.util
import pathlib
import typing
from collections import abc
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from benchmark.suites import own_code
from benchmark.suites.gin_files import ConfigurationError

_CODE = pathlib.Path(__file__).resolve().parents[2]
_SHIPPED = ("lasem_tf/nn", "lasem_tf/data", "lasem_tf/knowledge", "lasem_tf/selection", "lasem_tf/learners",
            "benchmark/suites")
_DECORATORS = ("gin.register", "gin.configurable")


@dataclasses.dataclass(frozen=True)
class Configurable:
  """A class or function that gin files may bind.

  Attributes:
    parameters: annotation by name, `Any` where there is none; None if they cannot be known without importing it.
    defaults: Python text of the default by name, for those that have one.
    summary: first line of its docstring.
  """

  parameters: Mapping[str, Any] | None
  defaults: Mapping[str, str] = dataclasses.field(default_factory=dict)
  summary: str = ""


class _OpaqueType(type):
  """Stands for every class that is no plain value, whatever is looked up in it."""

  def __getattr__(cls, name):
    return cls

  def __getitem__(cls, item):
    return cls


class Opaque(metaclass=_OpaqueType):
  """A class of which no literal of gin's language is an instance: only references give those."""


class _Names(dict):
  """Names in annotations."""

  def __missing__(self, name):
    return Opaque


_NAMES = _Names({
    **{each.__name__: each for each in (int, float, str, bool, tuple, list, dict)},
    **{name: getattr(abc, name) for name in ("Sequence", "Mapping")},
    **{name: getattr(typing, name) for name in ("Any", "Literal", "Optional", "Union")},
})


def of_modules(modules: Sequence[str]) -> dict[str, Configurable]:
  """Everything by its name: what is shipped, and what modules named by gin files define.

  Args:
    modules: dotted names; of a package all modules are read. What is at their top level is listed, registered or not.

  Raises:
    ConfigurationError: there is no such module.
  """
  if not modules:
    return _shipped_configurables()
  classes, registered = _shipped()
  own = {node.name: node for name in modules for path in _files(name) for node in _definitions(_tree(path))}
  return _configurables({**registered, **own}, {**classes, **own})


@functools.cache
def digest(module: str) -> str:
  """SHA-256 of a module's source, of a package with all its modules, as this process first saw it.

  Raises:
    ConfigurationError: as `of_modules`.
  """
  found = hashlib.sha256()
  for path in _files(module):
    try:
      found.update(hashlib.sha256(path.read_bytes()).digest())
    except OSError as error:
      raise ConfigurationError(f"{path} cannot be read ({error.strerror}).") from error
  return found.hexdigest()


def refuse_edited(code: Iterable[tuple[str, str]], where: str) -> None:
  """Raises ConfigurationError for a module whose `digest` is not the planned one.

  Args:
    code: module and digest.
    where: what messages begin with.
  """
  for module, planned in code:
    if digest(module) != planned:
      raise ConfigurationError(f"{where}: module {module} was edited after the suite had been planned. Restore it and "
                               "start the command again, or train all runs anew in another --output_dir.")


@functools.cache
def _shipped() -> tuple[dict, dict]:
  """All definitions of the suite's own packages by name, and those that are registered by the name they have in gin."""
  classes: dict[str, Any] = {}
  registered: dict[str, Any] = {}
  for folder in _SHIPPED:
    for path in sorted((_CODE / folder).rglob("*.py")):
      if "tfds_builders" in path.parts:
        continue
      for node in _definitions(_tree(path)):
        classes[node.name] = node
        registered |= {name: node for name in _registered_names(node)}
  return classes, registered


@functools.cache
def _shipped_configurables() -> dict[str, Configurable]:
  classes, registered = _shipped()
  return _configurables(registered, classes)


def _files(module: str) -> Iterable[pathlib.Path]:
  try:
    with own_code.located():  # Of a module in a package, the package is imported.
      found = importlib.util.find_spec(module)
  except (ImportError, ValueError) as error:
    raise ConfigurationError(f"import {module}: {error}") from error
  if found is None:
    raise ConfigurationError(f"import {module}: no such module. Start the command in the folder that holds it, or add "
                             "that folder to PYTHONPATH.")
  if found.submodule_search_locations is not None:
    return sorted(path for folder in found.submodule_search_locations for path in pathlib.Path(folder).rglob("*.py"))
  return [pathlib.Path(found.origin)] if found.origin and found.origin.endswith(".py") else []


def _tree(path: pathlib.Path) -> ast.Module:
  try:
    return ast.parse(path.read_bytes(), str(path))
  except (OSError, SyntaxError, ValueError) as error:
    raise ConfigurationError(f"{path} cannot be read as Python ({error}).") from error


def _definitions(tree: ast.Module) -> Iterator[ast.ClassDef | ast.FunctionDef]:
  yield from (node for node in tree.body if isinstance(node, (ast.ClassDef, ast.FunctionDef)))


def _registered_names(node: ast.ClassDef | ast.FunctionDef) -> Iterator[str]:
  for decorator in node.decorator_list:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    if ast.unparse(called) in _DECORATORS:
      arguments = decorator.args if isinstance(decorator, ast.Call) else []
      yield str(arguments[0].value) if arguments and isinstance(arguments[0], ast.Constant) else node.name


def _configurables(found: Mapping[str, Any], classes: Mapping[str, Any]) -> dict[str, Configurable]:
  return {name: _configurable(node, classes) for name, node in found.items()}


def _configurable(node: Any, classes: Mapping[str, Any]) -> Configurable:
  summary = (ast.get_docstring(node) or "").partition("\n")[0]
  parameters = _parameters(node, classes)
  if parameters is None:
    return Configurable(None, summary=summary)
  return Configurable({name: _annotation(annotation) for name, (annotation, _) in parameters.items()},
                      {name: ast.unparse(default) for name, (_, default) in parameters.items() if default is not None},
                      summary)


def _parameters(node: ast.AST, classes: Mapping[str, Any]) -> dict[str, tuple[Any, ast.expr | None]] | None:
  """Annotation and default by parameter, base classes first; None where a base is not at hand or anything is taken."""
  if isinstance(node, ast.FunctionDef):
    arguments = node.args
    if arguments.kwarg or arguments.vararg:
      return None
    positional: list[ast.expr | None] = [*[None] * (len(arguments.args) - len(arguments.defaults)), *arguments.defaults]
    return {each.arg: (each.annotation, default) for each, default in zip(
        (*arguments.args, *arguments.kwonlyargs), (*positional, *arguments.kw_defaults)) if each.arg != "self"}
  assert isinstance(node, ast.ClassDef)
  for member in node.body:
    if isinstance(member, ast.FunctionDef) and member.name == "__init__":
      return _parameters(member, classes)
  inherited: dict[str, tuple[Any, ast.expr | None]] = {}
  for base in node.bases:
    name = ast.unparse(base).rsplit(".", 1)[-1]
    if name in ("ABC", "Protocol", "object"):
      continue
    known = _parameters(classes[name], classes) if name in classes and classes[name] is not node else None
    if known is None:
      return None
    inherited |= known
  if any("dataclass" in ast.unparse(decorator) for decorator in node.decorator_list):
    inherited |= {member.target.id: (member.annotation, member.value) for member in node.body
                  if isinstance(member, ast.AnnAssign) and isinstance(member.target, ast.Name)}
  return inherited


def _annotation(node: ast.expr | None) -> Any:
  """An annotation as `typing.get_type_hints` gives it, with `Opaque` in place of classes that are no plain values."""
  if node is None:
    return Any
  if isinstance(node, ast.Constant) and isinstance(node.value, str):
    node = ast.parse(node.value, mode="eval").body
  # Only the names above have a meaning here, so nothing of the file is called.
  return eval(compile(ast.Expression(node), "annotation", "eval"), {"__builtins__": {}}, _NAMES)  # noqa: S307
