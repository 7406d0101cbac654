"""What a suite with a sampler accepts, and the runs that suggestions become."""

import importlib.util

import pytest

from benchmark.suites import sampler, suite
from benchmark.suites.gin_files import ConfigurationError
from benchmark.suites.tuning import describe

_SUITE = """
suite.streams = ('synthetic',)
suite.learners = ('stl', 'ewc')
suite.scale = 'smoke'
suite.seeds = (0, 1)
suite.tuning = 'first_tasks'
suite.tuning_sampler = 'tpe'
suite.tuning_trials = 5
suite.tuning_round = 2
suite.grids = {'ewc': {'STRENGTH': ('log', 1.0, 100.0), 'EPOCHS_PER_TASK': ('int', 1, 3)},
               'default': {'LEARNING_RATE': (1e-5, 1e-4, 1e-3, 1e-2, 1e-1)}}
"""
_POINTS = [{"LEARNING_RATE": rate} for rate in (1e-3, 1e-5, 1e-4, 1e-2)]


@pytest.fixture(name="expand")
def _expand(tmp_path, monkeypatch):
  """Suites are read where Optuna is not installed, too: nothing here asks it."""
  monkeypatch.setattr(sampler, "check_installed", lambda binding: None)

  def expand(*bindings):
    path = tmp_path / "tuned.gin"
    path.write_text(_SUITE)
    return suite.expand([str(path)], bindings)

  return expand


def test_no_trial_is_known_beforehand_but_all_values_are_checked(expand):
  expansion = expand()
  assert not expansion.trials and not expansion.evaluated
  probes = {run.bindings: run for group in expansion.groups for run in group.probes}
  assert (("STRENGTH", "1.0"), ("EPOCHS_PER_TASK", "1")) in probes
  assert (("STRENGTH", "100.0"), ("EPOCHS_PER_TASK", "3")) in probes
  assert {dict(bindings).get("LEARNING_RATE") for bindings in probes} >= {"1e-05", "0.0001", "0.001", "0.01", "0.1"}
  assert {run.scale for run in expansion.groups[0].probes} == {"smoke", "smoke[tuning]"}


def test_suggestions_become_variants_and_records_of_a_round_know_no_later_one(expand):
  first = expand().extended({"synthetic/stl": _POINTS[:2]})
  second = first.extended({"synthetic/stl": _POINTS})
  assert [run.identity for run in second.trials] == [
      f"synthetic/stl[learning_rate={rate}]/smoke[tuning]/seed1000" for rate in ("0.001", "1e-05", "0.0001", "0.01")]
  assert second.trials[:2] == first.trials and not second.groups[1].trials
  assert [len(run.tuning.variants) for run in second.trials] == [2, 2, 4, 4]
  assert {run.tuning.num_trials for run in second.trials} == {5}
  evaluated = second.groups[0].variants[3][0]
  assert evaluated.identity == "synthetic/stl[learning_rate=0.01]/smoke/seed0" and len(evaluated.tuning.variants) == 4
  assert suite.Run.from_json(evaluated.to_json()) == evaluated
  told = describe(evaluated.to_json()["tuning"])
  assert told == "first_tasks (first 3 tasks, seed 1000), 5 trials by tpe (seed 0, rounds of 2)"
  assert evaluated.tuning.space == {"LEARNING_RATE": "(1e-05, 0.0001, 0.001, 0.01, 0.1)"}


def test_a_suggested_variant_is_the_one_that_a_grid_would_try(expand):
  """The same name, configuration and so hash: the way to a value decides nothing."""
  suggested = expand().extended({"synthetic/stl": _POINTS[:1]}).trials[0]
  grid = expand("suite.tuning_sampler = 'grid'", "suite.tuning_trials = None",
                "suite.grids = {'default': {'LEARNING_RATE': (1e-3,)}}").trials[0]
  assert (suggested.identity, suggested.configuration_hash) == (grid.identity, grid.configuration_hash)
  assert grid.tuning.sampler is None and describe(grid.to_json()["tuning"]).endswith("1 trials")


@pytest.mark.parametrize("bindings, message", [
    (["suite.tuning_sampler = 'tpee'"], "Did you mean tpe"),
    (["suite.tuning_sampler = 'grid'"], "suite.tuning_trials is a sampler's"),
    (["suite.tuning_trials = None"], "suite.tuning_trials is missing"),
    (["suite.tuning_trials = 0"], "must be at least 1"), (["suite.tuning_round = 0"], "must be at least 1"),
    (["suite.tuning_trials = 2.5"], "expected int or None"), (["suite.tuning_sampler_seed = -1"], "from 0 to"),
    (["suite.tuning_trials = 6"], "suite.grids of stl has 5 points, suite.tuning_trials asks for 6"),
    (["suite.tuning = 'none'", "suite.grids = {}"], "suite.tuning_sampler = 'tpe' is used by no run"),
    (["suite.grids = {'default': {'LEARNING_RATE': ('log', 0.0, 1e-2)}}"], "must begin above 0"),
    (["suite.grids = {'default': {'LEARNING_RATE': ('log', 1e-5)}}"], "of stl: LEARNING_RATE = .* is no range"),
    (["suite.grids = {'default': {'STRENGTH': ('log', 1.0, 10.0)}}"],
     "suite.grids of stl: nothing of that learner uses STRENGTH"),
    (["suite.grids = {'default': {'EPOCHS_PER_TASK': ('uniform', 1, 30)}}"], "expected int, got float"),
    (["suite.tuning_sampler = 'grid'", "suite.tuning_trials = None"],
     "is a range, from which only a sampler draws: bind suite.tuning and suite.tuning_sampler"),
])
def test_misuse_is_refused_before_anything_is_suggested(expand, bindings, message):
  with pytest.raises(ConfigurationError, match=message) as refusal:
    expand(*bindings)
  assert "\n" not in str(refusal.value)


def test_without_optuna_a_suite_names_the_extra(tmp_path, monkeypatch):
  monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
  (tmp_path / "tuned.gin").write_text(_SUITE)
  with pytest.raises(ConfigurationError, match=r"lasem-tf\[tuning\]"):
    suite.expand([str(tmp_path / "tuned.gin")])
