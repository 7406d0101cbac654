"""What knowledge is: how a shared layer's kernel and bias for a task come from what the tasks share."""

import abc
from collections.abc import Mapping

import tensorflow as tf

from lasem_tf import types
from lasem_tf.nn import architecture, initializers, weights


class Knowledge(abc.ABC):
  """Rules for the weights of shared layers. Holds no weights: the learner owns the groups made here.

  A layer's *shared* group is one for all tasks; its *transform* is one task's own part of the shared route (tensor
  factors, deconvolution maps), if the rules have any. `bind` is called once, before anything else.

  Attributes:
    can_share: whether there is a shared route at all.
    graph: operations of a step that makes the kernels so, in units of one with plain kernels.
    first_task_shares: where a search leaves out the first task, whether that task uses the shared route in all layers
      (it can be left later: any route's kernel can become a plain convolution) or in none (the rules can take over a
      plain convolution, see `shared_from_convolution`).
  """

  can_share = True
  graph = 1.0
  first_task_shares = True

  def bind(self, spec: architecture.ConvNetSpec, initializer: initializers.Initializer,
           reference: types.ReferenceBehaviour) -> None:
    """Fits the rules to a backbone.

    Raises:
      ValueError: if the rules' sizes do not give the backbone's kernels; the message names layer, sizes and rule.
    """
    self.spec, self.initializer, self.reference = spec, initializer, reference
    self._check()

  def _check(self) -> None:  # noqa: B027  most rules fit any backbone
    """Raises ValueError if the sizes do not fit."""

  def shared_values(self, layer: int, draw: int = 0) -> tuple[str, dict[str, tf.Tensor]]:
    """Prefix and initial values, by short name, of the shared group of a layer; another `draw` gives other values."""
    raise ValueError(f"{type(self).__name__} has no shared route.")

  def create_shared(self, layer: int, draw: int = 0) -> weights.WeightGroup:
    """The shared group of a layer."""
    return weights.WeightGroup(*self.shared_values(layer, draw))

  def create_transform(self, layer: int, task_id: int) -> weights.WeightGroup | None:
    """The task's own part of the shared route, or None."""
    del layer, task_id
    return None

  def shared_from_convolution(self, kernel: tf.Tensor, bias: tf.Tensor) -> dict[str, tf.Tensor]:
    """Values of a shared group, by short name, that give the kernel and bias of a plain convolution."""
    raise ValueError(f"{type(self).__name__} cannot express a plain convolution.")

  @abc.abstractmethod
  def kernel_and_bias(self, layer: int, shared: weights.WeightGroup,
                      transform: weights.WeightGroup | None) -> tuple[tf.Tensor, tf.Tensor | None]:
    """Kernel `[height, width, in, out]` and bias `[out]`, or None (see `ConvNetSpec.has_biases`), of a shared route."""

  def penalty(self, shared: Mapping[int, weights.WeightGroup], transforms: Mapping[int, weights.WeightGroup],
              sharing: tf.Tensor) -> tf.Tensor | None:
    """What the rules add to the loss of the task being learned, or None.

    Args:
      shared: the shared groups there are, by layer, adopted or not.
      transforms: the current task's transforms, by layer.
      sharing: `[depth]`, how much each layer is shared: 0 or 1 for a fixed configuration, the posterior mass of the
        configurations that share it in a search by expectation, the probability of the shared route in DARTS.
    """
    del shared, transforms, sharing
    return None

  def generation_macs(self, layer: int) -> int:
    """Multiply-accumulate operations to make the kernel once."""
    del layer
    return 0


class KnowledgeRoute:
  """The shared route of one layer as one task sees it (see `nn.networks.Route`)."""

  def __init__(self, knowledge: Knowledge, layer: int, shared: weights.WeightGroup,
               transform: weights.WeightGroup | None):
    self._knowledge, self._layer, self._shared, self._transform = knowledge, layer, shared, transform

  def kernel_and_bias(self) -> tuple[tf.Tensor, tf.Tensor | None]:
    """`[height, width, in, out]` and `[out]` or None."""
    return self._knowledge.kernel_and_bias(self._layer, self._shared, self._transform)
