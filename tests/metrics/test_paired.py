"""Paired comparisons: hand-worked tests, outcomes, and the levels that simulations show them to keep."""

import math

import numpy as np
import pytest
from scipy import stats

from lasem_tf.metrics import paired, power, statistics
from lasem_tf.metrics.paired import Outcome

MARGIN = 0.01


def test_three_pairs_by_hand():
  # Differences 1, 2, 3: mean 2, standard deviation 1, t = 2 sqrt(3); with 2 degrees of freedom the two-sided p-value is
  # 1 - t / sqrt(2 + t^2) = 1 - sqrt(12/14), and the 97.5 % point 4.302653 (any printed table).
  pair = paired.paired_difference({0: 11, 1: 22, 2: 33, 7: 900}, {2: 30, 0: 10, 1: 20, 5: -900}, margin=3)
  assert (pair.n, pair.difference, pair.deviation) == (3, 2, 1)
  assert pair.p_value == pytest.approx(1 - math.sqrt(12 / 14))
  assert pair.half_width == pytest.approx(4.302653 / math.sqrt(3), rel=1e-6)
  # The nearer bound is at 3: t = (3 - 2) sqrt(3), one-sided p = (1 - t / sqrt(2 + t^2)) / 2 = (1 - sqrt(3/5)) / 2.
  assert pair.equivalence_p_value == pytest.approx((1 - math.sqrt(3 / 5)) / 2)


def test_equivalence_is_symmetric_and_impossible_outside_the_margin():
  values, zeros = {0: .011, 1: .02, 2: .026}, dict.fromkeys(range(3), 0.0)
  up, down = (paired.paired_difference(*sides, MARGIN) for sides in ((values, zeros), (zeros, values)))
  assert up.equivalence_p_value == pytest.approx(down.equivalence_p_value) and up.equivalence_p_value > 0.5
  assert up.p_value == pytest.approx(down.p_value) and up.difference == pytest.approx(-down.difference)


def test_too_few_pairs_give_no_p_value():
  assert paired.paired_difference({0: .5}, {0: .25}, MARGIN) == paired.PairedDifference(1, .25)
  assert paired.paired_difference({0: .5, 1: .6}, {2: .4, 3: .3}, MARGIN) == paired.PairedDifference(0, None)


def test_differences_without_variance():
  same = paired.paired_difference({0: .5, 1: .6}, {0: .5, 1: .6}, MARGIN)
  assert same == paired.PairedDifference(2, 0.0, 0.0, 0.0, 1.0, 0.0)
  shifted = paired.paired_difference({0: .3, 1: .7, 2: 1.1}, {0: .2, 1: .6, 2: 1.0}, MARGIN)
  assert shifted == paired.PairedDifference(3, pytest.approx(.1), 0.0, 0.0, None, None)


@pytest.mark.parametrize("margin", [0, -.01, math.nan])
def test_a_margin_is_positive(margin):
  with pytest.raises(ValueError, match="must be positive"):
    paired.paired_difference({0: 1.0}, {0: 1.0}, margin)


def _seeds(*values):
  return dict(enumerate(values))


def test_the_four_outcomes():
  reference = _seeds(.50, .52, .54, .56, .58)
  noise = np.array([.001, -.001, .002, -.002, 0])
  treatments = {name: dict(enumerate(np.array(list(reference.values())) + shift + scale * noise)) for name, shift, scale
                in (("up", .1, 1), ("down", -.1, 1), ("same", 0, 1), ("wild", .02, 30), ("equal", 0, 0))}
  found = paired.compare(treatments, reference, MARGIN)
  assert {name: each.outcome for name, each in found.items()} == {
      "up": Outcome.BETTER, "down": Outcome.WORSE, "same": Outcome.EQUIVALENT, "wild": Outcome.UNDECIDED,
      "equal": Outcome.EQUIVALENT}
  turned = paired.compare(treatments, reference, MARGIN, higher_is_better=False)
  assert (turned["up"].outcome, turned["down"].outcome) == (Outcome.WORSE, Outcome.BETTER)
  # Five tests: the smallest p-value counts five times.
  smallest = min(each.p_value for each in found.values())
  assert min(each.corrected_p_value for each in found.values()) == pytest.approx(5 * smallest)


def test_a_weak_test_decides_nothing():
  # At chance, fifteen points below, and wide: the old mark called this "not significantly different from the best".
  found = paired.compare({"chance": _seeds(.08, .11, .09, .35, .02)}, _seeds(.25, .26, .26, .27, .27), MARGIN)["chance"]
  assert found.outcome == Outcome.UNDECIDED and found.difference < -.12 and found.detectable > .2


def test_four_seeds_are_not_tested():
  treatments = {"a": _seeds(.1, .11, .12, .13), "b": _seeds(.1, .11, .12, .13, .14)}
  found = paired.compare(treatments, _seeds(*[.9] * 5), MARGIN)
  assert (found["a"].outcome, found["b"].outcome) == (Outcome.UNTESTED, Outcome.WORSE)
  assert found["a"].corrected_p_value is None and found["a"].half_width > 0 and found["a"].detectable > 0
  assert found["b"].corrected_p_value == pytest.approx(found["b"].p_value), "the other is not in the family"
  assert paired.compare({"c": _seeds(.1)}, _seeds(.2), MARGIN)["c"].detectable is None


