"""Performance profiles show shares of runs and tasks."""

import numpy as np

from benchmark.reporting.figures import profiles
from tests.benchmark import synthetic_records
from tests.benchmark.synthetic_records import constant


def _lines(figure):
  return {line.get_label(): line.get_xydata() for line in figure.axes[0].lines}


def test_a_profile_by_hand():
  run = synthetic_records.record(rows=[[.8, None], [.6, .255]], peaks=[.8, .25])
  drawn = profiles.performance_profiles("a", "data", {"stl": [run, constant("stl", 1, .4)]})
  curve = dict(_lines(drawn.figure)["STL"])
  # Final accuracies 60, 25.5, 40 and 40 %.
  assert [curve[threshold] for threshold in (0, 25, 30, 59, 60, 100)] == [100, 100, 75, 25, 0, 0]
  assert len(drawn.figure.axes[0].collections) == 1 and "stratified by task" in drawn.caption


def test_a_crowd_and_single_runs_have_no_bands():
  many = {f"learner{index}": [constant(f"learner{index}", seed, .5) for seed in (0, 1)] for index in range(9)}
  drawn = profiles.performance_profiles("a", "data", many)
  assert not drawn.figure.axes[0].collections and "no bands" in drawn.caption
  assert not profiles.performance_profiles("a", "data", {"stl": [constant("stl", 0, .5)]}).figure.axes[0].collections
  assert profiles.performance_profiles("a", "data", {}) is None
  np.testing.assert_array_equal(_lines(drawn.figure)["learner0"][:, 1] > 0, np.arange(101) < 50)
