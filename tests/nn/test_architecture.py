"""Shapes, parameters and cost of the papers' networks, and specifications that make no network."""

import pytest

from lasem_tf.nn import architecture
from tests.nn.paper_networks import CIFAR, CIFAR_6, CIFAR_8, NUM_CLASSES, OFFICE, OFFICE_6, OFFICE_8, SPECS, STL10


@pytest.mark.parametrize("spec, sides, num_features", [
    (CIFAR, [32, 16, 16, 8], 4096), (OFFICE, [43, 15, 8, 4], 4096), (STL10, [96, 32, 32, 11, 11, 4], 2048),
    (CIFAR_6, [32, 16, 16, 8, 8, 4], 2048), (CIFAR_8, [32, 16, 16, 8, 8, 4, 4, 2], 512),
    (OFFICE_6, [43, 15, 15, 8, 8, 4], 4096),
    (OFFICE_8, [128, 43, 43, 15, 15, 8, 8, 4], 4096)])
def test_map_sizes(spec, sides, num_features):
  assert [height for height, _, _ in spec.feature_shapes] == sides
  assert [width for _, width, _ in spec.feature_shapes] == sides
  assert [channels for _, _, channels in spec.feature_shapes] == list(spec.channels)
  assert spec.num_features == num_features


@pytest.mark.parametrize("spec, num_classes, convolutions, dense", [
    (CIFAR, 10, [896, 9248, 18496, 36928], 262858), (OFFICE, 13, [23296, 409856, 590080, 590080], 1066125),
    (STL10, 3, [896, 9248, 18496, 36928, 73856, 147584], 264387)])
def test_parameters_of_layers(spec, num_classes, convolutions, dense):
  assert [spec.convolution_parameters(layer) for layer in range(spec.depth)] == convolutions
  assert spec.dense_parameters(num_classes) == dense


@pytest.mark.parametrize("spec, num_classes, total", [(CIFAR, 10, 328426), (OFFICE, 13, 2679437), (STL10, 3, 551395),
                                                      (CIFAR_6, 10, 418794), (CIFAR_8, 10, 615658),
                                                      (OFFICE_6, 13, 3859597),
                                                      (OFFICE_8, 13, 2381485)])
def test_parameters_of_one_network(spec, num_classes, total):
  assert sum(map(spec.convolution_parameters, range(spec.depth))) + spec.dense_parameters(num_classes) == total


@pytest.mark.parametrize("name, millions, layers", [
    ("cifar", 24.740, [0.88, 9.44, 4.72, 9.44]), ("office", 1309.508, [380.6, 757.4, 132.7, 37.7]),
    ("stl10", 176.548, [7.96, 84.9, 18.9, 37.7, 8.92, 17.8])])
def test_forward_cost(name, millions, layers):
  spec = SPECS[name]
  assert round(spec.forward_macs(NUM_CLASSES[name]) / 1e6, 3) == millions
  assert [spec.convolution_macs(layer) / 1e6 for layer in range(spec.depth)] == pytest.approx(layers, rel=6e-3)


def test_valid_padding_shrinks_maps():
  spec = architecture.ConvNetSpec((13, 11, 3), (5, 3), (4, 6), (2, 1), (8,), padding="valid")
  assert spec.convolved_shape(0) == (9, 7, 4)
  assert spec.feature_shapes == [(4, 3, 4), (2, 1, 6)]
  assert spec.input_shape(0) == (13, 11, 3) and spec.input_shape(1) == (4, 3, 4)
  assert spec.kernel_shape(1) == (3, 3, 4, 6)
  assert spec.dense_shapes(5) == [(12, 8), (8, 5)]


def test_lists_become_tuples():
  spec = architecture.ConvNetSpec([8, 8, 3], [3], [4], [2], [8], skips=[])
  assert spec.kernel_sizes == (3,) and hash(spec) == hash(architecture.ConvNetSpec((8, 8, 3), (3,), (4,), (2,), (8,)))


@pytest.mark.parametrize("options, message", [
    ({"channels": (4,)}, r"kernel_sizes \(2\), channels \(1\) and pool_sizes \(2\)"),
    ({"padding": "SAME"}, "padding must be 'same' or 'valid'"),
    ({"dropout_keep_probability": 0.0}, r"dropout_keep_probability must lie in \(0, 1\]"),
    ({"dropout_keep_probability": 1.5}, r"dropout_keep_probability must lie in \(0, 1\]"),
    ({"padding": "valid", "kernel_sizes": (5, 5)}, "shrink to nothing"),
    ({"skips": ((0, 1),)}, "does not fit the output of layer 1"),
    ({"skips": ((1, 0),)}, "does not fit the output of layer 0"),
    ({"dense_sizes": (8, 0)}, "dense_sizes must be whole numbers of at least 1"),
    ({"pool_sizes": (2, 0)}, "pool_sizes must be whole"), ({"kernel_sizes": (3, 1.5)}, "kernel_sizes must be whole"),
    ({"skips": ((0, 7),)}, "does not fit the output of layer 7"),
])
def test_specifications_that_make_no_network(options, message):
  good = {"image_shape": (8, 8, 3), "kernel_sizes": (3, 3), "channels": (4, 6), "pool_sizes": (2, 2),
          "dense_sizes": (8,)}
  with pytest.raises(ValueError, match=message):
    architecture.ConvNetSpec(**{**good, **options})
