"""Optuna's samplers as pure functions: what was tried and how good it was decides what is tried next.

Nothing is kept between two calls. A sampler begins anew in every round, with a seed of that round, and is told all
earlier trials; within a round it knows which trials wait for their results. So a suite that was killed gets the same
suggestions from the same records, whatever became of the study's file, and the number of processes decides nothing.

tpe: the tree-structured Parzen estimator (Bergstra et al., "Algorithms for Hyper-Parameter Optimization", NeurIPS
2011); the first round, of which nothing is known, is drawn at random. random: every round is.
"""

import importlib.util
import pathlib
import tempfile
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from benchmark.suites import gin_text
from benchmark.suites.gin_files import ConfigurationError
from benchmark.suites.search_space import Point, Range, Space

TPE, RANDOM = NAMES = ("tpe", "random")
_MOST_REPEATS = 20  # Suggestions that were tried already, before a point is drawn at random.


class Told(NamedTuple):
  """A trial and what became of it.

  Attributes:
    point: what was bound.
    value: the larger, the better; None while it is not known.
    name: of the variant, for people who open the study.
    scores: for the same people.
  """

  point: Point
  value: float | None
  name: str = ""
  scores: Sequence[tuple[str, float]] = ()


def check_installed(binding: str) -> None:
  """Raises `ConfigurationError`, which names the extra, where Optuna is missing."""
  if importlib.util.find_spec("optuna") is None:
    raise ConfigurationError(f"{binding} needs Optuna: pip install 'lasem-tf[tuning]', or '.[tuning]' in a checkout; "
                             "suite.tuning_sampler = 'grid' needs nothing.")


def suggest(space: Space, told: Sequence[Told], sampler: str, seed: int, round_size: int, number: int) -> list[Point]:
  """The points of the next round: new ones, each once.

  Args:
    space: where they lie.
    told: all trials of earlier rounds, with their values.
    sampler: one of `NAMES`.
    seed: of the study; the round has its own, made of this.
    round_size: trials in a full round.
    number: of points to suggest; together with `told` at most as many as the space has.
  """
  import optuna  # noqa: PLC0415  an extra

  round_seed = [seed, len(told) // round_size]
  state = int(np.random.SeedSequence(round_seed).generate_state(1)[0])
  engine = (optuna.samplers.RandomSampler(seed=state) if sampler == RANDOM else
            optuna.samplers.TPESampler(seed=state, n_startup_trials=round_size, constant_liar=True))
  study = _study(space, told, "suggestions", None, engine)
  random = np.random.default_rng([*round_seed, 1])
  known = {_key(entry.point) for entry in told}
  found: list[Point] = []
  for _ in range(number):
    for _ in range(_MOST_REPEATS):
      asked = study.ask(_distributions(space))
      point = _to_point(space, asked.params)
      if _key(point) not in known:
        break
      study.tell(asked, state=optuna.trial.TrialState.FAIL)  # The sampler knows the value of this point already.
    else:
      while _key(point) in known:
        point = space.draw(random)
      study.add_trial(_trial(space, Told(point, None)))
    known.add(_key(point))
    found.append(point)
  return found


def journal(space: Space, told: Sequence[Told], name: str) -> bytes:
  """The study as the file of Optuna's `JournalStorage`: trials without a value are running.

  Args:
    space: where its points lie.
    told: its trials.
    name: of the study.
  """
  from optuna.storages import journal as journal_lib, JournalStorage  # noqa: PLC0415  an extra

  with tempfile.TemporaryDirectory() as folder:
    path = pathlib.Path(folder, "study")
    _study(space, told, name, JournalStorage(journal_lib.JournalFileBackend(str(path))))
    return path.read_bytes()


def _study(space: Space, told: Sequence[Told], name: str, storage: Any, engine: Any = None) -> Any:
  import optuna  # noqa: PLC0415  an extra

  optuna.logging.set_verbosity(optuna.logging.WARNING)  # It announces every study.
  study = optuna.create_study(storage=storage, study_name=name, direction="maximize", sampler=engine)
  study.add_trials([_trial(space, entry) for entry in told])
  return study


def _trial(space: Space, told: Told) -> Any:
  from optuna import trial  # noqa: PLC0415  an extra

  return trial.create_trial(
      state=trial.TrialState.RUNNING if told.value is None else trial.TrialState.COMPLETE, value=told.value,
      params=_to_parameters(space, told.point), distributions=_distributions(space),
      user_attrs={"variant": told.name, **dict(told.scores)})


def _distributions(space: Space) -> dict[str, Any]:
  """Values as texts: Optuna's categories hold no tuples and no references."""
  from optuna import distributions  # noqa: PLC0415  an extra

  found: dict[str, Any] = {}
  for name, axis in space.axes.items():
    if not isinstance(axis, Range):
      found[name] = distributions.CategoricalDistribution(list(map(gin_text.render, axis)))
    elif axis.kind == "int":
      found[name] = distributions.IntDistribution(int(axis.low), int(axis.high))
    else:
      found[name] = distributions.FloatDistribution(axis.low, axis.high, log=axis.kind == "log")
  return found


def _to_parameters(space: Space, point: Point) -> dict[str, Any]:
  return {name: point[name] if isinstance(axis, Range) else gin_text.render(point[name])
          for name, axis in space.axes.items()}


def _to_point(space: Space, parameters: dict[str, Any]) -> Point:
  return {name: axis.rounded(parameters[name]) if isinstance(axis, Range) else
          next(value for value in axis if gin_text.render(value) == parameters[name])
          for name, axis in space.axes.items()}


def _key(point: Point) -> str:
  return gin_text.render(dict(point))
