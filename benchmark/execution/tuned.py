"""Between the trials of a suite and what is evaluated: the records of the trials choose, and the choice is kept."""

import dataclasses
import json
import pathlib
from collections.abc import Callable, Iterable

from benchmark.execution.plan import Plan
from benchmark.execution.settings import Settings
from benchmark.results import choice as choice_lib, records, run_files
from benchmark.suites import suite
from lasem_tf.files import write_atomically

FOLDER = "tuning"  # In the suite's folder: <stream>/<learner>.json, what was chosen and from which scores.
_NOT_CHOSEN = "chosen"  # Stands for the variant of a run that is to be chosen.


@dataclasses.dataclass(frozen=True)
class Decision:
  """What is evaluated of a learner on a stream.

  Attributes:
    group: all runs that might be.
    choice: what chose among them; None where all are evaluated.
  """

  group: suite.Group
  choice: choice_lib.Choice | None

  @property
  def runs(self) -> tuple[suite.Run, ...]:
    """Those that are; none while nothing is chosen."""
    chosen = self.choice and self.choice.chosen
    return tuple(run for runs in self.group.variants for run in runs
                 if self.choice is None or (chosen and run.learner == chosen.learner))

  @property
  def obstacle(self) -> str:
    """Why nothing is chosen, as a sentence; '' otherwise."""
    if self.choice is None or not self.choice.obstacle:
      return ""
    return (f"Nothing was chosen for {self.group.learner} on {self.group.stream}, so it is not evaluated: "
            f"{self.choice.obstacle}.")

  @property
  def foreseen(self) -> tuple[suite.Run, ...]:
    """The same, or runs of the first variant under another name in place of those that will be chosen."""
    return self.runs or _stand_ins(self.group.variants[0], self.group.learner, _NOT_CHOSEN)


def decide(groups: Iterable[suite.Group], settings: Settings) -> list[Decision]:
  """What the records of the trials choose; nothing is trained or written.

  Args:
    groups: of a suite.
    settings: where the runs are.

  Raises:
    RecordError: a completed trial has no validation accuracies.
  """
  return [Decision(group, choice_of(group, settings) if group.trials else None) for group in groups]


def foreseen(expansion: suite.Expansion, decisions: Iterable[Decision]) -> list[suite.Run]:
  """All that a suite will train, as far as it is known: runs of first variants stand for trials that are not suggested
  yet, and for what is not chosen yet."""
  return [*expansion.trials, *unsuggested(expansion), *(run for decision in decisions for run in decision.foreseen)]


def foreseen_at_first(expansion: suite.Expansion) -> list[suite.Run]:
  """The same before anything was trained, whatever the folder holds.

  Args:
    expansion: with no more than the first rounds of a sampler.
  """
  nothing_found = [Decision(group, _choice(group, []) if group.trials else None) for group in expansion.groups]
  return foreseen(expansion, nothing_found)


def unsuggested(expansion: suite.Expansion) -> list[suite.Run]:
  """A run for every seed of every trial that a sampler has not suggested yet, in the place of the first trial's."""
  found: dict[suite.Run, None] = {}
  for group in expansion.groups if expansion.suite.tuning_options.is_sampled else ():
    for number in range(len(group.trials), expansion.suite.tuning_trials or 0):
      found |= dict.fromkeys(_stand_ins(group.trials[0], group.learner, f"trial{number}"))
  return list(found)


def keep(decisions: Iterable[Decision], settings: Settings) -> None:
  """Writes choices beside the runs, for people and other programs: they are made anew from the records every time."""
  for choice in (decision.choice for decision in decisions if decision.choice is not None):
    path = pathlib.Path(settings.output_dir, FOLDER, choice.stream, f"{choice.method}.json")
    write_atomically(path, json.dumps(choice.to_json(), indent=1) + "\n")


def shard_unit(the_suite: suite.Suite) -> Callable[[Plan], str]:
  """What must not be separated: the trials of a choice and the runs that wait for it; else every run is by itself."""
  if the_suite.tuning == "none":
    return lambda plan: plan.run.identity
  if the_suite.tuning_stream is not None:
    return lambda plan: plan.run.method
  return lambda plan: f"{plan.run.stream}/{plan.run.method}"


def choice_of(group: suite.Group, settings: Settings) -> choice_lib.Choice:
  """What the records of a group's trials choose, and how good each is."""
  return _choice(group, [record for runs in group.trials for trial in runs
                         if (record := _record(trial, settings)) is not None])


def _choice(group: suite.Group, found: list[records.Record]) -> choice_lib.Choice:
  run = group.trials[-1][0]  # Of the last round, which knows all trials.
  assert run.tuning is not None
  return choice_lib.make(run.stream, group.learner, run.scale, dataclasses.asdict(run.tuning), found)


def _stand_ins(runs: Iterable[suite.Run], learner: str, name: str) -> tuple[suite.Run, ...]:
  return tuple(dataclasses.replace(run, learner=f"{learner}[{name}]") for run in runs)


def _record(run: suite.Run, settings: Settings) -> records.Record | None:
  """The record of a trial that has one, unless it is damaged, which was said before training, or another run's."""
  directory = settings.run_dir(run)
  if not (directory / run_files.RECORD_FILE).exists():
    return None
  try:
    record = records.read_record(directory)
  except records.RecordError:
    return None
  is_own = (record.identity, record.result["configuration_hash"]) == (run.identity, run.configuration_hash)
  return record if is_own else None
