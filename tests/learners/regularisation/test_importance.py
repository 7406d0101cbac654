"""Synaptic intelligence and memory aware synapses, and the penalty that they share."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from lasem_tf.learners import fine_tuning
from lasem_tf.learners.regularisation import memory_aware_synapses, synaptic_intelligence
from tests.support import tiny_stream

SI, MAS = synaptic_intelligence.SynapticIntelligence, memory_aware_synapses.MemoryAwareSynapses
SPEC = dataclasses.replace(tiny_stream.SPEC, dropout_keep_probability=1.0)


def begun(make, num_visits, **options):
  """A learner at the end of some visits."""
  stream = tiny_stream.TinyStream()
  learner = make(stream.context(spec=SPEC, epochs_per_task=10), optimizer="adam", **options)
  summaries = [tiny_stream.run_visit(learner, task, visit, steps_per_epoch=3, learning_rate=0.02)[1]
               for visit, task in enumerate(stream.tasks[:num_visits])]
  return stream, learner, summaries


def retained(learner, kind):
  return {name[len(kind) + 1:]: value for name, value in tiny_stream.values(learner.variables()).items()
          if name.startswith(f"{kind}/")}


@pytest.mark.parametrize("make", [SI, MAS])
def test_the_penalty_has_no_half(make):
  stream, learner, _ = begun(make, 1, strength=3.0)
  learner.begin_visit(stream.tasks[1], 1)
  for variable in learner.trunk.named_variables.values():
    variable.assign_add(0.1 * tf.ones_like(variable))
  objective = learner._objective(tiny_stream.batch_of(learner.task, range(4)), tiny_stream.step_context(learner, 0))
  expected = 3.0 * 0.01 * sum(np.sum(value) for value in retained(learner, "importance").values())
  np.testing.assert_allclose(objective.penalty, expected, rtol=1e-4)
  assert expected > 1e-3


@pytest.mark.parametrize("make", [SI, MAS])
def test_without_strength_it_is_fine_tuning(make):
  _, learner, _ = begun(make, 2, strength=0.0)
  _, plain, _ = begun(fine_tuning.FineTuning, 2)
  values = tiny_stream.values(learner.variables())
  for name, value in tiny_stream.values(plain.variables()).items():
    np.testing.assert_array_equal(values[name], value, err_msg=name)


@pytest.mark.parametrize("make, strength", [(SI, 100.0), (MAS, 100.0)])
def test_penalty_acts_important_weights_move_less_than_others_and_answers_stay(make, strength):
  moved, drifted, first = {}, {}, {}
  for value in (0.0, strength):
    stream, learner, _ = begun(make, 1, strength=value)
    importance = np.concatenate([part.ravel() for part in retained(learner, "importance").values()])
    before = learner.logits(stream.tasks[0].train[0], 0).numpy()
    _, summary = tiny_stream.run_visit(learner, stream.tasks[1], 1, steps_per_epoch=3, learning_rate=0.02)
    start = np.concatenate([part.ravel() for part in tiny_stream.values(begun(make, 1)[1].trunk.named_variables
                                                                         ).values()])
    now = np.concatenate([part.ravel() for part in tiny_stream.values(learner.trunk.named_variables).values()])
    important = importance > np.quantile(importance, 0.75)
    moved[value] = np.abs(now - start)[important].mean() / np.abs(now - start)[~important].mean()
    drifted[value] = np.abs(learner.logits(stream.tasks[0].train[0], 0).numpy() - before).mean()
    first[value] = tiny_stream.accuracy(learner, stream.tasks[0])
    assert summary.details["mechanism_acted"] == (value > 0)
    np.testing.assert_allclose(summary.details["distance_moved"], np.linalg.norm(now - start), rtol=1e-3)
  assert moved[strength] < 0.5 * moved[0.0]
  assert drifted[strength] < 0.5 * drifted[0.0]
  assert first[strength] == 1.0


def test_the_path_integral_is_the_loss_that_the_weights_took_away():
  """Over many small steps on one batch, omega of all weights sums to how much the loss fell."""
  stream = tiny_stream.TinyStream()
  learner = SI(stream.context(spec=SPEC), optimizer="sgd")
  learner.begin_visit(stream.tasks[0], 0)
  phase, batch = learner.next_phase(0), tiny_stream.batch_of(learner.task, range(4))
  head = tiny_stream.values(learner.heads[0].named_variables)
  first = float(learner._cross_entropy(batch, None))
  for number in range(40):
    phase.step(batch, tiny_stream.step_context(learner, number, learning_rate=0.02))
    for name, value in head.items():  # Only the trunk moves: the head's share of the loss is not in omega.
      learner.heads[0].named_variables[name].assign(value)
  fallen = first - float(learner._cross_entropy(batch, None))
  assert fallen > 0.003
  np.testing.assert_allclose(sum(np.sum(value) for value in retained(learner, "path").values()), fallen, rtol=0.05)


def test_the_path_takes_the_gradient_of_the_loss_without_the_penalty():
  stream, learner, _ = begun(SI, 1, strength=1000.0)
  learner.begin_visit(stream.tasks[1], 1)
  for variable in learner.trunk.named_variables.values():
    variable.assign_add(0.01 * tf.ones_like(variable))
  batch, context = tiny_stream.batch_of(learner.task, range(4)), tiny_stream.step_context(learner, 0)
  name = "shared/conv1/kernel"
  before = learner.trunk.named_variables[name].numpy()
  with tf.GradientTape() as tape:
    loss = learner._cross_entropy(batch, context.seed)
  gradient = tape.gradient(loss, learner.trunk.named_variables[name]).numpy()
  learner.next_phase(0).step(batch, context)
  expected = -gradient * (learner.trunk.named_variables[name].numpy() - before)
  np.testing.assert_allclose(retained(learner, "path")[name], expected, rtol=1e-4, atol=1e-9)


def test_importance_by_the_equation_of_synaptic_intelligence():
  stream, learner, summaries = begun(SI, 1, damping=0.5)
  name = "shared/dense0/kernel"
  moved = learner.trunk.named_variables[name].numpy() - retained(learner, "start")[name]
  expected = np.maximum(retained(learner, "path")[name], 0) / (moved ** 2 + 0.5)
  np.testing.assert_allclose(retained(learner, "importance")[name], expected, rtol=1e-5)
  assert expected.max() > 1e-4
  assert summaries[0].details["retention_floats"] == 4 * learner.trunk.num_parameters
  learner.begin_visit(stream.tasks[1], 1)
  assert all(np.all(value == 0) for value in retained(learner, "path").values())


def test_sensitivity_is_the_mean_of_single_images():
  stream, learner, _ = begun(MAS, 1)
  images = stream.tasks[0].train[0][:3]
  learner.begin_visit(stream.tasks[0], 1)
  names, expected = list(learner.trunk.named_variables), 0.0
  for index in range(3):
    with tf.GradientTape() as tape:
      length = tf.reduce_sum(learner.logits(images[index:index + 1], 0) ** 2)
    expected += np.abs(tape.gradient(length, learner.trunk.named_variables[names[0]]).numpy()) / 3
  np.testing.assert_allclose(learner.sensitivity(images)[names[0]], expected, rtol=1e-4)


@pytest.mark.parametrize("alpha, old, new", [(0.5, 0.5, 0.5), (0.9, 0.9, 0.1), (None, 1.0, 1.0)])
def test_importance_is_averaged_or_added(alpha, old, new):
  stream, learner, _ = begun(MAS, 1, alpha=alpha)
  before = retained(learner, "importance")["shared/conv0/kernel"]
  _, summary = tiny_stream.run_visit(learner, stream.tasks[1], 1)
  latest = learner.sensitivity(stream.tasks[1].train[0])["shared/conv0/kernel"]
  np.testing.assert_allclose(retained(learner, "importance")["shared/conv0/kernel"], old * before + new * latest,
                             rtol=1e-4)
  assert summary.details["retention_floats"] == 2 * learner.trunk.num_parameters


@pytest.mark.parametrize("make, options, message", [
    (SI, {"strength": -1.0}, "SynapticIntelligence.strength must not be negative"),
    (SI, {"damping": 0.0}, "SynapticIntelligence.damping must be positive"),
    (MAS, {"alpha": 1.0}, r"MemoryAwareSynapses.alpha must lie in \[0, 1\)")])
def test_wrong_options_are_refused(make, options, message):
  with pytest.raises(ValueError, match=message):
    make(tiny_stream.TinyStream().context(), **options)
