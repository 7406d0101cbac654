"""The mixed model finds the effects and deviations that data were made with."""

import builtins

import numpy as np
import pytest

from lasem_tf.metrics import mixed_model

_EFFECTS = {"stl": 0.0, "same": 0.0, "good": 0.06, "bad": -0.1}


def _data(rng, num_tasks=8, num_seeds=6):
  tasks, seeds = rng.normal(0, .08, num_tasks), rng.normal(0, .02, num_seeds)
  rows = [(method, task, seed, .6 + effect + tasks[task] + seeds[seed] + rng.normal(0, .02))
          for method, effect in _EFFECTS.items() for task in range(num_tasks) for seed in range(num_seeds)]
  return [list(column) for column in zip(*rows)]


def test_effects_and_deviations_are_found():
  pytest.importorskip("statsmodels")
  method, task, seed, accuracy = _data(np.random.default_rng(0))
  found = mixed_model.fit(method, task, seed, accuracy, "stl")
  effects = {effect.method: effect for effect in found.effects}
  assert list(effects) == ["same", "good", "bad"] and found.num_observations == 4 * 8 * 6
  # The data are balanced: estimates are differences of means, and the error variance alone makes their intervals.
  means = {name: np.mean([value for own, value in zip(method, accuracy) if own == name]) for name in _EFFECTS}
  for name, effect in effects.items():
    assert effect.difference == pytest.approx(means[name] - means["stl"], abs=1e-6)
    assert effect.low < _EFFECTS[name] < effect.high
    width = 1.959964 * found.error_deviation * (2 / 48)**.5
    assert effect.high - effect.difference == pytest.approx(width, rel=1e-3)
  assert effects["good"].p_value < 1e-4 and effects["bad"].p_value < 1e-4 and effects["same"].p_value > .05
  assert found.error_deviation == pytest.approx(.02, rel=.2)
  assert .04 < found.task_deviation < .16 and .005 < found.seed_deviation < .05


def test_too_few_of_anything_and_another_baseline_are_refused():
  pytest.importorskip("statsmodels")
  with pytest.raises(mixed_model.MixedModelError, match="needs two methods, tasks and seeds, not 2, 1 and 2"):
    mixed_model.fit(["a", "a", "b", "b"], [0] * 4, [0, 1, 0, 1], [.5, .6, .7, .8], "a")
  with pytest.raises(mixed_model.MixedModelError, match="'c' is none of the methods"):
    mixed_model.fit(["a", "b"], [0, 1], [0, 1], [.5, .6], "c")


def test_without_statsmodels_the_extra_is_named(monkeypatch):
  real = builtins.__import__

  def refuse(name, *arguments, **options):
    if name.startswith("statsmodels"):
      raise ImportError(name)
    return real(name, *arguments, **options)

  monkeypatch.setattr(builtins, "__import__", refuse)
  with pytest.raises(mixed_model.MixedModelError, match=r"lasem-tf\[statistics\]"):
    mixed_model.fit(["a", "b"], [0, 1], [0, 1], [.5, .6], "a")
