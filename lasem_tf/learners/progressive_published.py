"""Progressive neural networks with the adapters of their paper: one for every layer but the first, dense ones included.

Rusu et al., "Progressive neural networks" (arXiv 1606.04671, 2016), Eq. 2: layer i of column k computes

  f(W h_i-1 + U relu(V [alpha_j h_i-1^(j)]_j<k)),

where [...] concatenates what the layer reads in all earlier columns, each times a learned scalar that starts small, V
(a 1x1 convolution for images) projects onto as many units as the layer reads in its own column, and U is like W. One
number differs: where a dense layer reads flattened features V projects onto the layer's own width, for it would have
the square of the features otherwise. Dropout acts on the own column's flattened features alone.
"""

import gin
import keras
import tensorflow as tf

from lasem_tf.learners import base, progressive
from lasem_tf.nn import architecture, initializers, layers, weights, workload


class Adapter(weights.WeightGroup):
  """U relu(V [alpha_j h_j]) of one layer, all earlier columns together."""

  def __init__(self, prefix: str, shape: tuple[int, ...], width: int, num_columns: int, padding: str,
               initializer: initializers.Initializer):
    """Creates 'alpha' `[columns]`, 'project_kernel', 'project_bias' and 'kernel'.

    Args:
      prefix: of the names.
      shape: of the layer's own kernel, `[k, k, in, out]` or `[in, out]`.
      width: units of the projection.
      num_columns: earlier columns.
      padding: of convolutions.
      initializer: where initial weights come from.
    """
    *size, num_inputs, num_outputs = shape
    draw = lambda name, shape: initializer.truncated_normal(f"{prefix}/{name}", shape)
    super().__init__(prefix, {
        "alpha": draw("alpha", (num_columns,)),
        "project_kernel": draw("project_kernel", (*(1 for _ in size), num_columns * num_inputs, width)),
        "project_bias": initializer.bias(width), "kernel": draw("kernel", (*size, width, num_outputs))})
    self._is_convolution, self._padding = bool(size), padding.upper()

  def call(self, inputs: list[tf.Tensor]) -> tf.Tensor:
    """What the layer reads in every earlier column -> what is added before the activation."""
    joined = tf.concat([self["alpha"][column] * tensor for column, tensor in enumerate(inputs)], axis=-1)
    if not self._is_convolution:
      return tf.matmul(tf.nn.relu(tf.matmul(joined, self["project_kernel"]) + self["project_bias"]), self["kernel"])
    projected = tf.nn.bias_add(tf.nn.conv2d(joined, self["project_kernel"], 1, "SAME"), self["project_bias"])
    return tf.nn.conv2d(tf.nn.relu(projected), self["kernel"], 1, self._padding)


def projection_width(spec: architecture.ConvNetSpec, dense_shape: tuple[int, int] | None, layer: int) -> int:
  """Units of an adapter's projection: those the layer reads; behind the flattening, those it has.

  Args:
    spec: the backbone.
    dense_shape: of a dense layer, None for a convolution.
    layer: of the convolution, or position of the dense layer among these.
  """
  if dense_shape is None:
    return spec.kernel_shape(layer)[2]
  return dense_shape[1] if layer == 0 else dense_shape[0]


class AdaptedColumn(keras.Model):
  """The network of one task, without the columns it reads from."""

  def __init__(self, spec: architecture.ConvNetSpec, task_id: int, num_previous: int, num_classes: int,
               initializer: initializers.Initializer):
    """Creates 'task{t}/conv{l}', 'task{t}/head' and 'task{t}/adapter/{conv{l} or dense{i}}'."""
    super().__init__(name=f"task{task_id}_adapted_column")
    self.spec = spec
    self.convolutions = [weights.plain_convolution(f"task{task_id}/conv{layer}", spec, layer, initializer)
                         for layer in range(spec.depth)]
    shapes = spec.dense_shapes(num_classes)
    self.head = weights.DenseHead(f"task{task_id}/head", shapes, spec.dropout_keep_probability, initializer)

    def adapter(name, shape, width):
      return Adapter(f"task{task_id}/adapter/{name}", shape, width, num_previous, spec.padding, initializer)

    self.convolution_adapters: list[Adapter | None] = [None] * spec.depth
    self.dense_adapters: list[Adapter | None] = [None] * len(shapes)
    if num_previous:
      self.convolution_adapters[1:] = [adapter(f"conv{layer}", spec.kernel_shape(layer),
                                               projection_width(spec, None, layer)) for layer in range(1, spec.depth)]
      self.dense_adapters = [adapter(f"dense{i}", shape, projection_width(spec, shape, i))
                             for i, shape in enumerate(shapes)]
    self.built = True

  @property
  def adapters(self) -> list[Adapter]:
    """All there are, by layer."""
    return [each for each in (*self.convolution_adapters, *self.dense_adapters) if each is not None]

  def call(self, images: tf.Tensor, earlier: list[list[tf.Tensor]],
           dropout_seed: tf.Tensor | None = None) -> tuple[tf.Tensor, list[tf.Tensor]]:
    """Runs the column.

    Args:
      images: `[n, height, width, channels]`.
      earlier: for every earlier column what each of its layers reads, convolutions first.
      dropout_seed: int32 `[2]`, or None for no dropout.

    Returns:
      Logits `[n, classes]`, and what each layer of this column reads, before dropout.
    """
    read = []

    def adapted(outputs, adapter, place):
      return outputs if adapter is None else outputs + adapter([inputs[place] for inputs in earlier])

    def activate(layer, inputs):
      read.append(inputs)
      kernel, bias = self.convolutions[layer].kernel_and_bias()
      outputs = layers.convolution(inputs, kernel, bias, self.spec.padding)
      return tf.nn.relu(adapted(outputs, self.convolution_adapters[layer], layer))

    hidden = layers.convolve_stack(self.spec, images, activate)
    for i, (group, adapter) in enumerate(zip(self.head.groups, self.dense_adapters)):
      read.append(hidden)
      if i == 0:
        hidden = layers.dropout(hidden, self.spec.dropout_keep_probability, dropout_seed)
      hidden = adapted(tf.matmul(hidden, group["kernel"]) + group["bias"], adapter, self.spec.depth + i)
      hidden = hidden if i == len(self.head.groups) - 1 else tf.nn.relu(hidden)
    return hidden, read

  @property
  def named_variables(self) -> dict[str, tf.Variable]:
    """Variables by their stable full name."""
    return weights.merge_variables([*self.convolutions, self.head, *self.adapters])


