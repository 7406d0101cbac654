"""What each layer adds, against values worked out by hand."""

import numpy as np
import pytest

from lasem_tf.metrics import transfer_atlas

ALL = ([0, 0], [1, 0], [0, 1], [1, 1])


def test_effects_over_all_configurations_are_differences_of_means():
  # Layer 1: (.10 + .12) / 2 - (0 - .02) / 2; layer 2: (-.02 + .12) / 2 - (0 + .10) / 2.
  np.testing.assert_allclose(transfer_atlas.layer_effects(ALL, [0, .10, -.02, .12]), [.12, 0], atol=1e-12)


def test_an_additive_gain_is_found_in_few_configurations():
  few = ([0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1])
  np.testing.assert_allclose(transfer_atlas.layer_effects(few, [.1, .3, .1, -.1]), [.2, 0, -.2], atol=1e-12)


def test_layers_that_are_always_shared_together_are_not_told_apart():
  assert transfer_atlas.layer_effects([[0, 0], [1, 1]], [0, .1]) is None


def test_every_configuration_has_a_gain():
  with pytest.raises(ValueError, match="3 gains need as many configurations"):
    transfer_atlas.layer_effects(ALL, [0, 0, 0])
