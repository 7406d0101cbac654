"""Learning rates and visits against the papers' numbers."""

import pytest

from lasem_tf.training import schedule


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
    ([9, *range(10)], [9, *range(10)]), ((3, 1), (3, 1))])
def test_task_orders(order, expected):
  assert schedule.task_order(order, 10) == tuple(expected)


@pytest.mark.parametrize("order, message", [
    ("thrice", "Unknown task order 'thrice': use once, first_half_twice, twice"), (3, "no task order number 3"),
    (True, "cannot be True"), (None, "cannot be None"), ([], "visits no task"),
    ([0, 1, 2, 3], "names task 3; this stream has tasks 0 to 2"), ([0, 1, -1], "names task -1"),
    ([0, 1, 2.0], "names task 2.0"),
    ([0, 1, True], "names task True")])
def test_task_orders_that_do_not_fit_the_stream_are_refused(order, message):
  with pytest.raises(ValueError, match=message) as error:
    schedule.task_order(order, 3)
  assert "experiment.task_order" in str(error.value)
