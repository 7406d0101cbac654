"""The papers' suites as the page of what was not measured reads them, and the commands that it gives."""

import shlex

import pytest

from benchmark import run
from benchmark.execution import planning, run_once
from benchmark.reporting import reproduction_page
from benchmark.suites import paper_suites, suite

SUITES = paper_suites.load()
PAGE = reproduction_page._not_measured(SUITES, [])
COMMANDS = [line.strip() for line in PAGE.splitlines() if line.startswith("    python") and "\\" not in line]


def _load(command: str, *bindings: str):
  values = run.define_flags()
  program, *rest = shlex.split(command)[2:]
  assert program == "benchmark.run"
  values([program, *rest])
  return suite.load(values.gin_file, [*values.gin_param, *bindings])


def test_every_suite_and_stream_has_its_command():
  assert len(COMMANDS) == sum(len(each.streams) for each in SUITES)


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_are_accepted(command):
  the_suite, runs = _load(command, "suite.seeds = (0,)")
  assert len(the_suite.streams) == 1 and len(runs) == len(the_suite.learners)
  assert {(each.stream, each.learner) for each in runs} <= paper_suites.pairs(SUITES)


def test_exhaustive_searches_are_accepted_at_their_cost(tmp_path):
  command = next(command for command in COMMANDS if "exhaustive" in command and "office_home" in command)
  settings = run_once.Settings(output_dir=str(tmp_path / "out"), data_dirs=(str(tmp_path),))
  _, runs = _load(command, "suite.seeds = (0,)", "suite.learners = ('stl', 'exhaustive_hps', 'exhaustive_dfcnn')")
  plans = planning.plan(runs, settings, needs_data=False)
  assert min(plan.num_epochs for plan in plans if plan.run.learner != "stl") > 100_000


def test_the_other_suite_with_bindings_of_its_own_takes_single_methods_as_the_page_says():
  command = next(command for command in COMMANDS if "9layers" in command)
  assert len(_load(command, "suite.learners = ('stl', 'lasemg_hps_2021', 'dfcnn_all')", "suite.seeds = (0,)")[1]) == 3
