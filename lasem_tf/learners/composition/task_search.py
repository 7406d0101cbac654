"""The search in progress of a composed learner: for which tasks it decides, and what may have to be taken back."""

from collections.abc import Mapping

import tensorflow as tf

from lasem_tf.learners import snapshot
from lasem_tf.selection import base


class TaskSearch:
  """A search, the tasks that wait for its choice, and copies of weights.

  Copies of the shared weights, 'snapshot/...', bring back at the end what the choice does not use. Where phases restart
  there are copies of the searched task's own weights too, and 'best/...', of the best candidate so far.

  Attributes:
    search: what decides.
    task_ids: the tasks without a configuration: the one being learned, and with it sometimes the first one.
  """

  def __init__(self, search: base.Search, task_ids: tuple[int, ...], num_epochs: int,
               shared: Mapping[str, tf.Variable], own: Mapping[str, tf.Variable]):
    """Copies the weights as they are.

    Args:
      search: fresh.
      task_ids: see above.
      num_epochs: of training.
      shared: the shared weights, by name.
      own: those of the task being learned.
    """
    self.search, self.task_ids, self._num_epochs = search, task_ids, num_epochs
    first = search.next_phase(0, num_epochs)
    restarts = first is not None and first.restart
    self._start = snapshot.Snapshot("snapshot", {**shared, **own} if restarts else shared)
    self._best = snapshot.Snapshot("best", {**shared, **own} if restarts else {})
    self._phase: base.SelectionPhase | None = None

  def next_phase(self, num_completed: int) -> base.SelectionPhase | None:
    """The search's next phase, which then is the one in progress."""
    self._phase = self.search.next_phase(num_completed, self._num_epochs)
    return self._phase

  def begin_epoch(self, epoch: int) -> None:
    """See `learners.base.Learner.begin_epoch`."""
    if epoch == 0 and self._phase is not None and self._phase.restart:
      self._start.restore()
    self.search.begin_epoch(epoch)

  def end_epoch(self, epoch: int, validation_accuracy: float) -> bool:
    """See `learners.base.Learner.end_epoch`."""
    ended, phase = self.search.end_epoch(epoch, validation_accuracy), self._phase
    if (phase is not None and phase.restart and epoch == phase.num_epochs - 1
        and self.search.choice() == phase.configuration):
      self._best.take()
    return ended

  def restore(self, unchosen: Mapping[str, tf.Variable]) -> None:
    """Brings back the best candidate's weights, then gives shared weights that were not chosen their old values."""
    self._best.restore()
    self._start.restore(unchosen)

  @property
  def named_variables(self) -> dict[str, tf.Variable]:
    """Everything that a resume needs beside the weights."""
    return {**self._start.named_variables, **self._best.named_variables, **self.search.named_variables()}
