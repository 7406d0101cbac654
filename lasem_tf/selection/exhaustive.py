"""Brute force: every transfer configuration is trained for itself, the best one on validation data stays.

The search of the release of Lee, Behpour, Eaton (ICML 2021) as it was meant; the released class cannot run. The first
task trains without a search. The second task's search decides both tasks' configuration, every later one its own.
"""

import gin
import tensorflow as tf

from lasem_tf.nn import workload
from lasem_tf.selection import base
from lasem_tf.selection.configuration import TransferConfiguration


class Trials(base.Search):
  """One phase, 'candidate{index}', for every configuration in the order of LASEM.

  Each begins at the weights that the task began with and trains for all of a task's epochs. Its score is the best
  validation accuracy of any of its epochs, or the mean over its last ones; the first of equals wins, and its last
  weights stay.
  """

  def __init__(self, depth: int, num_epochs: int = 1, last_epochs: int = 0):
    self._depth, self._num_epochs, self._last_epochs = depth, num_epochs, min(last_epochs, num_epochs)
    self._scores: dict[int, float] = {}
    self._candidate = 0
    self._bits = tf.Variable(self._configuration(0).bits, trainable=False)

  def next_phase(self, num_completed, num_epochs):
    if num_completed >= 2**self._depth:
      return None
    self._try(num_completed)
    return base.SelectionPhase(self._name(num_completed), num_epochs, self._configuration(num_completed), restart=True)

  def begin_epoch(self, epoch):
    if epoch == 0:
      self._scores[self._candidate] = 0.0 if self._last_epochs else -1.0

  def end_epoch(self, epoch, validation_accuracy):
    score, accuracy = self._scores[self._candidate], float(validation_accuracy)
    if not self._last_epochs:
      score = max(score, accuracy)
    elif epoch >= self._num_epochs - self._last_epochs:
      score += accuracy / self._last_epochs
    self._scores[self._candidate] = score
    return False

  def choice(self):
    return self._configuration(self._best())

  def sharing(self):
    return tf.identity(self._bits)

  def summary(self):
    # Equal scores leave the first candidate, which is no choice.
    return base.SearchSummary(self._name(self._best()), {"mechanism_acted": len(set(self._scores.values())) > 1})

  def diagnostics(self):
    return {"candidate": str(self._configuration(self._candidate)),
            "scores": [self._scores[index] for index in sorted(self._scores)], "choice": str(self.choice())}

  def structure(self):
    return {"scores": [self._scores[index] for index in sorted(self._scores)]}

  def restore_structure(self, structure):
    self._scores = dict(enumerate(structure["scores"]))
    self._try(max(self._scores, default=0))

  def _try(self, index: int) -> None:
    self._candidate = index
    self._bits.assign(self._configuration(index).bits)

  def _best(self) -> int:
    """Index of the best candidate so far; the running one before any is scored."""
    return min(self._scores, key=lambda index: (-self._scores[index], index), default=self._candidate)

  def _configuration(self, index: int) -> TransferConfiguration:
    return TransferConfiguration.from_index(index, (1,) * self._depth)

  @staticmethod
  def _name(index: int) -> str:
    return f"candidate{index}"


@gin.register
class Exhaustive(base.Selection):
  """Trains every configuration of every task but the first (see `Trials`)."""

  first_task_waits = True

  def __init__(self, max_epochs: int = 5000, accept_cost: bool = False, last_epochs: int = 0):
    """Sets how much the search may cost.

    Args:
      max_epochs: a run whose searches need more epochs of training than this is refused.
      accept_cost: consent to any cost.
      last_epochs: a candidate's score is its mean validation accuracy over so many last epochs; 0: over its best one
        alone, which among many epochs on few images is the luckiest one.
    """
    if last_epochs < 0:
      raise ValueError(f"Exhaustive.last_epochs must not be negative, not {last_epochs}.")
    if max_epochs < 1:
      raise ValueError(f"Exhaustive.max_epochs must be at least 1, not {max_epochs}.")
    self._max_epochs, self._accept_cost, self._last_epochs = max_epochs, accept_cost, last_epochs

  def _check(self, num_tasks, epochs_per_task):
    cost = (num_tasks - 1) * self.search_epochs(epochs_per_task)
    if cost > self._max_epochs and not self._accept_cost:
      raise ValueError(
          f"The exhaustive search would train {num_tasks - 1} tasks x 2^{self.depth} configurations x "
          f"{epochs_per_task} epochs = {cost} epochs, more than Exhaustive.max_epochs = {self._max_epochs}. Bind "
          "Exhaustive.accept_cost = True to run it all the same, or train fewer epochs, tasks or layers.")

  def refuses_normalisation(self):
    return ("The exhaustive search gives the first task another configuration when the second one is learned: "
            "statistics of its images cannot be measured again then.")

  def begin_search(self, task_id, num_epochs, adopted=()):
    return Trials(self.depth, num_epochs, self._last_epochs)

  def search_epochs(self, num_epochs):
    return 2**self.depth * num_epochs

  def workload(self, num_epochs):
    return workload.Workload(phases=2.0**self.depth)

  def training_macs(self, layer_macs, generation_macs, dense_macs):
    # Every layer is shared in half of the configurations.
    half = [macs / 2 for macs in generation_macs]
    return 2**self.depth * super().training_macs(layer_macs, half, dense_macs)
