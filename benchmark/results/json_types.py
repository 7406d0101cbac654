"""Dataclass annotations as checks of parsed JSON and as a JSON Schema.

Understood are dataclasses, `list`, `dict`, unions, `Literal`, the JSON scalars and `Any`, annotated with what
`lasem_tf.metrics.run_result` defines. Fields of dataclasses with a default may be missing. Checks are functions made
once for every annotation, because a report may read ten thousand matrices; only where one fails is the place looked
for.
"""

import dataclasses
import functools
import inspect
import re
import reprlib
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeGuard

from lasem_tf.metrics import run_result

_NAMES = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null", dict: "object"}
_WORDS = {str: "a text", int: "a whole number", float: "a number", bool: "true or false", type(None): "null",
          dict: "a block", list: "a list", Any: "anything"}
_TYPES: dict[Any, tuple[type, ...]] = {float: (int, float)}


@functools.cache
def accepts(annotation: Any) -> Callable[[Any], bool]:
  """The function that tells whether a parsed JSON value is what the annotation says."""
  kind, arguments = _parts(annotation)
  if kind is typing.Annotated and arguments[0] is float and len(arguments) == 2:
    numbers, least, most = _TYPES[float], arguments[1].least, arguments[1].most  # In one step: matrices hold many.
    return lambda value: type(value) in numbers and least <= value <= most
  if kind is typing.Annotated:
    return functools.reduce(_limited, arguments[1:], accepts(arguments[0]))
  if kind is types.UnionType:
    return functools.reduce(_either, map(accepts, sorted(arguments, key=lambda option: option is type(None))))
  if kind is typing.Literal:
    return lambda value: any(type(value) is type(option) and value == option for option in arguments)
  if kind is list:
    entry = accepts(arguments[0])
    return lambda value: type(value) is list and all(map(entry, value))
  if kind is dict:
    entry = accepts(arguments[1])
    return lambda value: isinstance(value, Mapping) and all(map(entry, value.values()))
  if kind is Any:
    return lambda value: True
  if _is_block(kind):
    fields, optional = {name: accepts(hint) for name, hint in _hints(kind).items()}, optional_fields(kind)
    return lambda value: isinstance(value, Mapping) and all(
        holds(value[name]) if name in value else name in optional for name, holds in fields.items())
  if kind is type(None):
    return lambda value: value is None
  allowed = _TYPES.get(kind, (kind,))  # Not isinstance: a truth value is no number.
  return lambda value: type(value) in allowed


@functools.cache
def optional_fields(block: type) -> frozenset[str]:
  """Names of a dataclass's fields that may be missing."""
  return frozenset(field.name for field in dataclasses.fields(block) if field.default is not dataclasses.MISSING)


def problem(annotation: Any, value: Any, name: str) -> str | None:
  """The first place where a parsed JSON value is not what the annotation says, as a sentence; None if there is none."""
  return None if accepts(annotation)(value) else next(_problems(annotation, value, name))


def lists(annotation: Any, value: Any, name: str) -> Iterator[tuple[str, run_result.Entries, list]]:
  """(name, `Entries`, list) of every list within a valid value whose length is annotated."""
  kind, arguments = _parts(annotation)
  if value is None or not _has_lengths(annotation):
    return
  if kind is typing.Annotated:
    yield from ((name, limit, value) for limit in arguments[1:] if isinstance(limit, run_result.Entries))
    yield from lists(arguments[0], value, name)
  elif kind is types.UnionType:
    for option in arguments:
      yield from lists(option, value, name)
  elif kind is list:
    for index, entry in enumerate(value):
      yield from lists(arguments[0], entry, f"{name}[{index}]")
  else:
    for field, hint in _hints(kind).items():
      yield from lists(hint, value.get(field), f"{name}.{field}")


def schema(annotation: Any) -> dict[str, Any]:
  """The annotation as JSON Schema; descriptions are those of the docstrings."""
  kind, arguments = _parts(annotation)
  if kind is typing.Annotated:
    found = schema(arguments[0])
    for limit in arguments[1:]:
      found |= _limit_schema(limit, found["type"])
    return found
  if kind is types.UnionType:
    return {"anyOf": [schema(option) for option in arguments]}
  if kind is typing.Literal:
    return {"enum": list(arguments)}
  if kind is list:
    return {"type": "array", "items": schema(arguments[0])}
  if kind is dict:
    return {"type": "object", "additionalProperties": schema(arguments[1])}
  if kind is Any:
    return {}
  if _is_block(kind):
    texts = _attribute_texts(kind)
    fields = {name: {**schema(hint), "description": texts[name]} for name, hint in _hints(kind).items()}
    required = [name for name in fields if name not in optional_fields(kind)]
    return {"type": "object", "required": required, "properties": fields}
  return {"type": _NAMES[kind]}


