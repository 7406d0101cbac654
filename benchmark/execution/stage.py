"""Trains a number of runs, or what is left of them."""

import sys
from collections.abc import Callable, Mapping, Sequence

from benchmark.execution import display as display_lib, run_folder, suite_folder
from benchmark.execution.local.planner import Planner
from benchmark.execution.outcome import Outcome
from benchmark.execution.plan import Plan
from benchmark.execution.settings import Settings

Outcomes = tuple[Mapping[str, Outcome], int | None]


def train(planner: Planner, plans: Sequence[Plan], settings: Settings, overwrite: bool,
          make_executor: Callable) -> Outcomes:
  """Claims the folders of the runs and executes those without a record, the longest first.

  Args:
    planner: finds what they go on from; rests while they are executed.
    plans: of the runs.
    settings: see there.
    overwrite: delete runs of another configuration.
    make_executor: engine for a number of waiting runs and a display.

  Returns:
    Outcome by identity of every run that ended, and the number of the signal that stopped the suite, if any.

  Raises:
    ConfigurationError: the folder cannot be used, or runs cannot go on from those that --grow names.
  """
  for warning in dict.fromkeys(warning for plan in plans for warning in plan.warnings):
    print(warning, file=sys.stderr)
  planner.check_parents([plan.run for plan in plans], settings)
  damaged = suite_folder.prepare([plan.run for plan in plans], settings, overwrite)
  for problem in damaged.values():
    print(f"Left out: {problem}", file=sys.stderr)
  usable = [plan for plan in plans if plan.run not in damaged]
  try:
    waiting = [plan for plan in usable if run_folder.finished_record(settings.run_dir(plan.run), plan.run) is None]
    waiting.sort(key=lambda plan: -plan.cost)
    costs = {plan.run.identity: plan.cost for plan in waiting}
    planner.rest()
    with display_lib.make_display(costs, len(plans) - len(waiting)) as display:
      return make_executor(len(waiting), display).run([plan.run for plan in waiting])
  finally:  # Whatever ended it, an engine that cannot be started included.
    suite_folder.release([plan.run for plan in usable], settings)
