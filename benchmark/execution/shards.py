"""Slices of a suite for machines that do not know of each other."""

import heapq
import re
from collections.abc import Callable, Sequence

from benchmark.execution.plan import Plan
from benchmark.suites.bindings import ConfigurationError


def parse(text: str) -> tuple[int, int]:
  """Number of the shard, from 0, and how many there are, from 'i/n'.

  Raises:
    ConfigurationError: it is something else.
  """
  index, _, count = text.partition("/")
  if not re.fullmatch(r"\d{1,9}/\d{1,9}", text) or not int(count):
    raise ConfigurationError(f"--shard={text} is not 'i/n', such as --shard=0/4 for the first of four shards.")
  if int(index) >= int(count):
    raise ConfigurationError(f"--shard={text}: the {count} shards have the numbers 0 to {int(count) - 1}, for example "
                             f"--shard={int(count) - 1}/{count} for the last.")
  return int(index), int(count)


def select(plans: Sequence[Plan], index: int, count: int,
           unit: Callable[[Plan], str] = lambda plan: plan.run.identity) -> list[Plan]:
  """The runs of one shard, in the suite's order.

  Every unit goes to the shard with the least work so far, the longest unit first, so every run is in exactly one shard,
  and the same one on every machine.

  Args:
    plans: of the whole suite.
    index: the shard, from 0.
    count: number of shards.
    unit: name of what a run belongs to and must not be separated from; by default every run is a unit.
  """
  costs: dict[str, float] = {}
  for plan in plans:
    costs[unit(plan)] = costs.get(unit(plan), 0.0) + plan.cost
  loads = [(0.0, shard) for shard in range(min(count, len(costs)))]
  chosen = set()
  for name, cost in sorted(costs.items(), key=lambda item: (-item[1], item[0])):
    load, shard = heapq.heappop(loads)
    heapq.heappush(loads, (load + cost, shard))
    if shard == index:
      chosen.add(name)
  return [plan for plan in plans if unit(plan) in chosen]
