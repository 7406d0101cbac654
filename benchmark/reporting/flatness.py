"""Which methods were still learning when their visits ended, as far as the recorded training loss tells."""

import dataclasses
import math
from collections.abc import Mapping, Sequence

from benchmark.results.records import Record
from benchmark.results.run_details import RunDetails
from lasem_tf.metrics import curves


@dataclasses.dataclass(frozen=True)
class Flatness:
  """How the visits of one method ended.

  Attributes:
    num_falling: visits whose training loss still fell, see `curves.still_falls`.
    num_judged: visits of which that can be told.
    num_short: visits with too few recorded epochs to tell.
  """

  num_falling: int = 0
  num_judged: int = 0
  num_short: int = 0

  @property
  def is_short_of_flat(self) -> bool:
    """Whether most visits ended before the loss was flat."""
    return 2 * self.num_falling > self.num_judged


def of_runs(records: Sequence[Record], details: Mapping[str, RunDetails]) -> dict[str, Flatness]:
  """By learner, how the visits of its completed runs ended; nothing of a learner whose course was not kept.

  Args:
    records: runs of one stream and scale.
    details: their course, by identity.
  """
  found: dict[str, list[bool | None]] = {}
  for record in records:
    epochs = details[record.identity].epochs if record.identity in details else {}
    if not record.is_completed or not epochs.get("visit"):
      continue
    losses: dict[int, list[float]] = {}
    for visit, loss in zip(epochs["visit"], epochs["loss"]):
      losses.setdefault(visit, []).extend([] if loss is None or not math.isfinite(loss) else [loss])
    found.setdefault(record.learner, []).extend(map(curves.still_falls, losses.values()))
  return {learner: Flatness(falls.count(True), len(falls) - falls.count(None), falls.count(None))
          for learner, falls in found.items()}
