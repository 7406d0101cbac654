"""How a run ended."""

import enum


class Status(str, enum.Enum):  # noqa: UP042, as Python 3.10 has no StrEnum.
  """A run's outcome; equal to its text, as which it is written."""

  COMPLETED = "completed"
  DIVERGED = "diverged"        # The loss or a weight was not finite.
  FAILED = "failed"            # An error ended it; it is tried again.
  INTERRUPTED = "interrupted"  # Stopped, with a checkpoint; not recorded.
  LOCKED = "locked"            # Another process trains it; not recorded.

  __str__ = str.__str__


RECORDED = (Status.COMPLETED, Status.DIVERGED, Status.FAILED)
