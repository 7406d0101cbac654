"""Checks a bound value against the annotation of the parameter it is bound to; gin itself accepts anything."""

import inspect
import types
import typing
from typing import Any


def mismatch(configurable: Any, parameter: str, value: Any, reference_type: type) -> str:
  """Says what is wrong with a value, or nothing.

  Args:
    configurable: the function or class.
    parameter: the parameter's name.
    value: the literal value; entries that are references cannot be checked and pass.
    reference_type: the class of such entries.

  Returns:
    '' if the value fits or the parameter has no annotation, else a sentence.
  """
  annotation = typing.get_type_hints(_signature_owner(configurable)).get(parameter)
  if annotation is None or _fits(value, annotation, reference_type):
    return ""
  return f"expected {_describe(annotation)}, got {type(value).__name__}."


def parameters(configurable: Any) -> list[str]:
  """Names of what can be bound."""
  return [name for name in inspect.signature(_signature_owner(configurable)).parameters if name != "self"]


def _signature_owner(configurable: Any) -> Any:
  """The function behind gin's wrappers whose parameters are bound."""
  return inspect.unwrap(configurable.__init__ if inspect.isclass(configurable) else configurable)


def _fits(value: Any, annotation: Any, reference_type: type) -> bool:
  if annotation is Any or isinstance(value, reference_type):
    return True
  origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
  if origin in (typing.Union, types.UnionType):
    return any(_fits(value, option, reference_type) for option in arguments)
  if origin is typing.Literal:
    return value in arguments
  if annotation in (None, type(None)):
    return value is None
  if annotation is float:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
  if annotation is int:
    return isinstance(value, int) and not isinstance(value, bool)
  if annotation in (str, bool):
    return isinstance(value, annotation)
  if origin in (tuple, list) or getattr(origin, "__name__", "") == "Sequence":
    if not isinstance(value, (tuple, list)):
      return False
    if origin is tuple and arguments and arguments[-1] is not Ellipsis:
      return len(value) == len(arguments) and all(map(lambda v, a: _fits(v, a, reference_type), value, arguments))
    return not arguments or all(_fits(entry, arguments[0], reference_type) for entry in value)
  if origin is dict or getattr(origin, "__name__", "") == "Mapping":
    return isinstance(value, dict)
  # What is left are classes of the suite and callables: only references give those.
  return False


def _describe(annotation: Any) -> str:
  if typing.get_origin(annotation) in (typing.Union, types.UnionType):
    return " or ".join(_describe(option) for option in typing.get_args(annotation))
  if annotation is type(None):
    return "None"
  return getattr(annotation, "__name__", str(annotation)) if not typing.get_args(annotation) else str(annotation)
