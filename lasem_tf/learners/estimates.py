"""What a learner will cost, before anything is trained."""

from collections.abc import Sequence
from typing import Any

from lasem_tf.nn import workload


class Estimates:
  """The estimates of a learner that trains one plain network; others replace those that do not fit them.

  Attributes:
    context: the `LearnerContext`.
  """

  context: Any

  def super_network_parameters(self) -> int | None:
    """Parameters while a search runs, or None for a learner without one."""
    return None

  def planned_epochs(self, order: Sequence[int]) -> int:
    """Epochs of training, at most, of a run that visits tasks in this order."""
    return len(order) * self.context.epochs_per_task

  def forward_macs(self, task_id: int) -> int:
    """Multiply-accumulate operations of one image's forward pass for a task; an estimate before it is learned."""
    return self.context.spec.forward_macs(self.context.num_classes[task_id])

  def training_macs_per_image(self, task_id: int) -> float:
    """Multiply-accumulate operations per image and epoch of a first visit, an estimate that needs no training.

    Forward, gradient of the weights and gradient of the inputs cost the same; the first layer needs none of its input.
    """
    return 3.0 * self.forward_macs(task_id) - self.context.spec.convolution_macs(0)

  def workload(self, task_id: int) -> workload.Workload:
    """What the first visit of a task takes beside these operations; the default is a plain network's."""
    return workload.Workload()
