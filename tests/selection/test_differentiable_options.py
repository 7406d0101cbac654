"""DARTS refuses options that mean nothing, and data that its rules cannot use."""

import dataclasses

import pytest
import tensorflow as tf

from lasem_tf import types
from lasem_tf.selection import differentiable
from tests.selection import pairs


@pytest.mark.parametrize("options, message", [
    ({"order": 3}, "Differentiable.order must be 1 or 2, not 3"),
    ({"architecture_batch": "test"}, "architecture_batch must be 'training' or 'validation', not 'test'"),
])
def test_options_that_mean_nothing(options, message):
  with pytest.raises(ValueError, match=message):
    differentiable.Differentiable(**options)


def test_second_order_needs_a_validation_batch():
  with pytest.raises(ValueError, match="order = 2 needs Differentiable.architecture_batch = 'validation'"):
    differentiable.Differentiable(order=2, architecture_batch="training").bind(2, types.ReferenceBehaviour())
  released = types.ReferenceBehaviour(darts_second_order_as_released=True)
  with pytest.raises(ValueError, match="knows the training batch only"):
    differentiable.Differentiable(order=2, architecture_batch="validation").bind(2, released)


@pytest.mark.parametrize("options", [{"architecture_batch": "validation"}, {"order": 2}])
def test_validation_without_examples_is_refused(options):
  stream, learner = pairs.make("hard_sharing", differentiable.Differentiable(**options))
  task = dataclasses.replace(stream.tasks[0], validation=(tf.zeros([0, 8, 8, 3]), tf.zeros([0], tf.int32)))
  learner.begin_visit(task, 0)
  with pytest.raises(ValueError, match="task 0 has no validation examples: .*architecture_batch = 'training'"):
    learner.next_phase(0)


@pytest.mark.parametrize("options, message", [
    ({"retrain_share": 1.1}, "retrain_share must lie in"),
    ({"freeze_adopted": True}, "freeze_adopted = True needs Differentiable.retrain_share > 0"),
    ({"alpha_learning_rate": 0.0}, "alpha_learning_rate must be positive or None"),
    ({"alpha_optimizer": "lion"}, "Differentiable.alpha_optimizer must be one of"),
    ({"unrolled_step": "optimizer"}, "unrolled_step must be 'descent' or, with Differentiable.order = 2, 'optimizer'"),
    ({"order": 2, "unrolled_step": "none"}, "unrolled_step must be 'descent'")])
def test_options_of_the_published_form_that_mean_nothing(options, message):
  with pytest.raises(ValueError, match=message):
    differentiable.Differentiable(**options)


def test_the_published_form_needs_no_clean_protocol():
  released = types.ReferenceBehaviour(darts_second_order_as_released=True)
  differentiable.Differentiable(order=2, architecture_batch="validation", unrolled_step="optimizer").bind(2, released)
