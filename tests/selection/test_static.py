"""A configuration chosen beforehand."""

import numpy as np
import pytest

from lasem_tf import types
from lasem_tf.selection import base, static


def make(name, depth=4):
  selection = static.Static(name)
  selection.bind(depth, types.ReferenceBehaviour())
  return selection


def test_the_choice_is_the_name():
  selection = make("bottom3")
  selection.begin_task(0, 5)
  assert str(selection.choice()) == "1110" and not selection.searches
  np.testing.assert_array_equal(selection.sharing(), [True, True, True, False])


def test_one_phase_without_search():
  selection = make("top1")
  phase = selection.next_phase(0, 5)
  assert phase.num_epochs == 5 and str(phase.configuration) == "0001"
  assert selection.next_phase(1, 5) is None
  with pytest.raises(ValueError, match="Static does not search"):
    selection.search_step(base.SearchProblem(None, {}, lambda sharing: None, 0.1))


def test_name_that_does_not_fit_the_network():
  with pytest.raises(ValueError, match="has 4 bits, the network has 6"):
    make("0011", 6)


def test_cost_counts_the_generation_of_shared_layers_only():
  layers, generation = [100, 200, 300, 400], [7.0, 5.0, 3.0, 1.0]
  assert make("top1").training_macs(layers, generation, 50) == 3 * (1000 + 1.0 + 50) - 100
  assert make("all").training_macs(layers, generation, 50) == 3 * (1000 + 16.0 + 50) - 100
