"""The learner contract notices a learner that breaks it."""

import numpy as np
import pytest
import tensorflow as tf

from benchmark.inspection import learner_life, requirement
from lasem_tf.learners import base, promise, trunk
from lasem_tf.nn import architecture
from tests.support import contract, tiny_stream


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


class MovesOldAnswers(trunk.TrunkLearner):
  """Promises what a shared trunk cannot keep."""

  promises = promise.Promises(answers_move_at_most=0.0)


class AsksForImages(trunk.TrunkLearner):
  """Reads an earlier task's image without saying so."""

  def _begin_visit(self, is_new):
    super()._begin_visit(is_new)
    self.context.examples(0, np.arange(1))


class TrainsOldHeads(trunk.TrunkLearner):
  """Every visit resets the heads of the other tasks."""

  def _begin_visit(self, is_new):
    super()._begin_visit(is_new)
    for task_id, head in self.heads.items():
      if task_id != self.task.info.task_id:
        head.groups[0]["bias"].assign_add(tf.ones_like(head.groups[0]["bias"]))


class KeepsMoreThanItSays(trunk.TrunkLearner):
  """Its summary names a memory that its count leaves out."""

  def _end_visit(self):
    return base.TaskSummary(details={"memory_bytes": 8})


class TellsNoJson(trunk.TrunkLearner):
  """Its summary holds an array."""

  def _end_visit(self):
    return base.TaskSummary(details={"found": np.zeros(2)})


def life_of(cls):
  stream = tiny_stream.TinyStream((3, 2, 4), num_validation=12)
  spec = architecture.ConvNetSpec((8, 8, 3), (3, 3), (8, 8), (2, 2), (16,), dropout_keep_probability=0.8)

  def make(**overrides):
    made = []
    examples = learner_life.guarded(stream.examples, made)
    made.append(cls(stream.context(**{"spec": spec, "examples": examples, **overrides})))
    return made[0]

  return learner_life.Life(learner_life.Subject(cls.__name__, make, stream, learning_rates=(0.01,)))


def test_a_plain_learner_passes():
  contract.live(life_of(trunk.TrunkLearner))


@pytest.mark.parametrize("cls, message", [
    (HidesAVariable, r"logits of task 0 differ by up to .*neither structure\(\) nor variables\(\)"),
    (TrainsWhatItDoesNotDeclare, "a step of phase 'train' changed task0/head/dense1/bias, in neither Phase.trained"),
    (CountsInPython, "a run killed in the middle of phase 'train' and continued ends with other values of"),
    (ForgetsItsStructure, r"variables\(\) after restore_structure\(\) lacks \['task0/head/dense1/bias'"),
    (LearnsNothing, "it answers .* of them rightly, with learning rates 0.01: steps do not apply their updates"),
    (MovesOldAnswers, "task 1 moved logits of task 0 by up to .* but promises.answers_move_at_most is 0.0"),
    (AsksForImages, "asked LearnerContext.examples for training images of task 0"),
    (TrainsOldHeads, "task 1 changed task0/head/dense1/bias, which belongs to another task"),
    (KeepsMoreThanItSays, r"memory_floats\(\) is 0.0, and TaskSummary.details name 2.0"),
    (TellsNoJson, "TaskSummary.details cannot be written as JSON")])
def test_a_broken_learner_is_noticed(cls, message):
  with pytest.raises(requirement.ContractBroken, match=message):
    contract.live(life_of(cls))


def test_growth_is_no_change_of_what_was_there():
  grown = {"grown": tf.Variable(np.ones((3, 5)))}
  learner_life.kept({"grown": np.ones((3, 4))}, grown, "task 1")
  for other in (np.zeros((3, 4)), np.ones((3, 6))):
    with pytest.raises(requirement.ContractBroken, match="task 1 changed grown"):
      learner_life.kept({"grown": other}, grown, "task 1")
