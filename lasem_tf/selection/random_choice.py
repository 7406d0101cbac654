"""A configuration drawn for every task: the control that a search must beat.

Random search with the same budget is the baseline of architecture search (Li and Talwalkar, UAI 2019). Here it is one
draw, trained alone from the first step on for all of a task's epochs, as a static configuration is.
"""

import gin

from lasem_tf import seeding
from lasem_tf.selection import base
from lasem_tf.selection.configuration import TransferConfiguration


@gin.register
class Random(base.Selection):
  """Uniform over the 2^depth configurations, a function of (seed, task) alone: the same for every knowledge."""

  searches = False

  def configuration_of(self, task_id):
    index = int(seeding.generator(self.seed, "random_configuration", task_id).integers(2**self.depth))
    return TransferConfiguration.from_index(index, (1,) * self.depth)

  def training_macs(self, layer_macs, generation_macs, dense_macs):
    # Every layer is shared in half of the configurations.
    return super().training_macs(layer_macs, [macs / 2 for macs in generation_macs], dense_macs)
