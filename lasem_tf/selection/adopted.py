"""What a search may do with shared layers, by whether an earlier task relies on them. Not in the papers."""

import dataclasses
from collections.abc import Sequence

import tensorflow as tf

from lasem_tf.selection import base


@dataclasses.dataclass(frozen=True)
class AdoptedLayers:
  """The shared layers as a new task finds them, and what its search leaves as it is.

  Attributes:
    adopted: for every layer, whether an earlier task relies on its shared weights; the others hold nothing learned.
    freeze: whether search steps leave adopted shared weights as they are, so that what is chosen as useful costs
      earlier tasks nothing.
    share_others: whether layers that no earlier task relies on are always shared, which costs nobody anything.
  """

  adopted: tuple[bool, ...]
  freeze: bool = False
  share_others: bool = False

  @classmethod
  def of(cls, adopted: Sequence[bool], depth: int, freeze: bool, share_others: bool) -> "AdoptedLayers":
    """With as many layers as the network has: where `adopted` is empty, no task came before."""
    return cls(tuple(adopted) or (False,) * depth, freeze, share_others)

  @property
  def shared_always(self) -> tuple[bool, ...]:
    """For every layer, whether it is shared whatever the search finds."""
    return tuple(self.share_others and not adopted for adopted in self.adopted)

  def trained(self, problem: base.SearchProblem) -> dict[str, tf.Variable]:
    """The weights that search steps may change."""
    still = {name for layer, names in problem.shared.items() if self.freeze and self.adopted[layer] for name in names}
    return {name: variable for name, variable in problem.weights.items() if name not in still}
