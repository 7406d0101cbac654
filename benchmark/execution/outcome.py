"""How an attempt at a run ended."""

from typing import Literal, NamedTuple

# 'interrupted': its checkpoint was written. 'locked': another process trains the run.
Status = Literal["completed", "diverged", "failed", "interrupted", "locked"]


class Outcome(NamedTuple):
  """How an attempt at a run ended.

  Attributes:
    status: see `Status`.
    reason: why, of a run that diverged or failed; else None.
  """

  status: Status
  reason: str | None = None
