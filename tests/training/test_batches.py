"""Which examples and seeds every step uses."""

import numpy as np
import pytest

from lasem_tf.training import batches
from tests.training import streams


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
