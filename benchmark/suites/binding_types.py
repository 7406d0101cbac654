"""Checks a bound value against the annotation of the parameter it is bound to; gin itself accepts anything."""

import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any

from benchmark.suites import catalogue
from benchmark.suites.gin_files import nearest


def mismatch(value: Any, annotation: Any, reference_type: type) -> str:
  """Says what is wrong with a value, or nothing.

  Args:
    value: the literal value; entries that are references cannot be checked and pass.
    annotation: of the parameter, as `catalogue` gives it.
    reference_type: the class of such entries.

  Returns:
    '' if the value fits, else a sentence.
  """
  if _fits(value, annotation, reference_type):
    return ""
  allowed = [option for option in _options(annotation) if isinstance(option, str)]
  if allowed and isinstance(value, str):
    return f"expected {describe(annotation)}, got {value!r}.{nearest(value, allowed)}"
  return f"expected {describe(annotation)}, got {type(value).__name__}."


def _fits(value: Any, annotation: Any, reference_type: type) -> bool:
  if annotation is Any or isinstance(value, reference_type):
    return True
  origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
  if origin in (typing.Union, types.UnionType):
    return any(_fits(value, option, reference_type) for option in arguments)
  if origin is typing.Literal:
    return any(value == option and type(value) is type(option) for option in arguments)
  if annotation in (None, type(None)):
    return value is None
  if annotation is float:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
  if annotation is int:
    return isinstance(value, int) and not isinstance(value, bool)
  if annotation in (str, bool):
    return isinstance(value, annotation)
  kind = origin or annotation
  if kind in (tuple, list, Sequence):
    if not isinstance(value, (tuple, list)):
      return False
    if kind is tuple and arguments and arguments[-1] is not Ellipsis:
      return len(value) == len(arguments) and all(map(lambda v, a: _fits(v, a, reference_type), value, arguments))
    return not arguments or all(_fits(entry, arguments[0], reference_type) for entry in value)
  if kind in (dict, Mapping):
    return isinstance(value, dict)
  # What is left are classes of the suite and callables: only references give those.
  return False


def _options(annotation: Any) -> list[Any]:
  """The values that a `Literal`, alone or in a union, allows."""
  if typing.get_origin(annotation) is typing.Literal:
    return list(typing.get_args(annotation))
  return [option for part in typing.get_args(annotation) for option in _options(part)]


def describe(annotation: Any) -> str:
  """An annotation in words, such as 'int or None'."""
  if typing.get_origin(annotation) in (typing.Union, types.UnionType):
    return " or ".join(describe(option) for option in typing.get_args(annotation))
  if typing.get_origin(annotation) is typing.Literal:
    return " or ".join(repr(option) for option in typing.get_args(annotation))
  if annotation is type(None):
    return "None"
  if annotation is catalogue.Opaque:
    return "a reference such as @Name()"
  return str(annotation) if typing.get_args(annotation) else getattr(annotation, "__name__", str(annotation))
