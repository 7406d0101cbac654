"""Deconvolution: the grown kernel, the regulariser, sizes that fit and sizes that do not, and counts."""

import numpy as np
import pytest
import tensorflow as tf

from lasem_tf import types
from lasem_tf.knowledge import deconvolution, deconvolution_sizes
from lasem_tf.nn import architecture
from tests.knowledge import counts
from tests.nn import paper_networks

TABLES = {"cifar": "cifar100_4", "office": "office_home_4", "stl10": "stl10_6"}
SPEC = architecture.ConvNetSpec((8, 8, 3), (3, 5), (4, 6), (2, 2), (8,))
SIZES = ((2, 3, 3, 5), (3, 4, 5, 7))


def _transposed_convolution(base, kernel, bias, size, stride):
  """D[y, x, s] = bias_s + sum_{i, j, c} K[i, j, c] V[y - stride i + p, x - stride j + p, s, c], over valid indices."""
  filter_size, extent = kernel.shape[0], base.shape[1]
  pad = max(stride * (extent - 1) + filter_size - size, 0) // 2
  result = np.tile(bias.reshape(1, 1, -1), (size, size, 1))
  for y in range(size):
    for x in range(size):
      for i in range(extent):
        for j in range(extent):
          u, v = y - stride * i + pad, x - stride * j + pad
          if 0 <= u < filter_size and 0 <= v < filter_size:
            result[y, x] += kernel[u, v] @ base[0, i, j]
  return result


@pytest.mark.parametrize("extent, filter_size, size", [(2, 3, 3), (3, 3, 5), (4, 3, 7), (6, 5, 11), (2, 5, 3)])
def test_grown_kernel(extent, filter_size, size):
  random = np.random.default_rng(extent)
  base, kernel = random.normal(size=(1, extent, extent, 2)), random.normal(size=(filter_size, filter_size, 3, 2))
  bias, contraction = random.normal(size=(1, 1, 1, 3)), random.normal(size=(3, 2, 4))
  grown = deconvolution.grow(*map(tf.constant, (base, kernel, bias, contraction)), stride=2)
  expected = np.einsum("yxs,sio->yxio", _transposed_convolution(base, kernel, bias, size, 2), contraction)
  np.testing.assert_allclose(grown, expected, rtol=0, atol=1e-12)


def test_without_a_filter_only_the_bias_is_contracted():
  random = np.random.default_rng(0)
  bias, contraction = random.normal(size=(1, 1, 1, 3)), random.normal(size=(3, 2, 4))
  base = random.normal(size=(1, 2, 2, 2))
  grown = deconvolution.grow(tf.constant(base), tf.zeros([3, 3, 3, 2], tf.float64), tf.constant(bias),
                             tf.constant(contraction), stride=2)
  np.testing.assert_allclose(grown, np.broadcast_to(np.tensordot(bias[0, 0, 0], contraction, 1), [3, 3, 2, 4]),
                             atol=1e-14)


def _groups(reference=types.ReferenceBehaviour(), **options):
  knowledge = counts.bound(deconvolution.Deconvolution(SIZES, **options), SPEC, reference)
  return knowledge, *({layer: make(layer) for layer in range(2)}
                      for make in (knowledge.create_shared, lambda layer: knowledge.create_transform(layer, 0)))


def _penalty_gradients(knowledge, shared, transforms, sharing=(1.0, 1.0)):
  variables = {name: variable for group in [*shared.values(), *transforms.values()]
               for name, variable in group.named_variables.items()}
  with tf.GradientTape() as tape:
    penalty = knowledge.penalty(shared, transforms, tf.constant(sharing))
  return float(penalty), variables, dict(zip(variables, tape.gradient(penalty, list(variables.values()))))


def test_plain_regulariser():
  knowledge, shared, transforms = _groups(knowledge_scale=0.3, transform_scale=0.2)
  penalty, variables, gradients = _penalty_gradients(knowledge, shared, transforms)
  scales = {name: 0.3 if name.startswith("kb/") else None if name.endswith("/bias") else 0.2 for name in variables}
  expected = sum(0.5 * scale * np.sum(np.square(variables[name])) for name, scale in scales.items() if scale)
  assert penalty == pytest.approx(expected, rel=1e-6)
  for name, scale in scales.items():
    if scale is None:
      assert gradients[name] is None, name
    else:
      np.testing.assert_allclose(gradients[name], scale * variables[name].numpy(), rtol=1e-6, err_msg=name)


