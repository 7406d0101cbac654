"""Transfer configurations: which layers of a network use shared knowledge. No TensorFlow here."""

import dataclasses
import itertools
import re
from collections.abc import Sequence


@dataclasses.dataclass(frozen=True)
class TransferConfiguration:
  """One bit for every convolution, from the input side to the output side; true = shared.

  Attributes:
    bits: tuple of bool.
  """

  bits: tuple[bool, ...]

  def __post_init__(self):
    object.__setattr__(self, "bits", tuple(bool(bit) for bit in self.bits))

  def __str__(self) -> str:
    return "".join("1" if bit else "0" for bit in self.bits)

  @property
  def depth(self) -> int:
    """Number of layers."""
    return len(self.bits)

  @property
  def index(self) -> int:
    """Position in the order of LASEM: bit l of the index is 1 iff layer l is *not* shared; 0 shares everything."""
    return sum(1 << layer for layer, bit in enumerate(self.bits) if not bit)

  @classmethod
  def from_index(cls, index: int, groups: Sequence[int]) -> "TransferConfiguration":
    """The configuration with this index among those constant inside groups of consecutive layers (all ones: LASEM)."""
    return cls(tuple(itertools.chain.from_iterable(
        [not index >> group & 1] * size for group, size in enumerate(groups))))

  @classmethod
  def parse(cls, name: str, depth: int) -> "TransferConfiguration":
    """The configuration called `name` for a network of `depth` convolutions.

    Args:
      name: 'all', 'none', 'top<k>' (the k layers nearest the output), 'bottom<k>' (nearest the input), 'alternating'
        (0101...), 'alternating_odd' (1010...), 'office_home_<one of these>' (the release's table for the 6-layer
        Office-Home network, which never shares its first two layers), or the bits themselves, e.g. '0011'.
      depth: number of convolutions.

    Raises:
      ValueError: for an unknown name or one that does not fit the depth.
    """
    if re.fullmatch("[01]+", name):
      if len(name) != depth:
        raise ValueError(f"Transfer configuration {name!r} has {len(name)} bits, the network has {depth} convolutions.")
      return cls(tuple(character == "1" for character in name))
    if name.startswith("office_home_"):
      if depth != 6:
        raise ValueError(f"Transfer configuration {name!r} is for the 6-layer Office-Home network, not for {depth} "
                         "layers.")
      return cls((False, False) + cls.parse(name.removeprefix("office_home_"), 4).bits)
    if name in ("all", "none"):
      return cls((name == "all",) * depth)
    if name in ("alternating", "alternating_odd"):
      return cls(tuple(layer % 2 == (name == "alternating") for layer in range(depth)))
    match = re.fullmatch(r"(top|bottom)([1-9]\d*)", name)
    if not match:
      raise ValueError(f"Unknown transfer configuration {name!r}: use all, none, top<k>, bottom<k>, alternating, "
                       f"alternating_odd, office_home_<...> or {depth} bits such as {'01' * (depth // 2)}.")
    count = int(match[2])
    if count >= depth:
      raise ValueError(f"Transfer configuration {name!r} needs more than {count} convolutions, the network has "
                       f"{depth}; call it 'all' to share every layer.")
    shared = (True,) * count
    own = (False,) * (depth - count)
    return cls(own + shared if match[1] == "top" else shared + own)


def check_groups(groups: Sequence[int], depth: int) -> tuple[int, ...]:
  """Groups of consecutive layers as a tuple; empty means every layer alone.

  Raises:
    ValueError: if they are not positive or do not sum to the depth.
  """
  groups = tuple(groups) or (1,) * depth
  if min(groups) < 1 or sum(groups) != depth:
    raise ValueError(f"Layer groups {groups} must be positive and sum to the network's {depth} convolutions.")
  return groups


def enumerate_configurations(groups: Sequence[int]) -> list[TransferConfiguration]:
  """All 2**len(groups) configurations, in the order of their index."""
  return [TransferConfiguration.from_index(index, groups) for index in range(1 << len(groups))]
