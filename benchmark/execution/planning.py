"""What a suite will cost, before anything is trained."""

import dataclasses
import heapq
from collections.abc import Sequence

import tabulate

from benchmark.execution import cost_model, display, run_once
from benchmark.suites import suite
from lasem_tf.data import stream as stream_lib
from lasem_tf.training import schedule

# What a step costs however small its network, in the unit of the work itself; measured roughly, enough to sort runs by.
_GMACS_PER_STEP = 0.05


@dataclasses.dataclass(frozen=True)
class Plan:
  """One run and its estimated cost.

  Attributes:
    run: the run.
    num_epochs: of all visits.
    training_gmacs: billions of multiply-accumulate operations of training.
    num_visits: of tasks.
    num_steps: of training.
    evaluation_gmacs: the same for validation after every epoch and tests after every visit.
    missing_data: why the raw data cannot be used, if the cost is that of the official data; else ''.
  """

  run: suite.Run
  num_epochs: int
  training_gmacs: float
  num_visits: int
  num_steps: int
  evaluation_gmacs: float
  missing_data: str = ""

  @property
  def cost(self) -> float:
    """By which runs are compared; the same on every machine."""
    return self.training_gmacs + self.evaluation_gmacs + _GMACS_PER_STEP * self.num_steps

  def seconds(self, model: cost_model.CostModel) -> float:
    """CPU seconds on the machine of the model."""
    return model.seconds(self.num_visits, self.num_steps, self.training_gmacs + self.evaluation_gmacs)


def plan(runs: Sequence[suite.Run], settings: run_once.Settings, needs_data: bool = True) -> list[Plan]:
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
      by_configuration[run.configuration_hash] = _plan(run, settings, needs_data)
    plans.append(dataclasses.replace(by_configuration[run.configuration_hash], run=run))
  return plans


def _plan(run: suite.Run, settings: run_once.Settings, needs_data: bool) -> Plan:
  experiment, stream, missing = _build(run, settings, needs_data)
  learner = run_once.idle_learner(experiment, stream, run.seed)
  order = schedule.task_order(experiment.task_order, stream.num_tasks)
  counts, epochs, batch_size = stream.counts(), experiment.epochs_per_task, experiment.batch_size
  steps = {task: counts["train"][task] // batch_size * epochs for task in order}
  forward = {task: experiment.network.forward_macs(stream.tasks[task].num_classes) / 1e9 for task in order}
  return Plan(
      run=run, num_epochs=learner.planned_epochs(order), num_visits=len(order), num_steps=sum(steps[task] for task in order),
      training_gmacs=sum(learner.training_macs_per_image(task) * steps[task] for task in order) * batch_size / 1e9,
      evaluation_gmacs=sum(forward[task] * counts["validation"][task] * epochs for task in order)
      + sum(forward[seen] * counts["test"][seen] for visit in range(len(order)) for seen in set(order[:visit + 1])),
      missing_data=missing)


def _build(run: suite.Run, settings: run_once.Settings, needs_data: bool):
  """Experiment, stream, and why the stream is the official data's design instead of the data at hand."""
  try:
    return *run_once.build(run, settings), ""
  except stream_lib.DataError as error:
    if needs_data:
      raise
    return *run_once.build(run, settings, design_only=True), " ".join(str(error).split())


def wall_seconds(seconds: Sequence[float], jobs: int) -> float:
  """Time until the last of several runs has ended, the longest begun first, on equal workers."""
  free = [0.0] * jobs
  for cost in sorted(seconds, reverse=True):
    heapq.heappush(free, heapq.heappop(free) + cost)
  return max(free)


def render(plans: Sequence[Plan], model: cost_model.CostModel, jobs: int) -> str:
  """The plans as a table, with their sum and the time they will take on this machine."""
  rows = [[entry.run.identity, entry.run.configuration_hash, entry.num_epochs, f"{entry.training_gmacs:,.1f}",
           display.duration(entry.seconds(model))] for entry in plans]
  table = tabulate.tabulate(rows, headers=["run", "configuration", "epochs", "training GMACs", "CPU time here"],
                            disable_numparse=True, colalign=("left", "left", "right", "right", "right"))
  seconds = [entry.seconds(model) for entry in plans]
  missing = sorted({entry.missing_data for entry in plans} - {""})
  notes = "".join(f"\nCosts are those of the official data, which cannot be used yet: {reason}" for reason in missing)
  return (f"{table}\n\n{len(plans)} runs, {sum(entry.training_gmacs for entry in plans):,.1f} GMACs of training. Here: "
          f"{display.duration(sum(seconds))} of CPU time in all, {display.duration(wall_seconds(seconds, jobs))} "
          f"with --jobs={jobs} ({model.describe()}).{notes}")
