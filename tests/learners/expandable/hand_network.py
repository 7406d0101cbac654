"""A network in NumPy double precision, to check changes of structure against the function they must keep."""

import numpy as np

from lasem_tf.learners.expandable import units
from tests.learners import growing_support as support

SPEC = support.tiny_spec(image_shape=(3, 3, 2), channels=(4, 3), dense_sizes=(5,))
LAYOUT = units.UnitLayout(SPEC)


def random_weights(seed, widths=(4, 3, 5), num_classes=2):
  """Weights and biases of all layers and a head."""
  generator = np.random.default_rng(seed)
  shapes = [LAYOUT.view_shape(layer, LAYOUT.num_inputs(layer, widths), width) for layer, width in enumerate(widths)]
  shapes.append(LAYOUT.view_shape(3, widths[-1], num_classes))
  return units.UnitWeights([generator.normal(size=shape) for shape in shapes],
                           [generator.normal(size=shape[-1]) for shape in shapes])


def images(seed=0):
  """Five images."""
  return np.random.default_rng(seed).normal(size=(5, 3, 3, 2))


def logits(weights, visible, inputs):
  """The network on the units of a mask: everything else put to zero."""
  hidden = inputs
  for layer in range(2):
    kernel, total = weights.kernels[layer], 0.0
    extended = np.pad(hidden, ((0, 0), (1, 1), (1, 1), (0, 0)))
    for row in range(3):
      for column in range(3):
        total = total + extended[:, row:row + hidden.shape[1], column:column + hidden.shape[2]] @ kernel[row, column]
    hidden = np.maximum(total + weights.biases[layer], 0) * mask_of(visible[layer], kernel.shape[-1])
  # Pool 2 with window 2 on a 3 x 3 map, 'same': windows {0, 1} and {2}.
  windows = slice(0, 2), slice(2, 3)
  hidden = np.stack([np.stack([hidden[:, rows, columns].max(axis=(1, 2)) for columns in windows], axis=1)
                     for rows in windows], axis=1)
  flat = hidden.reshape(len(hidden), 4, -1)
  hidden = np.einsum("npc,pch->nh", flat, weights.kernels[2]) + weights.biases[2]
  hidden = np.maximum(hidden, 0) * mask_of(visible[2], hidden.shape[1])
  return hidden[:, :len(weights.kernels[3])] @ weights.kernels[3] + weights.biases[3]


def mask_of(visible, width):
  """A mask as numbers, for a layer that may have grown since."""
  return units.padded(visible, width).astype(float)


def with_head(weights, head):
  """The shared layers of one set of weights with the head of another."""
  return units.UnitWeights(weights.kernels[:-1] + head.kernels[-1:], weights.biases[:-1] + head.biases[-1:])


def old_logits(weights, head, visible, inputs):
  """Logits of an old task, whose head knows only the first top units."""
  rows = len(head.kernels[-1])
  padded = np.zeros((weights.widths()[-1], head.kernels[-1].shape[-1]))
  padded[:rows] = head.kernels[-1]
  joined = with_head(weights, head)
  joined.kernels[-1] = padded
  return logits(joined, visible, inputs)
