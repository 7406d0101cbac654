"""The PyTorch network is the same network."""

import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from benchmark.speed import networks, torch_steps
from lasem_tf.nn import networks as our_networks
from tests.benchmark.speed.tiny_network import NETWORK

torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra `speed`)")


@pytest.mark.parametrize("name", networks.NETWORKS)
def test_as_many_parameters(name):
  network = networks.NETWORKS[name]
  spec = network.spec
  expected = sum(map(spec.convolution_parameters, range(spec.depth))) + spec.dense_parameters(network.num_classes)
  assert sum(parameter.numel() for parameter in torch_steps.make_model(network).parameters()) == expected


def test_same_features():
  images = np.random.default_rng(0).standard_normal((2, 8, 8, 3)).astype(np.float32)
  model = torch_steps.make_model(NETWORK)
  convolutions = [layer for layer in model if isinstance(layer, torch.nn.Conv2d)]
  kernels = [[tf.constant(value) for value in (layer.weight.detach().numpy().transpose(2, 3, 1, 0),
                                               layer.bias.detach().numpy())] for layer in convolutions]
  ours = tf.reshape(our_networks.convolutional_features(NETWORK.spec, kernels, tf.constant(images)), [2, 4, 4, 6])
  with torch.no_grad():
    theirs = model[:5](torch.from_numpy(images.transpose(0, 3, 1, 2))).numpy()
  np.testing.assert_allclose(ours, theirs.transpose(0, 2, 3, 1), atol=1e-5)


def test_steps_change_the_weights_with_tensorflow_in_the_same_process():
  """In a process of its own: TensorFlow is here already, and must come second."""
  code = """
from benchmark.speed import torch_steps
torch_steps.load_before_tensorflow()
import tensorflow
from tests.benchmark.speed.tiny_network import NETWORK
arm = torch_steps.step_arm("step", NETWORK, channels_last=True)
losses = [arm.call() for _ in range(3)]
assert losses[2] < losses[0], losses
"""
  subprocess.run([sys.executable, "-c", code], check=True, timeout=300)
