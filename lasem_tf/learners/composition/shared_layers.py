"""The shared weights of all layers, and which of them some task relies on."""

from collections.abc import Iterable, Sequence

import tensorflow as tf

from lasem_tf.knowledge import base
from lasem_tf.nn import weights


class SharedLayers:
  """One shared weight group for every layer that some task has had a shared route to.

  A group is *adopted* once a task keeps it. What no task adopted is drawn anew before the next search: it holds nothing
  that was learned.

  Attributes:
    groups: the groups by layer.
    adopted: for every layer, whether a task relies on its group.
  """

  def __init__(self, knowledge: base.Knowledge, depth: int):
    self._knowledge = knowledge
    self.groups: dict[int, weights.WeightGroup] = {}
    self.adopted = [False] * depth
    self._draws = [0] * depth

  def create(self, layers: Iterable[int]) -> None:
    """Creates the groups that are not there yet."""
    for layer in layers:
      if layer not in self.groups:
        self.groups[layer] = self._knowledge.create_shared(layer, self._draws[layer])

  def redraw_unadopted(self) -> None:
    """Gives the groups that no task adopted new initial values."""
    for layer, group in self.groups.items():
      if not self.adopted[layer]:
        self._draws[layer] += 1
        _, values = self._knowledge.shared_values(layer, self._draws[layer])
        for name, value in values.items():
          group[name].assign(value)

  def adopt(self, bits: Sequence[bool]) -> None:
    """A task keeps the groups of these layers."""
    self.adopted = [adopted or bool(bit) for adopted, bit in zip(self.adopted, bits)]

  def ordered(self, bits: Sequence[bool] | None = None) -> list[weights.WeightGroup]:
    """Groups from the input side on: all, or those of the layers with a true bit."""
    return [group for layer, group in sorted(self.groups.items()) if bits is None or bits[layer]]

  @property
  def named_variables(self) -> dict[str, tf.Variable]:
    """Variables of all groups by their stable full name."""
    return weights.merge_variables(self.ordered())

  def structure(self) -> dict:
    """JSON-able: which groups there are, and how they came to be."""
    return {"adopted": list(self.adopted), "draws": list(self._draws), "shared": sorted(self.groups)}

  def restore_structure(self, structure: dict) -> None:
    """Takes up what `structure` gave; values are assigned by whoever restores the variables."""
    self._draws = list(structure["draws"])
    self.create(structure["shared"])
    self.adopted = list(structure["adopted"])
