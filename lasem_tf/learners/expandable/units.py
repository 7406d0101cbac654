"""How the units of a network lie in its weights, and which entries a phase may change.

Layers are numbered through convolutions, hidden dense layers and, last, the head. In its *view* a kernel has shape
`leading + (in, out)`, units on the last two axes: leading is (k, k) for a convolution, () for a dense layer and
(positions,) for the dense layer that reads the flattened map, whose row r is channel r % channels at position
r // channels. New channels therefore go inside every position block, never to the end of the flat matrix.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from lasem_tf.nn import architecture

# Which units of every layer (the head excepted) something refers to: boolean arrays, one for each layer.
Mask = list[np.ndarray]


@dataclasses.dataclass(frozen=True)
class UnitLayout:
  """Where units are, for a backbone of any width.

  Attributes:
    spec: the backbone as it starts.
  """

  spec: architecture.ConvNetSpec

  @property
  def num_layers(self) -> int:
    """Convolutions and hidden dense layers; also the number of the head."""
    return self.spec.depth + len(self.spec.dense_sizes)

  @property
  def widths(self) -> list[int]:
    """Number of units of every layer at the start."""
    return [*self.spec.channels, *self.spec.dense_sizes]

  def name(self, layer: int) -> str:
    """Stable name of a shared layer."""
    depth = self.spec.depth
    return f"shared/conv{layer}" if layer < depth else f"shared/dense{layer - depth}"

  def is_convolution(self, layer: int) -> bool:
    """Whether the units of a layer are channels."""
    return layer < self.spec.depth

  def leading(self, layer: int) -> tuple[int, ...]:
    """The axes of a kernel's view before (in, out)."""
    if self.is_convolution(layer):
      return (self.spec.kernel_sizes[layer],) * 2
    if layer == self.spec.depth:
      height, width, _ = self.spec.feature_shapes[-1]
      return (height * width,)
    return ()

  def view_shape(self, layer: int, num_inputs: int, num_outputs: int) -> tuple[int, ...]:
    """Shape of the view of a kernel."""
    return self.leading(layer) + (num_inputs, num_outputs)

  def stored_shape(self, layer: int, num_inputs: int, num_outputs: int) -> tuple[int, ...]:
    """Shape of the kernel itself."""
    if self.is_convolution(layer):
      return self.view_shape(layer, num_inputs, num_outputs)
    return int(np.prod(self.leading(layer))) * num_inputs, num_outputs

  def num_inputs(self, layer: int, widths: Sequence[int]) -> int:
    """Units below a layer: image channels for the first."""
    return self.spec.image_shape[2] if layer == 0 else widths[layer - 1]

  def resized(self, widths: Sequence[int]) -> architecture.ConvNetSpec:
    """The backbone with other widths."""
    depth = self.spec.depth
    return dataclasses.replace(self.spec, channels=tuple(widths[:depth]), dense_sizes=tuple(widths[depth:]))

  def below(self, mask: Mask, layer: int) -> np.ndarray:
    """The part of a mask that a layer reads; all image channels for the first layer."""
    return np.ones(self.spec.image_shape[2], bool) if layer == 0 else mask[layer - 1]


@dataclasses.dataclass
class UnitWeights:
  """Values of a trunk and one head, as views.

  Attributes:
    kernels: one view for each layer, the head's last.
    biases: `[out]` of each layer, the head's last.
  """

  kernels: list[np.ndarray]
  biases: list[np.ndarray]

  def widths(self) -> list[int]:
    """Number of units of every layer."""
    return [len(bias) for bias in self.biases[:-1]]

  def copy(self) -> "UnitWeights":
    """An independent copy."""
    return UnitWeights([kernel.copy() for kernel in self.kernels], [bias.copy() for bias in self.biases])


def padded(mask: np.ndarray, width: int) -> np.ndarray:
  """A mask made when a layer had fewer units; it holds none of the later ones."""
  return np.concatenate([mask, np.zeros(width - len(mask), bool)])


def all_units(widths: Sequence[int]) -> Mask:
  """Every unit of every layer."""
  return [np.ones(width, bool) for width in widths]


