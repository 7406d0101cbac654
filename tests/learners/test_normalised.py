"""What batch normalisation must not do to a lifelong learner: move old statistics, mix tasks, answer by the batch."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from lasem_tf.knowledge import hard_sharing
from lasem_tf.learners import (
    a_gem,
    composed,
    dark_experience,
    fine_tuning,
    joint,
    lwf,
    replay,
    single_network,
    single_task,
    trunk,
)
from lasem_tf.nn import normalisation
from lasem_tf.selection import differentiable, expectation, held_out, static
from tests.support import contract, tiny_stream

_SPEC = dataclasses.replace(tiny_stream.SPEC, normalisation="batch", dropout_keep_probability=1.0)


def _searched(selection):
  return lambda context: composed.Composed(context, hard_sharing.HardSharing(), selection)


def _static(configuration):
  return _searched(static.Static(configuration))


def _two_tasks(make):
  """A learner of two tasks, values of all variables after the first, and the stream."""
  stream = tiny_stream.TinyStream()
  learner = make(stream.context(_SPEC))
  tiny_stream.run_visit(learner, stream.tasks[0], 0, steps_per_epoch=3)
  before = tiny_stream.values(learner.variables())
  tiny_stream.run_visit(learner, stream.tasks[1], 1, steps_per_epoch=3)
  return learner, before, stream


def _reference(kernels, affine, head, images, training_images):
  """Logits by the definition: every layer's mean and variance over all training images, then those of `images`."""
  outputs, training = images.numpy(), training_images.numpy()
  for layer, kernel in enumerate(kernels):
    outputs, training = (tf.nn.conv2d(values, kernel, 1, "SAME").numpy() for values in (outputs, training))
    mean, variance = training.mean((0, 1, 2)), training.var((0, 1, 2))
    scale, shift = (affine[layer][name].numpy() for name in ("scale", "shift"))
    outputs, training = (tf.nn.max_pool2d(tf.nn.relu(
        scale * (values - mean) / np.sqrt(variance + normalisation.EPSILON) + shift), 2, 2, "SAME").numpy()
        for values in (outputs, training))
  return head(tf.constant(outputs.reshape(len(outputs), -1))).numpy()


def _statistics(values, task_id=0):
  found = {name: value for name, value in values.items() if name.startswith(f"task{task_id}/statistics")}
  assert len(found) == 4
  return found


@pytest.mark.parametrize("make, moves_affine", [
    (_static("11"), False), (fine_tuning.FineTuning, False), (lwf.LearningWithoutForgetting, True),
    (replay.ExperienceReplay, True), (a_gem.AveragedGradientEpisodicMemory, True),
    (dark_experience.DarkExperienceReplay, True)])
def test_later_visits_leave_statistics_as_they_are(make, moves_affine):
  learner, before, stream = _two_tasks(make)
  after = tiny_stream.values(learner.variables())
  tiny_stream.assert_same(_statistics(before), _statistics(after))
  assert any(np.any(value != after[name]) for name, value in before.items() if "kernel" in name)
  affine = [name for name in before if name.startswith("task0/norm")]
  assert len(affine) == 4
  # Old tasks' losses train what is their own, as they train their heads.
  assert any(np.any(before[name] != after[name]) for name in affine) == moves_affine
  assert np.any(_statistics(after, 1)["task1/statistics0/mean"] != _statistics(after)["task0/statistics0/mean"])
  images = stream.tasks[0].validation[0]
  together = learner.logits(images, 0).numpy()
  np.testing.assert_array_equal(learner.logits(images, 0), together)
  np.testing.assert_allclose(learner.logits(images[:1], 0)[0], together[0], rtol=1e-5, atol=1e-5)


def test_a_single_network_has_statistics_by_task_and_one_scale_and_shift():
  learner, before, stream = _two_tasks(single_network.SingleNetwork)
  after = tiny_stream.values(learner.variables())
  tiny_stream.assert_same(_statistics(before), _statistics(after))
  assert [name for name in after if "norm" in name] == [
      f"single/norm{layer}/{name}" for layer in (0, 1) for name in ("scale", "shift")]
  assert np.any(learner.logits(stream.tasks[0].validation[0], 0) != learner.logits(stream.tasks[0].validation[0], 1))


