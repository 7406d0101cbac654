"""Configurations kept beside records, read as values without running anything."""

import tokenize
from typing import Any

from benchmark.results.record_schema import RecordError
from benchmark.suites import bindings

_NO_GIN = (SyntaxError, ValueError, TypeError, AttributeError, tokenize.TokenError, RecursionError, MemoryError)


def bound_values(text: str, where: str) -> dict[str, Any]:
  """What a kept configuration binds, macros resolved as far as they are defined; see `bindings.bound_values`.

  Args:
    text: in Gin's own output format; may be empty.
    where: whose it is, for errors.

  Raises:
    RecordError: it is no Gin text, or macros refer to each other in a circle.
  """
  try:
    values = bindings.bound_values(text)
    return {name: bindings.expand_macros(value, values) for name, value in values.items()}
  except _NO_GIN as error:
    raise RecordError(f"{where}: its configuration is no Gin text ({' '.join(str(error).split())[:200]}). Delete it to "
                      "go on without.") from error
