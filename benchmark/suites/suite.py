"""A suite: lists of streams, learners and seeds that expand to runs with readable identities."""

import dataclasses
import itertools
import pathlib
from collections.abc import Sequence
from typing import Any

import gin

from benchmark.suites import bindings as bindings_lib
from benchmark.suites.bindings import ConfigurationError

_SUITE = "suite"


@gin.configurable(_SUITE)
@dataclasses.dataclass(frozen=True)
class Suite:
  """What a suite file binds.

  Attributes:
    streams: names of files in `gin/streams`.
    learners: names of files in `gin/learners`.
    scale: name of a file in `gin/scale`, the overlay that sets how much is trained.
    seeds: the trials.
    design_seed: fixes what all trials share.
    name: of the suite; names the default output folder. Default: the file's.
    baseline: learner that the tables test the others against; None for none.
  """

  streams: tuple[str, ...] = gin.REQUIRED
  learners: tuple[str, ...] = gin.REQUIRED
  scale: str = gin.REQUIRED
  seeds: tuple[int, ...] = gin.REQUIRED
  design_seed: int = 0
  name: str = ""
  baseline: str | None = None

  def __post_init__(self):
    for field in ("streams", "learners", "seeds"):
      values = tuple(getattr(self, field))
      if not values or len(set(values)) < len(values):
        raise ValueError(f"suite.{field} must name at least one entry and none twice, not {list(values)}.")
      object.__setattr__(self, field, values)


@dataclasses.dataclass(frozen=True)
class Run:
  """One run of a suite.

  Attributes:
    stream: name of the stream's file.
    learner: name of the learner's file.
    scale: name of the scale's file.
    seed: the trial.
    design_seed: of the suite.
    files: gin files, in order.
    bindings: further bindings, after the files.
    configuration_hash: of everything that decides the result, seed aside.
  """

  stream: str
  learner: str
  scale: str
  seed: int
  design_seed: int
  files: tuple[str, ...]
  bindings: tuple[str, ...]
  configuration_hash: str = ""

  @property
  def identity(self) -> str:
    """Readable, unique within a suite, and the run's folder."""
    return f"{self.stream}/{self.learner}/{self.scale}/seed{self.seed}"

  def parse(self) -> dict[str, Any]:
    """Puts the run's configuration into gin's global state; returns what is bound."""
    return bindings_lib.parse(self.files, self.bindings)

  def to_json(self) -> dict:
    """For a worker process; see `from_json`."""
    return dataclasses.asdict(self)

  @classmethod
  def from_json(cls, values: dict) -> "Run":
    """The inverse of `to_json`."""
    return cls(**{**values, "files": tuple(values["files"]), "bindings": tuple(values["bindings"])})


def load(files: Sequence[str], bindings: Sequence[str] = ()) -> tuple[Suite, list[Run]]:
  """Reads a suite and expands it to runs; every run's configuration is checked.

  Args:
    files: suite files, later ones winning.
    bindings: from the command line, winning over all files.

  Returns:
    The suite, and its runs in the order streams x learners x seeds.

  Raises:
    ConfigurationError: an unknown name, a wrong type, or a binding that no run uses.
  """
  bindings_lib.register_configurables()
  values = bindings_lib.parse(files, bindings)
  suite = _read_suite(values, files)
  own = {name for name in values if not name.startswith(f"{_SUITE}.")}
  runs, used = [], set()
  for stream, learner in itertools.product(suite.streams, suite.learners):
    parts = (bindings_lib.resolve(f"streams/{stream}.gin"), bindings_lib.resolve(f"learners/{learner}.gin"),
             bindings_lib.resolve(f"scale/{suite.scale}.gin"), *(bindings_lib.resolve(name) for name in files))
    run = Run(stream, learner, suite.scale, 0, suite.design_seed, parts, tuple(bindings))
    with_includes = run.parse()
    names = bindings_lib.reachable(with_includes)
    bindings_lib.check_types(with_includes, names)
    used |= names
    digest = bindings_lib.configuration_hash(with_includes | {"suite.design_seed": suite.design_seed}, names | {"suite.design_seed"})
    runs += [dataclasses.replace(run, seed=seed, configuration_hash=digest) for seed in suite.seeds]
  _check_used(own, used, values)
  return suite, runs


def _read_suite(values: dict[str, Any], files: Sequence[str]) -> Suite:
  bound = {name for name in values if name.startswith(f"{_SUITE}.")}
  if not bound:
    raise ConfigurationError(f"{' '.join(files)} binds no suite.streams: --gin_file takes suites, such as "
                             "gin/suites/smoke.gin; streams and learners are named inside one.")
  bindings_lib.check_types(values, bound | bindings_lib.reachable(values, _SUITE))
  try:
    suite = Suite()  # pylint: disable=no-value-for-parameter
  except (ValueError, RuntimeError, TypeError) as error:
    raise ConfigurationError(" ".join(str(error).split())) from error
  return dataclasses.replace(suite, name=suite.name or pathlib.Path(files[-1]).stem)


def _check_used(own: set[str], used: set[str], values: dict[str, Any]) -> None:
  used = used | bindings_lib.reachable(values, _SUITE)
  for name in sorted(own - used):
    raise ConfigurationError(bindings_lib.unused_message(name, used))