def test_plain_regulariser_is_not_weighted_by_the_posterior_and_leaves_other_tasks_layers_alone():
  knowledge, shared, transforms = _groups(knowledge_scale=0.3, transform_scale=0.2)
  full, _, _ = _penalty_gradients(knowledge, shared, transforms)
  weighted, _, _ = _penalty_gradients(knowledge, shared, transforms, (0.1, 0.0))
  assert weighted == full
  _, _, gradients = _penalty_gradients(knowledge, shared, {1: transforms[1]})
  assert gradients["kb/conv0"] is None and gradients["kb/conv1"] is not None


def test_doubled_regulariser_of_the_releases():
  knowledge, shared, transforms = _groups(types.ReferenceBehaviour(doubled_regulariser=True), knowledge_scale=0.3,
                                          transform_scale=0.2)
  _, variables, gradients = _penalty_gradients(knowledge, shared, {1: transforms[1]})
  for name, variable in variables.items():
    if name.endswith("/bias") or name.startswith("task0/dfcnn0"):
      assert gradients[name] is None, name
    else:
      # The penalty p of a weight becomes s / 2 p^2: its gradient s p is what the plain gradient is multiplied with. All
      # knowledge bases take part, also those that the task does not use.
      scale = 0.3 if name.startswith("kb/") else 0.2
      inner = 0.5 * scale * np.sum(np.square(variable))
      np.testing.assert_allclose(gradients[name], scale * inner * scale * variable.numpy(), rtol=1e-5, err_msg=name)


def test_scales_of_the_releases():
  assert deconvolution.RELEASED_SCALES == ((1e-9, 1e-11), (1e-7, 1e-7), (1e-7, 1e-9), (1e-7, 1e-11), (1e-9, 1e-9))
  knowledge, shared, transforms = _groups()
  _, variables, gradients = _penalty_gradients(knowledge, shared, transforms)
  np.testing.assert_allclose(gradients["kb/conv0"], 1e-9 * variables["kb/conv0"].numpy(), rtol=1e-5)
  np.testing.assert_allclose(gradients["task0/dfcnn0/tensordot"], 1e-11 * variables["task0/dfcnn0/tensordot"].numpy(),
                             rtol=1e-5)


def test_without_scales_there_is_no_regulariser():
  knowledge, shared, transforms = _groups(knowledge_scale=0.0, transform_scale=0.0)
  assert knowledge.penalty(shared, transforms, tf.ones([2])) is None


def test_everything_starts_glorot_uniform():
  knowledge = counts.bound(deconvolution.Deconvolution("cifar100_4"), paper_networks.CIFAR)
  shared, transform = knowledge.create_shared(0), knowledge.create_transform(0, 0)
  limits = [(shared[""], 0.4082), (transform["deconv_kernel"], 0.1291), (transform["deconv_bias"], 0.4899),
            (transform["tensordot"], 0.0845), (transform["bias"], 0.3062)]
  for weight, limit in limits:
    largest = np.abs(weight).max()
    assert 0.8 * limit < largest <= limit + 1e-4


def test_names_and_shapes():
  knowledge = counts.bound(deconvolution.Deconvolution("cifar100_4"), paper_networks.CIFAR)
  shapes = {name: tuple(variable.shape) for group in (knowledge.create_shared(0), knowledge.create_transform(0, 2))
            for name, variable in group.named_variables.items()}
  assert shapes == {
      "kb/conv0": (1, 2, 2, 16), "task2/dfcnn0/deconv_kernel": (3, 3, 24, 16),
      "task2/dfcnn0/deconv_bias": (1, 1, 1, 24), "task2/dfcnn0/tensordot": (24, 3, 32), "task2/dfcnn0/bias": (32,)}


@pytest.mark.parametrize("table, spec", [
    ("cifar100_4", paper_networks.CIFAR), ("cifar100_6", paper_networks.CIFAR_6),
    ("cifar100_8", paper_networks.CIFAR_8), ("office_home_4", paper_networks.OFFICE),
    ("office_home_6", paper_networks.OFFICE_6), ("office_home_8", paper_networks.OFFICE_8),
    ("stl10_6", paper_networks.STL10), ("stl10_9", architecture.ConvNetSpec(
        (96, 96, 3), (3,) * 9, (32,) * 3 + (64,) * 3 + (128,) * 3, (1, 1, 3) * 3, (128, 16)))])
def test_every_table_gives_the_kernels_of_its_network(table, spec):
  knowledge = counts.bound(deconvolution.Deconvolution(table), spec)
  for layer in (0, spec.depth - 1):
    kernel, bias = knowledge.kernel_and_bias(layer, knowledge.create_shared(layer),
                                             knowledge.create_transform(layer, 0))
    assert tuple(kernel.shape) == spec.kernel_shape(layer) and tuple(bias.shape) == (spec.channels[layer],)


