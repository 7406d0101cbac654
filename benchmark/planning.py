"""What a suite will cost, before anything is trained."""

import dataclasses
from typing import Sequence

import tabulate

from benchmark import execution, suite
from lasem_tf.data import stream as stream_lib
from lasem_tf.training import schedule


@dataclasses.dataclass(frozen=True)
class Plan:
  """One run and its estimated cost.

  Attributes:
    run: the run.
    num_epochs: of all visits.
    training_gmacs: billions of multiply-accumulate operations of training.
    missing_data: why the raw data cannot be used, if the cost is that of the official data; else ''.
  """

  run: suite.Run
  num_epochs: int
  training_gmacs: float
  missing_data: str = ""


def plan(runs: Sequence[suite.Run], settings: execution.Settings, needs_data: bool = True) -> list[Plan]:
  """Constructs every run's experiment, stream and learner, which checks configuration and data, and estimates its cost.

  Args:
    runs: of a suite.
    settings: where the data are.
    needs_data: false: where the data cannot be used, plan with the official data's counts.

  Raises:
    ConfigurationError: a binding does not fit.
    DataError: with `needs_data`, the raw data are missing, damaged or not what the configuration expects.
  """
  plans, by_configuration = [], {}
  for run in runs:
    if run.configuration_hash not in by_configuration:
      experiment, stream, missing = _build(run, settings, needs_data)
      learner = execution.idle_learner(experiment, stream, run.seed)
      order = schedule.task_order(experiment.task_order, stream.num_tasks)
      counts = stream.counts()["train"]
      macs = sum(learner.training_macs_per_image(task) * (counts[task] // experiment.batch_size) * experiment.batch_size
                 for task in order) * experiment.epochs_per_task
      by_configuration[run.configuration_hash] = (len(order) * experiment.epochs_per_task, macs / 1e9, missing)
    plans.append(Plan(run, *by_configuration[run.configuration_hash]))
  return plans


def _build(run: suite.Run, settings: execution.Settings, needs_data: bool):
  """Experiment, stream, and why the stream is the official data's design instead of the data at hand."""
  try:
    return *execution.build(run, settings), ""
  except stream_lib.DataError as error:
    if needs_data:
      raise
    return *execution.build(run, settings, design_only=True), " ".join(str(error).split())


def render(plans: Sequence[Plan]) -> str:
  """The plans as a table, with their sum."""
  rows = [[entry.run.identity, entry.run.configuration_hash, entry.num_epochs, f"{entry.training_gmacs:,.1f}"] for entry in plans]
  total = sum(entry.training_gmacs for entry in plans)
  table = tabulate.tabulate(rows, headers=["run", "configuration", "epochs", "training GMACs"], disable_numparse=True,
                            colalign=("left", "left", "right", "right"))
  missing = sorted({entry.missing_data for entry in plans} - {""})
  notes = "".join(f"\nCosts are those of the official data, which cannot be used yet: {reason}" for reason in missing)
  return f"{table}\n\n{len(plans)} runs, {total:,.1f} GMACs of training.{notes}"