def num_units(mask: Mask) -> list[int]:
  """How many units of each layer a mask holds."""
  return [int(units.sum()) for units in mask]


def to_text(mask: Mask) -> list[str]:
  """JSON-able form: '1101' for each layer."""
  return ["".join("01"[int(unit)] for unit in units) for units in mask]


def from_text(text: Sequence[str]) -> Mask:
  """Inverse of `to_text`."""
  return [np.array([unit == "1" for unit in units], bool) for units in text]


def count_parameters(layout: UnitLayout, visible: Sequence[Mask], num_classes: Sequence[int]) -> int:
  """Parameters that some task uses.

  Args:
    layout: of the network.
    visible: the units that each task sees.
    num_classes: of each task.

  Returns:
    The kernel entries whose input and output at least one task sees both, the biases of all visible units, and every
    task's head on its visible units.
  """
  widths = [max(len(mask[layer]) for mask in visible) for layer in range(layout.num_layers)]
  seen = [np.stack([padded(mask[layer], widths[layer]) for mask in visible]) for layer in range(layout.num_layers)]
  total = 0
  for layer in range(layout.num_layers):
    inputs = np.ones((len(visible), layout.spec.image_shape[2]), bool) if layer == 0 else seen[layer - 1]
    pairs = inputs.T.astype(np.int64) @ seen[layer].astype(np.int64) > 0
    total += int(np.prod(layout.leading(layer))) * int(pairs.sum()) + int(seen[layer].any(axis=0).sum())
  rows = int(np.prod(layout.leading(layout.num_layers)))
  return total + sum(rows * int(mask[-1].sum()) * classes + classes for mask, classes in zip(visible, num_classes))


@dataclasses.dataclass
class Entries:
  """Entries of every layer, the head last.

  Attributes:
    pairs: boolean `[in, out]` of each layer: weights between these units.
    biases: boolean `[out]` of each layer.
  """

  pairs: list[np.ndarray]
  biases: list[np.ndarray]

  def kernel_mask(self, layout: UnitLayout, layer: int) -> np.ndarray:
    """Boolean, in the shape of a layer's kernel."""
    pairs = self.pairs[layer]
    view = np.broadcast_to(pairs, layout.view_shape(layer, *pairs.shape))
    return view.reshape(layout.stored_shape(layer, *pairs.shape))


def between(layout: UnitLayout, mask: Mask, num_classes: int) -> Entries:
  """The sub-network of some units: weights between two of them, their biases, their rows in the head and its bias."""
  above = [*mask, np.ones(num_classes, bool)]
  return Entries([np.outer(layout.below(mask, layer), outputs) for layer, outputs in enumerate(above)], above)


def head_only(layout: UnitLayout, mask: Mask, num_classes: int) -> Entries:
  """The head's rows of some units, and its bias."""
  everything = between(layout, mask, num_classes)
  return Entries([np.zeros_like(pairs) for pairs in everything.pairs[:-1]] + everything.pairs[-1:],
                 [np.zeros_like(biases) for biases in everything.biases[:-1]] + everything.biases[-1:])


def touching(layout: UnitLayout, mask: Mask, some: Mask, num_classes: int) -> Entries:
  """Entries between units of `mask` that touch a unit of `some`, and the whole head."""
  everything = between(layout, mask, num_classes)
  for layer, outputs in enumerate(some):
    inputs = np.zeros(everything.pairs[0].shape[0], bool) if layer == 0 else some[layer - 1]
    everything.pairs[layer] &= inputs[:, np.newaxis] | outputs
    everything.biases[layer] = everything.biases[layer] & outputs
  return everything


def leading_block(shape: tuple[int, ...], old_shape: tuple[int, ...]) -> np.ndarray:
  """Boolean view of a kernel or bias: entries between units that existed when it had the old shape."""
  block = np.zeros(shape, bool)
  block[tuple(slice(size) for size in old_shape)] = True
  return block


def enlarged(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
  """Old values in their place in a larger view, zeros elsewhere."""
  larger = np.zeros(shape, values.dtype)
  larger[tuple(slice(size) for size in values.shape)] = values
  return larger
