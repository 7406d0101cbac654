"""A measured figure and the bar that it must meet. No TensorFlow here."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Bar:
  """A measured figure and its bar.

  Attributes:
    name: what is divided by what, or what is counted, with its unit.
    value: the figure; None where it could not be measured.
    limit: the bar, or None.
    at_least: whether the bar is a lower bound.
    note: why there is no figure.
  """

  name: str
  value: float | None
  limit: float | None = None
  at_least: bool = False
  note: str = ""

  @property
  def met(self) -> bool | None:
    """Whether the bar is met; None where there is no bar or no figure."""
    if self.limit is None or self.value is None:
      return None
    return self.value >= self.limit if self.at_least else self.value <= self.limit
