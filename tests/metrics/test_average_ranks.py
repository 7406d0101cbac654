"""Average ranks, Friedman's test and groups, worked by hand."""

import math

import pytest

from lasem_tf.metrics import average_ranks

_FALLING = [.9 - .01 * number for number in range(10)]


def test_methods_in_one_order_everywhere_all_differ():
  found = average_ranks.average_ranks({"worst": [value - .2 for value in _FALLING], "best": _FALLING,
                                       "middle": [value - .1 for value in _FALLING]})
  assert dict(found.ranks) == {"best": 1.0, "middle": 2.0, "worst": 3.0} and list(found.ranks)[0] == "best"
  # chi^2 = 12 n / (k (k + 1)) sum (R - 2)^2 = 20 with two degrees of freedom, whose tail is exp(-x / 2).
  assert found.p_value == pytest.approx(math.exp(-10.0)) and found.num_data_sets == 10
  # Every signed-rank test has p = 2 / 2^10, three times that is below 0.05.
  assert found.groups == ()


def test_equal_values_share_their_ranks_and_are_a_group():
  found = average_ranks.average_ranks({"one": _FALLING, "same": _FALLING, "worst": [value - .1 for value in _FALLING]})
  assert dict(found.ranks) == {"one": 1.5, "same": 1.5, "worst": 3.0} and found.groups == (("one", "same"),)


def test_a_method_in_between_is_in_two_groups():
  """a beats c everywhere, b differs from neither: its differences to both have either sign."""
  signs = [1, -1] * 5
  a, c = [.60] * 10, [.50 + .001 * number for number in range(10)]
  b = [.55 + sign * (.06 + .001 * number) for number, sign in enumerate(signs)]
  found = average_ranks.average_ranks({"a": a, "b": b, "c": c})
  assert list(found.ranks) == ["a", "b", "c"] and found.groups == (("a", "b"), ("b", "c"))


def test_many_pairs_of_few_data_sets_are_one_group():
  """With eight methods Holm's first step is 28 x 2 / 2^10 = 0.055."""
  found = average_ranks.average_ranks({f"m{index}": [value - .01 * index for value in _FALLING] for index in range(8)})
  assert found.groups == (tuple(f"m{index}" for index in range(8)),)


@pytest.mark.parametrize("values", [{"a": _FALLING}, {"a": _FALLING[:9], "b": _FALLING[:9]}])
def test_too_little_is_refused(values):
  with pytest.raises(ValueError, match="two methods and 10 data sets"):
    average_ranks.average_ranks(values)