def test_joint_training_measures_all_tasks_for_the_weights_there_are():
  learner, before, stream = _two_tasks(joint.Joint)
  after = tiny_stream.values(learner.variables())
  assert all(np.any(value != after[name]) for name, value in _statistics(before).items())
  kernels = [group["kernel"] for group in learner.trunk.groups[:2]]
  dense = learner.trunk.groups[2]
  for task_id, task in enumerate(stream.tasks[:2]):
    def read(features, task_id=task_id):
      return learner.heads[task_id](tf.nn.relu(tf.matmul(features, dense["kernel"]) + dense["bias"]))

    expected = _reference(kernels, learner.normalisations[task_id].affine, read, task.validation[0], task.train[0])
    np.testing.assert_allclose(learner.logits(task.validation[0], task_id), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("selection", [
    expectation.Expectation(), expectation.Expectation(layer_groups=(2,)), differentiable.Differentiable(),
    differentiable.Differentiable(order=2), differentiable.Differentiable(retrain_share=0.5),
    held_out.HeldOut(uniform_epochs=1)])
def test_a_search_answers_by_the_statistics_of_its_choice_in_its_midst_and_at_its_end(selection):
  stream = tiny_stream.TinyStream()
  learner, task = _searched(selection)(stream.context(_SPEC)), stream.tasks[0]
  learner.begin_visit(task, 0)
  tiny_stream.run_phase(learner, learner.next_phase(0), steps_per_epoch=2)
  learner.measure_statistics()

  def check(bits):
    parts = learner._tasks[0]
    kernels = [layer.choose(bool(bit)) for layer, bit in zip(parts.network.layer_weights(), bits)]
    expected = _reference([kernel for kernel, _ in kernels], parts.normalisation.affine, parts.head,
                          task.validation[0], task.train[0])
    np.testing.assert_allclose(learner.logits(task.validation[0], 0), expected, rtol=1e-4, atol=1e-4)

  check(learner.search.sharing().numpy())
  for phase in tiny_stream.phases(learner, 1):
    tiny_stream.run_phase(learner, phase)
  assert np.any(learner._tasks[0].normalisation.affine[0]["scale"].numpy() != 1.0)
  check([bit == "1" for bit in learner.end_visit().configuration])


def test_weights_of_the_same_role_begin_alike_and_a_step_moves_no_statistics():
  stream = tiny_stream.TinyStream()
  learners = [make(stream.context(_SPEC)) for make in (
      _static("11"), fine_tuning.FineTuning, _searched(expectation.Expectation()), single_task.SingleTask,
      lambda context: trunk.TrunkLearner(dataclasses.replace(context, spec=tiny_stream.SPEC)))]
  for learner in learners:
    learner.begin_visit(stream.tasks[0], 0)
  values = [tiny_stream.values(learner.variables()) for learner in learners]
  for first in values:
    for second in values:
      for name in first.keys() & second.keys() - {name for name in first if "statistics" in name}:
        if first[name].shape == second[name].shape:
          np.testing.assert_array_equal(first[name], second[name], err_msg=name)
  assert len(values[0].keys() & values[1].keys() & values[2].keys()) >= 4 + 2
  assert "shared/conv0/kernel" in values[4].keys() & values[0].keys()
  learner = learners[2]
  phase = learner.next_phase(0)
  phase.step(tiny_stream.batch_of(stream.tasks[0], range(4)), tiny_stream.step_context(learner, 0))
  after = tiny_stream.values(learner.variables())
  tiny_stream.assert_same(_statistics(values[2]), _statistics(after))


def test_costs_count_what_normalisation_adds():
  stream = tiny_stream.TinyStream()
  plain, ours = (lwf.LearningWithoutForgetting(stream.context(spec)) for spec in (tiny_stream.SPEC, _SPEC))
  assert ours.training_macs_per_image(0) == plain.training_macs_per_image(0)
  trunk_alone = plain.training_macs_per_image(0) - 3 * 8 * 3
  assert ours.training_macs_per_image(2) == plain.training_macs_per_image(2) + 2 * trunk_alone
  learner, _, _ = _two_tasks(_static("11"))
  assert learner.num_parameters() == sum(variable.shape.num_elements() for variable in learner.variables().values())


def test_a_trunk_that_is_not_told_whose_it_is_refuses():
  learner = trunk.TrunkLearner(tiny_stream.TinyStream().context(_SPEC))
  with pytest.raises(ValueError, match="ConvNetSpec.normalisation = 'batch': the trunk must be told whose it is"):
    learner.trunk(tf.zeros([1, 8, 8, 3]))


# One of each kind with code of its own for statistics: a search, a single network, importance by statistics, old heads,
# rows of several tasks, statistics of all tasks, masked kernels, masked units, and what layers read in answers.
_KINDS = ("lasem_hps", "snn", "ewc", "lwf", "replay", "joint", "packnet", "hat", "gpm")
# The others for which docs/extending.md says yes.
_OTHERS = ("stl", "hps_top1", "tf_alternating", "dfcnn_all", "random_hps", "planted_hps", "lasem_tf", "lasem_dfcnn",
           "lasem_hps_heldout", "lasemg_hps", "darts_hps", "darts_tf", "darts_dfcnn", "darts_hps_validation",
           "fine_tuning", "ewc_separate", "si", "mas", "lwf_faithful", "replay_per_class", "a_gem", "der_pp", "wsn",
           "supsup")


@pytest.mark.parametrize("name", [*_KINDS, *(pytest.param(name, marks=pytest.mark.slow) for name in _OTHERS)])
def test_the_contract_of_all_learners_holds(name):
  bindings = ("ConvNetSpec.normalisation = 'batch'", "ConvNetSpec.augmentation = 'flip_and_crop'")
  depth = 3 if name == "lasemg_hps" else 2  # Groups need more layers than they are.
  contract.live(contract.learner_life.Life(contract.load(name, bindings, depth, 2)))


@pytest.mark.parametrize("name, message", [
    ("exhaustive_hps", "exhaustive search gives the first task another configuration"),
    ("lasem_hps_bounded", "Expectation.dropped_mass = .* bounds a mini-batch"),
    ("channel_gated_faithful", "ChannelGated keeps no statistics of activations by task")])
def test_refusals_name_the_binding(name, message):
  with pytest.raises(ValueError, match=f"{message}.*emove the binding ConvNetSpec.normalisation = 'batch'"):
    contract.load(name, ("ConvNetSpec.normalisation = 'batch'",), 2, 2)