def _problems(annotation: Any, value: Any, name: str) -> Iterator[str]:
  """At least one sentence, for a value that is not accepted."""
  kind, arguments = _parts(annotation)
  inner: list[tuple[Any, Any, str]] = []
  if kind is typing.Annotated and _parts(arguments[0])[0] is list:
    inner = [(arguments[0], value, name)]
  elif kind is types.UnionType and value is not None:
    options = [option for option in arguments if option is not type(None)]
    inner = [(option, value, name) for option in options if len(options) == 1]
  elif kind is list and isinstance(value, list):
    inner = [(arguments[0], entry, f"{name}[{index}]") for index, entry in enumerate(value)]
  elif kind is dict and isinstance(value, Mapping):
    inner = [(arguments[1], entry, f"{name}.{key}") for key, entry in value.items()]
  elif _is_block(kind) and isinstance(value, Mapping):
    prefix = f"{name}." if name else ""
    yield from (f"{prefix}{field} is missing" for field in _hints(kind)
                if field not in value and field not in optional_fields(kind))
    inner = [(hint, value[field], f"{prefix}{field}") for field, hint in _hints(kind).items() if field in value]
  for part, entry, place in inner:
    if not accepts(part)(entry):
      yield from _problems(part, entry, place)
  yield f"{name} is {reprlib.repr(value)}, not {_words(annotation)}"


@functools.cache
def _parts(annotation: Any) -> tuple[Any, tuple]:
  """What kind of annotation it is, and its arguments."""
  if typing.get_origin(annotation) is typing.Annotated:
    return typing.Annotated, (annotation.__origin__, *annotation.__metadata__)
  kind = typing.get_origin(annotation) or annotation
  return types.UnionType if kind is typing.Union else kind, typing.get_args(annotation)


def _is_block(kind: Any) -> TypeGuard[type]:
  return dataclasses.is_dataclass(kind)


@functools.cache
def _hints(block: type) -> dict[str, Any]:
  return typing.get_type_hints(block, include_extras=True)


@functools.cache
def _has_lengths(annotation: Any) -> bool:
  """Whether the length of some list within is annotated."""
  if isinstance(annotation, run_result.Entries):
    return True
  parts = _hints(annotation).values() if _is_block(annotation) else _parts(annotation)[1]
  return any(map(_has_lengths, parts))


def _either(first: Callable[[Any], bool], second: Callable[[Any], bool]) -> Callable[[Any], bool]:
  return lambda value: first(value) or second(value)


def _limited(accepted: Callable[[Any], bool], limit: Any) -> Callable[[Any], bool]:
  if isinstance(limit, run_result.Limits):
    least, most = limit.least, limit.most
    return lambda value: accepted(value) and least <= (len(value) if isinstance(value, str) else value) <= most
  if isinstance(limit, run_result.Pattern):
    return lambda value: accepted(value) and re.fullmatch(limit.expression, value) is not None
  return accepted  # Lengths of lists depend on other fields; see `lists`.


def _limit_schema(limit: Any, kind: str) -> dict[str, Any]:
  if isinstance(limit, run_result.Limits):
    names = ("minLength", "maxLength") if kind == "string" else ("minimum", "maximum")
    return dict(zip(names, (limit.least, limit.most)))
  if isinstance(limit, run_result.Pattern):
    return {"pattern": f"^({limit.expression})$"}
  return {"$comment": f"One entry for each {limit.each} of a completed run."}


def _words(annotation: Any) -> str:
  kind, arguments = _parts(annotation)
  if kind is typing.Annotated:
    return " ".join([_words(arguments[0]), *filter(None, map(_limit_words, arguments[1:]))])
  if kind is types.UnionType:
    return " or ".join(_words(option) for option in arguments)
  if kind is typing.Literal:
    return f"one of {', '.join(map(str, arguments))}"
  return _WORDS.get(kind, "a block")


def _limit_words(limit: Any) -> str:
  if isinstance(limit, run_result.Limits):
    return f"within {limit.least:g} to {limit.most:g}"
  return f"of the form {limit.expression}" if isinstance(limit, run_result.Pattern) else ""


def _attribute_texts(block: type) -> dict[str, str]:
  """Text of every attribute in a dataclass's docstring, its bases' included."""
  texts = {}
  for ancestor in reversed(block.__mro__[:-1]):
    section = inspect.cleandoc(ancestor.__doc__ or "").partition("Attributes:\n")[2]
    for name, text in re.findall(r"^  (\w+): (.*(?:\n    .*)*)", section, re.MULTILINE):
      texts[name] = " ".join(text.split())
  return texts
