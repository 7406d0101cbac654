"""What ranges and lists of values stand for, and which are refused."""

import numpy as np
import pytest

from benchmark.suites import gin_text, search_space
from benchmark.suites.gin_files import ConfigurationError

_LOG, _UNIFORM, _INT = (search_space.Range(*ends) for ends in (("log", 1e-5, 1e-2), ("uniform", .2, .6), ("int", 1, 8)))


def test_numbers_are_rounded_to_readable_ones_between_the_ends():
  assert _LOG.rounded(1.23456e-4) == 1.23e-4 and _UNIFORM.rounded(.123456 + .2) == .3235 and _INT.rounded(3.4) == 3
  narrow = search_space.Range("log", .012345, .056789)
  assert [narrow.rounded(value) for value in (.0123451, .05614, .05678)] == [.012345, .0561, .056789]
  assert isinstance(_INT.rounded(3.4), int) and isinstance(search_space.Range("uniform", 1, 3).rounded(1), float)


@pytest.mark.parametrize("axis", [_LOG, _UNIFORM, _INT, search_space.Range("log", .0123, .0129),
                                  search_space.Range("log", .012345, .0127)], ids=str)
def test_a_range_has_as_many_values_as_it_says(axis):
  found = {axis.at(share) for share in np.linspace(0, 1, 50_001)}
  assert len(found) == axis.num_values and axis.low <= min(found) and max(found) <= axis.high


def test_shares_of_a_logarithmic_range_are_those_of_the_logarithm():
  assert [_LOG.at(share) for share in (0, 1 / 3, 2 / 3, 1)] == [1e-5, 1e-4, 1e-3, 1e-2]
  assert [_UNIFORM.at(share) for share in (0, .5, 1)] == [.2, .4, .6]


@pytest.mark.parametrize("axis, near, far", [(_LOG, (1e-5, 1.3e-5, 8e-3), (1.6e-5, 1e-4, 6e-3)),
                                             (_UNIFORM, (.21, .59), (.23, .4))])
def test_what_lies_near_an_end(axis, near, far):
  assert all(map(axis.is_near_an_end, near)) and not any(map(axis.is_near_an_end, far))


def test_a_space_is_the_product_of_its_axes():
  reference = gin_text.Reference("f", True)
  space = search_space.read({"A": ("log", 1e-5, 1e-2), "B": (1.0, 2.0, 3.0), "C": [(1, 2), reference]}, "grid")
  assert space.num_points == 2701 * 3 * 2
  assert space.probes() == [{"A": 1e-5, "B": 1.0, "C": (1, 2)}, {"A": 1e-2, "B": 2.0, "C": reference},
                            {"A": 1e-2, "B": 3.0, "C": reference}]
  assert space.texts == {"A": "('log', 1e-05, 0.01)", "B": "(1.0, 2.0, 3.0)", "C": "((1, 2), @f())"}
  assert [search_space.range_of(text) for text in space.texts.values()] == [_LOG, None, None]
  drawn = [space.draw(np.random.default_rng(seed)) for seed in range(20)]
  assert len({point["A"] for point in drawn}) == 20 and {point["B"] for point in drawn} == {1.0, 2.0, 3.0}


@pytest.mark.parametrize("text", ["('log', -1.0, 1.0)", "('log', 2.0, 1.0)", "('int', 0.5, 2)", "('log', 1.0)", "@a()",
                                  "-" * 9000 + "1", "(" * 9000])
def test_a_strangers_text_is_no_range(text):
  assert search_space.range_of(text) is None


def test_words_of_ranges_may_be_values():
  space = search_space.read({"A": ("uniform", "log", "int"), "B": ("log",)}, "grid")
  assert space.num_points == 3


@pytest.mark.parametrize("grid, message", [
    ({}, "grid must be a dict of values or ranges"), ((1, 2), "grid must be a dict"),
    ({"A": 1.0}, "A = 1.0 is neither a list of values"), ({"A": ()}, "is neither a list"),
    ({3: (1,)}, "3 = .1,. is neither"), ({"A": (1.0, 2.0, 1.0)}, "lists 1.0 twice"),
    ({"A": ("log", 1e-5)}, "is no range: write its kind and two ends, such as ..log., 1, 8."),
    ({"A": ("log", 1e-5, 1e-3, 1e-2)}, "is no range: write"), ({"A": ("int", True, 3)}, "is no range: write"),
    ({"A": ("uniform", .5, .5)}, "first end must be less"), ({"A": ("log", 1e-2, 1e-5)}, "first end must be less"),
    ({"A": ("log", 0, 1)}, "must begin above 0"), ({"A": ("int", 1, 2.5)}, "must be whole"),
])
def test_misuse_is_one_sentence(grid, message):
  with pytest.raises(ConfigurationError, match=message) as refusal:
    search_space.read(grid, "grid")
  assert "\n" not in str(refusal.value)
