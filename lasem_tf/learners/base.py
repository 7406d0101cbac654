"""The contract of every lifelong learner.

A learner is a plain Python object that owns named variables. The trainer drives it:

  begin_visit -> for every phase: (begin_epoch -> steps -> end_epoch)* -> end_visit

and asks `logits` for any task learned so far. To continue after a kill it builds a fresh learner and calls
`restore_structure`, assigns `variables()`, calls `attach`, asks `next_phase` for the interrupted phase again and
assigns that phase's `state`.
"""

import abc
import dataclasses
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from lasem_tf import types
from lasem_tf.learners import estimates, promise
from lasem_tf.nn import architecture, backbone_options, initializers


class Batch(NamedTuple):
  """A mini-batch of one task.

  Attributes:
    images: `[n, height, width, channels]`.
    labels: int32 `[n]`.
    rows: int32 `[n]`, positions in the task's training (or validation) split, to look up what was recorded of them.
  """

  images: tf.Tensor
  labels: tf.Tensor
  rows: tf.Tensor


class StepContext(NamedTuple):
  """What a step may know besides its batch.

  Attributes:
    learning_rate: scalar, already decayed.
    seed: int32 `[2]`, fresh in every step, for dropout and other draws (derive several with `fold`).
    validation: a batch of the current task's validation split where the phase asks for it, else None.
  """

  learning_rate: tf.Tensor
  seed: tf.Tensor
  validation: Batch | None = None

  def fold(self, number: int) -> tf.Tensor:
    """Another seed for the same step, int32 `[2]`."""
    return tf.random.experimental.stateless_fold_in(self.seed, number)


class StepResult(NamedTuple):
  """What a step reports.

  Attributes:
    loss: scalar, the loss before the update; the trainer watches it for divergence.
    metrics: further scalars by name; the same names in every step of a phase.
  """

  loss: tf.Tensor
  metrics: Mapping[str, tf.Tensor] = {}


@dataclasses.dataclass(frozen=True)
class Phase:
  """A stretch of training with one step function and one optimiser.

  Attributes:
    name: for events.
    num_epochs: upper bound; `Learner.end_epoch` may end the phase sooner.
    step: function (Batch, StepContext) -> StepResult that computes *and applies* its updates. A plain function: the
      trainer compiles it.
    trained: the variables that the step may change, by stable name (beside `state`).
    state: what else its steps change: optimiser slots, and statistics among `Learner.variables()`.
    needs_validation_batch: whether `StepContext.validation` must be there.
  """

  name: str
  num_epochs: int
  step: Callable[[Batch, StepContext], StepResult]
  trained: Mapping[str, tf.Variable]
  state: Mapping[str, tf.Variable]
  needs_validation_batch: bool = False


@dataclasses.dataclass(frozen=True)
class TaskData:
  """A task with its training and validation examples as resident tensors. Test examples never reach a learner.

  Attributes:
    info: the task.
    train: (images `[n, h, w, c]`, labels int32 `[n]`).
    validation: the same of the validation split.
  """

  info: types.TaskInfo
  train: tuple[tf.Tensor, tf.Tensor]
  validation: tuple[tf.Tensor, tf.Tensor]


@dataclasses.dataclass(frozen=True)
class LearnerContext:
  """What a run gives every learner.

  Attributes:
    spec: the backbone.
    num_classes: number of outputs of every task.
    seed: of initial weights and other draws.
    epochs_per_task: E; the phases of a visit share it, they never add to it (an exhaustive search excepted).
    batch_size: of training.
    learning_rate: undecayed.
    reference: which released behaviour to reproduce.
    examples: for rehearsal: (task_id, rows int64 `[n]`) -> (images, labels) of an earlier task's *training* split.
    declared_configurations: `types.BEST_CONFIGURATION` of every task or None, for the control that uses it alone.
  """

  spec: architecture.ConvNetSpec
  num_classes: tuple[int, ...]
  seed: int
  epochs_per_task: int
  batch_size: int
  learning_rate: float
  reference: types.ReferenceBehaviour = types.ReferenceBehaviour()
  examples: Callable[[int, np.ndarray], tuple[np.ndarray, np.ndarray]] | None = None
  declared_configurations: tuple[str | None, ...] = ()


@dataclasses.dataclass(frozen=True)
class TaskSummary:
  """What a visit ended with.

  Attributes:
    configuration: chosen transfer configuration as bits, or None.
    earlier_configurations: the same of earlier tasks where this visit changed it, by task.
    details: JSON-able facts for the record (selected fractions, expansions, free channels, memory). Where it says,
      'mechanism_acted' is whether in this visit there happened what gives the method its name.
    peak_phase: only epochs of the phase with this name count for the peak accuracy; None: all.
  """

  configuration: str | None = None
  earlier_configurations: Mapping[int, str] = dataclasses.field(default_factory=dict)
  details: Mapping[str, object] = dataclasses.field(default_factory=dict)
  peak_phase: str | None = None


