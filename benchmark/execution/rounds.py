"""Trains the trials of a suite, round by round where a sampler suggests them."""

from collections.abc import Callable, Sequence

from benchmark.execution import sampled, shards, tuned
from benchmark.execution.local.planner import Planner
from benchmark.execution.outcome import Outcome
from benchmark.execution.plan import Plan
from benchmark.execution.settings import Settings
from benchmark.execution.stage import Outcomes
from benchmark.suites import suite


def plan(planner: Planner, first: suite.Expansion, expansion: suite.Expansion, decisions: Sequence[tuned.Decision],
         shard: tuple[int, int], settings: Settings, needs_data: bool) -> list[Plan]:
  """Plans what a shard will train, as far as it is known; constructs what a sampler might suggest, which checks it.

  Which learners a shard has follows from what is known before anything is trained, so that it stays the same.

  Args:
    planner: constructs the runs.
    first: the suite with the first rounds of a sampler.
    expansion: the same as far as the output folder goes.
    decisions: on its groups.
    shard: its number and how many there are.
    settings: see there.
    needs_data: as `planning.plan`.
  """
  planner.plan([run for group in first.groups for run in group.probes], settings, needs_data)
  unit = tuned.shard_unit(expansion.suite)
  plans = planner.plan(tuned.foreseen(expansion, decisions), settings, needs_data)
  if shard == (0, 1):
    return plans
  at_first = planner.plan(tuned.foreseen_at_first(first), settings, needs_data)
  own = {unit(entry) for entry in shards.select(at_first, *shard, unit)}
  return [entry for entry in plans if unit(entry) in own]


def train(planner: Planner, expansion: suite.Expansion, plans: Sequence[Plan], settings: Settings,
          train_runs: Callable[[Sequence[Plan]], Outcomes]) -> tuple[suite.Expansion, dict[str, Outcome], int | None]:
  """Trains trials, and those that a sampler suggests because of them.

  Args:
    planner: constructs the runs.
    expansion: of the suite.
    plans: of the trials that are known; all, or a shard's.
    settings: where the runs are.
    train_runs: what trains some runs, such as `stage.train`.

  Returns:
    The suite with all rounds that were begun, outcomes by identity, and the signal that stopped the suite, if any. A
    trial that failed is tried again by the next command, and its learner gets no further round before.
  """
  firsts, begun = {entry.run for entry in plans}, set[suite.Run]()
  outcomes: dict[str, Outcome] = {}
  signal_number = None
  while plans and signal_number is None:
    of_round, signal_number = train_runs(plans)
    outcomes.update(of_round)
    begun |= {entry.run for entry in plans}
    expansion = sampled.resume(expansion, settings)
    own = [group for group in expansion.groups if group.trials[0][0] in firsts]
    sampled.keep(own, settings)
    waiting = dict.fromkeys(run for group in own for runs in group.trials for run in runs if run not in begun)
    plans = planner.plan(list(waiting), settings)
  return expansion, outcomes, signal_number