def test_what_is_detectable_counts_the_tests_that_are_made():
  # Standard deviations 1 of five differences, and sqrt(4 / 3) of four; 'shifted' has no p-value, so nobody tests it.
  differences = {"a": (-1, -1, 0, 1, 1), "b": (1, -1, 1, -1, 0), "shifted": (2,) * 5, "few": (-1, -1, 1, 1)}
  found = paired.compare({name: _seeds(*own) for name, own in differences.items()}, _seeds(*[0] * 5), MARGIN)
  for name in "ab":  # Two tests: the first step of Holm's correction is at half the level.
    assert power.power(5, found[name].detectable, .05 / 2) == pytest.approx(.8, abs=1e-4)
  # Were all four tested, it would be at a quarter.
  few = found["few"].detectable / math.sqrt(4 / 3)
  assert power.power(4, few, .05 / 4) == pytest.approx(.8, abs=1e-4)
  alone = paired.compare({"a": _seeds(*differences["a"])}, _seeds(*[0] * 5), MARGIN)["a"]
  assert power.power(5, alone.detectable, .05) == pytest.approx(.8, abs=1e-4)
  assert alone.detectable < found["a"].detectable


# --- levels, by simulation ------------------------------------------------------------------------------------------


def _p_values(differences, margin):
  """Two-sided and equivalence p-values of every row `[..., n]`, by the formulas that `paired_difference` uses."""
  n = differences.shape[-1]
  error = differences.std(axis=-1, ddof=1) / math.sqrt(n)
  size = np.abs(differences.mean(axis=-1))
  return 2 * stats.t.sf(size / error, n - 1), stats.t.sf((margin - size) / error, n - 1)


def _upper(level, count):
  """Share of rejections that a test of this level exceeds with a probability of one in ten thousand."""
  return stats.binom.ppf(1 - 1e-4, count, level) / count


def _holm(p_values):
  """`statistics.holm` for every row of `[runs, tests]`."""
  order = np.argsort(p_values, axis=1)
  tests = p_values.shape[1]
  steps = np.maximum.accumulate(np.take_along_axis(p_values, order, 1) * np.arange(tests, 0, -1), axis=1)
  adjusted = np.empty_like(p_values)
  np.put_along_axis(adjusted, order, np.minimum(1.0, steps), 1)
  return adjusted


def test_the_simulated_tests_are_the_real_ones():
  differences = np.random.default_rng(0).normal(.004, .01, (20, 5))
  two_sided, equivalence = _p_values(differences, MARGIN)
  for row, first, second in zip(differences, two_sided, equivalence):
    pair = paired.paired_difference(dict(enumerate(row)), dict.fromkeys(range(5), 0.0), MARGIN)
    assert (pair.p_value, pair.equivalence_p_value) == (pytest.approx(first), pytest.approx(second))
  adjusted = _holm(two_sided.reshape(4, 5))
  for row, expected in zip(two_sided.reshape(4, 5), adjusted):
    assert statistics.holm(row.tolist()) == pytest.approx(expected)


def _check_levels(n, runs, rng):
  # A true difference of exactly the margin is not equivalent: the worst case of the test.
  for deviation in (.003, .01, .03):
    claimed = _p_values(rng.normal(MARGIN, deviation, (runs, n)), MARGIN)[1] <= .05
    assert claimed.mean() <= _upper(.05, runs), (n, deviation)
  assert claimed.mean() < .05, "a wide difference is rarely called equivalent"
  # Of ten comparisons with one reference, whose noise they share, eight do not differ and two do.
  shared = rng.normal(0, .01, (runs, 1, n))
  differences = rng.normal(0, .01, (runs, 10, n)) - shared
  differences[:, :2] += .05
  adjusted = _holm(_p_values(differences, MARGIN)[0])
  assert (adjusted[:, 2:].min(axis=1) <= .05).mean() <= _upper(.05, runs), n
  assert (adjusted[:, :2] <= .05).mean() > .3, "it finds what is there"
  # Ten comparisons at the margin: the chance that any is called equivalent.
  at_margin = rng.normal(MARGIN, .004, (runs, 10, n))
  assert (_holm(_p_values(at_margin, MARGIN)[1]).min(axis=1) <= .05).mean() <= _upper(.05, runs), n


@pytest.mark.parametrize("n", [5, 10, 20])
def test_equivalence_and_holm_keep_their_levels(n):
  _check_levels(n, 4000, np.random.default_rng(n))


@pytest.mark.slow
@pytest.mark.parametrize("n", [5, 10, 20])
def test_equivalence_and_holm_keep_their_levels_in_many_simulations(n):
  for repetition in range(20):
    _check_levels(n, 20_000, np.random.default_rng([n, repetition]))
