"""Measures several arms side by side: interleaved in random order, process CPU time, medians."""

import dataclasses
import statistics
import time
from collections.abc import Callable, Sequence

import numpy as np


@dataclasses.dataclass(frozen=True)
class Arm:
  """Something whose cost is measured.

  Attributes:
    name: in tables.
    call: does the work once; returns when it is done.
    units: how many units of work a call does (steps, images); costs are per unit.
  """

  name: str
  call: Callable[[], object]
  units: int = 1


@dataclasses.dataclass(frozen=True)
class Cost:
  """What one unit of an arm costs.

  Attributes:
    median: CPU seconds of this process per unit, median over repeats.
    minimum: smallest of the repeats.
    maximum: largest of the repeats.
    repeats: number of repeats.
  """

  median: float
  minimum: float
  maximum: float
  repeats: int


def interleave(arms: Sequence[Arm], repeats: int, seconds: float = 0.3, seed: int = 0) -> dict[str, Cost]:
  """Measures all arms in turn, in a new random order in every repeat, so that a drift of the machine meets all alike.

  Args:
    arms: what to measure. Every arm is called twice before the first repeat.
    repeats: how often each arm is measured.
    seconds: least CPU time of one measurement; an arm is called as often as that takes.
    seed: of the orders.

  Returns:
    Cost by name.
  """
  calls = {}
  for arm in arms:
    arm.call()
    start = time.process_time()
    arm.call()
    calls[arm.name] = max(1, round(seconds / max(time.process_time() - start, 1e-6)))
  samples: dict[str, list[float]] = {arm.name: [] for arm in arms}
  generator = np.random.default_rng(seed)
  for _ in range(repeats):
    for index in generator.permutation(len(arms)):
      arm = arms[index]
      start = time.process_time()
      for _ in range(calls[arm.name]):
        arm.call()
      samples[arm.name].append((time.process_time() - start) / (calls[arm.name] * arm.units))
  return {name: Cost(statistics.median(values), min(values), max(values), len(values))
          for name, values in samples.items()}
