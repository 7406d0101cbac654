"""Channel gating as a later release of the reference has it: soft gates over shared convolutions.

Every task multiplies the channels of every shared layer by a softmax over channels, computed by its own small network
from the flattened input of the layer. Gates that are positive and sum to one make the released sparsity term, the mean
of the gates, a constant: it has no gradient, and nothing protects channels from later tasks. `channel_gated` is the
method of the paper (Abati et al., CVPR 2020).
"""

from collections.abc import Sequence

import gin
import keras
import tensorflow as tf

from lasem_tf.learners import base, checks, descent
from lasem_tf.nn import architecture, initializers, layers, weights, workload


def sparsity_of(gates: Sequence[tf.Tensor]) -> tf.Tensor:
  """Mean gate, averaged over layers: the released term, the mean of one over the number of channels whatever the gates.

  Args:
    gates: `[n, channels]` for every layer, rows sum to one.

  Returns:
    A scalar.
  """
  return tf.reduce_mean(tf.stack([tf.reduce_mean(tf.abs(gate)) for gate in gates]))


class SoftGate(weights.DenseHead):
  """Dense layers from the flattened input of a convolution to softmax weights of its output channels."""

  def __init__(self, prefix: str, spec: architecture.ConvNetSpec, layer: int, hidden_sizes: tuple[int, ...],
               temperature: float, initializer: initializers.Initializer):
    """Creates 'dense0', ... under `prefix`, e.g. 'task0/gate1'."""
    height, width, num_inputs = spec.input_shape(layer)
    sizes = [height * width * num_inputs, *hidden_sizes, spec.channels[layer]]
    super().__init__(prefix, list(zip(sizes[:-1], sizes[1:])), 1.0, initializer)
    self._num_inputs, self._temperature = sizes[0], temperature

  def call(self, features: tf.Tensor, dropout_seed: tf.Tensor | None = None,
           blocks: tf.Tensor | None = None) -> tf.Tensor:
    """`[n, height, width, in]` -> `[n, channels]`, rows sum to one."""
    logits = super().call(tf.reshape(features, [-1, self._num_inputs]), dropout_seed, blocks)
    return tf.nn.softmax(logits / self._temperature)


class SoftlyGatedNetwork(keras.Model):
  """The network of one task: shared convolutions, own gates, own dense layers."""

  def __init__(self, spec: architecture.ConvNetSpec, convolutions: list[weights.Convolution], gates: list[SoftGate],
               head: weights.DenseHead, name: str):
    super().__init__(name=name)
    self.spec, self.convolutions, self.gates, self.head = spec, convolutions, gates, head
    self.built = True

  def call(self, images: tf.Tensor, dropout_seed: tf.Tensor | None = None) -> tuple[tf.Tensor, list[tf.Tensor]]:
    """`[n, height, width, channels]` -> logits `[n, classes]` and the gates `[n, channels]` of every layer."""
    values = []

    def activate(layer: int, inputs: tf.Tensor) -> tf.Tensor:
      values.append(self.gates[layer](inputs))
      outputs = layers.convolution(inputs, *self.convolutions[layer].kernel_and_bias(), self.spec.padding)
      # Positive gates commute with the max-pool that follows.
      return tf.nn.relu(outputs) * values[-1][:, tf.newaxis, tf.newaxis, :]

    features = layers.convolve_stack(self.spec, images, activate)
    return self.head(features, dropout_seed=dropout_seed), values


