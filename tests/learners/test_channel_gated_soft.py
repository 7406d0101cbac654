"""The released soft gates: counts, the constant penalty, what a task may change."""

import numpy as np
import pytest
import tensorflow as tf

from lasem_tf import types
from lasem_tf.learners import base, channel_gated_soft
from tests.learners import growing_support as support


def make_learner(reference=types.ReferenceBehaviour(), **options):
  context = support.make_context(epochs_per_task=2, reference=reference)
  return channel_gated_soft.ChannelGatedSoft(context, gate_sizes=(5,), **options)


def gate_parameters(spec):
  """Of the gates of one task with 256 hidden units, by formula."""
  total = 0
  for layer in range(spec.depth):
    rows = int(np.prod(spec.input_shape(layer)))
    total += rows * 256 + 256 + 256 * spec.channels[layer] + spec.channels[layer]
  return total


@pytest.mark.parametrize("stream, count", [("cifar100", 15845290), ("office_home", 64711117), ("stl10", 114356643)])
def test_first_task_of_the_release(stream, count):
  spec, num_classes, _ = support.STREAMS[stream]
  base_net = sum(spec.convolution_parameters(layer) for layer in range(spec.depth)) + spec.dense_parameters(num_classes)
  assert base_net + gate_parameters(spec) == count


def test_first_task_of_cifar100_as_built():
  learner = channel_gated_soft.ChannelGatedSoft(support.context_of_stream("cifar100"))
  learner.begin_visit(support.make_task(learner, 0, 10), 0)
  assert learner.num_parameters() == 15845290
  assert learner.forward_macs(0) == 24740480 + (3072 + 32768 + 8192 + 16384) * 256 + 256 * (32 + 32 + 64 + 64)


def test_gates_sum_to_one_and_the_penalty_is_a_constant():
  learner = make_learner()
  learner.begin_visit(support.make_task(learner, 0), 0)
  images, labels = learner.task.train
  gates = learner.gates(images, 0)
  assert [gate.shape for gate in gates] == [(12, 4), (12, 5)]
  for gate in gates:
    np.testing.assert_allclose(tf.reduce_sum(gate, axis=1), np.ones(12), rtol=1e-6)
  result = learner.next_phase(0).step(base.Batch(images, labels, tf.range(12)),
                                      base.StepContext(tf.constant(0.0), tf.constant([0, 0])))
  assert float(result.metrics["sparsity"]) == pytest.approx((1 / 4 + 1 / 5) / 2, rel=1e-6)


@pytest.mark.parametrize("channels, mean", [((32, 32, 64, 64), 0.0234375), ((32, 32, 64, 64, 128, 128), 0.0182292)])
def test_penalty_of_the_real_networks(channels, mean):
  gates = [tf.nn.softmax(tf.random.stateless_normal([3, width], [width, 0]) / 0.1) for width in channels]
  assert float(channel_gated_soft.sparsity_of(gates)) == pytest.approx(mean, abs=1e-7)


def test_the_released_penalty_has_no_gradient():
  with_penalty, without = make_learner(types.ReferenceBehaviour.released(), sparsity_weight=1.0), make_learner()
  for learner in (with_penalty, without):
    support.run_visit(learner, 0, 0)
  for name, value in support.values(without).items():
    np.testing.assert_allclose(support.values(with_penalty)[name], value, atol=2e-5, err_msg=name)


def test_a_task_trains_shared_convolutions_and_its_own_parts():
  learner = make_learner()
  support.run_visit(learner, 0, 0)
  old = support.logits_of(learner, 0)
  learner.begin_visit(support.make_task(learner, 1), 1)
  phase = learner.next_phase(0)
  assert {name.split("/")[0] for name in phase.trained} == {"shared", "task1"}
  support.check_touches_only_declared(learner, phase)
  learner.end_visit()
  assert np.any(support.logits_of(learner, 0) != old)


def test_resume_is_bit_identical():
  support.check_resume(make_learner, 1, lambda learner: support.run_visit(learner, 0, 0))
