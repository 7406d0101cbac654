"""Measures of how layers were chosen, against values worked out by hand."""

import numpy as np
import pytest

from lasem_tf.metrics import selection_quality

DECLARED = np.array([[1, 1, 1], [0, 1, 1], [1, 0, 1]], bool)
DECIDED = np.array([[0, 0, 0], [1, 1, 1], [1, 1, 0]], bool)


def test_recovery_counts_decided_bits_only():
  chosen = np.array([[0, 0, 0], [0, 1, 0], [1, 1, 0]], bool)
  # Task 1: right, right, wrong; task 2: right, wrong, not scored.
  assert selection_quality.recovery(chosen, DECLARED, DECIDED) == pytest.approx(3 / 5)
  scored = selection_quality.hits(chosen, DECLARED, DECIDED)
  np.testing.assert_array_equal(scored, [[np.nan] * 3, [1, 1, 0], [1, 0, np.nan]])
  assert selection_quality.share(scored[:, 0]) == 1.0


def test_recovery_of_everything_and_of_nothing():
  assert selection_quality.recovery(DECLARED, DECLARED, DECIDED) == 1.0
  assert selection_quality.recovery(~DECLARED, DECLARED, DECIDED) == 0.0
  assert selection_quality.always_share(DECLARED, DECIDED) == pytest.approx(3 / 5)
  assert np.isnan(selection_quality.recovery(DECLARED, DECLARED, np.zeros_like(DECIDED)))


def test_bits_of_other_shapes_are_refused():
  with pytest.raises(ValueError, match=r"Choices \(2, 3\)"):
    selection_quality.hits(DECLARED[:2], DECLARED, DECIDED)


def test_agreement_is_cohens_kappa():
  # 4 of 5 bits equal; shares 3/5 and 2/5: e = 6/25 + 6/25 = 12/25, kappa = (20/25 - 12/25) / (13/25) = 8/13.
  pair = [np.array([[1, 1, 1, 0, 0]]), np.array([[1, 1, 0, 0, 0]])]
  assert selection_quality.agreement(pair) == pytest.approx(8 / 13)
  assert selection_quality.agreement([pair[0], pair[0], pair[1]]) == pytest.approx((1 + 2 * 8 / 13) / 3)
  # Opposite bits, half of them shared: p = 0, e = 1/2.
  assert selection_quality.agreement([np.array([[1, 0]]), np.array([[0, 1]])]) == pytest.approx(-1.0)


def test_agreement_is_unknown_without_variation_or_pairs():
  assert selection_quality.agreement([np.ones((2, 3))] * 3) is None
  assert selection_quality.agreement([DECLARED]) is None


def test_skill_against_fieller_by_hand():
  # Gains 1, 2, 3 of 4, 4, 4 possible: the denominator is known exactly, so that Fieller's interval is the t-interval of
  # the mean gain, 2 +- 4.302653 / sqrt(3), divided by 4.
  found = selection_quality.skill([1.0, 2.0, 3.0], [0.0, 0.0, 0.0], [4.0, 4.0, 4.0])
  half = 4.302652729749 / np.sqrt(3) / 4
  assert (found.value, found.low, found.high) == pytest.approx((.5, .5 - half, .5 + half))


def test_skill_interval_solves_its_equation():
  own, drawn, best = [.71, .74, .70, .78], [.60, .66, .61, .65], [.81, .84, .79, .90]
  found = selection_quality.skill(own, drawn, best)
  gained, possible = np.subtract(own, drawn), np.subtract(best, drawn)
  for ratio in (found.low, found.high):  # There the paired t statistic of gained - ratio * possible is critical.
    rest = gained - ratio * possible
    assert abs(rest.mean() / (rest.std(ddof=1) / 2)) == pytest.approx(3.182446305284)
  assert found.low < found.value < found.high


def test_skill_is_unknown_where_the_reference_may_be_no_better_than_random():
  assert selection_quality.skill([.7, .7], [.5, .9], [.9, .5]) is None
  assert selection_quality.skill([.7], [.5], [.9]) is None


def test_skill_of_random_is_zero_and_of_the_reference_one():
  drawn, best = [.60, .66, .61], [.81, .84, .79]
  assert selection_quality.skill(drawn, drawn, best).value == 0.0
  found = selection_quality.skill(best, drawn, best)
  assert (found.value, found.low, found.high) == pytest.approx((1, 1, 1))


def test_decision_time_is_the_last_change_of_the_leader():
  priors = np.array([[.6, .4], [.3, .7], [.55, .45], [.8, .2], [.9, .1]])
  assert selection_quality.decision_time(priors) == selection_quality.Decision(3, .55)
  assert selection_quality.decision_time(priors[3:]) == selection_quality.Decision(1, .8)