@gin.register
class ChannelGatedSoft(base.Learner):
  """Shared convolutions, never frozen; softmax gates and dense layers of each task.

  Variables are named 'shared/conv{l}/...', 'task{t}/gate{l}/dense{i}/...' and 'task{t}/head/dense{i}/...'.
  """

  def __init__(self, context: base.LearnerContext, gate_sizes: tuple[int, ...] = (256,), temperature: float = 0.1,
               sparsity_weight: float = 100.0):
    """Creates the shared convolutions.

    Args:
      context: of the run; with `context.reference.soft_gates` the constant sparsity term is added to what is minimised
        (its gradient is rounding noise), otherwise it is only reported.
      gate_sizes: widths of the hidden layers of a gate.
      temperature: divides the gates' logits.
      sparsity_weight: factor of the sparsity term.
    """
    super().__init__(context)
    checks.refuse_negative("ChannelGatedSoft", sparsity_weight=sparsity_weight)
    if temperature <= 0:
      raise ValueError(f"ChannelGatedSoft.temperature must be positive, not {temperature}.")
    self._gate_sizes, self._temperature, self._sparsity_weight = tuple(gate_sizes), temperature, sparsity_weight
    self._convolutions = [weights.plain_convolution(f"shared/conv{layer}", context.spec, layer, self.initializer)
                          for layer in range(context.spec.depth)]
    self._networks: dict[int, SoftlyGatedNetwork] = {}

  def _create_task(self, task_id: int) -> None:
    spec = self.context.spec
    gates = [SoftGate(f"task{task_id}/gate{layer}", spec, layer, self._gate_sizes, self._temperature, self.initializer)
             for layer in range(spec.depth)]
    head = weights.DenseHead(f"task{task_id}/head", spec.dense_shapes(self.context.num_classes[task_id]),
                             spec.dropout_keep_probability, self.initializer)
    self._networks[task_id] = SoftlyGatedNetwork(spec, self._convolutions, gates, head, f"task{task_id}_network")

  def _begin_visit(self, is_new):
    if is_new:
      self._create_task(self.task.info.task_id)

  def _own_groups(self, task_id: int):
    return [*self._networks[task_id].gates, self._networks[task_id].head]

  def next_phase(self, num_completed):
    if num_completed:
      return None
    task_id = self.task.info.task_id
    network = self._networks[task_id]
    trained = weights.merge_variables([*self._convolutions, *self._own_groups(task_id)])

    def objective(batch, context):
      logits, gates = network(batch.images, dropout_seed=context.seed)
      sparsity = sparsity_of(gates)
      penalty = self._sparsity_weight * sparsity if self.context.reference.soft_gates else None
      return descent.Objective(layers.mean_cross_entropy(logits, batch.labels), penalty, {"sparsity": sparsity})

    return descent.make_phase("train", self.context.epochs_per_task, trained, objective)

  def _end_visit(self):
    # Softmax gates only scale channels: none is ever closed, and the sparsity term has no gradient.
    return base.TaskSummary(details={"mechanism_acted": False})

  def logits(self, images, task_id):
    return self._networks[task_id](images)[0]

  def gates(self, images: tf.Tensor, task_id: int) -> list[tf.Tensor]:
    """Gates `[n, channels]` of every layer for any task begun so far."""
    return self._networks[task_id](images)[1]

  def variables(self):
    own = [group for task_id in self._learned for group in self._own_groups(task_id)]
    return weights.merge_variables([*self._convolutions, *own])

  def num_parameters(self):
    return sum(variable.shape.num_elements() for variable in self.variables().values())

  def forward_macs(self, task_id):
    spec = self.context.spec
    gates = 0
    for layer in range(spec.depth):
      height, width, num_inputs = spec.input_shape(layer)
      sizes = [height * width * num_inputs, *self._gate_sizes, spec.channels[layer]]
      gates += sum(rows * columns for rows, columns in zip(sizes[:-1], sizes[1:]))
    return spec.forward_macs(self.context.num_classes[task_id]) + gates

  def workload(self, task_id):
    num_gate_weights = (self.forward_macs(task_id)
                        - self.context.spec.forward_macs(self.context.num_classes[task_id]))
    num_weights = self.context.spec.num_parameters(self.context.num_classes[task_id])
    # Far more weights than a cache holds.
    return workload.Workload(graph=1.5, weight_operations=6.0 * num_gate_weights / num_weights)

  def _bump_versions(self):
    self.structure_changed((self.task.info.task_id,))

  def _restore_structure(self, structure):
    for task_id in self._learned:
      self._create_task(task_id)
