"""Hard channel gates: counts, the sparsity term, what is frozen, redrawn and promised."""

import numpy as np
import pytest
import tensorflow as tf

from lasem_tf.learners import base, channel_gated
from lasem_tf.nn import hard_gates
from tests.learners import growing_support as support


class HalfOpen(channel_gated.ChannelGated):
  """Starts with some gates open and others shut, so that a few steps decide which channels a task relies on."""

  def _create_task(self, task_id):
    super()._create_task(task_id)
    for layer, gate in enumerate(self._networks[task_id].gates):
      bias = gate.named_variables[f"task{task_id}/gate{layer}/dense1/bias"]
      bias.assign([0.3 if (unit + task_id) % 3 else -0.3 for unit in range(bias.shape[0])])


def make_learner(**options):
  spec = support.tiny_spec(channels=(8, 9))
  return HalfOpen(support.make_context(spec, epochs_per_task=4), **options)


def masks_of(learner, task_id):
  return [learner.variables()[f"task{task_id}/relevant{layer}"].numpy() for layer in range(2)]


@pytest.mark.parametrize("stream, gates, first, further, total", [
    ("cifar100", 5552, 333978, 268410, 2749668), ("office_home", 23600, 2703037, 1089725, 12510562),
    ("stl10", 13072, 564467, 277459, 5836188)])
def test_counts_of_the_real_networks(stream, gates, first, further, total):
  context = support.context_of_stream(stream)
  spec = context.spec
  assert sum(hard_gates.parameters(spec.input_shape(layer)[2], 16, channels)
             for layer, channels in enumerate(spec.channels)) == gates
  learner = channel_gated.ChannelGated(context)
  learner.begin_visit(support.make_task(learner, 0, 2), 0)
  assert learner.num_parameters() == first
  learner.begin_visit(support.make_task(learner, 1, 2), 1)
  assert learner.num_parameters() == first + further
  assert first + (len(context.num_classes) - 1) * further == total
  assert learner.forward_macs(0) == spec.forward_macs(context.num_classes[0]) + sum(
      16 * (spec.input_shape(layer)[2] + channels) for layer, channels in enumerate(spec.channels))


@pytest.mark.parametrize("stream", ["cifar100_6", "cifar100_8"])
def test_deeper_backbones(stream):
  learner = channel_gated.ChannelGated(support.context_of_stream(stream))
  learner.begin_visit(support.make_task(learner, 0, 2), 0)
  assert learner.logits(tf.zeros([1, 32, 32, 3]), 0).shape == (1, 10)


def test_options_are_checked():
  with pytest.raises(ValueError, match="patience_share"):
    make_learner(patience_share=1.0)
  with pytest.raises(ValueError, match="temperature"):
    make_learner(temperature=0.0)


def test_sparsity_and_relevance_of_known_gates():
  gates = [tf.constant([[1.0, 0, 1, 0], [1, 1, 1, 0]]), tf.constant([[1.0, 0], [0, 0]])]
  assert [float(channel_gated.mean_activity([gate])) for gate in gates] == [0.625, 0.25]
  assert 0.5 * float(channel_gated.mean_activity(gates)) == 0.21875
  rates = np.array([1.0, 0.5, 1.0, 0.0])  # of the first layer's gates
  for threshold, expected in ((0.0, [0, 1, 2]), (0.6, [0, 2]), (0.5, [0, 2])):
    assert np.flatnonzero(channel_gated.relevant_channels(rates, threshold)).tolist() == expected


def step_gradient(learner, epoch):
  """How the first gate's output bias moves in one step from its first value."""
  learner.begin_visit(support.make_task(learner, 0), 0)
  phase = learner.next_phase(0)
  learner.begin_epoch(epoch)
  images, labels = learner.task.train
  result = phase.step(base.Batch(images, labels, tf.range(12)),
                      base.StepContext(tf.constant(1e-3), tf.constant([0, 0])))
  return result, learner.variables()["task0/gate0/dense1/bias"].numpy()


def test_sparsity_is_off_until_patience_ends_and_then_closes_gates():
  context = dict(sparsity_weight=50.0, patience_share=0.5)
  early, bias_early = step_gradient(make_learner(**context), 1)
  late, bias_late = step_gradient(make_learner(**context), 2)
  without, bias_without = step_gradient(make_learner(sparsity_weight=0.0), 3)
  assert float(early.loss) == float(late.loss) == float(without.loss)
  assert 0.0 < float(early.metrics["gate_activity"]) < 1.0
  np.testing.assert_array_equal(bias_early, bias_without)
  assert np.all(bias_late < bias_early)


