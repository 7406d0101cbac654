"""How a suite chooses hyper-parameters: which variants are tried, on what, and by which rule one is taken.

A trial is an ordinary run, whose scale is marked: `stream/learner[parameter=value,...]/scale[tuning]/seedN`.

| `suite.tuning` | a trial learns |
| --- | --- |
| 'none' | there are no trials |
| 'first_tasks' | the first `suite.tuning_tasks` tasks of the suite's streams, with seeds that are not evaluated |
| 'own_stream' | all of `suite.tuning_stream`, whose choice holds for every stream |
| 'end_of_stream' | all tasks of the suite's streams: optimistic, as nobody sees the end of a stream beforehand |

The score is validation accuracy, see `results.choice`; test images decide nothing.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from benchmark.suites import identity
from benchmark.suites.gin_files import ConfigurationError, nearest
from lasem_tf.metrics import run_result

DEFAULT_GRID = "default"
NONE, FIRST_TASKS, OWN_STREAM, END_OF_STREAM = "none", "first_tasks", "own_stream", "end_of_stream"


@dataclasses.dataclass(frozen=True)
class Options:
  """The bindings of a suite that are about tuning; see `Suite`."""

  protocol: str
  grids: Mapping[str, Mapping[str, Sequence[Any]]]
  seeds: tuple[int, ...]
  num_tasks: int
  stream: str | None
  margin: float

  @property
  def is_on(self) -> bool:
    """Whether anything is tuned."""
    return self.protocol != NONE

  @property
  def trial_bindings(self) -> dict[str, Any]:
    """What a trial binds besides the variant."""
    return {"experiment.task_order": tuple(range(self.num_tasks))} if self.protocol == FIRST_TASKS else {}

  def check(self, evaluated_seeds: Sequence[int], sweep: Mapping) -> None:
    """Raises `ConfigurationError` where bindings contradict each other."""
    if not self.is_on:
      if self.grids:
        raise ConfigurationError("suite.grids is used by no run: bind suite.tuning = 'first_tasks' too, or "
                                 "suite.grids = {}, or suite.sweep in place of suite.grids to evaluate every variant.")
      return
    if not self.grids:
      raise ConfigurationError("suite.grids is missing: it says what suite.tuning may choose from; include "
                               "'tuning/grids.gin', or bind your own.")
    if sweep:
      raise ConfigurationError("suite.sweep evaluates every variant, suite.tuning the chosen one: remove either.")
    if not self.seeds or len(set(self.seeds)) < len(self.seeds) or set(self.seeds) & set(evaluated_seeds):
      raise ConfigurationError(f"suite.tuning_seeds = {self.seeds} must name at least one seed, none twice and none of "
                               "suite.seeds, which are evaluated.")
    if self.num_tasks < 1:
      raise ConfigurationError(f"suite.tuning_tasks = {self.num_tasks} must be at least 1.")
    if not 0 <= self.margin <= 1:
      raise ConfigurationError(f"suite.tuning_margin = {self.margin} must be a fraction from 0 to 1.")
    if (self.protocol == OWN_STREAM) != (self.stream is not None):
      raise ConfigurationError("suite.tuning_stream and suite.tuning = 'own_stream' belong together: bind both.")
    if self.stream is not None and not identity.is_name(self.stream):
      raise ConfigurationError(f"suite.tuning_stream: {self.stream!r} is no name of a stream.")

  def grid(self, learner: str) -> Mapping[str, Sequence[Any]]:
    """What is tried of a learner: the entry with the longest name that the learner's begins with, else the default.

    Raises:
      ConfigurationError: there is neither.
    """
    words = learner.split("_")
    for length in range(len(words), 0, -1):
      if (name := "_".join(words[:length])) in self.grids:
        return self.grids[name]
    if DEFAULT_GRID not in self.grids:
      raise ConfigurationError(f"suite.grids has no entry for {learner!r} and no {DEFAULT_GRID!r}."
                               f"{nearest(learner, sorted(self.grids))}")
    return self.grids[DEFAULT_GRID]

  def facts(self, variants: Sequence[str]) -> run_result.Tuning | None:
    """What records say about it; None where nothing is tuned."""
    if not self.is_on:
      return None
    return run_result.Tuning(
        protocol=self.protocol, num_trials=len(variants), variants=list(variants),  # type: ignore[arg-type]
        seeds=list(self.seeds),
        num_tasks=self.num_tasks if self.protocol == FIRST_TASKS else None, stream=self.stream, margin=self.margin)


def describe(tuning: Mapping[str, Any] | None) -> str:
  """What a record says about its tuning, in words; '' where there was none.

  Args:
    tuning: the record's entry.
  """
  if tuning is None:
    return ""
  where = {FIRST_TASKS: f"first {tuning['num_tasks']} tasks", OWN_STREAM: f"stream {tuning['stream']}",
           END_OF_STREAM: "all tasks, optimistic"}[tuning["protocol"]]
  seeds = f"seed{'s' if len(tuning['seeds']) > 1 else ''} {', '.join(map(str, tuning['seeds']))}"
  return f"{tuning['protocol']} ({where}, {seeds}), {tuning['num_trials']} trials"
