"""What one task of a composed learner has to itself, and the network made of it."""

from collections.abc import Iterable, Mapping, Sequence

import tensorflow as tf

from lasem_tf.knowledge import base
from lasem_tf.nn import architecture, initializers, networks, normalisation, weights


class TaskParts:
  """Own weights of one task, by layer, and its network.

  Attributes:
    transforms: the task's own parts of shared routes, where the knowledge has any.
    convolutions: its own convolutions.
    head: its dense layers.
    normalisation: its own, common to both routes of a layer; empty where the backbone has none.
  """

  def __init__(self, task_id: int, knowledge: base.Knowledge, spec: architecture.ConvNetSpec, num_classes: int,
               initializer: initializers.Initializer):
    """Creates the head, 'task{t}/head/...'; the rest comes with `create`."""
    self._task_id, self._knowledge, self._spec, self._initializer = task_id, knowledge, spec, initializer
    self.transforms: dict[int, weights.WeightGroup] = {}
    self.convolutions: dict[int, weights.Convolution] = {}
    self.head = weights.DenseHead(f"task{task_id}/head", spec.dense_shapes(num_classes), spec.dropout_keep_probability,
                                  initializer)
    self.normalisation = normalisation.TaskNormalisation(task_id, spec)
    self._network: networks.RoutedNetwork | None = None

  @property
  def network(self) -> networks.RoutedNetwork:
    """The task's Keras model, once `build_network` was called."""
    assert self._network is not None, "the network is not built yet"
    return self._network

  def create(self, shared: Iterable[int], own: Iterable[int]) -> None:
    """Creates the own parts of these layers' shared routes, and own convolutions 'task{t}/conv{l}' of those layers."""
    for layer in shared:
      transform = self._knowledge.create_transform(layer, self._task_id)
      if transform is not None:
        self.transforms[layer] = transform
    for layer in own:
      self.convolutions[layer] = weights.plain_convolution(f"task{self._task_id}/conv{layer}", self._spec, layer,
                                                           self._initializer)

  def groups(self, bits: Sequence[bool | None] | None = None) -> list:
    """Trained groups in the order of the release: transforms, convolutions, head; then normalisation.

    Args:
      bits: for every layer the route that counts, shared (True), own (False) or both (None); default: both everywhere.
    """
    bits = (None,) * self._spec.depth if bits is None else bits
    return [*(group for layer, group in self.transforms.items() if bits[layer] in (None, True)),
            *(group for layer, group in self.convolutions.items() if bits[layer] in (None, False)), self.head,
            *self.normalisation.affine]

  def shared_kernel_and_bias(self, layer: int, shared: weights.WeightGroup) -> tuple[tf.Tensor, tf.Tensor]:
    """What the shared route of a layer gives this task."""
    return self._knowledge.kernel_and_bias(layer, shared, self.transforms.get(layer))

  def build_network(self, shared: Mapping[int, weights.WeightGroup], bits: Sequence[bool] | None) -> None:
    """(Re)builds the network from the groups there are now.

    Args:
      shared: shared groups by layer.
      bits: which layers take the shared route; None: both routes in every layer.
    """
    depth = range(self._spec.depth)
    routes = [base.KnowledgeRoute(self._knowledge, layer, shared[layer], self.transforms.get(layer))
              if bits is None or bits[layer] else None for layer in depth]
    own = [self.convolutions.get(layer) for layer in depth]
    self._network = networks.RoutedNetwork(self._spec, routes, own, self.head, f"task{self._task_id}_network",
                                           self.normalisation)

  def keep(self, bits: Sequence[bool]) -> None:
    """Drops the route of every layer that was not chosen."""
    for layer, is_shared in enumerate(bits):
      (self.convolutions if is_shared else self.transforms).pop(layer, None)
