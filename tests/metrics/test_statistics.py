"""Hand-worked estimates, and Holm's correction."""

import math

import pytest

from lasem_tf.metrics import statistics


def test_estimate_of_three_by_hand():
  result = statistics.estimate([1, 2, 6])
  assert result.n == 3
  assert result.mean == pytest.approx(3)
  assert result.standard_deviation == pytest.approx(math.sqrt((4 + 1 + 9) / 2))
  # The 97.5 % point of Student's t with 2 degrees of freedom is 4.302653 (any printed table).
  assert result.half_width == pytest.approx(4.302653 * math.sqrt(7) / math.sqrt(3), rel=1e-6)
  assert result.interval == pytest.approx((3 - result.half_width, 3 + result.half_width))


def test_one_value_has_no_spread_and_no_value_has_no_mean():
  assert statistics.estimate([.4]) == statistics.Estimate(1, .4, None, None)
  assert statistics.estimate([.4]).interval is None
  assert statistics.estimate([]) == statistics.Estimate(0, None, None, None)


def test_equal_values_have_no_width():
  assert statistics.estimate([.1, .1, .1]) == statistics.Estimate(3, .1, 0.0, 0.0)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_non_finite_observations_are_refused(value):
  with pytest.raises(ValueError, match="must be finite"):
    statistics.estimate([.5, value])


def test_holm_by_hand():
  # Sorted .01, .02, .04 times 3, 2, 1: .03, .04, .04.
  assert statistics.holm([.04, .01, .02]) == pytest.approx([.04, .03, .04])
  # .01 times 3, .02 times 2, .021 times 1 would fall below the one before, which it may not.
  assert statistics.holm([.01, .02, .021]) == pytest.approx([.03, .04, .04])
  assert statistics.holm([.5, .6]) == pytest.approx([1.0, 1.0])


def test_holm_counts_only_tests_that_were_made():
  assert statistics.holm([None, .01, None, .04]) == [None, .02, None, .04]
  assert statistics.holm([]) == []
