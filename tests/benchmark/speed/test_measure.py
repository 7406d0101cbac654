"""Interleaved measurement."""

import time

from benchmark.speed import measure


def test_all_arms_are_measured_equally_often_in_changing_order():
  order = []
  arms = [measure.Arm(name, lambda name=name: order.append(name)) for name in "abc"]
  costs = measure.interleave(arms, repeats=6, seconds=0.0)
  assert list(costs) == ["a", "b", "c"] and {cost.repeats for cost in costs.values()} == {6}
  rounds = [tuple(order[start:start + 3]) for start in range(6, len(order), 3)]  # After two calls of each.
  assert len(rounds) == 6 and all(sorted(names) == ["a", "b", "c"] for names in rounds) and len(set(rounds)) > 1


def test_costs_are_per_unit_and_ordered(monkeypatch):
  # A clock that every reading moves by one second, so that one call costs exactly one second.
  clock = iter(range(10000))
  monkeypatch.setattr(time, "process_time", lambda: float(next(clock)))
  costs = measure.interleave([measure.Arm("four units", lambda: None, 4)], repeats=3, seconds=0.5)
  assert costs["four units"] == measure.Cost(0.25, 0.25, 0.25, 3)
