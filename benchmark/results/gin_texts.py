"""Configurations kept beside records, read as values without running anything."""

from typing import Any

from benchmark.results.record_schema import RecordError
from benchmark.suites import gin_text
from benchmark.suites.gin_files import ConfigurationError


def bound_values(text: str, where: str) -> dict[str, Any]:
  """What a kept configuration binds, macros resolved as far as they are defined; see `gin_text.bound_values`.

  Args:
    text: in Gin's own output format; may be empty.
    where: whose it is, for errors.

  Raises:
    RecordError: it is no Gin text, or macros refer to each other in a circle.
  """
  try:
    values = gin_text.bound_values(text)
    return {name: gin_text.expand_macros(value, values) for name, value in values.items()}
  except (ConfigurationError, RecursionError, MemoryError) as error:
    raise RecordError(f"{where}: its configuration is no Gin text ({' '.join(str(error).split())[:200]}). Delete it to "
                      "go on without.") from error
