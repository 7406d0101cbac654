"""Learners of this folder's tests, and ways through their phases."""

from lasem_tf.learners import expandable
from lasem_tf.learners.expandable import phases
from tests.learners import growing_support as support

NEVER, ALWAYS = float("inf"), 0.0


def make_learner(epochs_per_task=4, **options):
  context = support.make_context(epochs_per_task=epochs_per_task, num_tasks=6)
  settings = {"num_new_units": 2, "shrink": phases.Shrinkage(l1=0.2, l1_limit=None, group=0.5),
              "loss_threshold": ALWAYS}
  return expandable.ExpandableNetwork(context, **{**settings, **options})


def learn(learner, *tasks):
  """Visits tasks one after another; returns the last summary."""
  for visit, task_id in enumerate(tasks):
    summary = support.run_visit(learner, task_id, visit)
  return summary


def begin(learner, task_id, visit):
  learner.begin_visit(support.make_task(learner, task_id), visit)


def to_phase(learner, name):
  """Trains all phases before the one with this name, which is returned untrained, with its number."""
  completed = 0
  while (phase := learner.next_phase(completed)).name != name:
    support.run_phase(learner, phase)
    completed += 1
  return phase, completed


def phases_of(learner):
  """Names and epochs of a visit's phases, trained."""
  seen = []
  while (phase := learner.next_phase(len(seen))) is not None:
    support.run_phase(learner, phase)
    seen.append((phase.name, phase.num_epochs))
  return seen


def edit(variable, where, value):
  """Assigns to a part of a variable."""
  values = variable.numpy()
  values[where] = value
  variable.assign(values)
