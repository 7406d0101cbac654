"""Learners that grow let go of what they replace: old variables, slots and graphs."""

import gc

import pytest
import tensorflow as tf

from lasem_tf.learners import channel_gated, expandable, progressive
from tests.learners import growing_support as support

NUM_TASKS = 8


def make_expandable(context):
  return expandable.ExpandableNetwork(context, num_new_units=1, loss_threshold=0.0)


def live_scalars() -> int:
  """Scalars in all variables that anything still refers to."""
  gc.collect()
  return sum(thing.shape.num_elements() for thing in gc.get_objects() if isinstance(thing, tf.Variable))


@pytest.mark.parametrize("make", [progressive.ProgressiveNetwork, channel_gated.ChannelGated, make_expandable])
def test_many_tasks_leave_no_more_than_the_learner_reports(make):
  before = live_scalars()
  learner = make(support.make_context(num_tasks=NUM_TASKS, epochs_per_task=4))
  sizes = []
  for task_id in range(NUM_TASKS):
    learner.begin_visit(support.make_task(learner, task_id, 9), task_id)
    completed = 0
    while (phase := learner.next_phase(completed)) is not None:
      support.run_phase(learner, phase, 0, 1)
      completed += 1
    learner.end_visit()
    sizes.append(learner.num_parameters())
  del phase
  owned = sum(variable.shape.num_elements() for variable in learner.variables().values())
  # Beside its variables a learner may hold a switch or two.
  assert live_scalars() - before <= owned + 8
  assert sizes == sorted(sizes) and sizes[-1] > sizes[0]
