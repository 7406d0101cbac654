"""Phases of a visit: epochs, strengths, and a step on chosen entries (gradient, soft threshold, group shrinkage)."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import gin
import tensorflow as tf

from lasem_tf.learners import base
from lasem_tf.nn import layers, optimizers, proximal

MODES = ("relative", "absolute", "lr_scaled")
# Which of the phases (head, selective, expansion, split_retrain) get the epochs of a visit that has not one for each.
_PRIORITY = (0, 2, 1, 3)


def divide_epochs(num_epochs: int, shares: Sequence[float]) -> list[int]:
  """Shares a visit's epochs out to its four phases.

  Every phase but the last gets its rounded share and at least one epoch, the last the rest. With fewer epochs than
  phases the head comes first, then the expansion, then selective retraining: every change of structure still takes
  place, and no new unit stays untrained.

  Args:
    num_epochs: of the visit; the result adds up to it.
    shares: of every phase; that of the last does not count.
  """
  if num_epochs < len(shares):
    return [int(phase in _PRIORITY[:num_epochs]) for phase in range(len(shares))]
  epochs, remaining = [], num_epochs
  for position, share in enumerate(shares[:-1]):
    following = len(shares) - position - 1
    epochs.append(min(max(1, round(share * num_epochs)), remaining - following))
    remaining -= epochs[-1]
  return [*epochs, remaining]


@gin.register
@dataclasses.dataclass(frozen=True)
class Shrinkage:
  """Thresholds of the proximal steps.

  Published strengths are thresholds per step, and so mean something only together with the number of steps: the
  released code's 1e-5 and 1e-3 over 4300 steps come to 1.0 standard deviations of an initial weight and 3.1 times the
  initial norm of a new group; taken to the step counts of these streams, they would prune everything or nothing.
  'relative' keeps those two ratios for any number of steps. Where the learning rate has decayed, or steps are few,
  the first of them would take from a weight more than training can give back, and the network would die out; the other
  ratio of the released code, 1 % of its learning rate in a step, bounds it there.

  Attributes:
    mode: 'relative'; 'absolute', thresholds per step as in the released code; 'lr_scaled', the same with the group
      threshold times the learning rate, as in an earlier convolutional implementation.
    l1: total shrinkage of a weight over a phase in standard deviations of its initial draw, or the threshold itself.
    group: total shrinkage of a new unit over the expansion in multiples of its initial norm, or the threshold itself.
    l1_limit: in mode 'relative' the most that a step takes from a weight, as a share of the learning rate, which is
      about the most that a step of RMSProp gives; None: no limit.
  """

  mode: str = "relative"
  l1: float = 1.0
  group: float = 3.0
  l1_limit: float | None = 0.01

  def __post_init__(self):
    if self.mode not in MODES:
      raise ValueError(f"Shrinkage.mode must be one of {MODES}, not {self.mode!r}.")
    if self.l1 < 0 or self.group < 0:
      raise ValueError(f"Shrinkage.l1 and Shrinkage.group must not be negative, not {self.l1} and {self.group}.")

  def l1_threshold(self, num_steps: int, learning_rate: tf.Tensor) -> tf.Tensor | float:
    """Of every weight in a step of a phase of so many steps."""
    if self.mode != "relative":
      return self.l1
    threshold = proximal.relative_l1_threshold(self.l1, num_steps)
    return threshold if self.l1_limit is None else tf.minimum(
        tf.cast(threshold, learning_rate.dtype), self.l1_limit * learning_rate)

  def group_threshold(self, fan_in: int, num_steps: int, learning_rate: tf.Tensor) -> tf.Tensor | float:
    """Of the group of every new unit of a layer, which has `fan_in` incoming weights, in every step of an expansion."""
    if self.mode == "relative":
      return proximal.relative_group_threshold(self.group, fan_in, num_steps)
    return self.group * learning_rate if self.mode == "lr_scaled" else self.group


@dataclasses.dataclass(frozen=True)
class TrainedPart:
  """A variable of a phase.

  Attributes:
    variable: the variable.
    mask: 1 where it may change, 0 elsewhere, in its shape; None: everywhere.
    is_kernel: whether the L1 norm covers it. Biases are never shrunk.
    anchor: values to stay near, in its shape, or None.
    anchored: 1 for the entries that have such a value.
  """

  variable: tf.Variable
  mask: tf.Tensor | None
  is_kernel: bool
  anchor: tf.Tensor | None = None
  anchored: tf.Tensor | None = None


@dataclasses.dataclass(frozen=True)
class NewGroups:
  """The new units of a layer, for the group lasso.

  Attributes:
    kernel: of the layer; the last axis numbers units.
    bias: of the layer.
    first: position of the first new unit.
    threshold: function learning rate -> threshold of a step.
  """

  kernel: tf.Variable
  bias: tf.Variable
  first: int
  threshold: Callable[[tf.Tensor], tf.Tensor | float]

  def shrink(self, learning_rate: tf.Tensor) -> None:
    """Shrinks the group of every new unit, its incoming weights and its bias."""
    variables = self.kernel, self.bias
    old = [variable[..., :self.first] for variable in variables]
    new = proximal.group_shrink([variable[..., self.first:] for variable in variables], self.threshold(learning_rate))
    for variable, old_part, new_part in zip(variables, old, new):
      variable.assign(tf.concat([old_part, new_part], axis=-1))


@dataclasses.dataclass(frozen=True)
class Penalties:
  """What a phase minimises besides cross-entropy.

  Attributes:
    l2: factor of half the squared norm of the trained entries.
    retention: factor of half the squared distance to the anchors.
    l1_threshold: function learning rate -> threshold of a step; None: no L1 norm.
    groups: for the group lasso.
  """

  l2: float
  retention: float
  l1_threshold: Callable[[tf.Tensor], tf.Tensor | float] | None
  groups: Sequence[NewGroups] = ()


def make_phase(name: str, num_epochs: int, logits: Callable[..., tf.Tensor],
               parts: Mapping[str, TrainedPart], penalties: Penalties) -> base.Phase:
  """A phase of expandable training.

  Args:
    name: for events.
    num_epochs: of the phase.
    logits: function (images, dropout_seed=) -> logits of the current task.
    parts: what may change, by variable name.
    penalties: added to the cross-entropy.
  """
  trained = {name: part.variable for name, part in parts.items()}
  optimizer = optimizers.RMSProp(trained)

  def step(batch, context):
    with tf.GradientTape(watch_accessed_variables=False) as tape:
      for variable in trained.values():
        tape.watch(variable)
      loss = layers.mean_cross_entropy(logits(batch.images, dropout_seed=context.seed), batch.labels)
    gradients = optimizers.gradients_by_name(tape, loss, trained)
    drift = tf.zeros([], loss.dtype)
    for name, part in parts.items():
      # A unit that the task does not see makes the gradient sparse.
      gradient = tf.convert_to_tensor(gradients[name]) + penalties.l2 * part.variable
      if part.anchor is not None:
        away = part.anchored * (part.variable - part.anchor)
        gradient += penalties.retention * away
        drift += 0.5 * penalties.retention * tf.reduce_sum(tf.square(away))
      gradients[name] = gradient if part.mask is None else part.mask * gradient
    optimizer.apply(gradients, context.learning_rate)
    for part in parts.values():
      if part.is_kernel and penalties.l1_threshold is not None:
        shrunk = proximal.soft_threshold(part.variable, penalties.l1_threshold(context.learning_rate))
        part.variable.assign(shrunk if part.mask is None else tf.where(part.mask > 0, shrunk, part.variable))
    for groups in penalties.groups:
      groups.shrink(context.learning_rate)
    return base.StepResult(loss, {"drift_penalty": drift})

  return base.Phase(name, num_epochs, step, trained, optimizer.slots)
