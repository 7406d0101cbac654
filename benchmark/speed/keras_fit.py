"""The plain training step through Keras' `fit`, to be measured against."""

import keras
import numpy as np

from benchmark.speed import measure
from benchmark.speed.networks import Network

FIT_STEPS = 16  # Steps of one epoch of `fit`; the paper's CIFAR-100 tasks have 17.


def make_model(network: Network) -> keras.Model:
  """The backbone of stock Keras layers."""
  spec = network.spec
  layers = [keras.Input(spec.image_shape)]
  for layer, pool in enumerate(spec.pool_sizes):
    layers.append(keras.layers.Conv2D(spec.channels[layer], spec.kernel_sizes[layer], padding=spec.padding,
                                      activation="relu"))
    if pool > 1:
      layers.append(keras.layers.MaxPool2D(pool, padding=spec.padding))
  layers += [keras.layers.Flatten(), keras.layers.Dropout(1.0 - spec.dropout_keep_probability)]
  layers += [keras.layers.Dense(width, activation="relu") for width in spec.dense_sizes]
  return keras.Sequential([*layers, keras.layers.Dense(network.num_classes)])


def arm(name: str, network: Network) -> measure.Arm:
  """One epoch of `fit` a call, without XLA; costs are per step."""
  model = make_model(network)
  model.compile(keras.optimizers.RMSprop(1e-5, rho=0.9), keras.losses.SparseCategoricalCrossentropy(from_logits=True),
                jit_compile=False)
  num_examples = FIT_STEPS * network.batch_size
  images = np.random.default_rng(0).standard_normal((num_examples, *network.spec.image_shape), np.float32)
  labels = np.arange(num_examples) % network.num_classes
  return measure.Arm(name, lambda: model.fit(images, labels, network.batch_size, verbose=0), FIT_STEPS)
