"""One transfer configuration for all tasks, chosen beforehand."""

import gin

from lasem_tf.selection import base
from lasem_tf.selection.configuration import TransferConfiguration


@gin.register
class Static(base.Selection):
  """A named configuration (see `TransferConfiguration.parse`)."""

  searches = False

  def __init__(self, configuration: str = gin.REQUIRED):
    self._name = configuration

  def _check(self):
    self._configuration = TransferConfiguration.parse(self._name, self.depth)

  def begin_task(self, task_id, num_epochs):
    """Nothing to prepare."""

  def choice(self):
    return self._configuration

  def next_phase(self, num_completed, num_epochs):
    return base.SelectionPhase("train", num_epochs, self._configuration) if num_completed == 0 else None

  def training_macs(self, layer_macs, generation_macs, dense_macs):
    shared = [macs if bit else 0.0 for macs, bit in zip(generation_macs, self._configuration.bits)]
    return super().training_macs(layer_macs, shared, dense_macs)
