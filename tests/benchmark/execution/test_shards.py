"""Slices of a suite: disjoint, complete, balanced, the same everywhere; bad numbers are refused."""

import dataclasses
import random

import pytest

from benchmark.execution import cost_model, plan as plan_lib, shards
from benchmark.suites import suite
from benchmark.suites.bindings import ConfigurationError


def _plans(costs) -> list[plan_lib.Plan]:
  return [plan_lib.Plan(suite.Run("synthetic", f"learner{number}", "smoke", 0, 0, "", "0"), 1, cost, 0, 0.0,
                        cost_model.Work(1, 0, cost))
          for number, cost in enumerate(costs)]


def _identities(plans) -> list[str]:
  return [plan.run.identity for plan in plans]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7, 50])
def test_every_run_is_in_exactly_one_shard(count):
  generator = random.Random(count)
  plans = _plans([generator.choice([1.0, 1.0, 3.0, 80.0]) for _ in range(30)])
  parts = [_identities(shards.select(plans, index, count)) for index in range(count)]
  assert sorted(sum(parts, [])) == sorted(_identities(plans))
  for part in parts:
    assert part == [identity for identity in _identities(plans) if identity in part]  # in the suite's order


def test_shards_are_balanced_by_cost():
  costs = [100.0, 50.0, 50.0, 25.0, 25.0, 25.0, 25.0, 10.0, 10.0, 10.0, 10.0, 60.0]
  plans = _plans(costs)
  loads = [sum(plan.cost for plan in shards.select(plans, index, 4)) for index in range(4)]
  assert sum(loads) == sum(costs) and max(loads) - min(loads) <= 10.0


def test_shards_do_not_depend_on_the_order_of_the_suite():
  plans = _plans([5.0] * 9 + [2.0] * 4)
  shuffled = random.Random(0).sample(plans, len(plans))
  for index in range(3):
    assert set(_identities(shards.select(plans, index, 3))) == set(_identities(shards.select(shuffled, index, 3)))


def test_a_shard_may_be_empty():
  assert not shards.select(_plans([1.0]), 1, 2)
  assert not shards.select(_plans([1.0]), 10**9 - 1, 10**9)


def test_small_steps_count_too():
  few, many = _plans([10.0, 10.0])
  many = dataclasses.replace(many, num_steps=1000)
  assert many.cost > few.cost


def test_parse():
  assert shards.parse("0/4") == (0, 4) and shards.parse("3/4") == (3, 4) and shards.parse("0/1") == (0, 1)


@pytest.mark.parametrize("text, message", [
    ("5/4", "numbers 0 to 3, for example --shard=3/4"), ("4/4", "numbers 0 to 3"), ("1", "--shard=0/4"),
    ("a/b", "--shard=0/4"), ("0/" + "9" * 5000, "--shard=0/4"),
    ("-1/4", "--shard=0/4"), ("1/0", "--shard=0/4"), ("1/2/3", "--shard=0/4"), ("", "--shard=0/4")])
def test_bad_shards_are_refused_with_the_remedy(text, message):
  with pytest.raises(ConfigurationError, match=f"--shard={text}.*{message}"):
    shards.parse(text)


def test_wall_time_is_that_of_the_longest_worker():
  assert plan_lib.wall_seconds([4.0, 3.0, 3.0, 2.0], 1) == 12.0
  assert plan_lib.wall_seconds([4.0, 3.0, 3.0, 2.0], 2) == 6.0
  assert plan_lib.wall_seconds([10.0, 1.0], 8) == 10.0


def test_the_cost_model_agrees_with_both_measurements():
  model = cost_model.fit(0.5, (0.002, 0.05), (0.012, 0.85))  # 80 GMAC/s and 1.375 ms a step
  assert model.gmacs_per_second == pytest.approx(80.0)
  assert model.seconds(cost_model.Work(0, 1, 0.05)) == pytest.approx(0.002)
  assert model.seconds(cost_model.Work(0, 1, 0.85)) == pytest.approx(0.012)
  assert model.seconds(cost_model.Work(2)) == 1.0
  assert cost_model.fit(0.5, (0.002, 0.05), (0.012, 0.85), 4.0).seconds(cost_model.Work(
      weight_operations=6.0)) == pytest.approx(1.5)


def test_noise_makes_no_coefficient_negative():
  for small, large in (((0.02, 0.05), (0.01, 0.85)), ((0.0001, 0.05), (0.1, 0.85))):
    model = cost_model.fit(0.1, small, large)
    assert model.gmacs_per_second > 0 and model.seconds_per_step >= 0
    assert model.seconds(cost_model.Work(0, 1, 0.85)) > 0
