"""Which epoch's test accuracy a visit reports: the first one with the best validation accuracy. No TensorFlow."""

import dataclasses


@dataclasses.dataclass
class BestEpoch:
  """Best validation accuracies of a visit, by phase.

  Phases are kept apart because only the end of a visit tells which of them count (an exhaustive search reports the
  phase of the configuration it chose).

  Attributes:
    phases: phase name -> [validation accuracy, test accuracy, order of the entry], of the best epoch so far.
  """

  phases: dict[str, list] = dataclasses.field(default_factory=dict)
  _count: int = 0

  def improves(self, phase: str, validation_accuracy: float) -> bool:
    """Whether this would be the phase's best epoch: strictly better than all before it, so that ties keep the first."""
    return phase not in self.phases or validation_accuracy > self.phases[phase][0]

  def record(self, phase: str, validation_accuracy: float, test_accuracy: float) -> None:
    """Takes the epoch for the phase's best one."""
    self.phases[phase] = [validation_accuracy, test_accuracy, self._count]
    self._count += 1

  def test_accuracy(self, phase: str | None = None) -> float:
    """Test accuracy at the best epoch of one phase, or of all.

    Raises:
      ValueError: the phase had no epoch.
    """
    if phase is None:
      return max(self.phases.values(), key=lambda entry: (entry[0], -entry[2]))[1]
    if phase not in self.phases:
      raise ValueError(f"The learner reports its peak from phase {phase!r}, but only trained in "
                       f"{', '.join(self.phases)}.")
    return self.phases[phase][1]

  def to_json(self) -> dict:
    """For checkpoints."""
    return {"phases": self.phases, "count": self._count}

  @classmethod
  def from_json(cls, values: dict) -> "BestEpoch":
    """The inverse of `to_json`."""
    return cls(values["phases"], values["count"])
