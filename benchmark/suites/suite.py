"""A suite: lists of streams, learners and seeds that expand to runs with readable identities. Needs no TensorFlow."""

import dataclasses
import itertools
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import gin

from benchmark.suites import bindings as bindings_lib, catalogue, learner_names, variants
from benchmark.suites.gin_files import ConfigurationError, nearest
from benchmark.suites.gin_text import canonical, expand_macros, GinText, Reader
from benchmark.suites.identity import Identity, is_name, NAME_RULE, split_variant

_SUITE = "suite"


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
      a variant that is trained in the learner's place.
  """

  streams: tuple[str, ...]
  learners: tuple[str, ...]
  scale: str
  seeds: tuple[int, ...]
  design_seed: int = 0
  name: str = ""
  baseline: str | None = None
  sweep: Mapping[str, Mapping[str, Sequence[Any]]] = dataclasses.field(default_factory=dict)

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
    for learner in self.sweep:
      if learner not in self.learners:
        raise ConfigurationError(f"suite.sweep names {learner!r}, which is none of suite.learners."
                                 f"{nearest(str(learner), self.learners)}")
      self.variants(learner)
    if self.baseline is not None:
      self._check_baseline(self.baseline)
    if any(isinstance(seed, bool) or not 0 <= seed < 2**31 for seed in (*self.seeds, self.design_seed)):
      raise ConfigurationError("suite.seeds and suite.design_seed must be whole numbers from 0 to 2147483647.")

  def variants(self, learner: str) -> list[variants.Variant]:
    """What is trained of a learner: the variants of its sweep, or itself.

    Raises:
      ConfigurationError: the sweep is no dict of lists, or names a variant twice.
    """
    return variants.expand(learner, self.sweep.get(learner, {}), f"suite.sweep of {learner}")

  def _check_baseline(self, baseline: str) -> None:
    method, _ = split_variant(baseline)
    learner_names.resolve(method)
    trained = [variant.learner for variant in self.variants(method)] if method in self.sweep else [baseline]
    if baseline not in trained:
      raise ConfigurationError(f"suite.baseline {baseline!r} is none of the variants of {method}; name one of "
                               f"{', '.join(trained)}.")


@dataclasses.dataclass(frozen=True)
class Run:
  """One run of a suite, with all of its configuration: nothing is read from gin files again.

  Attributes:
    stream: name of the stream's file.
    learner: the learner's name, or a variant's.
    scale: name of the scale's file.
    seed: the trial.
    design_seed: of the suite.
    text: what the run's gin files and bindings say, without includes.
    configuration_hash: of everything that decides the result, seed aside.
    source: what the learner's name stands for.
    names_defaults: whether the text is an operative configuration: it binds defaults too, so its hash is not the run's.
    bindings: what the variant changes: names and values, as gin writes them.
  """

  stream: str
  learner: str
  scale: str
  seed: int
  design_seed: int
  text: str
  configuration_hash: str = ""
  source: str = ""
  names_defaults: bool = False
  bindings: tuple[tuple[str, str], ...] = ()

  @property
  def identity(self) -> str:
    """Readable, unique within a suite, and the run's folder."""
    return str(Identity(self.stream, self.learner, self.scale, self.seed))

  def parse(self) -> dict[str, Any]:
    """Puts the run's configuration into gin's global state; returns what is bound.

    Raises:
      ConfigurationError: the text is not that of the run's hash, or gin cannot make sense of it.
    """
    values = bindings_lib.bound_values(self.text, self.identity)
    found = configuration_hash(values, self.design_seed)
    if found != self.configuration_hash and not self.names_defaults:
      raise ConfigurationError(f"Run {self.identity}: its configuration has hash {found}, but "
                               f"{self.configuration_hash} was planned. Start the command again.")
    bindings_lib.parse(self.text, self.identity)
    return values

  def to_json(self) -> dict:
    """For a worker process; see `from_json`."""
    return dataclasses.asdict(self)

  @classmethod
  def from_json(cls, values: Mapping[str, Any]) -> "Run":
    """The inverse of `to_json`."""
    return cls(**{**values, "bindings": tuple(map(tuple, values["bindings"]))})


