"""How long, how fast and in which order a run trains. No TensorFlow."""

import dataclasses
import math
from collections.abc import Sequence
from typing import get_args

from lasem_tf import types
from lasem_tf.metrics import run_result

SCENARIOS = get_args(run_result.Scenario)


@dataclasses.dataclass(frozen=True)
class TrainingOptions:
  """What the trainer must know beside the learner and the stream.

  Attributes:
    batch_size: training examples in a mini-batch; an incomplete last batch of an epoch is dropped.
    epochs_per_task: E, epochs of a visit; global epochs are counted as visits times E.
    learning_rate: of the first epoch.
    learning_rate_decay: d in learning_rate / (1 + d * global epoch).
    task_order: see `schedule.task_order`.
    eval_every: evaluate all learned tasks every so many epochs, for curves; 0: at the end of visits only.
    scenario: 'task_incremental': the task of every image is known; 'class_incremental': accuracies without that
      knowledge are measured besides. Training is the same.
    curve_splits: splits that these curves cover.
    checkpoint_seconds: at most so much work is repeated after a kill (a compiled call or an evaluation longer than this
      excepted).
  """

  batch_size: int
  epochs_per_task: int
  learning_rate: float
  learning_rate_decay: float = 0.0
  task_order: str | int | Sequence[int] = "once"
  eval_every: int = 0
  scenario: run_result.Scenario = "task_incremental"
  curve_splits: tuple[str, ...] = ("test",)
  checkpoint_seconds: float = 60.0

  def __post_init__(self):
    for name, least in (("batch_size", 1), ("epochs_per_task", 1), ("eval_every", 0)):
      value = getattr(self, name)
      if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"`{name}` must be a whole number of at least {least}, not {value!r}.")
    if not 0 < self.learning_rate < math.inf:
      raise ValueError(f"`learning_rate` must be positive and finite, not {self.learning_rate!r}.")
    if not 0 <= self.learning_rate_decay < math.inf:
      raise ValueError(f"`learning_rate_decay` must be finite and not negative, not {self.learning_rate_decay!r}.")
    if not 0 <= self.checkpoint_seconds < math.inf:
      raise ValueError(f"`checkpoint_seconds` must be a finite number of seconds, not {self.checkpoint_seconds!r}.")
    if self.scenario not in SCENARIOS:
      raise ValueError(f"`scenario` must be one of {', '.join(SCENARIOS)}, not {self.scenario!r}.")
    unknown = set(self.curve_splits) - set(types.SPLITS)
    if unknown:
      raise ValueError(f"`curve_splits` knows {', '.join(types.SPLITS)}, not {', '.join(sorted(unknown))}.")
