"""Suggestions rest on what was tried and how good it was, on the seed, and on nothing else."""

import importlib.util
import math

import pytest

from benchmark.suites import sampler, search_space
from benchmark.suites.gin_files import ConfigurationError
from benchmark.suites.gin_text import Reference

_RATE = search_space.read({"RATE": ("log", 1e-6, 1.0)}, "grid")


def rounds(space, objective, name="tpe", seed=0, round_size=4, number=8, times=2):
  """All trials of a study, told round by round."""
  told = []
  for _ in range(times):
    points = sampler.suggest(space, told, name, seed, round_size, number // times)
    told += [sampler.Told(point, objective(point)) for point in points]
  return told


def near(rate):
  return lambda point: 1.0 - abs(math.log10(point["RATE"] / rate)) / 6


@pytest.fixture(autouse=True)
def _needs_optuna(request):
  if "without" not in request.node.name:
    pytest.importorskip("optuna", reason="the extra `tuning` is not installed")


@pytest.mark.parametrize("name", sampler.NAMES)
def test_the_same_results_give_the_same_suggestions(name):
  first, again = (rounds(_RATE, near(1e-3), name) for _ in range(2))
  assert first == again and len({trial.point["RATE"] for trial in first}) == 8
  assert all(1e-6 <= trial.point["RATE"] <= 1 for trial in first)
  assert rounds(_RATE, near(1e-3), name, seed=1)[:4] != first[:4]


def test_results_of_a_round_decide_the_next():
  low, high = rounds(_RATE, near(1e-5)), rounds(_RATE, near(1e-1))
  assert [trial.point for trial in low[:4]] == [trial.point for trial in high[:4]]
  assert [trial.point for trial in low[4:]] != [trial.point for trial in high[4:]]
  drawn = [rounds(_RATE, near(rate), "random") for rate in (1e-5, 1e-1)]
  assert [trial.point for trial in drawn[0]] == [trial.point for trial in drawn[1]]


@pytest.mark.parametrize("rate", [1e-5, 1e-1])
def test_tpe_acts_by_going_where_trials_were_good(rate):
  """Means over five seeds of the distance to the best rate, in decades, of the last 8 of 24 trials."""
  means = {}
  for name in sampler.NAMES:
    late = [trial for seed in range(5) for trial in rounds(_RATE, near(rate), name, seed, number=24, times=6)[16:]]
    means[name] = sum(6 * (1.0 - trial.value) for trial in late) / len(late)
  assert means["tpe"] < 0.7 * means["random"], means


def test_a_small_space_is_tried_completely_and_nothing_twice():
  space = search_space.read({"A": (1.0, 2.0, 3.0), "B": ((1, 2), Reference("f", True), None)}, "grid")
  told = rounds(space, lambda point: point["A"] / 3, number=9, times=3, round_size=3)
  assert len({str(trial.point) for trial in told}) == 9 == space.num_points


def test_a_shortened_round_is_the_beginning_of_a_whole_one():
  told = rounds(_RATE, near(1e-3), number=4, times=1)
  assert sampler.suggest(_RATE, told, "tpe", 0, 4, 2) == sampler.suggest(_RATE, told, "tpe", 0, 4, 4)[:2]


def test_the_study_is_one_that_optuna_reads(tmp_path):
  from optuna import load_study
  from optuna.storages import journal, JournalStorage

  space = search_space.read({"RATE": ("log", 1e-6, 1.0), "K": ("int", 1, 9), "C": ((1, 2), None)}, "grid")
  told = [sampler.Told({"RATE": 1e-3, "K": 2, "C": (1, 2)}, .5, "stl[a]", (("validation_final", .5),)),
          sampler.Told({"RATE": 1e-2, "K": 9, "C": None}, None, "stl[b]")]
  (tmp_path / "study").write_bytes(sampler.journal(space, told, "synthetic/stl"))
  study = load_study(study_name="synthetic/stl",
                     storage=JournalStorage(journal.JournalFileBackend(str(tmp_path / "study"))))
  assert [trial.state.name for trial in study.trials] == ["COMPLETE", "RUNNING"]
  assert study.best_trial.params == {"RATE": 1e-3, "K": 2, "C": "(1, 2)"} and study.best_value == .5
  assert study.best_trial.user_attrs == {"variant": "stl[a]", "validation_final": .5}


def test_without_optuna_the_extra_is_named(monkeypatch):
  monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
  with pytest.raises(ConfigurationError, match=r"'tpe' needs Optuna: pip install 'lasem-tf\[tuning\]'"):
    sampler.check_installed("suite.tuning_sampler = 'tpe'")
