"""How a suite chooses hyper-parameters: which variants are tried, on what, and by which rule one is taken.

A trial is an ordinary run, whose scale is marked: `stream/learner[parameter=value,...]/scale[tuning]/seedN`.

| `suite.tuning` | a trial learns |
| --- | --- |
| 'none' | there are no trials |
| 'first_tasks' | the first `suite.tuning_tasks` tasks of the suite's streams, with seeds that are not evaluated |
| 'own_stream' | all of `suite.tuning_stream`, whose choice holds for every stream |
| 'end_of_stream' | all tasks of the suite's streams: optimistic, as nobody sees the end of a stream beforehand |

The score is validation accuracy, see `results.choice`; test images decide nothing.

By default the trials are all points of a grid. With `suite.tuning_sampler` they are `suite.tuning_trials` points of the
space that the same binding spans (see `search_space`), suggested in rounds of `suite.tuning_round`: the size of a round
decides results, and so is a binding, while the number of processes is a flag and decides nothing.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from benchmark.suites import identity, sampler as sampler_lib, search_space
from benchmark.suites.gin_files import ConfigurationError, nearest
from lasem_tf.metrics import run_result

DEFAULT_GRID = "default"
GRID = "grid"
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
  sampler: str = GRID
  num_trials: int | None = None
  round_size: int = 4
  sampler_seed: int = 0

  @property
  def is_on(self) -> bool:
    """Whether anything is tuned."""
    return self.protocol != NONE

  @property
  def is_sampled(self) -> bool:
    """Whether trials are suggested round by round."""
    return self.is_on and self.sampler != GRID

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
      if self.sampler != GRID:
        raise ConfigurationError(f"suite.tuning_sampler = {self.sampler!r} is used by no run: bind suite.tuning = "
                                 "'first_tasks' too.")
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
    self._check_sampler()

  def _check_sampler(self) -> None:
    if self.sampler == GRID:
      if self.num_trials is not None:
        raise ConfigurationError("suite.tuning_trials is a sampler's: a grid has as many trials as points. Bind "
                                 f"suite.tuning_sampler = {sampler_lib.TPE!r} too, or remove it.")
      return
    if self.num_trials is None:
      raise ConfigurationError(f"suite.tuning_trials is missing: it says how many trials {self.sampler!r} suggests for "
                               "every learner.")
    if self.num_trials < 1 or self.round_size < 1:
      raise ConfigurationError(f"suite.tuning_trials = {self.num_trials} and suite.tuning_round = {self.round_size} "
                               "must be at least 1.")
    if not 0 <= self.sampler_seed < 2**31:
      raise ConfigurationError(f"suite.tuning_sampler_seed = {self.sampler_seed} must be a whole number from 0 to "
                               "2147483647.")
    sampler_lib.check_installed(f"suite.tuning_sampler = {self.sampler!r}")

  def space(self, learner: str) -> search_space.Space:
    """What a sampler draws a learner's trials from.

    Raises:
      ConfigurationError: `grids` has none, a wrong one, or one with fewer points than there are trials.
    """
    space = search_space.read(self.grid(learner), f"suite.grids of {learner}")
    if space.num_points < (self.num_trials or 0):
      raise ConfigurationError(f"suite.grids of {learner} has {space.num_points} points, suite.tuning_trials asks for "
                               f"{self.num_trials}: ask for fewer, add values, or give a range.")
    return space

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

  def facts(self, learner: str, variants: Sequence[str]) -> run_result.Tuning | None:
    """What records say about it; None where nothing is tuned.

    Args:
      learner: that is tuned.
      variants: its trials, with a sampler those of the rounds so far.
    """
    if not self.is_on:
      return None
    sampled = {} if not self.is_sampled else {
        "sampler": self.sampler, "sampler_seed": self.sampler_seed, "round_size": self.round_size,
        "space": self.space(learner).texts}
    return run_result.Tuning(
        protocol=self.protocol, num_trials=self.num_trials or len(variants),  # type: ignore[arg-type]
        variants=list(variants), seeds=list(self.seeds),
        num_tasks=self.num_tasks if self.protocol == FIRST_TASKS else None, stream=self.stream, margin=self.margin,
        **sampled)  # type: ignore[arg-type]


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
  told = f"{tuning['protocol']} ({where}, {seeds}), {tuning['num_trials']} trials"
  if not tuning.get("sampler"):
    return told
  return f"{told} by {tuning['sampler']} (seed {tuning['sampler_seed']}, rounds of {tuning['round_size']})"