def configuration_hash(values: Mapping[str, Any], design_seed: int) -> str:
  """The hash of a run that is bound to these values."""
  key = f"{_SUITE}.design_seed"
  return bindings_lib.configuration_hash({**values, key: design_seed}, bindings_lib.reachable(values) | {key})


def load(files: Sequence[str], bindings: Sequence[str] = ()) -> tuple[Suite, list[Run]]:
  """Reads a suite and expands it to runs; every run's configuration is checked.

  Args:
    files: suite files, later ones winning.
    bindings: from the command line, winning over all files.

  Returns:
    The suite, and its runs in the order streams x learners x variants x seeds.

  Raises:
    ConfigurationError: an unknown name, a wrong type, or a binding that no run uses.
  """
  reader = Reader()
  text = reader.read(files, bindings)
  suite = read_suite(text, files)
  own = {name for name in text.values if not name.startswith(f"{_SUITE}.")}
  runs: list[Run] = []
  used: set[str] = bindings_lib.reachable(text.values, _SUITE)
  for stream, learner in itertools.product(suite.streams, suite.learners):
    source = learner_names.resolve(learner)
    complete = reader.read((f"streams/{stream}.gin", *source.files), source.bindings)
    complete = reader.read((f"scale/{suite.scale}.gin", *files), bindings, after=complete)
    for variant in suite.variants(learner):
      text = _vary(complete, variant, f"suite.sweep of {learner}")
      used |= _check(text)
      runs += [Run(stream, variant.learner, suite.scale, seed, suite.design_seed, text.render(),
                   configuration_hash(text.values, suite.design_seed), str(source), bindings=variant.bindings)
               for seed in suite.seeds]
  for name in sorted(own - used):
    raise ConfigurationError(bindings_lib.unused_message(name, used))
  return suite, runs


def read_suite(text: GinText, files: Sequence[str]) -> Suite:
  """The suite that a text binds; nothing else of the text is checked.

  Raises:
    ConfigurationError: it binds none, or a wrong one.
  """
  bound = {name for name in text.values if name.startswith(f"{_SUITE}.")}
  if not bound:
    raise ConfigurationError(f"{' '.join(map(str, files))} binds no suite.streams: --gin_file takes suites, such as "
                             "gin/suites/smoke.gin; streams and learners are named inside one.")
  known = catalogue.of_modules(())
  suite_alone = {name: text.values[name] for name in bound}
  bindings_lib.check_names(suite_alone, text.origins, known, is_complete=True)
  bindings_lib.check_types(text.values, bound | bindings_lib.reachable(text.values, _SUITE), known)
  values = {name.rpartition(".")[2]: expand_macros(text.values[name], text.values) for name in bound}
  missing = [field.name for field in dataclasses.fields(Suite)
             if {field.default, field.default_factory} == {dataclasses.MISSING} and field.name not in values]
  if missing:
    raise ConfigurationError(f"{' '.join(map(str, files))} binds no suite.{missing[0]}; add it.")
  try:
    return Suite(**{"name": pathlib.Path(files[-1]).stem, **values})
  except ConfigurationError as error:  # Gin appends the call.
    raise ConfigurationError(str(error).split("\n  In call to configurable")[0]) from error


def _vary(complete: GinText, variant: variants.Variant, where: str) -> GinText:
  """A learner's configuration on one stream with the bindings of a variant.

  Raises:
    ConfigurationError: a binding that the learner does not use there.
  """
  text = complete.copy()
  for name, value in variant.values.items():
    text.bind(name, value, where)
  used = bindings_lib.reachable(text.values)
  for name in variant.values:
    if canonical(name) not in used:
      raise ConfigurationError(f"{where}: nothing of that learner uses {name}.{nearest(canonical(name), sorted(used))}")
  return text


def _check(complete: GinText) -> set[str]:
  """Checks one learner's configuration on one stream; returns the names that are used."""
  known = catalogue.of_modules(tuple(complete.modules))
  bindings_lib.check_names(complete.values, complete.origins, known, is_complete=not complete.modules)
  names = bindings_lib.reachable(complete.values)
  bindings_lib.check_types(complete.values, names, known)
  return names
