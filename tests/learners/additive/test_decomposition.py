import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from lasem_tf.learners.additive import decomposition, layers
from lasem_tf.nn import initializers, proximal
from tests.learners import test_trunk
from tests.support import tiny_stream

KAPPA = 4e-4 / 100.0


def make(mode="closed_form", **options):
  stream = tiny_stream.TinyStream()
  context = stream.context(spec=dataclasses.replace(tiny_stream.SPEC, dropout_keep_probability=1.0))
  return stream, decomposition.AdditiveDecomposition(context, mode=mode, **options)


def kernels(learner, task_id):
  return [kernel.numpy() for kernel, _ in learner._kernels(task_id)]


def test_following_in_closed_form():
  residual = tf.constant([0.1, 3e-6, -0.1], tf.float64)
  adaptive = proximal.soft_threshold(residual, KAPPA).numpy()
  np.testing.assert_allclose(adaptive, [0.099996, 0.0, -0.099996], rtol=1e-12)
  # sigma = 0.4 under an open half of a mask: the old kernel 0.3 becomes 0.299996.
  np.testing.assert_allclose(0.4 * 0.5 + adaptive[0], 0.299996, rtol=1e-12)


def test_a_layer_follows_its_old_kernel():
  layer = layers.AdditiveLayer("dense0", (1, 1), initializers.Initializer(0))
  layer.create_task(0)
  own = layer.own[0]
  own["mask"].assign([0.0])
  own["adaptive"].assign([[0.1]])
  layer.kernel.assign([[0.4]])
  old_kernel = tf.constant([[0.4]])
  np.testing.assert_allclose(layer.task_kernel(0), [[0.3]], rtol=1e-6)
  np.testing.assert_allclose(layer.residual(0, old_kernel, own["adaptive"]), [[0.1]], rtol=1e-6)
  np.testing.assert_allclose(layer.task_kernel(0, layer.follow(0, old_kernel, KAPPA)), [[0.299996]], rtol=1e-6)


@pytest.mark.parametrize("residual, value, gradient", [(0.1, 3.99992e-5, -4e-4), (2e-6, 2e-10, -2e-4)])
def test_retention_is_a_huber_function(residual, value, gradient):
  masked = tf.constant(0.2, tf.float64)
  with tf.GradientTape() as tape:
    tape.watch(masked)
    cost = layers.retention(0.2 + residual - masked, 4e-4, 100.0)
  np.testing.assert_allclose(cost, value, rtol=1e-9)
  np.testing.assert_allclose(tape.gradient(cost, masked), gradient, rtol=1e-9)


@pytest.mark.parametrize("spec, num_classes, shared, per_task", [
    (test_trunk.CIFAR100, (10,), 327_520, 1_162), (test_trunk.OFFICE_HOME, (13,), 2_677_440, 3_149),
    (test_trunk.STL10, (3,), 550_752, 1_235)])
def test_parameters_of_the_three_backbones(spec, num_classes, shared, per_task):
  context = tiny_stream.TinyStream().context(spec=spec, num_classes=num_classes)
  learner = decomposition.AdditiveDecomposition(context)
  assert learner.num_parameters() == shared
  learner._create_task(0)
  assert learner.num_parameters() == shared + per_task
  learner._layers[0].own[0]["adaptive"][0, 0, 0, :5].assign(tf.ones(5))
  assert learner.num_parameters() == shared + per_task + 5


@pytest.mark.parametrize("mode, kernel_bound, logit_bound", [("closed_form", 1.1 * KAPPA, 1e-3), ("exact", 1e-6, 1e-5)])
def test_old_kernels_and_answers_stay(mode, kernel_bound, logit_bound):
  stream, learner = make(mode)
  tiny_stream.run_visit(learner, stream.tasks[0], 0, steps_per_epoch=6)
  images = stream.tasks[0].validation[0]
  before, answers = kernels(learner, 0), learner.logits(images, 0).numpy()
  shared = learner._layers[0].kernel.numpy()
  for visit, task in enumerate(stream.tasks[1:], start=1):
    learner.begin_visit(task, visit)
    tiny_stream.run_phase(learner, learner.next_phase(0), steps_per_epoch=6)
    on_the_fly = learner.logits(images, 0).numpy()
    learner.end_visit()
    np.testing.assert_allclose(learner.logits(images, 0), on_the_fly, atol=1e-6)
    for old, new in zip(before, kernels(learner, 0)):
      assert np.abs(new - old).max() <= visit * kernel_bound
    np.testing.assert_allclose(learner.logits(images, 0), answers, atol=visit * logit_bound)
  assert np.abs(learner._layers[0].kernel.numpy() - shared).max() > 1e-3


