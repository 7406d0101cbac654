"""The learner contract notices a learner that breaks it."""

import numpy as np
import pytest
import tensorflow as tf

from lasem_tf.learners import base, trunk
from tests import contract, tiny_stream


class HidesAVariable(trunk.TrunkLearner):
  """Its answers depend on a weight that no checkpoint holds."""

  def variables(self):
    return {name: variable for name, variable in super().variables().items() if name != "shared/conv0/kernel"}


class TrainsWhatItDoesNotDeclare(trunk.TrunkLearner):
  """Every step also changes the heads of other tasks."""

  def _objective(self, batch, context):
    for head in self.heads.values():
      head.groups[0]["bias"].assign_add(tf.ones_like(head.groups[0]["bias"]))
    return super()._objective(batch, context)

  def _trained_variables(self):
    return self.trunk.named_variables


class CountsInPython(trunk.TrunkLearner):
  """Keeps a number that decides about its steps outside its variables and structure."""

  _num_epochs = 0

  def begin_epoch(self, epoch):
    self._num_epochs += 1

  def _objective(self, batch, context):
    result = super()._objective(batch, context)
    return trunk.Objective(result.loss * self._num_epochs)


class ForgetsItsStructure(trunk.TrunkLearner):
  """A fresh learner does not make the heads that the old one had."""

  def _restore_structure(self, structure):
    """Makes nothing."""


class LearnsNothing(trunk.TrunkLearner):
  """Its steps do nothing."""

  def next_phase(self, num_completed):
    phase = super().next_phase(num_completed)
    return phase and base.Phase(phase.name, phase.num_epochs, lambda batch, context: base.StepResult(tf.zeros([])),
                                phase.trained, phase.state)


def live(life):
  life.overfits_one_batch()
  life.visit(task_id=0, number=0, kill=False)
  life.checkpoint_is_complete()
  life.visit(task_id=1, number=1, kill=True)


def life_of(cls, limit=None):
  stream = tiny_stream.TinyStream((3, 2, 4), num_validation=12)
  spec = tiny_stream.architecture.ConvNetSpec((8, 8, 3), (3, 3), (8, 8), (2, 2), (16,), dropout_keep_probability=0.8)
  return contract.Life(contract.Subject(
      cls.__name__, lambda **overrides: cls(stream.context(**{"spec": spec, **overrides})), stream, limit))


def test_a_plain_learner_passes():
  live(life_of(trunk.TrunkLearner))


@pytest.mark.parametrize("cls", [
    HidesAVariable, TrainsWhatItDoesNotDeclare, CountsInPython, ForgetsItsStructure, LearnsNothing])
def test_a_broken_learner_is_noticed(cls):
  with pytest.raises((AssertionError, KeyError)):
    live(life_of(cls))


def test_an_answer_that_moves_against_a_promise_is_noticed():
  with pytest.raises(AssertionError, match="Not equal to tolerance"):
    live(life_of(trunk.TrunkLearner, limit=0.0))


def test_growth_is_no_change_of_what_was_there():
  contract._same_prefix(np.ones((3, 5)), np.ones((3, 4)), "grown")
  with pytest.raises(AssertionError):
    contract._same_prefix(np.zeros((3, 5)), np.ones((3, 4)), "changed")