def test_commit_freezes_what_the_task_uses_and_redraws_the_rest():
  learner = make_learner()
  learner.begin_visit(support.make_task(learner, 0), 0)
  support.run_phase(learner, learner.next_phase(0))
  data = tf.concat([learner.task.train[0], learner.task.validation[0]], axis=0)
  before, logits = support.values(learner), learner.logits(data, 0).numpy()
  rates = learner.firing_rates(0, data)
  summary = learner.end_visit()
  after, masks = support.values(learner), masks_of(learner, 0)
  assert learner.memory_floats() == len(np.packbits(np.concatenate(masks) > 0)) / 4 > 0
  for layer, (mask, rate) in enumerate(zip(masks, rates)):
    np.testing.assert_array_equal(mask, rate > 0)
    assert 0 < mask.sum() < len(mask), "this test needs used and unused channels"
    kernel, old_kernel = after[f"shared/conv{layer}/kernel"], before[f"shared/conv{layer}/kernel"]
    np.testing.assert_array_equal(kernel[..., mask > 0], old_kernel[..., mask > 0])
    assert np.all(np.any(kernel[..., mask == 0] != old_kernel[..., mask == 0], axis=(0, 1, 2)))
    assert np.abs(kernel[..., mask == 0]).max() <= 0.1
    np.testing.assert_array_equal(after[f"shared/conv{layer}/bias"][mask == 0], np.float32(0.2))
  assert summary.details["relevant_channels"] == [int(mask.sum()) for mask in masks]
  assert summary.details["free_channels"] == [int((mask == 0).sum()) for mask in masks]
  # On the data that decided, the commit changes nothing.
  np.testing.assert_array_equal(learner.logits(data, 0), logits)
  assert learner.commit_changes_weights


def test_a_finished_task_is_bit_identical_for_ever():
  learner = make_learner()
  support.run_visit(learner, 0, 0)
  # Images far from the task's own open other gates; the mask must hold there, too.
  images = tf.random.stateless_normal([40, 6, 6, 2], [5, 5], stddev=5.0)
  first, masks = learner.logits(images, 0).numpy(), masks_of(learner, 0)
  frozen = [support.values(learner)[f"shared/conv{layer}/kernel"][..., mask > 0] for layer, mask in enumerate(masks)]
  learner.begin_visit(support.make_task(learner, 1), 1)
  phase = learner.next_phase(0)
  assert {name.split("/")[0] for name in phase.trained} == {"shared", "task1"}
  support.check_touches_only_declared(learner, phase)
  np.testing.assert_array_equal(learner.logits(images, 0), first)
  learner.end_visit()
  second = learner.logits(images, 1).numpy()
  support.run_visit(learner, 2, 2)
  np.testing.assert_array_equal(learner.logits(images, 0), first)
  np.testing.assert_array_equal(learner.logits(images, 1), second)
  for layer, mask in enumerate(masks):
    np.testing.assert_array_equal(support.values(learner)[f"shared/conv{layer}/kernel"][..., mask > 0], frozen[layer])


def test_a_revisit_leaves_other_tasks_alone():
  learner = make_learner()
  for visit, task_id in enumerate((0, 1)):
    support.run_visit(learner, task_id, visit)
  other, size = support.logits_of(learner, 1), learner.num_parameters()
  before = support.values(learner)
  support.run_visit(learner, 0, 2)
  np.testing.assert_array_equal(support.logits_of(learner, 1), other)
  after = support.values(learner)
  own = [mask * (1 - other_mask) for mask, other_mask in zip(masks_of(learner, 0), masks_of(learner, 1))]
  assert sum(mask.sum() for mask in own) > 0
  assert np.any(after["task0/head/dense0/kernel"] != before["task0/head/dense0/kernel"])
  assert learner.num_parameters() == size


def test_no_free_channel_is_allowed():
  learner = make_learner()
  support.run_visit(learner, 0, 0)
  for layer in range(2):
    variable = learner.variables()[f"task0/relevant{layer}"]
    variable.assign(tf.ones_like(variable))
  before = support.values(learner)
  support.run_visit(learner, 1, 1)
  after = support.values(learner)
  for layer in range(2):
    np.testing.assert_array_equal(after[f"shared/conv{layer}/kernel"], before[f"shared/conv{layer}/kernel"])


def test_resume_is_bit_identical():
  support.check_resume(make_learner, 1, lambda learner: support.run_visit(learner, 0, 0))
