"""Learning rates, visits and batches against the papers' numbers."""

import numpy as np
import pytest

from lasem_tf.training import batches, schedule
from lasem_tf.training.options import TrainingOptions
from tests.training import streams


@pytest.mark.parametrize("base, decay, epoch, expected", [
    (1e-4, 1 / 4000, 0, 1e-4), (1e-4, 1 / 4000, 1999, 6.667778e-5), (1e-4, 1 / 4000, 2000, 6.666667e-5),
    (1e-4, 1 / 4000, 18000, 1.818182e-5), (1e-4, 1 / 4000, 19999, 1.666736e-5),
    (2e-5, 1 / 10000, 0, 2e-5), (2e-5, 1 / 10000, 999, 1.818347e-5), (2e-5, 1 / 10000, 1000, 1.818182e-5),
    (2e-5, 1 / 10000, 9999, 1.000050e-5), (1e-4, 0.0, 4321, 1e-4)])
def test_learning_rates_of_the_papers(base, decay, epoch, expected):
  assert schedule.learning_rate(base, decay, epoch) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("order, expected", [
    ("once", list(range(10))), (0, list(range(10))),
    ("first_half_twice", [0, 1, 2, 3, 4, *range(10)]), (1, [0, 1, 2, 3, 4, *range(10)]),
    ("twice", [*range(10), *range(10)]), (2, [*range(10), *range(10)]),
    ([9, *range(10)], [9, *range(10)])])
def test_task_orders(order, expected):
  assert schedule.task_order(order, 10) == tuple(expected)


@pytest.mark.parametrize("order, message", [
    ("thrice", "Unknown task order 'thrice': use once, first_half_twice, twice"), (3, "no task order number 3"),
    (True, "cannot be True"), (None, "cannot be None"), ([0, 1], "leaves out task 2 of a stream of 3 tasks"),
    ([], "tasks 0, 1, 2"), ([0, 1, 2, 3], "names task 3; this stream has tasks 0 to 2"), ([0, 1, -1], "names task -1"),
    ([0, 1, 2.0], "names task 2.0"),
    ([0, 1, True], "names task True")])
def test_task_orders_that_do_not_cover_the_stream_are_refused(order, message):
  with pytest.raises(ValueError, match=message) as error:
    schedule.task_order(order, 3)
  assert "experiment.task_order" in str(error.value)


@pytest.mark.parametrize("num_examples, batch_size, expected", [
    ([170] * 10, 10, [17] * 10), ([318] * 20, 10, [31] * 20),
    ([536, 587, 504, 527, 481, 562, 514, 502, 533, 475], 16, [33, 36, 31, 32, 30, 35, 32, 31, 33, 29])])
def test_steps_per_epoch_of_the_papers(num_examples, batch_size, expected):
  stream = streams.TinyStream()
  shapes = [batches.training_rows(stream, batches.Epoch(0, 0, 0), size, batch_size).shape for size in num_examples]
  assert shapes == [(steps, batch_size) for steps in expected]


def test_batches_are_permutations_that_differ_by_epoch_visit_task_and_seed_and_nothing_else():
  def order(seed=0, task=1, visit=2, number=3):
    return batches.training_rows(streams.TinyStream(seed=seed), batches.Epoch(task, visit, number), 11, 4)

  assert order().dtype == np.int32
  assert len(set(order().ravel())) == 8 and order().min() >= 0 and order().max() <= 10
  np.testing.assert_array_equal(order(), order())
  for changed in ({"seed": 1}, {"task": 0}, {"visit": 1}, {"number": 0}):
    assert not np.array_equal(order(), order(**changed))


def test_validation_batches_go_round_the_split():
  rows = batches.validation_rows(streams.TinyStream(), batches.Epoch(0, 0, 0), 5, 2, steps=6)
  assert rows.shape == (6, 2)
  for first in (0, 2, 4):
    assert len(set(rows[first:first + 2].ravel())) == 4
  assert batches.validation_rows(streams.TinyStream(), batches.Epoch(0, 0, 0), 5, 16, steps=3).shape == (3, 5)


def test_seeds_of_steps_differ():
  seeds = batches.step_seeds(0, batches.Epoch(0, 0, 0), 200)
  assert seeds.shape == (200, 2) and seeds.dtype == np.int32 and seeds.min() >= 0
  assert len(set(map(tuple, seeds))) == 200
  assert not np.array_equal(seeds, batches.step_seeds(1, batches.Epoch(0, 0, 0), 200))


@pytest.mark.parametrize("field, value", [("batch_size", 0), ("batch_size", 2.5), ("epochs_per_task", True),
                                          ("eval_every", -1), ("learning_rate", 0.0), ("learning_rate", float("nan")),
                                          ("learning_rate_decay", -0.1), ("checkpoint_seconds", float("inf")),
                                          ("curve_splits", ("tests",))])
def test_options_are_checked(field, value):
  with pytest.raises(ValueError, match=f"`{field}`"):
    TrainingOptions(**{"batch_size": 4, "epochs_per_task": 1, "learning_rate": 0.1, field: value})
