"""Tensor factors: contraction, orthogonality, initial values and counts."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from lasem_tf.knowledge import tensor_factors
from tests.knowledge import counts
from tests.nn import paper_networks
from tests.support import tiny_stream

STL10 = dataclasses.replace(paper_networks.STL10, dense_sizes=(128,))
SPECS = {**paper_networks.SPECS, "stl10": STL10}


def _groups(spec, task_id=0, layer=1, **options):
  knowledge = counts.bound(tensor_factors.TensorFactors(**options), spec)
  return knowledge, knowledge.create_shared(layer), knowledge.create_transform(layer, task_id)


def test_contraction_is_the_tucker_product():
  random = np.random.default_rng(0)
  core = random.normal(size=(2, 3, 4, 5))
  factors = [random.normal(size=(size, size)) for size in core.shape]
  expected = np.einsum("abio,aA,bB,iI,oO->ABIO", core, *factors)
  result = tensor_factors.contract(tf.constant(core), [tf.constant(factor) for factor in factors])
  np.testing.assert_allclose(result, expected, rtol=0, atol=1e-12)


def test_identity_factors_give_the_core_and_no_penalty():
  knowledge, shared, transform = _groups(tiny_stream.SPEC)
  for axis in tensor_factors.AXES:
    transform[axis].assign(tf.eye(transform[axis].shape[0]))
  kernel, bias = knowledge.kernel_and_bias(1, shared, transform)
  np.testing.assert_array_equal(kernel, shared[""])
  np.testing.assert_array_equal(bias, transform["bias"])
  with tf.GradientTape() as tape:
    penalty = knowledge.penalty({1: shared}, {1: transform}, tf.ones([2]))
  assert float(penalty) == 0.0
  # The norm has no gradient at zero; here it counts as zero.
  np.testing.assert_array_equal(tape.gradient(penalty, transform["factor_in"]), np.zeros([4, 4]))


def test_orthogonality_is_the_norm_itself_not_its_square():
  factor = tf.Variable(2.0 * tf.eye(3, dtype=tf.float64))
  with tf.GradientTape() as tape:
    value = tensor_factors.orthogonality(factor)
  assert float(value) == pytest.approx(5.196152422706632, abs=1e-12)
  # d|U'U - I| / dU = 2 U (U'U - I) / |U'U - I|.
  np.testing.assert_allclose(tape.gradient(value, factor), 4.0 / np.sqrt(3.0) * np.eye(3), atol=1e-12)


@pytest.mark.parametrize("weight", tensor_factors.RELEASED_ORTHOGONALITY_WEIGHTS)
def test_penalty_is_weighted_by_how_much_a_layer_is_shared(weight):
  spec = tiny_stream.SPEC
  knowledge = counts.bound(tensor_factors.TensorFactors(weight), spec)
  transforms = {layer: knowledge.create_transform(layer, 0) for layer in range(2)}
  terms = [sum(float(tensor_factors.orthogonality(group[axis])) for axis in tensor_factors.AXES)
           for group in transforms.values()]
  penalty = knowledge.penalty({}, transforms, tf.constant([0.25, 0.5]))
  assert float(penalty) == pytest.approx(weight * (0.25 * terms[0] + 0.5 * terms[1]), rel=1e-6)


def test_released_weights():
  assert tensor_factors.RELEASED_ORTHOGONALITY_WEIGHTS == (0.1, 0.05, 0.01, 0.005, 0.001)


def test_penalty_reaches_factors_only():
  knowledge, shared, transform = _groups(tiny_stream.SPEC)
  with tf.GradientTape() as tape:
    penalty = knowledge.penalty({1: shared}, {1: transform}, tf.ones([2]))
  gradients = tape.gradient(penalty, [shared[""], transform["bias"], transform["factor_h"]])
  assert gradients[0] is None and gradients[1] is None and np.abs(gradients[2]).max() > 0


def test_without_weight_there_is_no_penalty():
  knowledge, shared, transform = _groups(tiny_stream.SPEC, orthogonality_weight=0.0)
  assert knowledge.penalty({1: shared}, {1: transform}, tf.ones([2])) is None
  assert counts.bound(tensor_factors.TensorFactors(), tiny_stream.SPEC).penalty({}, {}, tf.ones([2])) is None


def test_everything_starts_glorot_uniform():
  _, shared, transform = _groups(paper_networks.CIFAR)
  limits = {"factor_h": 1.0, "factor_w": 1.0, "factor_in": np.sqrt(3 / 32), "factor_out": np.sqrt(3 / 32),
            "bias": 0.3062}
  for name, limit in limits.items():
    largest = np.abs(transform[name]).max()
    assert 0.6 * limit < largest <= limit + 1e-4, name
  assert 0.99 * 0.1021 < np.abs(shared[""]).max() <= 0.1021  # sqrt(6 / (9 * 64))
  assert not np.array_equal(transform["factor_h"], transform["factor_w"])


def test_names():
  _, shared, transform = _groups(tiny_stream.SPEC, task_id=3)
  assert list(shared.named_variables) == ["kb/conv1"]
  assert list(transform.named_variables) == [f"task3/tf1/{name}" for name in (*tensor_factors.AXES, "bias")]


@pytest.mark.parametrize("net, shared, own", [
    ("cifar", [864, 9216, 18432, 36864], [1083, 2098, 5202, 8274]),
    ("office", [23232, 409600, 589824, 589824], [4411, 69938, 131346, 131346]),
    ("stl10", [864, 9216, 18432, 36864, 73728, 147456], [1083, 2098, 5202, 8274, 20626, 32914]),
])
def test_parameters_of_every_layer(net, shared, own):
  knowledge = counts.bound(tensor_factors.TensorFactors(), SPECS[net])
  assert [counts.parameters(knowledge, layer) for layer in range(len(shared))] == list(zip(shared, own))


@pytest.mark.parametrize("net, first, increment, top2", [
    ("cifar", 344891, 279515, 341774), ("office", 3015646, 1403166, 2941617), ("stl10", 619416, 332856, 602951)])
def test_first_task_and_increment(net, first, increment, top2):
  spec, classes = SPECS[net], paper_networks.NUM_CLASSES[net]
  knowledge = counts.bound(tensor_factors.TensorFactors(), spec)
  assert counts.total_parameters(knowledge, spec, classes, 1, "all") == first
  assert counts.total_parameters(knowledge, spec, classes, 2, "all") == first + increment
  assert counts.total_parameters(knowledge, spec, classes, 1, "top2") == top2


@pytest.mark.parametrize("net, totals", [
    ("cifar", {"all": 2860526, "top1": 3034584, "top2": 2920076, "top3": 2857792, "bottom1": 3286994,
               "bottom2": 3224710, "bottom3": 3110202, "alternating": 2972300, "alternating_odd": 3172486}),
    ("office", {"all": 15644140, "top1": 22796854, "top2": 18799338, "top3": 15809758, "bottom1": 26628752,
                "bottom2": 23639172, "bottom3": 19641656, "alternating": 19807274, "alternating_odd": 22631236}),
    ("stl10", {"all": 6943680, "top1": 8847396, "top2": 7856524, "top3": 7320308, "top4": 7072860, "top5": 6939076,
               "bottom1": 10997944, "bottom2": 10864160, "bottom3": 10616712, "bottom4": 10080496, "bottom5": 9089624,
               "alternating": 8177396}),
])
def test_totals_of_the_papers_streams(net, totals):
  spec, classes, tasks = SPECS[net], paper_networks.NUM_CLASSES[net], paper_networks.NUM_TASKS[net]
  knowledge = counts.bound(tensor_factors.TensorFactors(), spec)
  assert {name: counts.total_parameters(knowledge, spec, classes, tasks, name) for name in totals} == totals


def test_negative_weight_is_refused():
  with pytest.raises(ValueError, match="TensorFactors.orthogonality_weight must not be negative"):
    tensor_factors.TensorFactors(-0.1)
