"""The training step that most learners take: tape, objective, gradients, update."""

from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

import tensorflow as tf

from lasem_tf.learners import base
from lasem_tf.nn import optimizers

# Gradient by name of the variable; None where the objective does not depend on it.
Gradients = dict[str, tf.Tensor | None]


class Objective(NamedTuple):
  """What a step minimises.

  Attributes:
    loss: scalar, the part that is reported.
    penalty: scalar that is minimised with it, several that are added in this order, or None.
    metrics: further scalars to report.
  """

  loss: tf.Tensor
  penalty: tf.Tensor | tuple[tf.Tensor, ...] | None = None
  metrics: Mapping[str, tf.Tensor] = {}


ObjectiveFunction = Callable[[base.Batch, base.StepContext], Objective]


class Optimizer(Protocol):
  """What updates variables; see `nn.optimizers`.

  Attributes:
    slots: its state, by name.
  """

  @property
  def slots(self) -> Mapping[str, tf.Variable]:
    """State by name, for checkpoints."""

  def apply(self, gradients: Mapping[str, tf.Tensor | None], learning_rate: tf.Tensor) -> None:
    """Updates every variable that has a gradient."""


def follow(batch: base.Batch, context: base.StepContext, trained: Mapping[str, tf.Variable],
           objective: ObjectiveFunction) -> tuple[base.StepResult, Gradients]:
  """Evaluates an objective and its gradients.

  Returns:
    What the step reports, and the gradients of loss plus penalty.
  """
  with tf.GradientTape() as tape:
    result = objective(batch, context)
    total = result.loss
    penalties = result.penalty if isinstance(result.penalty, tuple) else (result.penalty,)
    for penalty in penalties:
      total = total if penalty is None else total + penalty
  return base.StepResult(result.loss, result.metrics), optimizers.gradients_by_name(tape, total, trained)


def make_phase(name: str, num_epochs: int, trained: Mapping[str, tf.Variable], objective: ObjectiveFunction, *,
               optimizer: Optimizer | None = None, gradients: Callable[..., tuple[base.StepResult, Gradients]] = follow,
               finish: Callable[[base.StepContext], None] | None = None,
               state: Mapping[str, tf.Variable] | None = None) -> base.Phase:
  """A phase that follows the gradients of an objective.

  Args:
    name: for events.
    num_epochs: of the phase.
    trained: what the optimiser may change, by stable name.
    objective: function (batch, context) -> `Objective`.
    optimizer: default: `RMSProp` with fresh slots.
    gradients: function (batch, context, trained, objective) -> (result, gradients); one that changes gradients on their
      way to the optimiser (a mask, a projection) calls `follow` first.
    finish: function (context), called after the update: proximal steps.
    state: what else the steps change; see `base.Phase.state`.
  """
  updates = optimizers.RMSProp(trained) if optimizer is None else optimizer

  def step(batch: base.Batch, context: base.StepContext) -> base.StepResult:
    result, by_name = gradients(batch, context, trained, objective)
    updates.apply(by_name, context.learning_rate)
    if finish is not None:
      finish(context)
    return result

  return base.Phase(name, num_epochs, step, trained, {**updates.slots, **(state or {})})