def test_exact_following_makes_adaptive_parts_dense():
  densities = {}
  for mode in ("closed_form", "exact"):
    stream, learner = make(mode, sparsity_weight=0.3)
    tiny_stream.run_visit(learner, stream.tasks[0], 0)
    _, summary = tiny_stream.run_visit(learner, stream.tasks[1], 1)
    densities[mode] = summary.details["adaptive_density"]["0"]
  assert densities["exact"] > 0.9 > densities["closed_form"]


@pytest.mark.parametrize("weight, expected", [(0.0, True), (1e3, False)])
def test_the_proximal_step_makes_adaptive_weights_exactly_zero(weight, expected):
  stream, learner = make(sparsity_weight=weight, weight_decay=0.0)
  _, summary = tiny_stream.run_visit(learner, stream.tasks[0], 0)
  assert (summary.details["adaptive_density"]["0"] > 0.5) is expected
  if not expected:
    assert summary.details["adaptive_density"]["0"] == 0.0


def test_gradient_mode_trains_earlier_adaptive_parts():
  stream, learner = make("gradient", retention_weight=1.0)
  tiny_stream.run_visit(learner, stream.tasks[0], 0)
  learner.begin_visit(stream.tasks[1], 1)
  phase = learner.next_phase(0)
  assert "task0/conv0/adaptive" in phase.trained and "task0/conv0/mask" not in phase.trained
  assert "snapshot/task0/conv1/adaptive" in learner.variables()
  results = tiny_stream.run_phase(learner, phase, steps_per_epoch=4)
  assert float(results[0].metrics["retention"]) == pytest.approx(0.0, abs=1e-9)
  assert float(results[-1].metrics["retention"]) > 0.0
  learner.end_visit()
  assert not any(name.startswith("snapshot") for name in learner.variables())


def test_earlier_masks_biases_and_heads_are_frozen():
  stream, learner = make()
  tiny_stream.run_visit(learner, stream.tasks[0], 0)
  before = tiny_stream.values(learner._own_weights(0))
  tiny_stream.run_visit(learner, stream.tasks[1], 1)
  after = tiny_stream.values(learner._own_weights(0))
  for name, value in before.items():
    if not name.endswith("adaptive"):
      np.testing.assert_array_equal(value, after[name], err_msg=name)


def test_retention_holds_the_shared_kernels():
  moved = {}
  for weight in (1e-6, 20.0):
    stream, learner = make(sparsity_weight=1.0, retention_weight=weight)
    tiny_stream.run_visit(learner, stream.tasks[0], 0)
    before = learner._layers[0].kernel.numpy()
    tiny_stream.run_visit(learner, stream.tasks[1], 1, steps_per_epoch=6)
    moved[weight] = np.abs(learner._layers[0].kernel.numpy() - before).mean()
  assert moved[20.0] < 0.7 * moved[1e-6]


def test_retention_may_be_heeded_now_and_then():
  stream, learner = make(retention_every=3)
  tiny_stream.run_visit(learner, stream.tasks[0], 0)
  learner.begin_visit(stream.tasks[1], 1)
  phase = learner.next_phase(0)
  assert "retention/step" in phase.state
  results = tiny_stream.run_phase(learner, phase, steps_per_epoch=3)
  heeded = [float(result.metrics["retention"]) > 0 for result in results]
  assert heeded == [False, False, True, False, False, True]


def test_consolidation_moves_kernels_by_half_the_tolerance():
  tolerance = 0.01
  stream, learner = make(sparsity_weight=1e-6, consolidate_every=3, consolidation_tolerance=tolerance)
  for visit, task in enumerate(stream.tasks[:2]):
    tiny_stream.run_visit(learner, task, visit)
  learner.begin_visit(stream.tasks[2], 2)
  tiny_stream.run_phase(learner, learner.next_phase(0))
  assert learner.commit_changes_weights
  before = [kernels(learner, task_id) for task_id in range(3)]
  learner.end_visit()
  assert not learner.commit_changes_weights
  for task_id in range(3):
    for old, new in zip(before[task_id], kernels(learner, task_id)):
      assert np.abs(new - old).max() <= tolerance / 2 + 1e-6
  groups = learner.structure()["groups"]["conv0"]
  assert groups and all(len(members) > 1 for members in groups)
  assert any(name.startswith("group0/conv0") for name in learner.variables())
  # What the group shares has left its members.
  layer = learner._layers[0]
  shared = layer.groups[0][1]["kernel"].numpy() != 0
  assert shared.mean() > 0.5
  for task_id in groups[0]:
    np.testing.assert_array_equal(layer.own[task_id]["adaptive"].numpy()[shared], 0.0)


def test_bad_options_are_refused():
  with pytest.raises(ValueError, match="AdditiveDecomposition.mode must be one of"):
    make("retroactive")
  with pytest.raises(ValueError, match="retention_weight > 0"):
    make(retention_weight=0.0)
