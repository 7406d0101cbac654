"""Copies of variables that a learner may want to go back to."""

import contextlib
from collections.abc import Iterable, Iterator, Mapping

import tensorflow as tf

from lasem_tf.nn import replacement


class Snapshot:
  """The values that some variables had; the copies are variables with stable names, so that a resume has them."""

  def __init__(self, prefix: str, variables: Mapping[str, tf.Variable]):
    """Takes the first copies.

    Args:
      prefix: names of the copies start with it.
      variables: what is copied, by name.
    """
    self._prefix, self._variables = prefix, dict(variables)
    self._copies = {name: tf.Variable(variable, trainable=False) for name, variable in variables.items()}

  def take(self) -> None:
    """Copies the present values."""
    for name, copy in self._copies.items():
      copy.assign(self._variables[name])

  def restore(self, names: Iterable[str] | None = None) -> None:
    """Gives the named variables (default: all) the copied values, bit for bit."""
    for name in self._copies if names is None else names:
      self._variables[name].assign(self._copies[name])

  @contextlib.contextmanager
  def in_use(self) -> Iterator[None]:
    """Inside this context weight groups give the copies in place of their variables."""
    with replacement.replaced(self._variables, self._copies):
      yield

  @property
  def named_variables(self) -> dict[str, tf.Variable]:
    """The copies by their full name."""
    return {f"{self._prefix}/{name}": copy for name, copy in self._copies.items()}
