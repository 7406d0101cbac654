"""Data protocols: one word that sets several choices, each of which can be overridden and is recorded."""

from collections.abc import Mapping
from typing import Any

PROTOCOLS = ("clean", "reference")


def resolve(protocol: str, choices: Mapping[str, Mapping[str, str]],
            overrides: Mapping[str, str | None]) -> dict[str, Any]:
  """The choices in force.

  Args:
    protocol: 'clean' (what a correct implementation does) or 'reference' (what the releases do).
    choices: for each choice, its value under every protocol, such as
      `{'normalization': {'clean': 'train', 'reference': 'per_split'}}`; these are also all values that it can take.
    overrides: for each choice a value, or None to follow the protocol.

  Returns:
    The value of 'protocol' and of every choice, JSON-able, for records and fingerprints.

  Raises:
    ValueError: an unknown protocol, or a value that a choice cannot take.
  """
  if protocol not in PROTOCOLS:
    raise ValueError(f"protocol must be one of {', '.join(map(repr, PROTOCOLS))}, not {protocol!r}.")
  resolved = {"protocol": protocol}
  for name, values in choices.items():
    value = overrides.get(name)
    if value is not None and value not in values.values():
      raise ValueError(f"{name} must be one of {', '.join(sorted(map(repr, values.values())))}, or None to follow the "
                       f"protocol; not {value!r}.")
    resolved[name] = values[protocol] if value is None else value
  return resolved
