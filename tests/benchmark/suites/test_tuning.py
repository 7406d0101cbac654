"""Which trials a suite's tuning makes, and what it refuses."""

import pytest

from benchmark.suites import suite
from benchmark.suites.gin_files import ConfigurationError

_SUITE = """
suite.streams = ('synthetic',)
suite.learners = ('stl', 'ewc_separate')
suite.scale = 'smoke'
suite.seeds = (0, 1)
suite.tuning = 'first_tasks'
suite.grids = {'ewc': {'STRENGTH': (10.0, 100.0)}, 'default': {'LEARNING_RATE': (1e-4, 1e-3)}}
"""


@pytest.fixture(name="expand")
def _expand(tmp_path):
  def expand(*bindings):
    path = tmp_path / "tuned.gin"
    path.write_text(_SUITE)
    return suite.expand([str(path)], bindings)

  return expand


def test_trials_are_runs_on_the_first_tasks_with_other_seeds(expand):
  expansion = expand("suite.tuning_tasks = 2", "suite.tuning_seeds = (7, 8)")
  assert [run.identity for run in expansion.trials] == [
      f"synthetic/{learner}/smoke[tuning]/seed{seed}" for learner in (
          "stl[learning_rate=0.0001]", "stl[learning_rate=0.001]", "ewc_separate[strength=10]",
          "ewc_separate[strength=100]") for seed in (7, 8)]
  trial, evaluated = expansion.trials[4], expansion.groups[1].variants[0][0]
  assert trial.parse()["experiment.task_order"] == (0, 1) and trial.parse()["STRENGTH"] == 10.0
  assert evaluated.identity == "synthetic/ewc_separate[strength=10]/smoke/seed0"
  assert "experiment.task_order" not in evaluated.parse() and evaluated.tuning == trial.tuning
  assert (trial.tuning.num_trials, trial.tuning.num_tasks, trial.tuning.seeds) == (2, 2, [7, 8])


def test_trials_of_all_tasks_and_of_another_stream(expand):
  at_the_end = expand("suite.tuning = 'end_of_stream'")
  assert at_the_end.trials[0].configuration_hash == at_the_end.groups[0].variants[0][0].configuration_hash
  elsewhere = expand("suite.tuning = 'own_stream'", "suite.tuning_stream = 'mnist5'",
                     "suite.streams = ('synthetic', 'cifar100')")
  assert len(elsewhere.groups) == 4 and len(elsewhere.trials) == 4
  assert {run.stream for run in elsewhere.trials} == {"mnist5"}
  assert {run.stream for run in elsewhere.evaluated} == {"synthetic", "cifar100"}


@pytest.mark.parametrize("bindings, message", [
    (["suite.tuning = 'first_task'"], "Did you mean first_tasks"),
    (["suite.tuning = 'none'"], "suite.grids is used by no run"),
    (["suite.grids = {}"], "suite.grids is missing"),
    (["suite.grids = {'ewc': {'STRENGTH': (1.0, 2.0)}}"], "no entry for 'stl' and no 'default'"),
    (["suite.grids = {'ewcc': {'STRENGTH': (1.0,)}, 'default': {'LEARNING_RATE': (1e-4, 1e-3)}}"],
     "no learner's name begins with 'ewcc'. Did you mean ewc"),
    (["suite.grids = {'ewc': {'STRENGTH': (1.0,)}, 'default': {'LEARNING_RATE': (1e-4, 1e-3)}}"],
     "different numbers of trials .stl 2, ewc_separate 1"),
    (["suite.grids = {'default': {'STRENGTH': (1.0, 2.0)}}"],
     "suite.grids of stl: nothing of that learner uses STRENGTH"),
    (["suite.tuning_seeds = (1,)"], "none of suite.seeds"), (["suite.tuning_seeds = ()"], "at least one seed"),
    (["suite.tuning_tasks = 0"], "must be at least 1"), (["suite.tuning_margin = 2.0"], "from 0 to 1"),
    (["suite.tuning = 'own_stream'"], "belong together"), (["suite.tuning_stream = 'mnist5'"], "belong together"),
    (["suite.sweep = {'stl': {'LEARNING_RATE': (1e-4,)}}"], "remove either"),
])
def test_contradictions_are_refused(expand, bindings, message):
  with pytest.raises(ConfigurationError, match=message):
    expand(*bindings)


def test_unequal_budgets_can_be_asked_for(expand):
  unequal = "suite.grids = {'ewc': {'STRENGTH': (1.0,)}, 'default': {'LEARNING_RATE': (1e-4, 1e-3)}}"
  assert [len(group.trials) for group in expand(unequal, "suite.allow_mixed_tuning = True").groups] == [2, 1]
