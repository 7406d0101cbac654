"""A run's estimated cost, and what a suite's runs cost together. No TensorFlow."""

import dataclasses
import heapq
from collections.abc import Sequence

import tabulate

from benchmark.execution import cost_model, display, run_state
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
    num_steps: of training, all phases together.
    evaluation_gmacs: the same for validation after every epoch, and for both splits of all tasks after every visit.
    work: what training and evaluating takes, by which time is estimated; it counts on fewer operations than training
      has where some are expected not to be executed.
    model_bytes: of one network for each task, where the final model is kept; else 0.
    prediction_bytes: size of the predictions beside the record.
    course_bytes: of its events, with those for TensorBoard if they are written.
    checkpoint_bytes: of what a finished run keeps of them.
    num_tasks: different tasks visited.
    warnings: what a user should know before training.
    missing_data: why the raw data cannot be used, if the cost is that of the data that are expected; else ''.
  """

  run: suite.Run
  num_epochs: int
  training_gmacs: float
  num_steps: int
  evaluation_gmacs: float
  work: cost_model.Work
  model_bytes: int = 0
  missing_data: str = ""
  prediction_bytes: int = 0
  course_bytes: int = 0
  checkpoint_bytes: int = 0
  num_tasks: int = 0
  warnings: tuple[str, ...] = ()

  @property
  def cost(self) -> float:
    """By which runs are compared; the same on every machine."""
    return self.training_gmacs + self.evaluation_gmacs + _GMACS_PER_STEP * self.num_steps

  @property
  def num_bytes(self) -> int:
    """What its folder takes on disk when it is finished, roughly."""
    return self.model_bytes + self.prediction_bytes + self.course_bytes + self.checkpoint_bytes

  def seconds(self, model: cost_model.CostModel) -> float:
    """CPU seconds on the machine of the model."""
    return model.seconds(self.work)

  @property
  def counts_on_fewer(self) -> bool:
    """Whether some operations of training are expected not to be executed."""
    return self.work.gmacs < self.training_gmacs + self.evaluation_gmacs


def wall_seconds(seconds: Sequence[float], jobs: int) -> float:
  """Time until the last of several runs has ended, the longest begun first, on equal workers."""
  free = [0.0] * jobs
  for cost in sorted(seconds, reverse=True):
    heapq.heappush(free, heapq.heappop(free) + cost)
  return max(free)


def render(plans: Sequence[Plan], model: cost_model.CostModel, jobs: int,
           states: Sequence[run_state.RunState] | None = None) -> str:
  """The plans as a table, what they take on this machine, in all and by stream and learner, and what is in the way.

  Args:
    plans: of the runs.
    model: of the machine.
    jobs: runs at a time.
    states: what the output folder holds of each; by default nothing.
  """
  states = states or [run_state.RunState(run_state.NOT_BEGUN)] * len(plans)
  rows = [[entry.run.identity, entry.run.configuration_hash, entry.num_epochs, f"{entry.training_gmacs:,.1f}",
           display.duration(entry.seconds(model)), state.kind] for entry, state in zip(plans, states)]
  table = _table(["run", "configuration", "epochs", "training GMACs", "CPU time here", "state"], rows, "llrrrl")
  waiting = [entry.seconds(model) for entry, state in zip(plans, states) if state.kind != run_state.FINISHED]
  lines = [f"{len(plans)} runs, {sum(entry.training_gmacs for entry in plans):,.1f} GMACs of training. "
           f"{len(plans) - len(waiting)} are finished. The others take {display.duration(sum(waiting))} of CPU time "
           f"here, {display.duration(wall_seconds(waiting, jobs))} with --jobs={jobs} ({model.describe()})."]
  if bounded := sorted({entry.run.method for entry in plans if entry.counts_on_fewer}):
    lines.append(f"{', '.join(bounded)}: the time counts on fewer operations than are listed, for a memory fills "
                 "up slowly, or a search is decided as early as where this was measured. One that stays undecided "
                 "takes as long as without a bound.")
  missing = sorted({entry.missing_data for entry in plans} - {""})
  lines += [f"Costs are those of the data that are expected, which cannot be used yet: {reason}" for reason in missing]
  if size := sum(entry.prediction_bytes for entry in plans):
    lines.append(f"Predictions take {size / 1e6:,.1f} MB on disk (--nopredictions: none).")
  composed = {entry.run.method: entry.run.source for entry in plans if " + " in entry.run.source}
  lines += [f"{learner} = {source}" for learner, source in composed.items()]
  if size := sum(entry.model_bytes for entry in plans):
    lines.append(f"Final models are kept (--nokeep_model: not): {size / 1e6:,.1f} MB in all with a network for every "
                 "task, less where layers are shared, more for methods with importances or memories.")
  if size := sum(entry.checkpoint_bytes for entry in plans):
    lines.append(f"Checkpoints take about {size / 1e6:,.1f} MB, twice a network for every task, more for methods with "
                 f"importances or memories; events {sum(entry.course_bytes for entry in plans) / 1e6:,.1f} MB, with "
                 "those for TensorBoard unless --notensorboard.")
  lines += run_state.notes([entry.run for entry in plans], states)
  return "\n\n".join([table, _totals(plans, states, model), "\n".join(lines)])


def _totals(plans: Sequence[Plan], states: Sequence[run_state.RunState], model: cost_model.CostModel) -> str:
  """A line for every stream and learner, variants and trials taken together."""
  groups: dict[tuple[str, str], list[tuple[Plan, run_state.RunState]]] = {}
  for entry, state in zip(plans, states):
    groups.setdefault((entry.run.stream, entry.run.method), []).append((entry, state))
  rows = []
  for (stream, learner), own in groups.items():
    waiting = [entry.seconds(model) for entry, state in own if state.kind != run_state.FINISHED]
    rows.append([stream, learner, len(own), len(own) - len(waiting),
                 display.duration(sum(entry.seconds(model) for entry, _ in own)), display.duration(sum(waiting))])
  return _table(["stream", "learner", "runs", "finished", "CPU time here", "of it left"], rows, "llrrrr")


def _table(headers: Sequence[str], rows: Sequence[Sequence], alignments: str) -> str:
  names = {"l": "left", "r": "right"}
  return tabulate.tabulate(rows, headers=list(headers), disable_numparse=True,
                           colalign=[names[letter] for letter in alignments])
