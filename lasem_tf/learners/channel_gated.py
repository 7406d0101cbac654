"""Channel gating: shared convolutions whose channels each task switches on and off, and then owns.

The task-incremental part of Abati et al., "Conditional channel gated networks for task-aware continual learning"
(CVPR 2020): a gate network per task and layer decides for every image which channels are computed; channels that a task
relies on are frozen when it ends, all others are drawn anew. The task classifier and the rehearsal of the paper serve
unknown task identities and are not part of it.
"""

import dataclasses
from collections.abc import Sequence

import gin
import keras
import numpy as np
import tensorflow as tf

from lasem_tf.learners import base, checks, descent, promise
from lasem_tf.nn import architecture, hard_gates, layers, optimizers, weights, workload

EVALUATION_BATCH = 256


def mean_activity(gates: Sequence[tf.Tensor]) -> tf.Tensor:
  """Share of open gates, averaged over layers of whatever width: what the sparsity term is a multiple of.

  Args:
    gates: 0 or 1, `[n, channels]` for every layer.

  Returns:
    A scalar.
  """
  return tf.add_n([tf.reduce_mean(gate) for gate in gates]) / len(gates)


def relevant_channels(rates: np.ndarray, threshold: float) -> np.ndarray:
  """Which channels a task relies on: those whose gate opens for more than this share of the examples.

  Args:
    rates: share of the examples for which each gate opens, `[channels]`.
    threshold: the share to exceed.

  Returns:
    Boolean `[channels]`.
  """
  return rates > threshold


class HardGatedNetwork(keras.Model):
  """The network of one task: shared convolutions, own gates and dense layers, a mask of the channels it may use."""

  def __init__(self, spec: architecture.ConvNetSpec, convolutions: list[weights.Convolution],
               gates: list[hard_gates.HardGate], head: weights.DenseHead, masks: list[weights.WeightGroup], name: str):
    super().__init__(name=name)
    self.spec, self.convolutions, self.gates, self.head, self.masks = spec, convolutions, gates, head, masks
    self.built = True

  def call(self, images: tf.Tensor, seeds: list[tf.Tensor] | None = None, dropout_seed: tf.Tensor | None = None,
           temperature: float = hard_gates.TEMPERATURE) -> tuple[tf.Tensor, list[tf.Tensor]]:
    """Runs the network.

    Args:
      images: `[n, height, width, channels]`.
      seeds: one int32 `[2]` for every layer to sample gates in training; None for evaluation.
      dropout_seed: int32 `[2]`, or None for no dropout.
      temperature: of the gates' relaxation.

    Returns:
      Logits `[n, classes]` and the gates, 0 or 1, `[n, channels]` of every layer.
    """
    values = []

    def activate(layer: int, inputs: tf.Tensor) -> tf.Tensor:
      logits = self.gates[layer](inputs, training=seeds is not None)
      gate = hard_gates.evaluate(logits) if seeds is None else hard_gates.sample(logits, seeds[layer], temperature)
      values.append(gate * self.masks[layer][""])
      outputs = layers.convolution(inputs, *self.convolutions[layer].kernel_and_bias(), self.spec.padding)
      return tf.nn.relu(outputs) * values[-1][:, tf.newaxis, tf.newaxis, :]

    features = layers.convolve_stack(self.spec, images, activate)
    return self.head(features, dropout_seed=dropout_seed), values


