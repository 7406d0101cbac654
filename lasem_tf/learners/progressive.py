"""Progressive neural networks: a new column for every task, fed by the frozen columns of the tasks before.

Rusu et al., "Progressive neural networks" (arXiv 1606.04671, 2016), with the adapters of the reference: layer l > 0 of
a column adds, for every earlier column, a convolution of relu(1x1 convolution of alpha * that column's features). There
are no adapters between dense layers.
"""

from collections.abc import Sequence

import gin
import keras
import tensorflow as tf

from lasem_tf.learners import base, descent, promise
from lasem_tf.nn import architecture, initializers, layers, weights, workload


def reduced_width(num_channels: int, reduction_scale: float, num_previous: int) -> int:
  """Channels of an adapter, int(channels / (scale * (previous columns + 1))).

  At least one, where the release makes an empty kernel and fails (STL-10, scale 2, from the 17th task on).
  """
  return max(1, int(num_channels / (reduction_scale * (num_previous + 1))))


class Lateral(weights.WeightGroup):
  """The adapter from an earlier column's features to a layer of a new column."""

  def __init__(self, prefix: str, spec: architecture.ConvNetSpec, layer: int, width: int,
               initializer: initializers.Initializer):
    """Creates 'alpha' `[1]`, 'reduce_kernel' `[1, 1, in, width]`, 'reduce_bias' and 'kernel' `[k, k, width, out]`."""
    size, _, num_inputs, num_outputs = spec.kernel_shape(layer)
    draw = lambda name, shape: initializer.truncated_normal(f"{prefix}/{name}", shape)
    super().__init__(prefix, {
        "alpha": draw("alpha", (1,)), "reduce_kernel": draw("reduce_kernel", (1, 1, num_inputs, width)),
        "reduce_bias": initializer.bias(width), "kernel": draw("kernel", (size, size, width, num_outputs))})

  def reduce(self, features: tf.Tensor) -> tf.Tensor:
    """`[n, h, w, in]` -> relu(1x1 convolution of alpha times the features), `[n, h, w, width]`."""
    # Alpha scales the kernel: the map is larger, and its gradient is not needed.
    reduced = tf.nn.conv2d(features, self["alpha"] * self["reduce_kernel"], 1, "SAME")
    return tf.nn.relu(tf.nn.bias_add(reduced, self["reduce_bias"]))


def lateral_sum(laterals: Sequence[Lateral], features: Sequence[tf.Tensor], padding: str) -> tf.Tensor:
  """What all earlier columns add to a layer before its activation.

  The sum of their convolutions is one convolution of all reduced features side by side: each has few channels, and
  convolutions of few channels are slow.

  Args:
    laterals: one for each earlier column, one at least.
    features: what the layer reads in each of them, `[n, h, w, in]`.
    padding: of the convolution.

  Returns:
    `[n, h', w', out]`.
  """
  reduced = tf.concat([lateral.reduce(tensor) for lateral, tensor in zip(laterals, features)], axis=-1)
  return tf.nn.conv2d(reduced, tf.concat([lateral["kernel"] for lateral in laterals], axis=2), 1, padding.upper())


class Column(keras.Model):
  """The network of one task, without the columns it reads from."""

  def __init__(self, spec: architecture.ConvNetSpec, task_id: int, previous: tuple[int, ...], reduction_scale: float,
               num_classes: int, initializer: initializers.Initializer):
    """Creates 'task{t}/conv{l}', 'task{t}/head' and 'task{t}/lateral{l}/col{c}' for the tasks c in `previous`."""
    super().__init__(name=f"task{task_id}_column")
    self.spec = spec
    self.convolutions = [weights.plain_convolution(f"task{task_id}/conv{layer}", spec, layer, initializer)
                         for layer in range(spec.depth)]
    self.head = weights.DenseHead(f"task{task_id}/head", spec.dense_shapes(num_classes), spec.dropout_keep_probability,
                                  initializer)
    self.laterals = [[] if layer == 0 else [
        Lateral(f"task{task_id}/lateral{layer}/col{column}", spec, layer,
                reduced_width(spec.input_shape(layer)[2], reduction_scale, len(previous)), initializer)
        for column in previous] for layer in range(spec.depth)]
    self.built = True

  def call(self, images: tf.Tensor, lateral_inputs: list[list[tf.Tensor]]) -> tuple[tf.Tensor, list[tf.Tensor]]:
    """Runs the convolutions.

    Args:
      images: `[n, height, width, channels]`.
      lateral_inputs: for every earlier column what each of its layers reads.

    Returns:
      Flattened features `[n, features]`, and what each layer of this column reads.
    """
    inputs_of_layers = []

    def activate(layer: int, inputs: tf.Tensor) -> tf.Tensor:
      inputs_of_layers.append(inputs)
      outputs = layers.convolution(inputs, *self.convolutions[layer].kernel_and_bias(), self.spec.padding)
      if self.laterals[layer]:
        outputs += lateral_sum(self.laterals[layer], [inputs[layer] for inputs in lateral_inputs], self.spec.padding)
      return tf.nn.relu(outputs)

    return layers.convolve_stack(self.spec, images, activate), inputs_of_layers

  @property
  def named_variables(self) -> dict[str, tf.Variable]:
    """Variables by their stable full name."""
    laterals = [lateral for layer in self.laterals for lateral in layer]
    return weights.merge_variables([*self.convolutions, self.head, *laterals])


