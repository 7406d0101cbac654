"""A suite as runs: what is trained on every stream, with all of its configuration. Needs no TensorFlow."""

import dataclasses
import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from benchmark.suites import bindings as bindings_lib, catalogue, learner_names, search_space, variants
from benchmark.suites.definition import read_suite, SUITE, Suite
from benchmark.suites.gin_files import ConfigurationError, nearest
from benchmark.suites.gin_text import canonical, GinText, Reader, short
from benchmark.suites.identity import Identity, split_variant, trial_scale
from lasem_tf.metrics.run_result import Tuning

__all__ = ["Expansion", "Group", "Run", "Suite", "configuration_hash", "expand", "load", "read_suite"]


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
    tuning: how hyper-parameters were or are chosen; None where they are not.
    code: modules of a user's own that the text imports, and the digest of each when the suite was planned.
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
  tuning: Tuning | None = dataclasses.field(default=None, hash=False)  # Has a list, and follows from the others.
  code: tuple[tuple[str, str], ...] = ()

  @property
  def identity(self) -> str:
    """Readable, unique within a suite, and the run's folder."""
    return str(Identity(self.stream, self.learner, self.scale, self.seed))

  @property
  def method(self) -> str:
    """The learner without what makes it a variant."""
    return split_variant(self.learner)[0]

  def parse(self) -> dict[str, Any]:
    """Puts the run's configuration into gin's global state; returns what is bound.

    Raises:
      ConfigurationError: the text is not that of the run's hash, gin cannot make sense of it, or code was edited.
    """
    values = bindings_lib.bound_values(self.text, self.identity)
    found = configuration_hash(values, self.design_seed)
    if found != self.configuration_hash and not self.names_defaults:
      raise ConfigurationError(f"Run {self.identity}: its configuration has hash {found}, but "
                               f"{self.configuration_hash} was planned. Start the command again.")
    catalogue.refuse_edited(self.code, f"Run {self.identity}")
    bindings_lib.parse(self.text, self.identity)
    return values

  def to_json(self) -> dict:
    """For a worker process; see `from_json`."""
    return dataclasses.asdict(self)

  @classmethod
  def from_json(cls, values: Mapping[str, Any]) -> "Run":
    """The inverse of `to_json`."""
    return cls(**{**values, "bindings": tuple(map(tuple, values["bindings"])),
                  "tuning": Tuning.from_json(values["tuning"]), "code": tuple(map(tuple, values.get("code", ())))})


def configuration_hash(values: Mapping[str, Any], design_seed: int) -> str:
  """The hash of a run that is bound to these values."""
  key = f"{SUITE}.design_seed"
  return bindings_lib.configuration_hash({**values, key: design_seed}, bindings_lib.reachable(values) | {key})


@dataclasses.dataclass(frozen=True)
class Group:
  """One learner on one stream.

  Attributes:
    stream: name of the stream that is evaluated.
    learner: name of the learner, of which all runs are variants.
    variants: runs of every variant, one for each seed.
    trials: the runs by which one of these variants is chosen, in their order; none where all are evaluated. Groups of
      several streams may have the same ones.
    space: what a sampler draws variants from, round by round; None where all of them are known from the beginning.
    points: with a sampler, what is bound for each variant so far.
    probes: with a sampler, runs that are never trained: constructing them checks all values and the ends of all ranges.
  """

  stream: str
  learner: str
  variants: tuple[tuple[Run, ...], ...]
  trials: tuple[tuple[Run, ...], ...] = ()
  space: search_space.Space | None = None
  points: tuple[search_space.Point, ...] = ()
  probes: tuple[Run, ...] = ()


@dataclasses.dataclass(frozen=True)
class Expansion:
  """A suite and its runs.

  Attributes:
    suite: what was bound.
    groups: in the order streams x learners.
    composer: by which they were made.
  """

  suite: Suite
  groups: tuple[Group, ...]
  composer: "_Composer" = dataclasses.field(repr=False)

  def extended(self, points: Mapping[str, Sequence[search_space.Point]]) -> "Expansion":
    """The same suite after further rounds of a sampler.

    Args:
      points: all that were suggested so far, by `tuning_unit`; groups that are not named stay as they are.
    """
    return dataclasses.replace(self, groups=tuple(
        self.composer.sampled(group, points[unit]) if (unit := self.tuning_unit(group)) in points else group
        for group in self.groups))

  def tuning_unit(self, group: Group) -> str:
    """Stream and learner of a group's trials: groups of one unit share them."""
    return f"{self.suite.tuning_stream or group.stream}/{group.learner}"

  @property
  def trials(self) -> list[Run]:
    """All runs that serve to choose hyper-parameters, each once."""
    return list(dict.fromkeys(run for group in self.groups for runs in group.trials for run in runs))

  @property
  def evaluated(self) -> list[Run]:
    """All runs that are, or may be chosen to be, evaluated."""
    return [run for group in self.groups for runs in group.variants for run in runs]


def load(files: Sequence[str], bindings: Sequence[str] = ()) -> tuple[Suite, list[Run]]:
  """`expand`, as the suite and all of its runs: trials, and whatever may be evaluated."""
  expansion = expand(files, bindings)
  return expansion.suite, expansion.trials + expansion.evaluated


