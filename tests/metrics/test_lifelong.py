"""Hand-worked accuracy matrices."""

import dataclasses

import numpy as np
import pytest

from lasem_tf.metrics import lifelong
from lasem_tf.metrics.accuracy_matrix import AccuracyMatrix

THREE_TASKS = [[.8, None, None], [.7, .9, None], [.6, .9, .5]]


def three_tasks() -> AccuracyMatrix:
  return AccuracyMatrix.from_rows(THREE_TASKS, [.82, .92, .5])


def test_three_tasks_by_hand():
  summary = lifelong.summarise(three_tasks())
  assert summary.peak == pytest.approx((.82 + .92 + .5) / 3)
  assert summary.final == pytest.approx((.6 + .9 + .5) / 3)
  assert summary.forgetting == pytest.approx(.1)
  assert summary.backward_transfer == pytest.approx(-.1)
  assert summary.retention == pytest.approx(.875)
  assert summary.retention_all == pytest.approx((.75 + 1 + 1) / 3)
  assert summary.retention_of_peak == pytest.approx((.6 / .82 + .9 / .92) / 2)
  assert summary.retention_of_peak_all == pytest.approx((.6 / .82 + .9 / .92 + 1) / 3)


def test_per_task_values_by_hand():
  matrix = three_tasks()
  np.testing.assert_allclose(lifelong.forgetting_per_task(matrix), [.2, 0, 0], atol=1e-15)
  np.testing.assert_allclose(lifelong.backward_transfer_per_task(matrix), [-.2, 0, 0], atol=1e-15)
  np.testing.assert_allclose(lifelong.mean_over_learned(matrix), [.8, .8, 2 / 3])


def test_forgetting_counts_from_the_best_later_visit_and_transfer_from_the_own_visit():
  matrix = AccuracyMatrix.from_rows([[.5, None, None], [.7, .6, None], [.6, .6, .4]], [.5, .6, .4])
  np.testing.assert_allclose(lifelong.forgetting_per_task(matrix), [.1, 0, 0], atol=1e-15)
  assert lifelong.summarise(matrix).backward_transfer == pytest.approx(.05)
  assert lifelong.summarise(matrix).forgetting == pytest.approx(.05)


def test_revisits_use_the_last_visit_and_keep_one_peak_per_visit():
  # Order 0, 1, 0, 2: task 0 is learned again in visit 2, so what it lost before does not count.
  rows = [[.9, None, None], [.3, .8, None], [.6, .7, None], [.5, .4, .9]]
  matrix = AccuracyMatrix.from_rows(rows, [.95, .8, .65, .9], [0, 1, 0, 2])
  np.testing.assert_array_equal(matrix.first_visits, [0, 1, 3])
  np.testing.assert_array_equal(matrix.last_visits, [2, 1, 3])
  np.testing.assert_allclose(matrix.after_own_visit(), [.6, .8, .9])
  np.testing.assert_allclose(lifelong.forgetting_per_task(matrix), [.1, .4, 0], atol=1e-15)
  np.testing.assert_allclose(lifelong.peak_per_task(matrix), [.65, .8, .9])
  summary = lifelong.summarise(matrix)
  assert summary.peak == pytest.approx((.95 + .8 + .65 + .9) / 4)
  assert summary.backward_transfer == pytest.approx((-.1 - .4) / 2)


def test_the_last_visited_task_is_left_out_even_when_it_is_not_the_last_task():
  matrix = AccuracyMatrix.from_rows([[.5, None], [.5, .6], [.9, .2]], [.5, .6, .9], [0, 1, 0])
  assert lifelong.summarise(matrix).forgetting == pytest.approx(.4)
  assert lifelong.summarise(matrix).backward_transfer == pytest.approx(-.4)


def test_one_task_has_no_transfer():
  summary = lifelong.summarise(AccuracyMatrix.from_rows([[.7]], [.8]))
  assert (summary.peak, summary.final, summary.retention_all) == (.8, .7, 1.0)
  assert np.isnan(summary.forgetting) and np.isnan(summary.backward_transfer) and np.isnan(summary.retention)


def test_all_equal_accuracies_forget_nothing():
  summary = lifelong.summarise(AccuracyMatrix.from_rows([[.5, None], [.5, .5]], [.5, .5]))
  assert dataclasses.astuple(summary) == (.5, .5, 0, 0, 1, 1, 1, 1, .5, .5, 0)


def test_a_zero_denominator_is_undefined_not_zero():
  matrix = AccuracyMatrix.from_rows([[0., None], [.5, .5]], [0., .5])
  np.testing.assert_array_equal(np.isnan(lifelong.retention_per_task(matrix)), [True, False])
  assert np.isnan(lifelong.summarise(matrix).retention)
  assert lifelong.summarise(matrix).backward_transfer == .5


def test_forgetting_is_never_negative_and_bounds_backward_transfer():
  generator = np.random.default_rng(0)
  for _ in range(50):
    rows = np.where(np.tri(5, dtype=bool), generator.random((5, 5)), np.nan)
    matrix = AccuracyMatrix(rows, generator.random(5), (0, 1, 2, 3, 4))
    forgetting = lifelong.forgetting_per_task(matrix)
    assert (forgetting >= 0).all()
    assert (forgetting >= -lifelong.backward_transfer_per_task(matrix) - 1e-15).all()


def test_renaming_tasks_changes_no_average():
  generator = np.random.default_rng(1)
  rows = np.where(np.tri(4, dtype=bool), generator.random((4, 4)), np.nan)
  peaks = generator.random(4)
  renamed = [2, 0, 3, 1]  # visit s learns task renamed[s]
  columns = np.empty_like(rows)
  columns[:, renamed] = rows
  expected = lifelong.summarise(AccuracyMatrix(rows, peaks, (0, 1, 2, 3)))
  actual = lifelong.summarise(AccuracyMatrix(columns, peaks, tuple(renamed)))
  np.testing.assert_allclose(dataclasses.astuple(actual), dataclasses.astuple(expected))


def test_transfer_between_runs_by_hand():
  alone = AccuracyMatrix.from_rows([[.7, None, None], [.7, .8, None], [.7, .8, .4]], [.7, .8, .4])
  np.testing.assert_allclose(lifelong.forward_transfer_per_task(three_tasks(), alone), [.1, .1, .1])
  np.testing.assert_allclose(lifelong.intransigence_per_task(three_tasks(), alone), [-.1, -.1, -.1])
  assert lifelong.average_forward_transfer(three_tasks(), alone) == pytest.approx(.1)
  single = AccuracyMatrix.from_rows([[.7]], [.7])
  assert np.isnan(lifelong.average_forward_transfer(single, single))


def test_a_task_of_the_last_visit_alone_has_no_forgetting_after_chaudhry():
  np.testing.assert_allclose(lifelong.forgetting_chaudhry_per_task(three_tasks()), [.2, 0, np.nan], atol=1e-15)
