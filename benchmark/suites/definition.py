"""What a suite file binds, checked as far as the file alone allows. Needs no TensorFlow."""

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import gin

from benchmark.suites import bindings as bindings_lib, catalogue, learner_names, tuning as tuning_lib, variants
from benchmark.suites.gin_files import ConfigurationError, nearest, without_call
from benchmark.suites.gin_text import expand_macros, GinText
from benchmark.suites.identity import is_name, NAME_RULE, split_variant

SUITE = "suite"


@gin.configurable("suite")
@dataclasses.dataclass(frozen=True)
class Suite:
  """What a suite file binds.

  Attributes:
    streams: names of files in `gin/streams`.
    learners: names of learners; see `learner_names`.
    scale: name of a file in `gin/scale`, the overlay that sets how much is trained.
    seeds: the trials.
    design_seed: fixes what all trials share.
    name: of the suite; names the default output folder. Default: the file's.
    baseline: learner that the tables test the others against; None for none.
    sweep: of some learners, values by binding or macro, which win over everything else: each point of their product is
      a variant that is trained in the learner's place. {'ewc': {'STRENGTH': (10.0, 100.0)}} A tuple of such sweeps
      stands for all of their points, {} among them for the learner itself.
    tuning: how hyper-parameters are chosen among `grids`; see `tuning`. Only the chosen variants are evaluated.
    grids: as `sweep`, of learners or of all whose names begin so, 'default' for the others; see `gin/tuning/grids.gin`.
    tuning_seeds: seeds of the trials, none of which is evaluated.
    tuning_tasks: first tasks that a trial learns under 'first_tasks'.
    tuning_stream: stream of the trials under 'own_stream'.
    tuning_margin: trials whose mean validation accuracy right after learning is within so much of the best are told
      apart by their final validation accuracy.
    tuning_sampler: 'grid' tries every point of `grids`; Optuna's 'tpe' and 'random' (extra `tuning`) suggest some, also
      from ranges, such as ('log', 1e-5, 1e-2); see `search_space`.
    tuning_trials: how many variants of every learner a sampler suggests.
    tuning_round: how many of these at once, before it is told their scores; it decides what is suggested next.
    tuning_sampler_seed: of the sampler.
    allow_mixed_tuning: show methods of several protocols or numbers of trials in one table, named.
  """

  streams: tuple[str, ...]
  learners: tuple[str, ...]
  scale: str
  seeds: tuple[int, ...]
  design_seed: int = 0
  name: str = ""
  baseline: str | None = None
  sweep: Mapping[str, Any] = dataclasses.field(default_factory=dict)
  tuning: Literal["none", "first_tasks", "own_stream", "end_of_stream"] = "none"
  grids: Mapping[str, Any] = dataclasses.field(default_factory=dict)
  tuning_seeds: tuple[int, ...] = (1000,)
  tuning_tasks: int = 3
  tuning_stream: str | None = None
  tuning_margin: float = 0.02
  tuning_sampler: Literal["grid", "tpe", "random"] = "grid"
  tuning_trials: int | None = None
  tuning_round: int = 4
  tuning_sampler_seed: int = 0
  allow_mixed_tuning: bool = False

  def __post_init__(self):
    for field in ("streams", "learners", "seeds"):
      values = tuple(getattr(self, field))
      if not values or len(set(values)) < len(values):
        raise ConfigurationError(f"suite.{field} must name at least one entry and none twice, not {list(values)}.")
      object.__setattr__(self, field, values)
    for field, name in (*(("streams", name) for name in self.streams), *(("learners", name) for name in self.learners),
                        ("scale", self.scale), *((("name", self.name),) if self.name else ())):
      if not is_name(name):
        raise ConfigurationError(f"suite.{field}: {name!r} is no name. Names become folders: {NAME_RULE}, without a "
                                 "path before them.")
    self.tuning_options.check(self.seeds, self.sweep)
    known = [*self.learners, *learner_names.names()] if self.grids else []
    for name in self.grids:
      if name != tuning_lib.DEFAULT_GRID and not any(f"{learner}_".startswith(f"{name}_") for learner in known):
        raise ConfigurationError(f"suite.grids: no learner's name begins with {name!r}.{nearest(str(name), known)}")
    for learner in self.sweep:
      if learner not in self.learners:
        raise ConfigurationError(f"suite.sweep names {learner!r}, which is none of suite.learners."
                                 f"{nearest(str(learner), self.learners)}")
      self.variants(learner)
    if self.baseline is not None:
      self._check_baseline(self.baseline)
    seeds = (*self.seeds, *self.tuning_seeds, self.design_seed)
    if any(isinstance(seed, bool) or not 0 <= seed < 2**31 for seed in seeds):
      raise ConfigurationError("suite.seeds, suite.tuning_seeds and suite.design_seed must be whole numbers from 0 to "
                               "2147483647.")

  @property
  def tuning_options(self) -> tuning_lib.Options:
    """The bindings that are about tuning."""
    return tuning_lib.Options(self.tuning, self.grids, tuple(self.tuning_seeds), self.tuning_tasks, self.tuning_stream,
                              self.tuning_margin, self.tuning_sampler, self.tuning_trials, self.tuning_round,
                              self.tuning_sampler_seed)

  def variants(self, learner: str) -> list[variants.Variant]:
    """What is trained of a learner: the points of its grid or sweep, or itself.

    Raises:
      ConfigurationError: that is no dict of lists, names a variant twice, or the learner has no grid.
    """
    if self.tuning_options.is_on:
      return variants.expand(learner, self.tuning_options.grid(learner), self.variants_source(learner))
    return variants.expand(learner, self.sweep.get(learner, {}), self.variants_source(learner))

  def variants_source(self, learner: str) -> str:
    """What messages call that."""
    return f"suite.{'grids' if self.tuning_options.is_on else 'sweep'} of {learner}"

  def _check_baseline(self, baseline: str) -> None:
    method, _ = split_variant(baseline)
    learner_names.resolve(method)
    trained = [variant.learner for variant in self.variants(method)] if method in self.sweep else [baseline]
    if baseline not in trained:
      raise ConfigurationError(f"suite.baseline {baseline!r} is none of the variants of {method}; name one of "
                               f"{', '.join(trained)}.")


def read_suite(text: GinText, files: Sequence[str]) -> Suite:
  """The suite that a text binds; nothing else of the text is checked.

  Raises:
    ConfigurationError: it binds none, or a wrong one.
  """
  bound = {name for name in text.values if name.startswith(f"{SUITE}.")}
  if not bound:
    raise ConfigurationError(f"{' '.join(map(str, files))} binds no suite.streams: --gin_file takes suites, such as "
                             "gin/suites/smoke.gin; streams and learners are named inside one.")
  known = catalogue.of_modules(())
  suite_alone = {name: text.values[name] for name in bound}
  bindings_lib.check_names(suite_alone, text.origins, known, is_complete=True)
  bindings_lib.check_types(text.values, bound | bindings_lib.reachable(text.values, SUITE), known)
  values = {name.rpartition(".")[2]: expand_macros(text.values[name], text.values) for name in bound}
  missing = [field.name for field in dataclasses.fields(Suite)
             if dataclasses.MISSING is field.default is field.default_factory and field.name not in values]
  if missing:
    raise ConfigurationError(f"{' '.join(map(str, files))} binds no suite.{missing[0]}; add it.")
  try:
    return Suite(**{"name": pathlib.Path(files[-1]).stem, **values})
  except ConfigurationError as error:
    raise ConfigurationError(without_call(error)) from error
