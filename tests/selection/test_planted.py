"""The control that uses what a stream declares."""

import numpy as np
import pytest

from lasem_tf import types
from lasem_tf.knowledge import hard_sharing
from lasem_tf.learners import composed
from lasem_tf.selection import planted
from tests.support import tiny_stream


def bound(declared, depth=3, **options):
  selection = planted.Planted(**options)
  selection.bind(depth, types.ReferenceBehaviour(), num_tasks=2, declared=declared)
  return selection


def test_every_task_has_the_declared_configuration():
  selection = bound(("111", "010"))
  assert [str(selection.configuration_of(task)) for task in range(2)] == ["111", "010"]


def test_one_bit_can_be_flipped():
  selection = bound(("111", "010"), flipped=(1, 2))
  assert [str(selection.configuration_of(task)) for task in range(2)] == ["111", "011"]
  with pytest.raises(ValueError, match=r"Planted.flipped = \(2, 0\)"):
    bound(("111", "010"), flipped=(2, 0))


@pytest.mark.parametrize("declared, named", [((), "any task"), ((None, None), "any task"), (("111", None), "task 1")])
def test_streams_that_declare_nothing_are_refused(declared, named):
  with pytest.raises(ValueError, match=f"declares no best transfer configuration for {named}"):
    bound(declared)


def test_configurations_of_another_depth_are_refused():
  with pytest.raises(ValueError, match="'11' has 2 bits"):
    bound(("11", "00"))


def test_a_learner_trains_what_is_declared():
  stream = tiny_stream.TinyStream()
  context = stream.context(declared_configurations=("11", "01", "10"))
  learner = composed.Composed(context, hard_sharing.HardSharing(), planted.Planted())
  chosen = []
  for visit, task in enumerate(stream.tasks):
    before = {name: variable.numpy() for name, variable in learner.variables().items()}
    chosen.append(tiny_stream.run_visit(learner, task, visit)[1].configuration)
    moved = {name for name, value in before.items()
             if name.startswith("shared") and not np.array_equal(learner.variables()[name], value)}
    assert all(chosen[-1][int(name.split("/")[1][4:])] == "1" for name in moved)
  assert chosen == ["11", "01", "10"]
