"""Which entries of which variables a phase may change."""

import dataclasses

import numpy as np

from lasem_tf.learners.expandable import units


@dataclasses.dataclass
class Entries:
  """Entries of every layer, the head last.

  Attributes:
    pairs: boolean `[in, out]` of each layer: weights between these units.
    biases: boolean `[out]` of each layer.
  """

  pairs: list[np.ndarray]
  biases: list[np.ndarray]

  def kernel_mask(self, layout: units.UnitLayout, layer: int) -> np.ndarray:
    """Boolean, in the shape of a layer's kernel."""
    pairs = self.pairs[layer]
    view = np.broadcast_to(pairs, layout.view_shape(layer, *pairs.shape))
    return view.reshape(layout.stored_shape(layer, *pairs.shape))


def between(layout: units.UnitLayout, mask: units.Mask, num_classes: int) -> Entries:
  """The sub-network of some units: weights between two of them, their biases, their rows in the head and its bias."""
  above = [*mask, np.ones(num_classes, bool)]
  return Entries([np.outer(layout.below(mask, layer), outputs) for layer, outputs in enumerate(above)], above)


def head_only(layout: units.UnitLayout, mask: units.Mask, num_classes: int) -> Entries:
  """The head's rows of some units, and its bias."""
  everything = between(layout, mask, num_classes)
  return Entries([np.zeros_like(pairs) for pairs in everything.pairs[:-1]] + everything.pairs[-1:],
                 [np.zeros_like(biases) for biases in everything.biases[:-1]] + everything.biases[-1:])


def touching(layout: units.UnitLayout, mask: units.Mask, some: units.Mask, num_classes: int) -> Entries:
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
