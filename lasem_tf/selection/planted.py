"""The configuration that a stream declares best for every task: the control that shows what a search could reach.

Only streams with planted structure declare one (`types.BEST_CONFIGURATION`); whether it is best is a matter of
measurement (see `benchmark.certificate`).
"""

import gin

from lasem_tf.selection import base
from lasem_tf.selection.configuration import TransferConfiguration


@gin.register
class Planted(base.Selection):
  """Trains the declared configuration of every task alone, as a static configuration is."""

  searches = False

  def __init__(self, flipped: tuple[int, int] | None = None):
    """Takes the declared configurations, or all but one bit of them.

    Args:
      flipped: (task, layer), both from 0: this bit is the opposite of what is declared. A certificate wants to know
        what that costs.
    """
    self._flipped = flipped

  def _check(self, num_tasks, epochs_per_task):
    declared = self.declared + (None,) * (num_tasks - len(self.declared))
    undeclared = [task_id for task_id, bits in enumerate(declared) if bits is None]
    if undeclared:
      tasks = "any task" if len(undeclared) == num_tasks else f"task {undeclared[0]}"
      raise ValueError(f"The stream declares no best transfer configuration for {tasks}, so that learners planted_* "
                       "cannot use it: choose a stream with planted structure, such as planted_medium, or another "
                       "learner.")
    self._configurations = [TransferConfiguration.parse(str(bits), self.depth) for bits in declared]
    if self._flipped is not None:
      self._flip(*self._flipped)

  def _flip(self, task_id: int, layer: int) -> None:
    if not (0 <= task_id < len(self._configurations) and 0 <= layer < self.depth):
      raise ValueError(f"Planted.flipped = {self._flipped} must be (task, layer) of {len(self._configurations)} tasks "
                       f"and {self.depth} layers, counted from 0.")
    bits = list(self._configurations[task_id].bits)
    bits[layer] = not bits[layer]
    self._configurations[task_id] = TransferConfiguration(tuple(bits))

  def configuration_of(self, task_id):
    return self._configurations[task_id]

  def training_macs(self, layer_macs, generation_macs, dense_macs):
    # The share of the tasks that use each layer's shared kernel, for the mean over tasks.
    shares = [sum(column) / len(column) for column in zip(*(c.bits for c in self._configurations))]
    return super().training_macs(layer_macs, [macs * share for macs, share in zip(generation_macs, shares)], dense_macs)
