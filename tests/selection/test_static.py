"""A configuration chosen beforehand."""

import pytest

from lasem_tf import types
from lasem_tf.selection import static


def make(name, depth=4):
  selection = static.Static(name)
  selection.bind(depth, types.ReferenceBehaviour())
  return selection


def test_the_choice_is_the_name():
  assert str(make("bottom3").configuration_of(0)) == "1110"


def test_nothing_is_searched():
  with pytest.raises(NotImplementedError, match="Static does not search"):
    make("top1").begin_search(0, 5)


def test_name_that_does_not_fit_the_network():
  with pytest.raises(ValueError, match="has 4 bits, the network has 6"):
    make("0011", 6)


def test_cost_counts_the_generation_of_shared_layers_only():
  layers, generation = [100, 200, 300, 400], [7.0, 5.0, 3.0, 1.0]
  assert make("top1").training_macs(layers, generation, 50) == 3 * (1000 + 1.0 + 50) - 100
  assert make("all").training_macs(layers, generation, 50) == 3 * (1000 + 16.0 + 50) - 100
