"""Interquartile means, their intervals, and performance profiles: by hand, against SciPy, and in coverage."""

import numpy as np
import pytest
from scipy import stats

from lasem_tf.metrics import robust


def test_the_mean_of_the_middle_half_by_hand():
  assert robust.interquartile_mean(np.array([100.0, 1, 2, 3, 4, 5, 6, -50])) == 3.5  # 2, 3, 4, 5 remain.
  assert robust.interquartile_mean(np.array([1.0, 2, 9])) == 4  # Too few to cut.
  rows = np.random.default_rng(0).random((3, 4, 30))
  np.testing.assert_allclose(robust.interquartile_mean(rows), stats.trim_mean(rows, .25, axis=-1))


def test_the_interval_is_that_of_a_stratified_bootstrap():
  scores = np.random.default_rng(1).normal([.2, .5, .9], .05, (8, 3))
  found = robust.interquartile_interval(scores, num_resamples=4000)

  def statistic(*tasks, axis=-1):
    return stats.trim_mean(np.concatenate(tasks, axis=axis), .25, axis=axis)

  # SciPy resamples each of several samples by itself: the same strata.
  expected = stats.bootstrap(tuple(scores.T), statistic, method="percentile", n_resamples=4000, rng=1, vectorized=True
                             ).confidence_interval
  assert (found.low, found.high) == (pytest.approx(expected.low, abs=.004), pytest.approx(expected.high, abs=.004))
  assert found.low < found.value < found.high
  assert found == robust.interquartile_interval(scores, num_resamples=4000), "equal scores, equal intervals"


def test_tasks_are_never_resampled():
  # Seeds do not vary: whatever the tasks, there is no uncertainty.
  found = robust.interquartile_interval(np.array([[.1, .5, .9, .7]] * 4))
  assert found.value == pytest.approx(.6) and (found.low, found.high) == (pytest.approx(.6), pytest.approx(.6))


def test_one_seed_has_no_interval():
  assert robust.interquartile_interval(np.array([[.1, .5, .9, .7]])) == robust.Interval(pytest.approx(.6), None, None)
  assert np.isnan(robust.profile_band(np.array([[.1, .5]]), np.array([.2]))).all()


def test_blocks_do_not_change_the_interval(monkeypatch):
  scores = np.random.default_rng(2).random((5, 3))
  whole = robust.interquartile_interval(scores, num_resamples=200)
  monkeypatch.setattr(robust, "_LARGEST_BLOCK", 15 * 7)
  pieces = robust.interquartile_interval(scores, num_resamples=200)
  assert (whole.low, whole.high) == (pytest.approx(pieces.low, abs=.05), pytest.approx(pieces.high, abs=.05))


def test_profiles_by_hand():
  scores, thresholds = np.array([[.1, .5], [.3, .5]]), np.array([0, .1, .4, .5])
  np.testing.assert_array_equal(robust.performance_profile(scores, thresholds), [1, .75, .5, 0])
  low, high = robust.profile_band(scores, thresholds)
  np.testing.assert_array_equal(low, [1, .5, .5, 0])  # Both draws of the first task may be .1, or .3.
  np.testing.assert_array_equal(high, [1, 1, .5, 0])


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
  rng, hits = np.random.default_rng(3), []
  for _ in range(200):
    found = robust.interquartile_interval(rng.normal(0, 1, (20, 4)), num_resamples=300)
    hits.append(found.low <= 0 <= found.high)
  assert .88 < np.mean(hits) < .99
