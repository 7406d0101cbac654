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

  def _check(self, num_tasks, epochs_per_task):
    self._configuration = TransferConfiguration.parse(self._name, self.depth)

  def configuration_of(self, task_id):
    return self._configuration

  def training_macs(self, layer_macs, generation_macs, dense_macs):
    shared = [macs if bit else 0.0 for macs, bit in zip(generation_macs, self._configuration.bits)]
    return super().training_macs(layer_macs, shared, dense_macs)
