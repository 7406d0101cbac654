"""Whether training ended before its loss was flat; the other measures of curves are in `test_conformance`."""

import numpy as np
import pytest

from lasem_tf.metrics import curves

_EPOCHS = np.arange(50)


def test_a_constant_slope_still_falls():
  assert curves.still_falls(list(2 - .01 * _EPOCHS)) is True
  assert curves.still_falls(list(2 - .01 * _EPOCHS[:10])) is True


@pytest.mark.parametrize("losses", [np.full(50, 1.0), np.exp(-_EPOCHS / 10), 1 + .01 * _EPOCHS])
def test_a_loss_that_is_flat_decayed_or_rises_does_not(losses):
  assert curves.still_falls(list(losses)) is False


def test_noise_about_a_level_does_not():
  answers = [curves.still_falls(list(np.random.default_rng(seed).normal(1, .1, 50))) for seed in range(200)]
  assert np.mean(answers) < .05


def test_noise_does_not_hide_a_slope():
  answers = [curves.still_falls(list(2 - .02 * _EPOCHS + np.random.default_rng(seed).normal(0, .05, 50)))
             for seed in range(200)]
  assert np.mean(answers) > .95


def test_the_limit_is_a_share_of_the_way():
  """From 1 to 0.5 in the first fifth, then level but for the last fifth: 0.1 / 0.6 of the way, or 0.05 / 0.55."""
  level = [1.0] * 10 + [.5] * 30
  assert curves.still_falls(level + [.4] * 10) is True
  assert curves.still_falls(level + [.45] * 10) is False


def test_few_epochs_tell_nothing():
  assert curves.still_falls([3.0, 2.0, 1.0]) is None and curves.still_falls([]) is None
