"""Names, bits and order of transfer configurations."""

import pytest

from lasem_tf.selection import configuration
from lasem_tf.selection.configuration import TransferConfiguration


@pytest.mark.parametrize("name, depth, bits", [
    ("all", 4, "1111"), ("none", 4, "0000"), ("top1", 4, "0001"), ("top2", 4, "0011"), ("top3", 4, "0111"),
    ("bottom1", 4, "1000"),
    ("bottom2", 4, "1100"), ("bottom3", 4, "1110"), ("alternating", 4, "0101"), ("alternating_odd", 4, "1010"),
    ("top4", 6, "001111"), ("top5", 6, "011111"), ("bottom4", 6, "111100"), ("bottom5", 6, "111110"),
    ("alternating", 6, "010101"),
    ("top6", 8, "00111111"), ("bottom2", 8, "11000000"), ("alternating", 8, "01010101"),
    ("alternating_odd", 8, "10101010"),
    ("alternating", 9, "010101010"), ("office_home_all", 6, "001111"), ("office_home_top1", 6, "000001"),
    ("office_home_top3", 6, "000111"), ("office_home_bottom1", 6, "001000"), ("office_home_bottom3", 6, "001110"),
    ("office_home_alternating", 6, "000101"), ("office_home_alternating_odd", 6, "001010"), ("0110", 4, "0110")])
def test_names(name, depth, bits):
  parsed = TransferConfiguration.parse(name, depth)
  assert str(parsed) == bits and parsed.depth == depth
  assert TransferConfiguration.parse(bits, depth) == parsed


@pytest.mark.parametrize("name, depth, message", [
    ("middle2", 4, "Unknown transfer configuration 'middle2'"), ("top0", 4, "Unknown transfer configuration 'top0'"),
    ("top", 4, "Unknown"), ("", 4, "Unknown"), ("Top2", 4, "Unknown"), ("top4", 4, "call it 'all'"),
    ("bottom5", 4, "more than 5"),
    ("011", 4, "has 3 bits, the network has 4"), ("01011", 4, "has 5 bits"),
    ("office_home_all", 4, "6-layer Office-Home"),
    ("office_home_top4", 6, "call it 'all'")])
def test_names_that_mean_nothing(name, depth, message):
  with pytest.raises(ValueError, match=message):
    TransferConfiguration.parse(name, depth)


@pytest.mark.parametrize("name, depth, index", [
    ("all", 4, 0), ("top3", 4, 1), ("top2", 4, 3), ("top1", 4, 7), ("bottom1", 4, 14), ("bottom2", 4, 12),
    ("bottom3", 4, 8),
    ("0101", 4, 5), ("1010", 4, 10), ("none", 4, 15), ("all", 6, 0), ("top2", 6, 15), ("top3", 6, 7),
    ("alternating", 6, 21),
    ("bottom3", 6, 56)])
def test_index_in_the_order_of_lasem(name, depth, index):
  parsed = TransferConfiguration.parse(name, depth)
  assert parsed.index == index
  assert TransferConfiguration.from_index(index, (1,) * depth) == parsed


@pytest.mark.parametrize("depth, count", [(4, 16), (6, 64), (8, 256)])
def test_number_of_configurations(depth, count):
  everything = configuration.enumerate_configurations((1,) * depth)
  assert len(set(everything)) == len(everything) == count
  assert [c.index for c in everything] == list(range(count))


@pytest.mark.parametrize("groups, count", [((3, 3, 3), 8), ((5, 4, 4, 4), 16), ((5, 4, 4, 2, 2), 32),
                                           ((5,) + (2,) * 6, 128),
                                           ((3,) + (2,) * 7, 256)])
def test_grouped_configurations(groups, count):
  grouped = configuration.enumerate_configurations(configuration.check_groups(groups, sum(groups)))
  assert len(set(grouped)) == count
  boundaries = [0, *(sum(groups[:g + 1]) for g in range(len(groups)))]
  for c in grouped:
    assert all(len(set(c.bits[start:end])) == 1 for start, end in zip(boundaries, boundaries[1:]))
  # A sub-sequence of the order without groups.
  indices = [c.index for c in grouped]
  assert indices == sorted(indices)


def test_groups_of_one_are_no_groups():
  assert configuration.check_groups((), 4) == configuration.check_groups([1, 1, 1, 1], 4) == (1, 1, 1, 1)


@pytest.mark.parametrize("groups", [(2, 1), (2, 3), (0, 4), (5, -1), (4, 0)])
def test_groups_that_do_not_fit(groups):
  with pytest.raises(ValueError, match="must be positive and sum to the network's 4 convolutions"):
    configuration.check_groups(groups, 4)


def test_value_semantics():
  assert TransferConfiguration((1, 0)) == TransferConfiguration((True, False))
  assert len({TransferConfiguration((1, 0)), TransferConfiguration((True, False))}) == 1
