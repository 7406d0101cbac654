"""Hard sharing: kernel and bias themselves are shared."""

import numpy as np
import pytest

from lasem_tf import types
from lasem_tf.knowledge import base, hard_sharing, independent
from lasem_tf.nn import initializers
from tests.support import tiny_stream


def bound(knowledge, seed=0):
  knowledge.bind(tiny_stream.SPEC, initializers.Initializer(seed), types.ReferenceBehaviour())
  return knowledge


def test_kernel_and_bias_are_the_shared_ones():
  knowledge = bound(hard_sharing.HardSharing())
  shared = knowledge.create_shared(1)
  assert list(shared.named_variables) == ["shared/conv1/kernel", "shared/conv1/bias"]
  assert knowledge.create_transform(1, 0) is None
  kernel, bias = base.KnowledgeRoute(knowledge, 1, shared, None).kernel_and_bias()
  assert kernel is shared["kernel"] and bias is shared["bias"]
  assert shared.num_parameters == tiny_stream.SPEC.convolution_parameters(1)
  assert knowledge.generation_macs(1) == 0


def test_draws():
  knowledge = bound(hard_sharing.HardSharing())
  first, second = (knowledge.create_shared(0, draw) for draw in range(2))
  np.testing.assert_array_equal(first["kernel"], knowledge.create_shared(0)["kernel"])
  assert not np.isclose(first["kernel"], second["kernel"]).any()
  np.testing.assert_array_equal(first["bias"], second["bias"])


def test_nothing_is_added_to_the_loss():
  knowledge = bound(hard_sharing.HardSharing())
  assert knowledge.penalty({0: knowledge.create_shared(0)}, {}, np.ones(2)) is None


def test_independent_has_no_shared_route():
  knowledge = bound(independent.Independent())
  assert not knowledge.can_share
  for ask in (lambda: knowledge.create_shared(0), lambda: knowledge.kernel_and_bias(0, None, None)):
    with pytest.raises(ValueError, match="no shared route"):
      ask()