def expand(files: Sequence[str], bindings: Sequence[str] = ()) -> Expansion:
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
  own = {name for name in text.values if not name.startswith(f"{SUITE}.")}
  composer = _Composer(reader, files, bindings, suite, bindings_lib.reachable(text.values, SUITE),
                       _of_some_runs(reader, text, suite))
  groups = tuple(composer.group(stream, learner)
                 for stream, learner in itertools.product(suite.streams, suite.learners))
  for name in sorted(own - composer.used):
    raise ConfigurationError(bindings_lib.unused_message(name, composer.used))
  sizes = {group.learner: len(group.trials) for group in groups}
  if len(set(sizes.values())) > 1 and not suite.allow_mixed_tuning:
    shown = ", ".join(f"{learner} {size}" for learner, size in sizes.items())
    raise ConfigurationError(f"suite.grids gives learners different numbers of trials ({shown}), and one table cannot "
                             "hold both: give them equally many, or bind suite.allow_mixed_tuning = True.")
  return Expansion(suite, groups, composer)


class _Composer:
  """Puts together the configurations of a suite's runs.

  Attributes:
    used: names of bindings that some run uses.
  """

  def __init__(self, reader: Reader, files: Sequence[str], bindings: Sequence[str], suite: Suite, used: set[str],
               of_some_runs: Collection[str]):
    self.used = set(used)
    self._of_some_runs = of_some_runs
    self._reader, self._files, self._bindings, self._suite = reader, files, bindings, suite

  def group(self, stream: str, learner: str) -> Group:
    """All runs of a learner on a stream."""
    options = self._suite.tuning_options
    if options.is_sampled:
      space = options.space(learner)
      probes = [variants.of_point(learner, point) for point in space.probes()]
      runs = (*self._evaluated(stream, learner, probes), *self._trials(stream, learner, probes))
      return Group(stream, learner, (), space=space, probes=tuple(seeds[0] for seeds in runs))
    points = self._suite.variants(learner)
    return Group(stream, learner, self._evaluated(stream, learner, points),
                 self._trials(stream, learner, points) if options.is_on else ())

  def sampled(self, group: Group, points: Sequence[search_space.Point]) -> Group:
    """The same with what a sampler suggested so far; the record of a trial says what was known in its round."""
    found = [variants.of_point(group.learner, point) for point in points]
    return dataclasses.replace(
        group, points=tuple(points), variants=self._evaluated(group.stream, group.learner, found),
        trials=self._trials(group.stream, group.learner, found))

  def _evaluated(self, stream: str, learner: str, points: Sequence[variants.Variant]) -> tuple[tuple[Run, ...], ...]:
    facts = self._suite.tuning_options.facts(learner, [point.learner for point in points])
    return tuple(self._runs(stream, learner, points, self._suite.scale, self._suite.seeds, facts))

  def _trials(self, stream: str, learner: str, points: Sequence[variants.Variant]) -> tuple[tuple[Run, ...], ...]:
    options, names = self._suite.tuning_options, [point.learner for point in points]
    size = options.round_size if options.is_sampled else len(points)
    found: list[tuple[Run, ...]] = []
    for first in range(0, len(points), size):
      found += self._runs(options.stream or stream, learner, points[first:first + size], trial_scale(self._suite.scale),
                          options.seeds, options.facts(learner, names[:first + size]), options.trial_bindings)
    return tuple(found)

  def _runs(self, stream: str, learner: str, points: Sequence[variants.Variant], scale: str, seeds: Sequence[int],
            facts: Tuning | None, further: Mapping[str, Any] | None = None) -> Iterator[tuple[Run, ...]]:
    """Of every variant, a run for each seed; `further` is bound besides."""
    source, suite = learner_names.resolve(learner), self._suite
    complete = self._reader.read((f"streams/{stream}.gin", *source.files), source.bindings)
    complete = self._reader.read((f"scale/{suite.scale}.gin", *self._files), self._bindings, after=complete)
    known = catalogue.of_modules(tuple(complete.modules)) if self._of_some_runs else {}
    for name in self._of_some_runs:
      if _configurable(name) not in known:
        complete.drop(name)
    for name, value in (further or {}).items():
      complete.bind(name, value, "suite.tuning")
    code = tuple((module, catalogue.digest(module)) for module in complete.modules)
    for point in points:
      text = _vary(complete, point, suite.variants_source(learner))
      self.used |= _check(text)
      hashed = configuration_hash(text.values, suite.design_seed)
      yield tuple(Run(stream, point.learner, scale, seed, suite.design_seed, text.render(), hashed, str(source),
                      bindings=point.bindings, tuning=facts, code=code) for seed in seeds)


def _of_some_runs(reader: Reader, text: GinText, suite: Suite) -> set[str]:
  """Bindings of a suite for classes that some of its learners or streams import, and the suite itself does not.

  The other runs do not know these classes, and go without the bindings.
  """
  shipped = catalogue.of_modules(tuple(text.modules))
  unknown = {name for name in text.values if "." in name and _configurable(name) not in {*shipped, SUITE}}
  if not unknown:
    return set()
  parts: list[tuple[str, ...]] = [(f"streams/{stream}.gin",) for stream in suite.streams]
  parts += [learner_names.resolve(learner).files for learner in suite.learners]
  known = catalogue.of_modules(tuple(dict.fromkeys(module for files in parts for module in reader.read(files).modules)))
  return {name for name in unknown if _configurable(name) in known}


def _configurable(name: str) -> str:
  """Whose parameter a binding sets, without scope and modules."""
  return short(name.rpartition(".")[0])


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
