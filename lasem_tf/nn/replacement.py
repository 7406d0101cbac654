"""Evaluating a network at other weights than its variables hold, as a differentiable function of those weights."""

import contextlib
import contextvars
from collections.abc import Iterator, Mapping

import tensorflow as tf

_replacements: contextvars.ContextVar[dict | None] = contextvars.ContextVar("replacements", default=None)


@contextlib.contextmanager
def replaced(variables: Mapping[str, tf.Variable], values: Mapping[str, tf.Tensor]) -> Iterator[None]:
  """Inside this context weight groups give these values instead of their variables.

  Args:
    variables: the variables, by name.
    values: what stands for them, by the same names; variables without a value stay as they are.
  """
  token = _replacements.set({variables[name].ref(): value for name, value in values.items()})
  try:
    yield
  finally:
    _replacements.reset(token)


def current(variable: tf.Variable) -> tf.Variable | tf.Tensor:
  """The variable, or what stands for it in this context."""
  replacements = _replacements.get()
  return variable if replacements is None else replacements.get(variable.ref(), variable)
