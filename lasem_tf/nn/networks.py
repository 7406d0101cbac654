"""Keras models of a backbone whose kernels come from wherever a learner says.

A *route* is any object with `kernel_and_bias()`: a plain convolution, or a layer of shared knowledge seen by one task.
A network that searches over configurations has two routes for a layer; a committed one has one.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Protocol

import keras
import tensorflow as tf

from lasem_tf.nn import architecture, layers, normalisation as normalisation_lib, weights

KernelAndBias = tuple[tf.Tensor, tf.Tensor | None]


class Route(Protocol):
  """Where a layer's weights come from."""

  def kernel_and_bias(self) -> KernelAndBias:
    """`[height, width, in, out]` and `[out]`; no bias in a network with normalisation."""


@dataclasses.dataclass(frozen=True)
class LayerWeights:
  """Weights of one layer, computed once per step.

  Attributes:
    shared: kernel and bias of the shared route, or None.
    own: kernel and bias of the task's own convolution, or None.
  """

  shared: KernelAndBias | None
  own: KernelAndBias | None

  def choose(self, shared: tf.Tensor | bool | None) -> KernelAndBias:
    """The only route, or the one that the scalar boolean picks; a Python one keeps the other out of the graph."""
    if self.shared is None or self.own is None:
      return self.only
    if isinstance(shared, bool):
      return self.shared if shared else self.own
    kernel, bias = (None if pair[0] is None else tf.where(shared, *pair) for pair in zip(*self.both))
    return kernel, bias

  @property
  def both(self) -> tuple[KernelAndBias, KernelAndBias]:
    """Shared and own route of a layer that has both."""
    assert self.shared is not None and self.own is not None, "a search needs both routes"
    return self.shared, self.own

  @property
  def only(self) -> KernelAndBias:
    """The route of a layer that has one."""
    route = self.own if self.shared is None else self.shared
    assert route is not None, "a layer has no route"
    return route


class RoutedNetwork(keras.Model):
  """The network of one task: for every layer a shared route, an own route or both; then a dense head."""

  def __init__(self, spec: architecture.ConvNetSpec, shared: Sequence[Route | None], own: Sequence[Route | None],
               head: weights.DenseHead, name: str = "routed_network",
               normalisation: normalisation_lib.TaskNormalisation | None = None):
    super().__init__(name=name)
    if len(shared) != spec.depth or len(own) != spec.depth:
      raise ValueError(f"A network of {spec.depth} layers needs as many routes, not {len(shared)} and {len(own)}.")
    if normalisation is None and spec.normalisation != "none":
      raise ValueError(f"ConvNetSpec.normalisation = {spec.normalisation!r} needs a TaskNormalisation.")
    self.spec = spec
    self.normalisation = normalisation or normalisation_lib.TaskNormalisation(0, spec)
    self.shared_routes, self.own_routes, self.head = list(shared), list(own), head
    self.built = True

  def layer_weights(self) -> list[LayerWeights]:
    """Kernels and biases of all routes. Generated kernels cost; ask once per step."""
    return [LayerWeights(*(route.kernel_and_bias() if route is not None else None for route in routes))
            for routes in zip(self.shared_routes, self.own_routes)]

  def layer_tensors(self) -> list[LayerWeights]:
    """The same as tensors, for gradients with respect to kernels and biases; of a network with two routes a layer."""
    return [LayerWeights(*(tuple(map(tf.convert_to_tensor, route)) for route in layer.both))
            for layer in self.layer_weights()]

  def call(self, images: tf.Tensor, sharing: tf.Tensor | Sequence[bool] | None = None,
           dropout_seed: tf.Tensor | None = None, training: bool = False) -> tf.Tensor:
    """Logits of one configuration.

    Args:
      images: `[n, height, width, channels]`.
      sharing: `[depth]`, which route to take where there are two: a boolean tensor, so that one graph serves all
        configurations, or Python booleans.
      dropout_seed: int32 `[2]`, or None for no dropout.
      training: normalise by the mini-batch, not by the task's statistics.

    Returns:
      `[n, classes]`.
    """
    normalise = self.normalisation.by_batch(images) if training else self.normalisation.by_statistics()
    return self.head(self._features(images, sharing, normalise), dropout_seed=dropout_seed)

  def measure_statistics(self, images: tf.Tensor, sharing: tf.Tensor | Sequence[bool] | None = None) -> None:
    """Measures what the normalisation of this configuration needs to answer, on training images of the task."""
    self.normalisation.measure(lambda part, normalise: self._features(part, sharing, normalise), images)

  def _features(self, images: tf.Tensor, sharing: tf.Tensor | Sequence[bool] | None,
                normalise: normalisation_lib.Normalise) -> tf.Tensor:
    kernels = [layer.choose(None if sharing is None else sharing[index])
               for index, layer in enumerate(self.layer_weights())]
    return convolutional_features(self.spec, kernels, images, normalise=normalise)


def convolutional_features(spec: architecture.ConvNetSpec, kernels: Sequence[KernelAndBias], images: tf.Tensor,
                           pool: Callable = layers.max_pool,
                           normalise: normalisation_lib.Normalise = normalisation_lib.keep) -> tf.Tensor:
  """Flattened features `[n, spec.num_features]` of a backbone with these kernels, biases, pool and normalisation."""

  def convolve(layer: int, inputs: tf.Tensor) -> tf.Tensor:
    return normalise(layer, layers.convolution(inputs, *kernels[layer], spec.padding))

  return layers.convolve_stack(spec, images, convolve, rectify=True, pool=pool)
