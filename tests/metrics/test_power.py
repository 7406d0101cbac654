"""Power of the paired t-test: against SciPy, against tables, against simulations; the planner keeps its promise."""

import math

import numpy as np
import pytest
from scipy import stats

from lasem_tf.metrics import power


@pytest.mark.parametrize("n, effect, level", [(2, 5.0, .05), (3, 1.0, .05), (5, 1.0, .05), (10, .5, .05),
                                              (20, .7, .01)])
def test_power_is_that_of_the_noncentral_t_distribution(n, effect, level):
  critical, noncentrality = stats.t.isf(level / 2, n - 1), effect * math.sqrt(n)
  expected = stats.nct.sf(critical, n - 1, noncentrality) + stats.nct.cdf(-critical, n - 1, noncentrality)
  assert power.power(n, effect, level) == pytest.approx(expected, abs=1e-4)
  assert power.power(n, -effect, level) == power.power(n, effect, level)


def test_no_effect_is_found_as_often_as_the_level_says():
  assert power.power(7, 0.0, .05) == pytest.approx(.05, abs=1e-4)


def test_numbers_of_pairs_are_those_of_printed_tables():
  # Cohen (1988), two-sided level 0.05, power 0.80: 34 pairs for an effect of 0.5, 15 for 0.8; 199 for 0.2.
  assert [power.seeds_needed(effect, 1.0) for effect in (.2, .5, .8)] == [199, 34, 15]
  assert power.seeds_needed(.01, 0.0) == 2
  assert power.seeds_needed(1.0, 1.0, .05 / 10) > power.seeds_needed(1.0, 1.0)
  assert power.seeds_needed(1e-9, 1.0) == power.MOST_SEEDS


def test_the_detectable_difference_is_found_with_the_power_promised():
  for n in (3, 5, 20):
    effect = power.detectable_effect(n)
    assert power.power(n, effect) == pytest.approx(.8, abs=1e-4)
    assert power.detectable_difference(n, .02) == pytest.approx(.02 * effect)
  assert power.detectable_difference(1, .02) is None and power.detectable_difference(5, None) is None
  # Three seeds, 23 comparisons, the median deviation of the committed stand-in for CIFAR-100: hopeless.
  assert 17 < power.detectable_difference(3, 1.37, .05 / 23) < 25


def test_the_interval_of_a_deviation_by_hand():
  # The 97.5 % and 2.5 % points of the chi-square distribution with 2 degrees of freedom: -2 ln(.025), -2 ln(.975).
  low, high = power.deviation_interval(3, 1.0)
  assert (low, high) == (pytest.approx(math.sqrt(2 / (-2 * math.log(.025)))),
                         pytest.approx(math.sqrt(2 / (-2 * math.log(.975)))))
  with pytest.raises(ValueError, match="two observations"):
    power.deviation_interval(1, 1.0)


def test_impossible_questions_are_refused():
  for n, level in ((1, .05), (5, 0.0), (5, 1.0)):
    with pytest.raises(ValueError, match="two pairs or more and a level"):
      power.power(n, 1.0, level)
  with pytest.raises(ValueError, match="must be positive"):
    power.seeds_needed(0.0, 1.0)


def _found(n, effect, level, runs, rng):
  differences = rng.normal(effect, 1.0, (runs, n))
  statistic = differences.mean(axis=1) / differences.std(axis=1, ddof=1) * math.sqrt(n)
  return (2 * stats.t.sf(np.abs(statistic), n - 1) <= level).mean()


def _check_promise(runs, rng):
  """With the planned seeds a true difference is found in 80 % of experiments or more, with one fewer in fewer."""
  for effect in (.4, .8, 1.5):
    for comparisons in (1, 23):
      level = .05 / comparisons
      n = power.seeds_needed(effect, 1.0, level)
      error = 4 * math.sqrt(.8 * .2 / runs)
      assert _found(n, effect, level, runs, rng) > .8 - error, (effect, comparisons)
      assert _found(n - 1, effect, level, runs, rng) < .8 + error, (effect, comparisons)


def _check_pilot(pilot_seeds, runs, rng):
  """The interval of seeds that comes from a few seeds holds the number really needed in 95 % of experiments."""
  truth = power.seeds_needed(1.0, 1.0)
  deviations = rng.normal(0, 1, (runs, pilot_seeds)).std(axis=1, ddof=1)
  ends = [power.deviation_interval(pilot_seeds, deviation) for deviation in deviations]
  holds = [power.seeds_needed(1.0, low) <= truth <= power.seeds_needed(1.0, high) for low, high in ends]
  assert np.mean(holds) > .95 - 4 * math.sqrt(.95 * .05 / runs)


def test_the_planner_keeps_its_promise():
  rng = np.random.default_rng(0)
  _check_promise(4000, rng)
  _check_pilot(5, 150, rng)


@pytest.mark.slow
def test_the_planner_keeps_its_promise_in_many_experiments():
  rng = np.random.default_rng(1)
  _check_promise(100_000, rng)
  for pilot_seeds in (3, 5, 10):
    _check_pilot(pilot_seeds, 2000, rng)