@gin.register
class ChannelGated(base.Learner):
  """Hard channel gates; a finished task's logits are bit-identical for ever.

  A task reads only the channels of its mask; these are frozen for all later tasks, and any other channel is multiplied
  by zero for it. Its own commit may change its logits: on an image that is in neither its training nor its validation
  data a gate may have opened a channel that the commit draws anew.

  A task that is visited again may use and train all channels that no *other* task relies on, its own included, and
  commits once more. With no free channel left in a layer, a new task still chooses among the frozen ones.

  Variables are named 'shared/conv{l}/...', 'task{t}/gate{l}/...', 'task{t}/head/dense{i}/...' and 'task{t}/relevant{l}'
  (the mask, ones while the task is learned).
  """

  promises = promise.Promises(answers_move_at_most=0.0)

  def __init__(self, context: base.LearnerContext, sparsity_weight: float = 0.5, patience_share: float = 0.4,
               relevance_threshold: float = 0.0, gate_size: int = 16, temperature: float = hard_gates.TEMPERATURE,
               gate_learning_rate: float | None = None, open_bias: float = hard_gates.OPEN_BIAS):
    """Creates the shared convolutions.

    Args:
      context: of the run.
      sparsity_weight: factor of the mean share of open gates, averaged over layers.
      patience_share: share of a visit's epochs before that term is switched on. The paper waits for 20 epochs of large
        data sets; on a few hundred images so few steps teach a network nothing, and gates that shut before there is
        anything to lose by it stay shut. Four tenths of a visit leave it time to learn.
      relevance_threshold: a channel is relied upon if its gate opens for more than this share of the examples.
      gate_size: hidden units of a gate network.
      temperature: of the relaxation that the gates' gradient comes from.
      gate_learning_rate: of the gates, decayed as that of the weights; None: the same. Training draws gates and
        evaluation rounds their probability, so what is trained is what is evaluated only if gates move from their
        initial value to nearly 0 or 1 within a visit; at the rate of the weights hundreds of steps are too few.
      open_bias: initial logit of a gate.

    Raises:
      ValueError: if a share does not lie in [0, 1) or another option is not positive.
    """
    super().__init__(context)
    for name, value in (("patience_share", patience_share), ("relevance_threshold", relevance_threshold)):
      if not 0.0 <= value < 1.0:
        raise ValueError(f"ChannelGated.{name} must lie in [0, 1), not {value}.")
    if gate_size < 1 or temperature <= 0 or (gate_learning_rate is not None and gate_learning_rate <= 0):
      raise ValueError("ChannelGated needs gate_size >= 1, temperature > 0 and gate_learning_rate > 0 or None, not "
                       f"{gate_size}, {temperature} and {gate_learning_rate}.")
    self._gate_rate = gate_learning_rate / context.learning_rate if gate_learning_rate is not None else 1.0
    self._open_bias = open_bias
    checks.refuse_negative("ChannelGated", sparsity_weight=sparsity_weight)
    self._sparsity_weight, self._patience_share = sparsity_weight, patience_share
    self._relevance_threshold, self._gate_size, self._temperature = relevance_threshold, gate_size, temperature
    self._convolutions = [weights.plain_convolution(f"shared/conv{layer}", context.spec, layer, self.initializer)
                          for layer in range(context.spec.depth)]
    self._networks: dict[int, HardGatedNetwork] = {}
    self._sparsity_is_on = tf.Variable(0.0, trainable=False)

  # --- tasks ----------------------------------------------------------------------------------------------------------

  def _create_task(self, task_id: int) -> None:
    spec = self.context.spec
    gates = [hard_gates.HardGate(f"task{task_id}/gate{layer}", spec, layer, self._gate_size, self.initializer,
                                 self._open_bias) for layer in range(spec.depth)]
    head = weights.DenseHead(f"task{task_id}/head", spec.dense_shapes(self.context.num_classes[task_id]),
                             spec.dropout_keep_probability, self.initializer)
    masks = [weights.WeightGroup(f"task{task_id}/relevant{layer}", {"": tf.ones([channels], keras.config.floatx())})
             for layer, channels in enumerate(spec.channels)]
    self._networks[task_id] = HardGatedNetwork(spec, self._convolutions, gates, head, masks, f"task{task_id}_network")

  def _begin_visit(self, is_new):
    task_id = self.task.info.task_id
    if is_new:
      self._create_task(task_id)
    for mask in self._networks[task_id].masks:
      mask[""].assign(tf.ones_like(mask[""]))

  def _relied_upon(self, tasks) -> list[np.ndarray]:
    """Boolean `[channels]` for every layer: channels in the mask of any of the tasks."""
    relied_upon = [np.zeros(channels, bool) for channels in self.context.spec.channels]
    for task_id in tasks:
      for channels, mask in zip(relied_upon, self._networks[task_id].masks):
        channels |= mask[""].numpy() > 0
    return relied_upon

  # --- training -------------------------------------------------------------------------------------------------------

  def begin_epoch(self, epoch):
    self._sparsity_is_on.assign(float(epoch >= round(self._patience_share * self.context.epochs_per_task)))

  def next_phase(self, num_completed):
    if num_completed:
      return None
    task_id = self.task.info.task_id
    network, depth = self._networks[task_id], self.context.spec.depth
    moving = {name: variable for gate in network.gates for name, variable in gate.moving_variables.items()}
    followed = weights.merge_variables([*self._convolutions, *network.gates, network.head])
    followed = {name: variable for name, variable in followed.items() if name not in moving}
    frozen = self._relied_upon(task for task in self._learned if task != task_id)
    # One number per output channel, the last axis of kernels and biases alike.
    free = {f"shared/conv{layer}/{part}": tf.constant(~channels, self._convolutions[layer][part].dtype)
            for layer, channels in enumerate(frozen) for part in ("kernel", "bias")}

    def objective(batch, context):
      logits, gates = network(batch.images, seeds=[context.fold(layer + 1) for layer in range(depth)],
                              dropout_seed=context.seed, temperature=self._temperature)
      loss = layers.mean_cross_entropy(logits, batch.labels)
      activity = mean_activity(gates)
      penalty = tf.cast(self._sparsity_is_on, loss.dtype) * self._sparsity_weight * activity
      return descent.Objective(loss, penalty, {"gate_activity": activity})

    def gradients(*arguments):
      result, by_name = descent.follow(*arguments)
      return result, {name: gradient if name not in free or gradient is None else gradient * free[name]
                      for name, gradient in by_name.items()}

    # A run may go on in the middle of an epoch, after `begin_epoch`.
    rates = {name: self._gate_rate for gate in network.gates for name in gate.named_variables}
    phase = descent.make_phase("train", self.context.epochs_per_task, followed, objective, gradients=gradients,
                               optimizer=optimizers.ScaledRates(followed, rates),
                               state={"sparsity_is_on": self._sparsity_is_on})
    return dataclasses.replace(phase, trained={**followed, **moving})

  # --- commit ---------------------------------------------------------------------------------------------------------

  @property
  def commit_changes_weights(self):
    return True

  def firing_rates(self, task_id: int, images: tf.Tensor) -> list[np.ndarray]:
    """Share of the images for which each gate is open in evaluation, `[channels]` for every layer."""
    counts = [np.zeros(channels) for channels in self.context.spec.channels]
    for start in range(0, len(images), EVALUATION_BATCH):
      for count, gate in zip(counts, self._networks[task_id](images[start:start + EVALUATION_BATCH])[1]):
        count += tf.reduce_sum(gate, axis=0).numpy()
    return [count / len(images) for count in counts]

  def _end_visit(self):
    task_id = self.task.info.task_id
    images = tf.concat([self.task.train[0], self.task.validation[0]], axis=0)
    rates = self.firing_rates(task_id, images)
    relevant = [relevant_channels(rate, self._relevance_threshold) for rate in rates]
    for mask, channels in zip(self._networks[task_id].masks, relevant):
      mask[""].assign(channels)
    relied_upon = self._relied_upon(self._learned)
    for layer, kept in enumerate(relied_upon):
      self._redraw(layer, kept)
    num_closed, num_free = (sum(int(np.sum(~mask)) for mask in masks) for masks in (relevant, relied_upon))
    share = num_closed / sum(self.context.spec.channels)
    return base.TaskSummary(details={
        "relevant_channels": [int(np.sum(channels)) for channels in relevant],
        "free_channels": [int(np.sum(~kept)) for kept in relied_upon],
        "gate_activity": [float(np.mean(rate)) for rate in rates], "closed_share": share,
        # Not where nothing is closed, nor where a task closes all of a layer and can no longer see its images.
        "mechanism_acted": num_free > 0 and share > 0 and all(channels.any() for channels in relevant)})

  def _redraw(self, layer: int, kept: np.ndarray) -> None:
    """Gives the channels that no task relies on new initial values."""
    convolution = self._convolutions[layer]
    fresh = weights.plain_convolution(f"shared/conv{layer}", self.context.spec, layer, self.initializer, self.visit + 1)
    for part in ("kernel", "bias"):
      convolution[part].assign(tf.where(kept, convolution[part], fresh[part]))

  # --- the rest of the contract ---------------------------------------------------------------------------------------

  def logits(self, images, task_id):
    return self._networks[task_id](images)[0]

  def variables(self):
    return weights.merge_variables([*self._convolutions, *(
        group for task_id in self._learned for network in [self._networks[task_id]]
        for group in [*network.gates, network.head, *network.masks])])

  def num_parameters(self):
    return sum(group.num_parameters for group in self._convolutions) + sum(
        network.head.num_parameters + sum(gate.num_parameters for gate in network.gates)
        for network in self._networks.values())

  def memory_floats(self):
    # Which channels every task may use.
    return -(-sum(self.context.spec.channels) // 8) * len(self._learned) / 4

  def forward_macs(self, task_id):
    spec = self.context.spec
    gates = sum(self._gate_size * (spec.input_shape(layer)[2] + channels)
                for layer, channels in enumerate(spec.channels))
    return spec.forward_macs(self.context.num_classes[task_id]) + gates

  def workload(self, task_id):
    return workload.Workload(graph=3.5)

  def _bump_versions(self):
    self.structure_changed((self.task.info.task_id,))

  def _restore_structure(self, structure):
    for task_id in self._learned:
      self._create_task(task_id)
