"""A run's estimated cost, and what a suite's runs cost together. No TensorFlow."""

import dataclasses
import heapq
from collections.abc import Sequence

import tabulate

from benchmark.execution import cost_model, display
from benchmark.suites import suite

# Fixed cost of a step, in GMACs; measured roughly, enough to sort runs by.
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
    evaluation_gmacs: the same for validation after every epoch, and for both splits of all tasks after every visit.
    model_bytes: of one network for each task, where the final model is kept; else 0.
    warnings: what a user should know before training.
    missing_data: why the raw data cannot be used, if the cost is that of the official data; else ''.
  """

  run: suite.Run
  num_epochs: int
  training_gmacs: float
  num_visits: int
  num_steps: int
  evaluation_gmacs: float
  model_bytes: int = 0
  missing_data: str = ""
  warnings: tuple[str, ...] = ()

  @property
  def cost(self) -> float:
    """By which runs are compared; the same on every machine."""
    return self.training_gmacs + self.evaluation_gmacs + _GMACS_PER_STEP * self.num_steps

  def seconds(self, model: cost_model.CostModel) -> float:
    """CPU seconds on the machine of the model."""
    return model.seconds(self.num_visits, self.num_steps, self.training_gmacs + self.evaluation_gmacs)


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
  composed = {entry.run.learner: entry.run.source for entry in plans if " + " in entry.run.source}
  notes += "".join(f"\n{learner} = {source}" for learner, source in composed.items())
  if size := sum(entry.model_bytes for entry in plans):
    notes += (f"\nFinal models are kept (--nokeep_model: not): {size / 1e6:,.1f} MB in all with a network for every "
              "task, less where layers are shared, more for methods with importances or memories.")
  return (f"{table}\n\n{len(plans)} runs, {sum(entry.training_gmacs for entry in plans):,.1f} GMACs of training. Here: "
          f"{display.duration(sum(seconds))} of CPU time in all, {display.duration(wall_seconds(seconds, jobs))} "
          f"with --jobs={jobs} ({model.describe()}).{notes}")
