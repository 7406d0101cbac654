"""Phases of a visit: epochs, strengths, and a step on chosen entries (gradient, soft threshold, group shrinkage)."""

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence

import gin
import tensorflow as tf

from lasem_tf.learners import base, checks, descent
from lasem_tf.nn import layers, optimizers, proximal

MODES = ("relative", "absolute", "lr_scaled", "per_rate")
# Which of the phases (head, selective, expansion, split_retrain) get the epochs of a visit that has not one for each.
_PRIORITY = (0, 2, 1, 3)
# Of a new unit's group over an expansion, in multiples of its initial norm, in the released code.
_TOTAL_SHRINKAGE = 3.0


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

  'per_rate' compares with what a step can give instead of with what there was at first, so that neither norm can win
  for lack of steps. The L1 norm is taken in the optimiser's own metric: a weight goes to zero where the gradient of the
  loss is less than `l1`, and stays where it is more. A step of RMSProp moves a group of n weights by no more than about
  rate * sqrt(n); the group threshold is a share of that. (The released code's 1e-3 at a rate of 1e-3 for groups of 312
  weights is a share of 0.06.) New units start so small that an expansion without gradients would take three times their
  norm, as in the released code; larger ones would outlast it whether they are of use or not.

  Attributes:
    mode: 'relative'; 'absolute', thresholds per step as in the released code; 'lr_scaled', the same with the group
      threshold times the learning rate, as in an earlier convolutional implementation; 'per_rate'.
    l1: total shrinkage of a weight over a phase in standard deviations of its initial draw; 'per_rate': factor of the
      norm in the loss; otherwise the threshold itself.
    group: total shrinkage of a new unit over the expansion in multiples of its initial norm; 'per_rate': see above;
      otherwise the threshold itself.
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
    checks.refuse_negative("Shrinkage", l1=self.l1, group=self.group, l1_limit=self.l1_limit)

  def l1_threshold(self, num_steps: int, learning_rate: tf.Tensor, mean_square: tf.Tensor) -> tf.Tensor | float:
    """Of every weight in a step of a phase of so many steps; `mean_square` is the optimiser's slot."""
    if self.mode == "per_rate":
      return proximal.diagonal_threshold(self.l1, learning_rate, mean_square)
    if self.mode != "relative":
      return self.l1
    threshold = proximal.relative_l1_threshold(self.l1, num_steps)
    return threshold if self.l1_limit is None else tf.minimum(
        tf.cast(threshold, learning_rate.dtype), self.l1_limit * learning_rate)

  def group_threshold(self, fan_in: int, num_steps: int, learning_rate: tf.Tensor) -> tf.Tensor | float:
    """Of the group of every new unit of a layer, which has `fan_in` incoming weights, in every step of an expansion."""
    if self.mode == "relative":
      return proximal.relative_group_threshold(self.group, fan_in, num_steps)
    if self.mode == "per_rate":
      return self.group * math.sqrt(fan_in) * learning_rate
    return self.group * learning_rate if self.mode == "lr_scaled" else self.group

  def new_unit_scale(self, num_steps: int, learning_rate: float) -> float:
    """Factor of the initial weights into new units, for an expansion of so many steps."""
    if self.mode != "per_rate" or self.group == 0:
      return 1.0
    return min(1.0, self.group * learning_rate * num_steps / (_TOTAL_SHRINKAGE * proximal.INITIAL_STDDEV))


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
    l1_threshold: function (learning rate, mean square of the gradient) -> threshold of a step; None: no L1 norm.
    groups: for the group lasso.
  """

  l2: float
  retention: float
  l1_threshold: Callable[[tf.Tensor, tf.Tensor], tf.Tensor | float] | None
  groups: Sequence[NewGroups] = ()


def make_phase(name: str, num_epochs: int, logits: Callable[..., tf.Tensor], parts: Mapping[str, TrainedPart],
               penalties: Penalties, slots: Mapping[str, tf.Variable] | None = None) -> base.Phase:
  """A phase of expandable training.

  Args:
    name: for events.
    num_epochs: of the phase.
    logits: function (images, dropout_seed=) -> logits of the current task.
    parts: what may change, by variable name.
    penalties: added to the cross-entropy.
    slots: of the optimiser, by name; None: fresh ones.
  """
  trained = {name: part.variable for name, part in parts.items()}
  optimizer = optimizers.RMSProp(trained, mean_squares=slots)

  def objective(batch, context):
    return descent.Objective(layers.mean_cross_entropy(logits(batch.images, dropout_seed=context.seed), batch.labels))

  def gradients(*arguments):
    result, by_name = descent.follow(*arguments)
    drift = tf.zeros([], result.loss.dtype)
    for name, part in parts.items():
      # A unit that the task does not see makes the gradient sparse.
      gradient = tf.convert_to_tensor(by_name[name]) + penalties.l2 * part.variable
      if part.anchor is not None:
        away = part.anchored * (part.variable - part.anchor)
        gradient += penalties.retention * away
        drift += 0.5 * penalties.retention * tf.reduce_sum(tf.square(away))
      by_name[name] = gradient if part.mask is None else part.mask * gradient
    return base.StepResult(result.loss, {"drift_penalty": drift}), by_name

  def shrink(context):
    for name, part in parts.items():
      if part.is_kernel and penalties.l1_threshold is not None:
        threshold = penalties.l1_threshold(context.learning_rate, optimizer.slots[f"rms/{name}"])
        shrunk = proximal.soft_threshold(part.variable, threshold)
        part.variable.assign(shrunk if part.mask is None else tf.where(part.mask > 0, shrunk, part.variable))
    for groups in penalties.groups:
      groups.shrink(context.learning_rate)

  return descent.make_phase(name, num_epochs, trained, objective, optimizer=optimizer, gradients=gradients,
                            finish=shrink)
