"""A library of modules, and tasks' networks as paths through it."""

from collections.abc import Iterable, Sequence

import tensorflow as tf

from lasem_tf.learners import base
from lasem_tf.nn import initializers, layers, networks, weights


class ModuleLibrary:
  """Modules, each one layer of a backbone below the last dense one, by the task that trained them; a head per task.

  Modules are 'task{t}/conv{l}' and 'task{t}/dense{i}', heads 'task{t}/head/dense{i}'.

  Attributes:
    depth: number of layers below the heads.
    heads: by task.
  """

  def __init__(self, context: base.LearnerContext, initializer: initializers.Initializer):
    """Begins an empty library."""
    self._context, self._spec, self._initializer = context, context.spec, initializer
    self.depth = context.spec.depth + len(context.spec.dense_sizes)
    self.heads: dict[int, weights.DenseHead] = {}
    self._modules: dict[tuple[int, int], weights.WeightGroup] = {}

  def create(self, task_id: int, of_layers: Iterable[int]) -> None:
    """Creates a task's head and its modules for these layers, with their initial weights."""
    spec = self._spec
    for layer in of_layers:
      hidden = layer - spec.depth
      self._modules[task_id, layer] = (
          weights.plain_convolution(f"task{task_id}/conv{layer}", spec, layer, self._initializer) if hidden < 0 else
          weights.dense_layer(f"task{task_id}/dense{hidden}", spec.dense_shapes(1)[hidden], self._initializer))
    self.heads[task_id] = weights.DenseHead(
        f"task{task_id}/head", spec.dense_shapes(self._context.num_classes[task_id])[-1:], 1.0, self._initializer,
        first=len(spec.dense_sizes))

  def drop(self, task_id: int, of_layers: Iterable[int]) -> None:
    """Removes modules that no path came to contain."""
    for layer in of_layers:
      del self._modules[task_id, layer]

  def features(self, images: tf.Tensor, path: Sequence[int], dropout_seed: tf.Tensor | None = None) -> tf.Tensor:
    """What a head reads.

    Args:
      images: `[n, height, width, channels]`.
      path: for every layer the task whose module it is.
      dropout_seed: int32 `[2]`, or None for no dropout on the flattened features.

    Returns:
      `[n, width of the last module]`.
    """
    modules = [self._modules[owner, layer] for layer, owner in enumerate(path)]
    kernels = [(module["kernel"], module["bias"]) for module in modules]
    hidden = networks.convolutional_features(self._spec, kernels[:self._spec.depth], images)
    hidden = layers.dropout(hidden, self._spec.dropout_keep_probability, dropout_seed)
    for kernel, bias in kernels[self._spec.depth:]:
      hidden = tf.nn.relu(tf.matmul(hidden, kernel) + bias)
    return hidden

  def variables_of(self, task_id: int, of_layers: Iterable[int]) -> dict[str, tf.Variable]:
    """A task's modules of these layers, and its head."""
    return weights.merge_variables([*(self._modules[task_id, layer] for layer in of_layers), self.heads[task_id]])

  @property
  def named_variables(self) -> dict[str, tf.Variable]:
    """Everything by its stable full name."""
    return weights.merge_variables([*self._modules.values(), *self.heads.values()])

  def num_parameters(self, paths: dict[int, list[int]]) -> int:
    """Scalars of the networks of these paths, each module once."""
    used = {(owner, layer) for path in paths.values() for layer, owner in enumerate(path)}
    modules = sum(self._modules[key].num_parameters for key in used)
    return modules + sum(self.heads[task_id].num_parameters for task_id in paths)

  def layer_macs(self, num_classes: int) -> list[int]:
    """Multiply-accumulate operations of one image in every layer, the head last."""
    convolutions = [self._spec.convolution_macs(layer) for layer in range(self._spec.depth)]
    return convolutions + [rows * columns for rows, columns in self._spec.dense_shapes(num_classes)]
