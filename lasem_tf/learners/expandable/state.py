"""What an expandable network consists of at a moment: shared layers, heads, who sees which unit, a snapshot, slots."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from lasem_tf.learners.expandable import network, structure, units
from lasem_tf.nn import initializers, layers, weights

_EVALUATION_BATCH = 256


class ExpandableState:
  """Owns all variables of the learner.

  Attributes:
    layout: where units are.
    trunk: the shared layers at their current widths.
    heads: by task.
    visible: the units that each task sees. A mask never changes once its task is learned; it may be shorter than a
      layer.
    snapshot: the shared layers as the visit in progress found them; empty outside of visits and in the first.
    slots: the optimiser's mean squares of the shared layers and the head of the visit in progress, 'rms/...', where
      they outlive a phase; else empty.
  """

  def __init__(self, layout: units.UnitLayout, num_classes: Sequence[int], initializer: initializers.Initializer):
    """Creates the shared layers."""
    self.layout, self._num_classes, self._initializer = layout, num_classes, initializer
    self.trunk = network.initial_trunk(layout, initializer)
    self.heads: dict[int, weights.WeightGroup] = {}
    self.visible: dict[int, units.Mask] = {}
    self.snapshot: list[weights.WeightGroup] = []
    self.slots: list[weights.WeightGroup] = []
    self._slots_of: int | None = None

  # --- tasks ----------------------------------------------------------------------------------------------------------

  def add_task(self, task_id: int, like: int | None) -> None:
    """Creates a task's head; the task sees what another task sees, or all units."""
    widths = self.trunk.widths
    self.visible[task_id] = units.all_units(widths) if like is None else [
        units.padded(seen, width) for seen, width in zip(self.visible[like], widths)]
    self._create_head(task_id, widths[-1])

  def _create_head(self, task_id: int, num_units: int) -> None:
    num_inputs, num_classes = self.layout.stored_shape(self.layout.num_layers, num_units, self._num_classes[task_id])
    self.heads[task_id] = weights.dense_layer(self._head_name(task_id), (num_inputs, num_classes), self._initializer)

  def _head_name(self, task_id: int) -> str:
    return f"task{task_id}/head/dense{len(self.layout.spec.dense_sizes)}"

  def logits(self, images: tf.Tensor, task_id: int, dropout_seed: tf.Tensor | None = None) -> tf.Tensor:
    """Logits of a task, computed on the units it sees."""
    return self.trunk(images, self.trunk.cut(self.heads[task_id], self.visible[task_id]), dropout_seed=dropout_seed)

  def loss(self, images: tf.Tensor, labels: tf.Tensor, task_id: int) -> float:
    """Mean cross-entropy of a task on images of it, dropout off."""
    total = 0.0
    for start in range(0, len(labels), _EVALUATION_BATCH):
      part = slice(start, start + _EVALUATION_BATCH)
      total += float(tf.reduce_sum(layers.cross_entropy(self.logits(images[part], task_id), labels[part])))
    return total / len(labels)

  def exclusive_units(self, task_id: int) -> units.Mask:
    """Units that no other task sees."""
    widths = self.trunk.widths
    others = units.all_units(widths)
    for other, seen in self.visible.items():
      if other != task_id:
        others = [alone & ~units.padded(mask, width) for alone, mask, width in zip(others, seen, widths)]
    return others

  # --- values ---------------------------------------------------------------------------------------------------------

  def read(self, task_id: int) -> units.UnitWeights:
    """The shared layers and a task's head."""
    return network.read(self.layout, [*self.trunk.groups, self.heads[task_id]])

  def rebuild(self, task_id: int, values: units.UnitWeights, visible: units.Mask, sources: list[np.ndarray]) -> None:
    """Takes up shared layers, head and visible units of other widths.

    Args:
      task_id: whose head and visible units these are.
      values: of the shared layers and that head.
      visible: what the task sees now.
      sources: for every unit of every layer the old unit whose slots it goes on with, -1 for none.
    """
    if self.slots:
      old = [network.read_layer(self.layout, layer, group) for layer, group in enumerate(self.slots)]
      self.slots = [network.group_of(self.layout, layer, *network.moved_slots(slots, layer, sources), group.prefix)
                    for layer, (slots, group) in enumerate(zip(old, self.slots))]
    self.trunk = network.trunk_of(self.layout, values.kernels[:-1], values.biases[:-1])
    self.heads[task_id] = network.group_of(self.layout, self.layout.num_layers, values.kernels[-1], values.biases[-1],
                                           self._head_name(task_id))
    self.visible[task_id] = visible

  def start_slots(self, task_id: int) -> None:
    """Slots of one for the shared layers and a task's head, to be kept until the visit ends."""
    self._slots_of = task_id
    self.slots = [weights.WeightGroup(f"rms/{group.prefix}", {
        kind: tf.ones_like(group[kind]) for kind in ("kernel", "bias")})
                  for group in [*self.trunk.groups, self.heads[task_id]]]

  def end_visit(self) -> None:
    """Drops what only a visit needs."""
    self.snapshot, self.slots, self._slots_of = [], [], None

  def take_snapshot(self) -> None:
    """Remembers the shared layers."""
    self._make_snapshot(network.read(self.layout, self.trunk.groups))

  def _make_snapshot(self, values: units.UnitWeights) -> None:
    self.snapshot = [network.group_of(self.layout, layer, kernel, bias, f"snapshot/{self.layout.name(layer)}")
                     for layer, (kernel, bias) in enumerate(zip(values.kernels, values.biases))]

  def read_snapshot(self) -> units.UnitWeights:
    """The shared layers, without a head, as the visit found them."""
    return network.read(self.layout, self.snapshot)

  @property
  def old_widths(self) -> list[int]:
    """Number of units of every layer when the visit began."""
    return [group["bias"].shape[0] for group in self.snapshot]

  def new_units(self) -> units.Mask:
    """Units that the visit added."""
    return [np.arange(width) >= old for width, old in zip(self.trunk.widths, self.old_widths)]

  def anchor(self, layer: int, kind: str) -> tuple[tf.Tensor | None, tf.Tensor | None]:
    """Snapshot of a kernel or bias at today's widths, and 1 for the entries that it has; None without a snapshot."""
    if layer >= len(self.snapshot):
      return None, None
    stored = self.trunk.groups[layer][kind]
    now, old = (getattr(network.read_layer(self.layout, layer, group), kind)
                for group in (self.trunk.groups[layer], self.snapshot[layer]))
    return tuple(tf.constant(view.reshape(stored.shape), stored.dtype) for view in (
        units.enlarged(old, now.shape), units.leading_block(now.shape, old.shape)))

  def mean_drift(self) -> list[float]:
    """Mean distance of the old units of every layer from where they were."""
    before, now = self.read_snapshot(), network.read(self.layout, self.trunk.groups)
    shapes = [kernel.shape[-2:] for kernel in before.kernels]
    return [float(np.mean(structure.distance(*(structure.incoming(each, layer, *shape) for each in (before, now)))))
            for layer, shape in enumerate(shapes)]

  # --- resume ---------------------------------------------------------------------------------------------------------

  @property
  def named_variables(self) -> dict[str, tf.Variable]:
    """All variables by their stable full name."""
    return weights.merge_variables([*self.trunk.groups, *self.heads.values(), *self.snapshot, *self.slots])

  def structure(self) -> dict:
    """JSON-able: what decides which variables there are, and who sees what."""
    return {"widths": self.trunk.widths, "old_widths": self.old_widths, "slots_of": self._slots_of,
            "visible": {str(task_id): units.to_text(seen) for task_id, seen in self.visible.items()}}

  def restore(self, structure: dict) -> None:
    """Makes the variables of a structure; their values are still to be assigned."""
    self.trunk = network.trunk_of(self.layout, *_zeros(self.layout, structure["widths"]))
    self._make_snapshot(units.UnitWeights(*_zeros(self.layout, structure["old_widths"])))
    self.visible = {int(task_id): units.from_text(seen) for task_id, seen in structure["visible"].items()}
    for task_id, seen in self.visible.items():
      self._create_head(task_id, len(seen[-1]))
    if structure["slots_of"] is not None:
      self.start_slots(structure["slots_of"])

  # --- counts ---------------------------------------------------------------------------------------------------------

  def used_parameters(self) -> int:
    """Parameters that some task uses."""
    visible = list(self.visible.values()) or [units.all_units(self.trunk.widths)]
    num_classes = [self._num_classes[task_id] for task_id in self.visible]
    return units.count_parameters(self.layout, visible, num_classes)

  def mask_bytes(self) -> int:
    """What it takes to know which units each task sees, a bit for each unit."""
    return sum(-(-sum(mask.size for mask in seen) // 8) for seen in self.visible.values())

  def stored_parameters(self) -> int:
    """Scalars of the shared layers and all heads, those included that no task uses."""
    return sum(group.num_parameters for group in [*self.trunk.groups, *self.heads.values()])


def _zeros(layout: units.UnitLayout, widths: Sequence[int]) -> tuple[list[np.ndarray], list[np.ndarray]]:
  """Views of kernels and biases of given widths."""
  dtype = network.float_type()
  return ([np.zeros(layout.view_shape(layer, layout.num_inputs(layer, widths), width), dtype)
           for layer, width in enumerate(widths)], [np.zeros(width, dtype) for width in widths])
