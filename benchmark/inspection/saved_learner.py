"""A learner's checkpoint as the trainer takes it, in memory."""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from benchmark.inspection import tiny_stream
from benchmark.inspection.requirement import ContractBroken, require, through_json
from lasem_tf.learners import base


class Saved:
  """What a checkpoint holds of a learner."""

  def __init__(self, learner: base.Learner, phase: base.Phase | None = None, phase_number: int = 0):
    self.structure = through_json(learner.structure(), "structure()")
    self.values = tiny_stream.values(learner.variables())
    self.state = tiny_stream.values(phase.state) if phase is not None else None
    self.phase_number, self.visit = phase_number, learner.visit
    self.task = learner.task

  def restore(self, learner: base.Learner) -> base.Phase | None:
    """Brings a fresh learner to where this was taken, in the trainer's order; returns the interrupted phase."""
    learner.restore_structure(self.structure)
    _assign(learner.variables(), self.values, "variables() after restore_structure()")
    learner.attach(self.task, self.visit)
    if self.state is None:
      return None
    phase = learner.next_phase(self.phase_number)
    if phase is None:
      raise ContractBroken(f"after a restore next_phase({self.phase_number}) gives None, but that phase was "
                           "interrupted: it must be a function of variables() and structure().")
    _assign(learner.variables(), self.values, "variables() after restore_structure()")
    _assign(phase.state, self.state, f"the state of phase {phase.name!r} after a restore")
    return phase


def _assign(variables: Mapping[str, tf.Variable], arrays: Mapping[str, np.ndarray], what: str) -> None:
  missing, more = sorted(set(arrays) - set(variables)), sorted(set(variables) - set(arrays))
  require(not missing and not more, f"{what} lacks {missing} and has {more} beyond what was saved")
  for name, variable in variables.items():
    saved = arrays[name]
    require(tuple(variable.shape) == saved.shape and variable.dtype.as_numpy_dtype == saved.dtype,
            f"{what}: {name} has shape {tuple(variable.shape)} of {variable.dtype.name}, saved was {saved.shape} of "
            f"{saved.dtype}")
    variable.assign(saved)
