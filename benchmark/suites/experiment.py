"""One run of the suite: a stream, a backbone and a learner, and how long the learner trains on every task.

`experiment` is the root of every run's gin configuration.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Literal

import gin

from lasem_tf import types
from lasem_tf.data import stream as stream_lib
from lasem_tf.learners import base
from lasem_tf.nn import architecture
from lasem_tf.training import options


@gin.configurable("experiment")
@dataclasses.dataclass(frozen=True)
class Experiment:
  """What a run's configuration says.

  Attributes:
    stream: class of the stream, called with a `StreamContext`.
    network: the backbone.
    learner: class of the learner, called with a `LearnerContext`.
    batch_size: training examples in a mini-batch.
    epochs_per_task: E, epochs of every visit.
    learning_rate: before decay.
    learning_rate_decay: d in `learning_rate / (1 + d * global epoch)`.
    first_tasks: leave the stream so many tasks, the first ones, unchanged; None for all.
    task_order: 'once', 'first_half_twice', 'twice', or a list of task ids, which may leave some out.
    protocol: 'clean', or 'reference' to behave as the releases do where they are wrong.
    reference: single switches of `ReferenceBehaviour` that differ from what the protocol sets.
    scenario: 'task_incremental': the task of every test image is known, each task has a head of its own;
      'class_incremental': accuracies by the largest logit over all heads learned so far are reported beside.
    eval_every: evaluate all learned tasks every so many epochs, for curves; 0: at the end of visits only.
  """

  stream: Callable = gin.REQUIRED
  network: architecture.ConvNetSpec = gin.REQUIRED
  learner: Callable = gin.REQUIRED
  batch_size: int = gin.REQUIRED
  epochs_per_task: int = gin.REQUIRED
  learning_rate: float = gin.REQUIRED
  learning_rate_decay: float = 0.0
  first_tasks: int | None = None
  task_order: str | int | tuple[int, ...] = "once"
  protocol: Literal["clean", "reference"] = "clean"
  reference: Mapping[str, bool] = dataclasses.field(default_factory=dict)
  eval_every: int = 0
  scenario: Literal["task_incremental", "class_incremental"] = "task_incremental"

  def __post_init__(self):
    unknown = set(self.reference) - {field.name for field in dataclasses.fields(types.ReferenceBehaviour)}
    if unknown:
      raise ValueError(f"experiment.reference knows no switch {', '.join(sorted(unknown))}.")

  def make_stream(self, context: stream_lib.StreamContext) -> stream_lib.TaskStream:
    """The stream, cut to `first_tasks`.

    Raises:
      DataError: the raw data are not there or do not fit.
      ValueError: a binding of the stream has a value that it cannot take, or the stream has fewer tasks.
    """
    stream = self.stream(context)
    stream.keep_first(self.first_tasks, "experiment.first_tasks")
    return stream

  def reference_behaviour(self) -> types.ReferenceBehaviour:
    """The switches in force."""
    base_behaviour = types.ReferenceBehaviour.released() if self.protocol == "reference" else types.ReferenceBehaviour()
    return dataclasses.replace(base_behaviour, **self.reference)

  def learner_context(self, num_classes: tuple[int, ...], seed: int,
                      examples: Callable | None = None,
                      declared: tuple[str | None, ...] = ()) -> base.LearnerContext:
    """What the learner of a run with this seed is given."""
    return base.LearnerContext(
        spec=self.network, num_classes=num_classes, seed=seed, epochs_per_task=self.epochs_per_task,
        batch_size=self.batch_size, learning_rate=self.learning_rate, reference=self.reference_behaviour(),
        examples=examples, declared_configurations=declared)

  def training_options(self, checkpoint_seconds: float) -> options.TrainingOptions:
    """What the trainer is given."""
    return options.TrainingOptions(
        batch_size=self.batch_size, epochs_per_task=self.epochs_per_task, learning_rate=self.learning_rate,
        learning_rate_decay=self.learning_rate_decay, task_order=self.task_order, eval_every=self.eval_every,
        scenario=self.scenario, checkpoint_seconds=checkpoint_seconds)