@gin.register
class PublishedProgressiveNetwork(progressive.ProgressiveNetwork):
  """ProgNN as published; a task visited again behaves as in `ProgressiveNetwork`."""

  def __init__(self, context: base.LearnerContext):
    """Creates nothing yet."""
    super().__init__(context)

  def _create_column(self, task_id, previous):
    self._columns[task_id] = AdaptedColumn(self.context.spec, task_id, len(previous),
                                           self.context.num_classes[task_id], self.initializer)

  def _compute(self, images, task_id, dropout_seed=None):
    earlier: list[list[tf.Tensor]] = []
    for other in self.learned_tasks[:self._position(task_id)]:
      _, read = self._columns[other](images, earlier)
      earlier.append([tf.stop_gradient(tensor) for tensor in read])
    return self._columns[task_id](images, earlier, dropout_seed)[0]

  def _lateral_norm(self):
    return sum(float(tf.norm(adapter["kernel"])) for adapter in self._columns[self.task.info.task_id].adapters)

  # --- cost -----------------------------------------------------------------------------------------------------------

  def _adapter_macs(self, position: int, layer: int) -> int:
    """Operations of a convolution's adapter in the column at a position."""
    spec = self.context.spec
    size, _, num_inputs, num_outputs = spec.kernel_shape(layer)
    width = projection_width(spec, None, layer)
    before, after = (height * across for height, across, _ in (spec.input_shape(layer), spec.convolved_shape(layer)))
    return before * position * num_inputs * width + after * size * size * width * num_outputs

  def _convolution_macs(self, position, layer):
    adapts = layer > 0 and position > 0
    return self.context.spec.convolution_macs(layer) + (self._adapter_macs(position, layer) if adapts else 0)

  def _dense_macs(self, task_id: int, position: int) -> int:
    """Operations of all dense layers of a column with their adapters."""
    total = 0
    for i, (num_inputs, num_outputs) in enumerate(self.context.spec.dense_shapes(self.context.num_classes[task_id])):
      width = projection_width(self.context.spec, (num_inputs, num_outputs), i)
      total += num_inputs * num_outputs + (width * (position * num_inputs + num_outputs) if position else 0)
    return total

  def _column_macs(self, task_id):
    position = self._position(task_id)
    return (sum(self._convolution_macs(position, layer) for layer in range(self.context.spec.depth))
            + self._dense_macs(task_id, position))

  def _earlier_macs(self, task_id):
    """Operations of all earlier columns; nothing reads the output of their last layer."""
    position, depth = self._position(task_id), self.context.spec.depth
    tasks = self.learned_tasks[:position] if task_id in self._learned else range(position)
    total = 0
    for place, other in enumerate(tasks):
      num_inputs, num_outputs = self.context.spec.dense_shapes(self.context.num_classes[other])[-1]
      width = projection_width(self.context.spec, (num_inputs, num_outputs), len(self.context.spec.dense_sizes))
      last = num_inputs * num_outputs + (width * (place * num_inputs + num_outputs) if place else 0)
      total += (sum(self._convolution_macs(place, layer) for layer in range(depth)) + self._dense_macs(other, place)
                - last)
    return total

  def workload(self, task_id):
    return workload.Workload(graph=1.0 + 0.6 * self._position(task_id))
