"""Domain values that every floor may use. No TensorFlow here."""

import dataclasses
from collections.abc import Mapping

import numpy as np

SPLITS = ("train", "validation", "test")
# Key of `TaskInfo.details`: the transfer configuration that a stream with planted structure declares best, as bits.
# The stream's protocol lists them by task under the same key.
BEST_CONFIGURATION = "best_configuration"


@dataclasses.dataclass(frozen=True)
class ReferenceBehaviour:
  """Switches that bring back what the released code did and the papers did not mean.

  All are off by default; `protocol = 'reference'` turns all of them on. Each names the defect it reproduces.

  Attributes:
    doubled_regulariser: the L2 term of DF-CNN is squared once more, at full weight, over every knowledge base.
    redraw_unadopted_at_revisit: revisiting a task redraws, and then keeps, shared layers that no task adopted.
    darts_double_update_at_revisit: RMSProp is applied twice to shared tensors when DARTS revisits a task.
    darts_second_order_as_released: the released second-order rule of DARTS, finite difference counted twice.
    additive_anchor_off: the retention term of additive parameter decomposition has no gradient.
    soft_gates: channel gates are a softmax whose sparsity term is a constant.
    drop_evaluation_remainder: evaluation ignores the last incomplete batch.
    record_before_commit: the last accuracies of a search are those before the roll-back.
  """

  doubled_regulariser: bool = False
  redraw_unadopted_at_revisit: bool = False
  darts_double_update_at_revisit: bool = False
  darts_second_order_as_released: bool = False
  additive_anchor_off: bool = False
  soft_gates: bool = False
  drop_evaluation_remainder: bool = False
  record_before_commit: bool = False

  @classmethod
  def released(cls) -> "ReferenceBehaviour":
    """Everything as the releases behave."""
    return cls(**{field.name: True for field in dataclasses.fields(cls)})


@dataclasses.dataclass(frozen=True)
class TaskInfo:
  """What is known of a task without loading an image.

  Attributes:
    task_id: position in the stream, 0-based.
    num_classes: number of outputs; labels are 0..num_classes-1.
    class_names: one name per local label.
    class_ids: global class id per local label (empty where a stream has none).
    details: stream-specific facts for people and fingerprints (domain, noise, permutation, planted group).
  """

  task_id: int
  num_classes: int
  class_names: tuple[str, ...]
  class_ids: tuple[int, ...] = ()
  details: Mapping[str, object] = dataclasses.field(default_factory=dict)

  @property
  def best_configuration(self) -> str | None:
    """The transfer configuration that the stream declares best, as bits; None where it declares none."""
    bits = self.details.get(BEST_CONFIGURATION)
    return None if bits is None else str(bits)


@dataclasses.dataclass(frozen=True)
class TaskSplit:
  """The examples of one split of one task.

  Attributes:
    images: float32 `[n, height, width, channels]`.
    labels: int32 `[n]`, local labels.
    indices: int64 `[n]`, which source image each example is (unique within the stream's source of that split).
  """

  images: np.ndarray
  labels: np.ndarray
  indices: np.ndarray

  def __len__(self) -> int:
    return len(self.labels)
