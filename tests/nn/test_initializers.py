"""Initial weights: distributions, and that a draw depends on what it is for and on nothing else."""

import numpy as np
import pytest

from lasem_tf.nn import initializers


@pytest.mark.parametrize("shape, limit", [((1, 2, 2, 16), 0.4082), ((3, 3, 24, 16), 0.1291), ((1, 1, 1, 24), 0.4899),
                                          ((24, 3, 32), 0.0845), ((32,), 0.3062), ((3, 3), 1.0)])
def test_glorot_limits(shape, limit):
  assert round(initializers.glorot_limit(shape), 4) == limit
  draws = initializers.Initializer(0).glorot_uniform("w", shape).numpy()
  assert draws.shape == shape and np.abs(draws).max() <= initializers.glorot_limit(shape)


def test_glorot_uniform_fills_its_range():
  limit = initializers.glorot_limit((100, 200))
  draws = initializers.Initializer(1).glorot_uniform("w", (100, 200)).numpy()
  assert draws.std() == pytest.approx(limit / np.sqrt(3), rel=0.02)
  assert np.abs(draws).max() > 0.99 * limit


def test_truncated_normal():
  draws = initializers.Initializer(0).truncated_normal("w", (300, 300)).numpy()
  assert draws.std() == pytest.approx(0.0440, abs=5e-4)
  assert abs(draws.mean()) < 5e-4
  assert 0.099 < np.abs(draws).max() <= 0.1


def test_biases():
  np.testing.assert_array_equal(initializers.Initializer(0).bias(5), np.full(5, 0.2, np.float32))


@pytest.mark.parametrize("kind", ["truncated_normal", "glorot_uniform"])
def test_draws_are_functions_of_seed_name_and_draw(kind):
  draw = lambda seed, name, number=0: getattr(initializers.Initializer(seed), kind)(name, (4, 5), number).numpy()
  first = draw(0, "shared/conv0/kernel")
  np.testing.assert_array_equal(first, draw(0, "shared/conv0/kernel"))
  # One initialiser serves many weights of one shape; none may repeat another.
  for other in (draw(1, "shared/conv0/kernel"), draw(0, "task0/conv0/kernel"), draw(0, "shared/conv0/kernel", 1)):
    assert not np.isclose(first, other).any()
