"""Which epoch's test accuracy a visit reports: the first one with the best validation accuracy. No TensorFlow.

The test accuracy is measured once a phase, when the phase ends, with the weights that the network had after its best
epoch. It is what a measurement at each new best would have given in the end.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np


@dataclasses.dataclass
class Best:
  """The best epoch so far of one phase.

  Attributes:
    validation: its validation accuracy.
    global_epoch: completed epochs of the run after it.
    order: counts the entries of a visit.
    test: its test accuracy; None until the phase ends.
  """

  validation: float
  global_epoch: int
  order: int
  test: float | None = None


@dataclasses.dataclass
class BestEpochs:
  """Best epochs of a visit, by phase.

  Phases are kept apart because only the end of a visit tells which of them count (an exhaustive search reports the
  phase of the configuration it chose).

  Attributes:
    phases: by phase.
    weights: values of the network after the best epoch whose test accuracy is still to be measured, by variable.
  """

  phases: dict[str, Best] = dataclasses.field(default_factory=dict)
  weights: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)
  _count: int = 0

  def improves(self, phase: str, validation: float) -> bool:
    """Whether this would be the phase's best epoch: strictly better than all before it, so that ties keep the first."""
    return phase not in self.phases or validation > self.phases[phase].validation

  def record(self, phase: str, validation: float, global_epoch: int, weights: Mapping[str, np.ndarray]) -> None:
    """Records the epoch as the phase's best."""
    self.phases[phase] = Best(validation, global_epoch, self._count)
    self.weights = dict(weights)
    self._count += 1

  def awaits_test(self, phase: str) -> bool:
    """Whether the phase has a best epoch without test accuracy."""
    return phase in self.phases and self.phases[phase].test is None

  def record_test(self, phase: str, test: float) -> Best:
    """Takes the test accuracy of the phase's best epoch, and forgets its weights."""
    best = self.phases[phase]
    best.test, self.weights = test, {}
    return best

  def test_accuracy(self, phase: str | None = None) -> float:
    """Test accuracy at the best epoch of one phase, or of all; every phase has ended.

    Raises:
      ValueError: the phase had no epoch.
    """
    if phase is not None and phase not in self.phases:
      raise ValueError(f"The learner reports its peak from phase {phase!r}, but only trained in "
                       f"{', '.join(self.phases)}.")
    candidates = self.phases.values() if phase is None else [self.phases[phase]]
    test = max(candidates, key=lambda best: (best.validation, -best.order)).test
    if test is None:
      raise RuntimeError("A phase has not ended.")
    return test

  def to_json(self) -> dict:
    """For checkpoints, which keep `weights` apart."""
    return {"phases": {name: dataclasses.asdict(best) for name, best in self.phases.items()}, "count": self._count}

  @classmethod
  def from_json(cls, values: dict, weights: Mapping[str, np.ndarray]) -> "BestEpochs":
    """The inverse of `to_json`."""
    return cls({name: Best(**best) for name, best in values["phases"].items()}, dict(weights), values["count"])
