"""What a suite will cost, before anything is trained."""

import dataclasses
from typing import Sequence

import tabulate

from benchmark import execution, suite
from lasem_tf.training import schedule


@dataclasses.dataclass(frozen=True)
class Plan:
  """One run and its estimated cost.

  Attributes:
    run: the run.
    num_epochs: of all visits.
    training_gmacs: billions of multiply-accumulate operations of training.
  """

  run: suite.Run
  num_epochs: int
  training_gmacs: float


def plan(runs: Sequence[suite.Run], settings: execution.Settings) -> list[Plan]:
  """Constructs every run's experiment, stream and learner, which checks configuration and data, and estimates its cost.

  Raises:
    ConfigurationError: a binding does not fit.
    DataError: the raw data are missing, damaged or not what the configuration expects.
  """
  plans, by_configuration = [], {}
  for run in runs:
    if run.configuration_hash not in by_configuration:
      experiment, stream = execution.build(run, settings)
      learner = execution.make_learner(experiment, tuple(task.num_classes for task in stream.tasks), run.seed)
      order = schedule.task_order(experiment.task_order, stream.num_tasks)
      counts = stream.counts()["train"]
      macs = sum(learner.training_macs_per_image(task) * (counts[task] // experiment.batch_size) * experiment.batch_size
                 for task in order) * experiment.epochs_per_task
      by_configuration[run.configuration_hash] = (len(order) * experiment.epochs_per_task, macs / 1e9)
    plans.append(Plan(run, *by_configuration[run.configuration_hash]))
  return plans


def render(plans: Sequence[Plan]) -> str:
  """The plans as a table, with their sum."""
  rows = [[entry.run.identity, entry.run.configuration_hash, entry.num_epochs, f"{entry.training_gmacs:,.1f}"] for entry in plans]
  total = sum(entry.training_gmacs for entry in plans)
  table = tabulate.tabulate(rows, headers=["run", "configuration", "epochs", "training GMACs"], disable_numparse=True,
                            colalign=("left", "left", "right", "right"))
  return f"{table}\n\n{len(plans)} runs, {total:,.1f} GMACs of training."