def test_all_tables_are_tested_above():
  assert len(deconvolution_sizes.TABLES) == 9


@pytest.mark.parametrize("net, shared, own", [
    ("cifar", [64, 96, 128, 144], [5816, 59600, 149632, 318376]),
    ("office", [864, 576, 256, 256], [19696, 2171264, 8462720, 8462720]),
    ("stl10", [48, 96, 128, 192, 256, 384], [4952, 59600, 149632, 434848, 1122560, 3311936]),
])
def test_parameters_of_every_layer(net, shared, own):
  knowledge = counts.bound(deconvolution.Deconvolution(TABLES[net]), paper_networks.SPECS[net])
  assert [counts.parameters(knowledge, layer) for layer in range(len(shared))] == list(zip(shared, own))


@pytest.mark.parametrize("net, first, increment, top2", [
    ("cifar", 796714, 796282, 741282), ("office", 20184477, 20182525, 18425229), ("stl10", 5349019, 5347915, 4765091)])
def test_first_task_and_increment(net, first, increment, top2):
  spec, classes = paper_networks.SPECS[net], paper_networks.NUM_CLASSES[net]
  knowledge = counts.bound(deconvolution.Deconvolution(TABLES[net]), spec)
  assert counts.total_parameters(knowledge, spec, classes, 1, "all") == first
  assert counts.total_parameters(knowledge, spec, classes, 2, "all") == first + increment
  assert counts.total_parameters(knowledge, spec, classes, 1, "top2") == top2


@pytest.mark.parametrize("net, totals", [
    ("cifar", {"all": 7963252, "top1": 6098884, "top2": 7410372, "top3": 7913988, "bottom1": 3333524,
               "bottom2": 3837140, "bottom3": 5148628, "alternating": 6602500, "alternating_odd": 4645012}),
    ("office", {"all": 201827202, "top1": 105521026, "top2": 184247682, "top3": 201862338, "bottom1": 26759234,
                "bottom2": 44373890, "bottom3": 123100546, "alternating": 123135682, "alternating_odd": 105485890}),
    ("stl10", {"all": 106959404, "top1": 74315324, "top2": 95289660, "top3": 103248252, "top4": 105871100,
               "top5": 106878236, "bottom1": 11109068, "bottom2": 12116204, "bottom3": 14739052, "bottom4": 22697644,
               "bottom5": 43671980, "alternating": 83281052}),
])
def test_totals_of_the_papers_streams(net, totals):
  spec, classes, tasks = paper_networks.SPECS[net], paper_networks.NUM_CLASSES[net], paper_networks.NUM_TASKS[net]
  knowledge = counts.bound(deconvolution.Deconvolution(TABLES[net]), spec)
  assert {name: counts.total_parameters(knowledge, spec, classes, tasks, name) for name in totals} == totals


@pytest.mark.parametrize("sizes, message", [
    (((2, 3, 3, 5), (2, 4, 3, 7)), r"layer 1 has a knowledge base of side 2, .*\(2 - 1\) \* 2 \+ 1 = 3, but .* side 5"),
    (((2, 3, 3, 5),), "has 1 layers, the network has 2 convolutions"),
    ("cifar100_4", "has 4 layers, the network has 2 convolutions"),
    (((2, 0, 3, 5), (3, 4, 5, 7)), "layer 0 has .* all must be positive"),
])
def test_sizes_that_do_not_fit_the_network(sizes, message):
  with pytest.raises(ValueError, match=f"Deconvolution.sizes.*{message}"):
    counts.bound(deconvolution.Deconvolution(sizes), SPEC)


def test_seventeen_layers_have_no_sizes():
  spec = architecture.ConvNetSpec(
      (32, 32, 3), (7,) + (3,) * 16, (64,) * 5 + (128,) * 4 + (256,) * 4 + (512,) * 4,
      (2, 1, 1, 1, 1, 2, 1, 1, 1, 2, 1, 1, 1, 2, 1, 1, 1), (1000,), skips=((1, 2), (3, 4), (7, 8), (11, 12), (15, 16)))
  with pytest.raises(ValueError, match="the papers have none for the 17-layer network"):
    counts.bound(deconvolution.Deconvolution("cifar100_4"), spec)


def test_unknown_table_and_negative_scale():
  with pytest.raises(ValueError, match="Deconvolution.sizes = 'cifar_4' is no table; there are cifar100_4, cifar100_6"):
    deconvolution.Deconvolution("cifar_4")
  with pytest.raises(ValueError, match="must not be negative"):
    deconvolution.Deconvolution("cifar100_4", knowledge_scale=-1.0)