class Learner(backbone_options.BackboneOptions, estimates.Estimates, abc.ABC):
  """Learns tasks one after another and answers for all of them.

  Subclasses implement the methods with a leading underscore, and those marked abstract.

  Attributes:
    promises: what it declares about itself beyond this contract.
    has_task_heads: whether every task has outputs of its own.
    context, initializer: the `LearnerContext`, and what draws initial weights of this run.
    task, visit: `TaskData` and number of the visit in progress; none and -1 before the first.
  """

  task: TaskData
  has_task_heads = True
  promises = promise.Promises()

  def __init__(self, context: LearnerContext):
    self.check_backbone(context.spec)
    self.context = context
    self.initializer = initializers.Initializer(context.seed)
    self.visit = -1
    self._learned: list[int] = []
    self._versions: dict[int, int] = {}

  @property
  def learned_tasks(self) -> tuple[int, ...]:
    """Tasks begun so far, in the order of their first visit."""
    return tuple(self._learned)

  def begin_visit(self, task: TaskData, visit: int) -> None:
    """Starts a visit; creates the task's variables when the task is new."""
    is_new = task.info.task_id not in self._learned
    if is_new:
      self._learned.append(task.info.task_id)
    self.attach(task, visit)
    self._begin_visit(is_new)
    self.measure_statistics()
    self._bump_versions()

  def attach(self, task: TaskData, visit: int) -> None:
    """Gives access to the data of the visit in progress; all that `begin_visit` does when a run is resumed."""
    self.task, self.visit = task, visit

  def end_visit(self) -> TaskSummary:
    """Commits: chooses the configuration, rolls back, prunes; whatever the method does when a task ends."""
    summary = self._end_visit()
    self.measure_statistics()
    self._bump_versions()
    return summary

  def measure_statistics(self) -> None:  # noqa: B027  most networks have none
    """Measures what `ConvNetSpec.normalisation` needs of the visit's task; called between steps and `end_epoch`."""

  def network_version(self, task_id: int) -> int:
    """Changes whenever `logits` of a task is computed from other variables or shapes: graphs must be rebuilt then."""
    return self._versions.get(task_id, 0)

  def structure_changed(self, task_ids: tuple[int, ...] | None = None) -> None:
    """To be called by a subclass whose networks of these tasks (default: all) changed shape in mid-visit."""
    for task_id in self._learned if task_ids is None else task_ids:
      self._versions[task_id] = self._versions.get(task_id, 0) + 1

  def _bump_versions(self) -> None:
    """Called at both ends of a visit; a subclass whose old networks stay as they are may bump fewer."""
    self.structure_changed()

  def structure(self) -> dict:
    """JSON-able: everything that decides which variables exist, and decisions that variables do not hold."""
    return {"learned": list(self._learned), **self._structure()}

  def restore_structure(self, structure: dict) -> None:
    """Recreates, in a fresh learner, all variables that `variables()` had when `structure` was taken."""
    self._learned = list(structure["learned"])
    self._restore_structure(structure)
    self.structure_changed()

  def refuses_growth(self, num_learned: int, num_tasks: int) -> str | None:
    """Why a run of the first `num_learned` tasks cannot go on to `num_tasks`, as a sentence; None: it can."""
    return None

  @property
  def commit_changes_weights(self) -> bool:
    """Whether `end_visit` of this visit may change logits of any task (then accuracies before it are kept, too)."""
    return False

  def begin_epoch(self, epoch: int) -> None:
    """Called before an epoch's first step (0-based within its phase); again when a run resumes in mid-epoch."""
    del epoch

  def end_epoch(self, epoch: int, validation_accuracy: float) -> bool:
    """Called after an epoch and its validation; true ends the phase now."""
    return False

  def diagnostics(self) -> dict:
    """JSON-able facts for the event of an epoch (a prior, mixing weights)."""
    return {}

  @abc.abstractmethod
  def next_phase(self, num_completed: int) -> Phase | None:
    """The phase after `num_completed` ended ones of this visit, or None at the end.
    A function of the learner's state: asked again after a resume it gives the same phase with fresh `state`.
    """

  @abc.abstractmethod
  def logits(self, images: tf.Tensor, task_id: int) -> tf.Tensor:
    """`[n, height, width, channels]` -> `[n, classes of the task]`, dropout off, for any task begun so far."""

  @abc.abstractmethod
  def variables(self) -> dict[str, tf.Variable]:
    """Every variable that a resume needs, by stable name: weights, snapshots, statistics."""

  @abc.abstractmethod
  def num_parameters(self) -> int:
    """Parameters of the committed model: each shared tensor once, if any task uses it, and all tasks' own parts."""

  def memory_floats(self) -> float:
    """What it keeps between visits beside the committed model: importances, anchors, stored images, masks.

    In 32-bit numbers: a byte is a quarter, a mask counts a bit for each of its entries. 0 where nothing is kept, and
    of what only a visit in progress needs. Decides nothing; reported with every run.
    """
    return 0.0

  @abc.abstractmethod
  def _begin_visit(self, is_new: bool) -> None:
    """Creates the task's variables when it is new; `self.task` and `self.visit` are set."""

  @abc.abstractmethod
  def _end_visit(self) -> TaskSummary:
    """See `end_visit`."""

  def _structure(self) -> dict:
    return {}

  @abc.abstractmethod
  def _restore_structure(self, structure: dict) -> None:
    """See `restore_structure`; `self._learned` is set."""
