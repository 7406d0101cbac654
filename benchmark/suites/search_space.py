"""What a sampler may draw from: for every binding either values, in no order, or a range.

| a grid's entry | stands for |
| --- | --- |
| `(10.0, 100.0, 1000.0)` | one of these values |
| `('log', 1e-5, 1e-2)` | a number between these, uniform in its logarithm, to three digits |
| `('uniform', 0.1, 0.9)` | a number between these, to a thousandth of the distance or less |
| `('int', 1, 8)` | a whole number from the first to the last |

Numbers are rounded so that variants have readable names; every axis has finitely many values.
"""

import ast
import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from benchmark.suites import gin_text
from benchmark.suites.gin_files import ConfigurationError

_LOG, _UNIFORM, _INT = KINDS = ("log", "uniform", "int")
_DIGITS = 3
_NEAR_AN_END = 0.05  # Of the range, in its logarithm where the range is logarithmic.

Point = Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Range:
  """Numbers between two ends, both included.

  Attributes:
    kind: 'log', 'uniform' or 'int'.
    low: the smaller end; positive where the range is logarithmic.
    high: the larger end.
  """

  kind: str
  low: float
  high: float

  @property
  def num_values(self) -> int:
    """How many numbers `rounded` tells apart."""
    if self.kind == _LOG:
      return self._place(self.high) - self._place(self.low) + 1
    return int(math.floor((self.high - self.low) * 10.0 ** self._decimals + 0.5)) + 1

  def rounded(self, value: float) -> float | int:
    """The number that is bound for a number between the ends."""
    if self.kind == _INT:
      return round(value)
    text = float(f"{value:.{_DIGITS - 1}e}") if self.kind == _LOG else round(value, self._decimals)
    return min(max(float(text), float(self.low)), float(self.high))

  @property
  def ends(self) -> tuple[float | int, float | int]:
    """Both, as they are bound."""
    low, high = map(int if self.kind == _INT else float, (self.low, self.high))
    return low, high

  def at(self, share: float) -> float | int:
    """The number so far from the lower end to the upper one, in its logarithm for 'log'; share: from 0 to 1."""
    if self.kind == _LOG:
      return self.rounded(math.exp((1 - share) * math.log(self.low) + share * math.log(self.high)))
    return self.rounded((1 - share) * self.low + share * self.high)

  def is_near_an_end(self, value: float) -> bool:
    """Whether a number is so near to an end that numbers outside might be better."""
    low, high = self.low, self.high
    if self.kind == _LOG:
      low, high, value = map(math.log, (low, high, value))
    return min(value - low, high - value) <= _NEAR_AN_END * (high - low)

  @property
  def _decimals(self) -> int:
    return 0 if self.kind == _INT else _DIGITS - math.floor(math.log10(self.high - self.low))

  def _place(self, value: float) -> int:
    """The number's place among all that have so many digits."""
    mantissa, exponent = f"{value:.{_DIGITS - 1}e}".split("e")
    return 9 * 10 ** (_DIGITS - 1) * int(exponent) + round(float(mantissa) * 10 ** (_DIGITS - 1))


Axis = tuple[Any, ...] | Range


@dataclasses.dataclass(frozen=True)
class Space:
  """The product of axes.

  Attributes:
    axes: values or a range, by binding or macro.
  """

  axes: Mapping[str, Axis]

  @property
  def num_points(self) -> int:
    """How many points a sampler can tell apart."""
    return math.prod(axis.num_values if isinstance(axis, Range) else len(axis) for axis in self.axes.values())

  @property
  def texts(self) -> dict[str, str]:
    """The axes, as gin writes them; see `range_of`."""
    return {name: gin_text.render((axis.kind, axis.low, axis.high) if isinstance(axis, Range) else axis)
            for name, axis in self.axes.items()}

  def probes(self) -> list[Point]:
    """As few points as hold every value and both ends of every range at least once."""
    ends = {name: axis.ends if isinstance(axis, Range) else axis for name, axis in self.axes.items()}
    return [{name: values[min(place, len(values) - 1)] for name, values in ends.items()}
            for place in range(max(map(len, ends.values())))]

  def draw(self, random: np.random.Generator) -> Point:
    """A point, every axis for itself."""
    return {name: axis.at(random.random()) if isinstance(axis, Range) else axis[random.integers(len(axis))]
            for name, axis in self.axes.items()}


def read(grid: Any, where: str) -> Space:
  """The space that a grid stands for.

  Args:
    grid: values or ranges, by binding or macro.
    where: what messages call it.

  Raises:
    ConfigurationError: it is no such thing.
  """
  if not isinstance(grid, Mapping) or not grid:
    raise ConfigurationError(f"{where} must be a dict of values or ranges by binding, such as "
                             f"{{'LEARNING_RATE': ('log', 1e-5, 1e-2)}}, not {grid!r}.")
  return Space({name: _axis(name, values, where) for name, values in grid.items()})


def looks_like_range(values: Any) -> bool:
  """Whether values are written as a range is, rightly or not: its kind, and nothing but numbers after it."""
  return isinstance(values, (tuple, list)) and len(values) > 1 and values[0] in KINDS and all(
      isinstance(value, (int, float)) for value in values[1:])


def range_of(text: str) -> Range | None:
  """The range that an entry of `Space.texts` is; None for values."""
  try:
    values = ast.literal_eval(text)
    return _range(values, text) if looks_like_range(values) else None
  except (ValueError, SyntaxError, MemoryError, RecursionError):  # Values that are references, or a stranger's text.
    return None


def _axis(name: Any, values: Any, where: str) -> Axis:
  shown = f"{where}: {name} = {gin_text.render(values)}"
  if not isinstance(name, str) or not isinstance(values, (tuple, list)) or not values:
    raise ConfigurationError(f"{shown} is neither a list of values, such as (0.1, 1.0), nor a range, such as "
                             "('log', 1e-5, 1e-2).")
  if looks_like_range(values):
    return _range(values, shown)
  texts = [gin_text.render(value) for value in values]
  if twice := next((text for text in texts if texts.count(text) > 1), ""):
    raise ConfigurationError(f"{shown} lists {twice} twice. Remove one.")
  return tuple(values)


def _range(values: Sequence[Any], shown: str) -> Range:
  kind, ends = values[0], values[1:]
  if len(ends) != 2 or any(isinstance(end, bool) for end in ends):
    raise ConfigurationError(f"{shown} is no range: write its kind and two ends, such as ('{kind}', 1, 8).")
  if ends[0] >= ends[1]:
    raise ConfigurationError(f"{shown} is no range: its first end must be less than its second.")
  if kind == _LOG and ends[0] <= 0:
    raise ConfigurationError(f"{shown}: a logarithmic range must begin above 0; use 'uniform', or a larger first end.")
  if kind == _INT and not all(isinstance(end, int) for end in ends):
    raise ConfigurationError(f"{shown}: the ends of whole numbers must be whole; use 'uniform' for others.")
  return Range(kind, *ends)
