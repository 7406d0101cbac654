"""How an attempt at a run ended."""

from typing import NamedTuple

from benchmark.results.status import Status


class Outcome(NamedTuple):
  """How an attempt at a run ended.

  Attributes:
    status: see there.
    reason: why, of a run that diverged or failed; else None.
  """

  status: Status
  reason: str | None = None
