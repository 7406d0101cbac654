"""Variants of a learner: the same learner with other values of some bindings, by which each is named.

A sweep, such as `{'STRENGTH': (10.0, 100.0), 'LEARNING_RATE': (1e-4, 1e-3)}`, stands for the product of its values:
`ewc[strength=10,learning_rate=0.0001]` and three more. A tuple of sweeps stands for all of their points, `{}` for the
learner itself: an ablation is `({}, {'STRENGTH': (0.0,)}, {'DROPOUT': (0.0,)})`.
"""

import collections
import dataclasses
import hashlib
import itertools
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from benchmark.suites import gin_text, identity, search_space
from benchmark.suites.gin_files import ConfigurationError

_DIGITS_OF_DIGEST = 8
_MOST_POINTS = 100_000


@dataclasses.dataclass(frozen=True)
class Variant:
  """One point of a sweep.

  Attributes:
    learner: name of the variant, 'learner[parameter=value,...]'; the learner's own where nothing is changed.
    values: what is bound, by binding.
  """

  learner: str
  values: Mapping[str, Any] = dataclasses.field(default_factory=dict)

  @property
  def bindings(self) -> tuple[tuple[str, str], ...]:
    """Names and values, as gin writes them."""
    return tuple((name, gin_text.render(value)) for name, value in self.values.items())


def expand(learner: str, sweep: Mapping[str, Sequence[Any]] | Sequence[Mapping[str, Sequence[Any]]],
           where: str) -> list[Variant]:
  """The variants of a sweep, the last binding changing fastest; the learner itself if nothing is swept.

  Args:
    learner: name of the learner.
    sweep: values by binding or macro; or several such sweeps.
    where: what messages call the sweep.

  Raises:
    ConfigurationError: a binding has no list of values, or two variants are the same.
  """
  parts = sweep if isinstance(sweep, (tuple, list)) and sweep else (sweep,)
  variants = [variant for part in parts for variant in _product(learner, part, where)]
  counts = collections.Counter(variant.learner for variant in variants)
  twice = next((name for name, count in counts.items() if count > 1), None)
  if twice is not None:
    raise ConfigurationError(f"{where} lists a value twice: {twice} would be two runs. Remove one.")
  return variants


def _product(learner, sweep, where) -> list[Variant]:
  if not isinstance(sweep, Mapping):
    raise ConfigurationError(f"{where} must be a dict of values by binding, such as {{'LEARNING_RATE': (1e-4, 1e-3)}}, "
                             f"not {sweep!r}.")
  for name, values in sweep.items():
    if not isinstance(name, str) or not isinstance(values, (tuple, list)) or not values:
      raise ConfigurationError(f"{where}: {name} must be bound to a list of values, such as (0.1, 1.0), not "
                               f"{gin_text.render(values)}.")
    if search_space.looks_like_range(values):
      raise ConfigurationError(f"{where}: {name} = {gin_text.render(values)} is a range, from which only a sampler "
                               "draws: bind suite.tuning and suite.tuning_sampler = 'tpe' too, or list values.")
  if not sweep:
    return [Variant(learner)]
  if (number := math.prod(map(len, sweep.values()))) > _MOST_POINTS:
    raise ConfigurationError(f"{where} has {number} points, more than the {_MOST_POINTS} that a suite may have: list "
                             "fewer values, or have a sampler choose among them (suite.tuning_sampler).")
  return [of_point(learner, dict(zip(sweep, values))) for values in itertools.product(*sweep.values())]


def of_point(learner: str, point: Mapping[str, Any]) -> Variant:
  """The variant of a learner that binds these values."""
  return Variant(name_of(learner, point), point)


def name_of(learner: str, values: Mapping[str, Any]) -> str:
  """'learner[parameter=value,...]', a readable name of a folder; what it cannot show is told apart by a digest.

  Args:
    learner: name of the learner.
    values: by binding or macro; numbers, texts and whatever else gin can bind.
  """
  parameters = [_parameter(name) for name in values]
  shown = [parameter if parameters.count(parameter) == 1 else _safe(gin_text.canonical(name))
           for name, parameter in zip(values, parameters)]
  name = f"{learner}[{','.join(f'{parameter}={_text(value)}' for parameter, value in zip(shown, values.values()))}]"
  if len(name) <= identity.MAX_NAME:
    return name
  return f"{name[:identity.MAX_NAME - _DIGITS_OF_DIGEST - 2]}-{_digest(name)}]"


def _parameter(name: str) -> str:
  """'strength' of 'ElasticTrunk.strength', 'learning_rate' of the macro 'LEARNING_RATE'."""
  return _safe(name.rpartition(".")[2] if "." in name else name.lower())


def _text(value: Any) -> str:
  if isinstance(value, float):
    return f"{value:g}" if float(f"{value:g}") == value else repr(value)
  if isinstance(value, (tuple, list)) and value:
    return "+".join(map(_text, value))
  if isinstance(value, gin_text.Reference):
    return _safe(gin_text.short(value.name))
  return _safe(str(value) if isinstance(value, (str, int, type(None))) else gin_text.render(value))


def _safe(text: str) -> str:
  """The text where a name can hold it, else what is left of it and a digest."""
  left = re.sub(r"[^A-Za-z0-9_.+-]", "", text)
  return text if left == text and text else f"{left}-{_digest(text)}".lstrip("-")


def _digest(text: str) -> str:
  return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS_OF_DIGEST]
