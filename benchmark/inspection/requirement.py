"""What a check of a learner raises, and the checks of plain facts."""

import json


class ContractBroken(AssertionError):
  """A learner does not keep what it promises; the message says what happened, and what to look at."""


def require(condition: bool, message: str) -> None:
  if not condition:
    raise ContractBroken(f"{message}.")


def through_json(value: dict, what: str) -> dict:
  try:
    return json.loads(json.dumps(value))
  except TypeError as error:
    raise ContractBroken(f"{what} cannot be written as JSON ({error}): give plain numbers, texts, lists and "
                         "dictionaries.") from error