@gin.register
class ProgressiveNetwork(base.Learner):
  """A column for each task; training one never changes what an earlier one computes.

  A task that is visited again has its own column trained again. Later columns read that column's features, so their
  logits may then change; those of earlier columns cannot.
  """

  promises = promise.Promises(answers_move_at_most=0.0)

  def __init__(self, context: base.LearnerContext, reduction_scale: float = 1.0):
    """Creates nothing yet.

    Args:
      context: of the run.
      reduction_scale: divides the width of the adapters; 1 and 2 in the reference.

    Raises:
      ValueError: if the scale is not positive.
    """
    super().__init__(context)
    if reduction_scale <= 0:
      raise ValueError(f"ProgressiveNetwork.reduction_scale must be positive, not {reduction_scale}.")
    self._reduction_scale = reduction_scale
    self._columns: dict[int, keras.Model] = {}

  def _create_column(self, task_id: int, previous: tuple[int, ...]) -> None:
    self._columns[task_id] = Column(self.context.spec, task_id, previous, self._reduction_scale,
                                    self.context.num_classes[task_id], self.initializer)

  def _begin_visit(self, is_new):
    if is_new:
      self._create_column(self.task.info.task_id, self.learned_tasks[:-1])

  def _compute(self, images: tf.Tensor, task_id: int, dropout_seed: tf.Tensor | None = None) -> tf.Tensor:
    """Logits; columns after the task's own are not evaluated, and those before it are constants."""
    lateral_inputs: list[list[tf.Tensor]] = []
    for earlier in self.learned_tasks[:self._position(task_id)]:
      _, inputs = self._columns[earlier](images, lateral_inputs)
      lateral_inputs.append([tf.stop_gradient(tensor) for tensor in inputs])
    features, _ = self._columns[task_id](images, lateral_inputs)
    return self._columns[task_id].head(features, dropout_seed=dropout_seed)

  def next_phase(self, num_completed):
    if num_completed:
      return None
    task_id = self.task.info.task_id

    def objective(batch, context):
      return descent.Objective(layers.mean_cross_entropy(
          self._compute(batch.images, task_id, context.seed), batch.labels))

    return descent.make_phase("train", self.context.epochs_per_task, self._columns[task_id].named_variables, objective)

  def _end_visit(self):
    return base.TaskSummary(details={"columns": len(self._columns),
                                     "mechanism_acted": len(self._columns) > 1 and self._lateral_norm() > 0})

  def _lateral_norm(self) -> float:
    """Norm of what the task's adapters multiply features with; 0 without adapters."""
    laterals = [lateral for layer in self._columns[self.task.info.task_id].laterals for lateral in layer]
    return sum(float(tf.norm(lateral["kernel"])) for lateral in laterals)

  def logits(self, images, task_id):
    return self._compute(images, task_id)

  def variables(self):
    return weights.merge_variables(self._columns.values())

  def _bump_versions(self):
    self.structure_changed((self.task.info.task_id,))

  def _restore_structure(self, structure):
    for position, task_id in enumerate(self._learned):
      self._create_column(task_id, self.learned_tasks[:position])

  # --- cost -----------------------------------------------------------------------------------------------------------

  def num_parameters(self):
    return sum(variable.shape.num_elements() for variable in self.variables().values())

  def _position(self, task_id: int) -> int:
    """Number of columns before the task's own; before it is learned, as if tasks came in the order of their numbers."""
    return self._learned.index(task_id) if task_id in self._learned else task_id

  def _convolution_macs(self, position: int, layer: int) -> int:
    """Operations of one layer of the column at a position with its adapters (the scalings by alpha are not counted)."""
    spec = self.context.spec
    size, _, num_inputs, num_outputs = spec.kernel_shape(layer)
    width = reduced_width(num_inputs, self._reduction_scale, position)
    height_in, width_in, _ = spec.input_shape(layer)
    height_out, width_out, _ = spec.convolved_shape(layer)
    lateral = height_in * width_in * num_inputs * width + height_out * width_out * size * size * width * num_outputs
    return spec.convolution_macs(layer) + (position * lateral if layer else 0)

  def _column_macs(self, task_id: int) -> int:
    depth, position = self.context.spec.depth, self._position(task_id)
    return (sum(self._convolution_macs(position, layer) for layer in range(depth))
            + self.context.spec.dense_macs(self.context.num_classes[task_id]))

  def _earlier_macs(self, task_id: int) -> int:
    """Operations of all earlier columns; nothing reads the output of their last layer."""
    return sum(self._convolution_macs(position, layer) for position in range(self._position(task_id))
               for layer in range(self.context.spec.depth - 1))

  def forward_macs(self, task_id):
    return self._column_macs(task_id) + self._earlier_macs(task_id)

  def training_macs_per_image(self, task_id):
    return 3.0 * self._column_macs(task_id) - self.context.spec.convolution_macs(0) + self._earlier_macs(task_id)

  def workload(self, task_id):
    # All earlier columns are in the graph, forward alone, and each reads from those before it.
    position = self._position(task_id)
    return workload.Workload(graph=1.0 + 0.5 * position + 0.05 * position**2)
