"""Composed learners: commit and roll-back, first tasks, revisits, resume, refusals. Counts: test_composed_counts.py."""

import dataclasses
import json

import numpy as np
import pytest
import tensorflow as tf

from lasem_tf import types
from lasem_tf.knowledge import deconvolution, hard_sharing, independent, tensor_factors
from lasem_tf.learners import base, composed
from lasem_tf.selection import expectation, static
from tests.support import tiny_stream

KNOWLEDGE = {
    "hard_sharing": hard_sharing.HardSharing,
    "tensor_factors": tensor_factors.TensorFactors,
    "deconvolution": lambda: deconvolution.Deconvolution(((2, 3, 3, 4), (2, 3, 3, 4))),
}


@pytest.fixture(scope="module")
def stream():
  return tiny_stream.TinyStream()


class Scripted(expectation.Expectation):
  """LASEM whose choices are given beforehand, one for every task."""

  def __init__(self, *choices):
    super().__init__()
    self._choices = iter(choices)

  def begin_search(self, task_id, num_epochs, adopted=()):
    search = super().begin_search(task_id, num_epochs, adopted)
    bits = composed.TransferConfiguration.parse(next(self._choices), self.depth).bits
    search.choice = lambda: composed.TransferConfiguration(bits)
    search.sharing = lambda: tf.constant(bits)
    return search


def make(stream, selection, knowledge="hard_sharing", **context):
  return composed.Composed(stream.context(**context), KNOWLEDGE[knowledge](), selection)


def shared_values(learner):
  return tiny_stream.values({name: variable for name, variable in learner.variables().items()
                             if name.startswith(("shared/", "kb/"))})


def of_layer(values, layer):
  return {name: value for name, value in values.items() if name.split("/")[1] == f"conv{layer}"}


@pytest.mark.parametrize("knowledge", list(KNOWLEDGE))
def test_layers_that_were_not_chosen_go_back_bit_for_bit(stream, knowledge):
  learner = make(stream, Scripted("11", "01"), knowledge)
  tiny_stream.run_visit(learner, stream.tasks[0], 0, steps_per_epoch=2)
  before = shared_values(learner)
  learner.begin_visit(stream.tasks[1], 1)
  for phase in tiny_stream.phases(learner):
    tiny_stream.run_phase(learner, phase, steps_per_epoch=2)
  during = shared_values(learner)
  assert all(np.any(before[name] != value) for name, value in during.items())
  assert learner.commit_changes_weights
  assert learner.end_visit().configuration == "01"
  after = shared_values(learner)
  tiny_stream.assert_same(of_layer(after, 0), of_layer(before, 0))
  tiny_stream.assert_same(of_layer(after, 1), of_layer(during, 1))
  # What the choice does not use is gone.
  own = {name.split("/")[1] for name in learner.variables() if name.startswith("task1/")}
  assert own - {"head"} == {"conv0"} | {"hard_sharing": set(), "tensor_factors": {"tf1"},
                                        "deconvolution": {"dfcnn1"}}[knowledge]
  assert not any(name.startswith("snapshot/") or "selection" in name for name in learner.variables())


def test_old_tasks_are_untouched_by_a_choice_that_shares_nothing(stream):
  learner = make(stream, Scripted("11", "00"))
  tiny_stream.run_visit(learner, stream.tasks[0], 0)
  images = stream.tasks[0].train[0]
  before = learner.logits(images, 0).numpy()
  learner.begin_visit(stream.tasks[1], 1)
  for phase in tiny_stream.phases(learner):
    tiny_stream.run_phase(learner, phase)
  assert np.any(before != learner.logits(images, 0).numpy())
  learner.end_visit()
  np.testing.assert_array_equal(before, learner.logits(images, 0))


def test_layers_that_no_task_adopted_are_drawn_afresh(stream):
  learner = make(stream, Scripted("10", "00", "00"))
  tiny_stream.run_visit(learner, stream.tasks[0], 0)
  after_first = shared_values(learner)
  assert learner.structure()["adopted"] == [True, False]
  kernels = []
  for visit in (1, 2):
    learner.begin_visit(stream.tasks[visit], visit)
    kernels.append(shared_values(learner)["shared/conv1/kernel"])
    np.testing.assert_array_equal(shared_values(learner)["shared/conv0/kernel"], after_first["shared/conv0/kernel"])
    learner.end_visit()
  assert np.any(after_first["shared/conv1/kernel"] != kernels[0]) and np.any(kernels[0] != kernels[1])
  assert not np.isclose(kernels[0], kernels[1]).any()


def test_the_two_routes_begin_apart(stream):
  learner = make(stream, expectation.Expectation())
  learner.begin_visit(stream.tasks[0], 0)
  variables = learner.variables()
  assert not np.isclose(variables["shared/conv0/kernel"], variables["task0/conv0/kernel"]).any()


def test_initial_weights_of_one_role_are_equal_across_methods(stream):
  searching, sharing, separate = (make(stream, selection)
                                  for selection in (expectation.Expectation(), static.Static("all"),
                                                    static.Static("none")))
  for learner in (searching, sharing, separate):
    learner.begin_visit(stream.tasks[0], 0)
  reference = searching.variables()
  for learner in (sharing, separate):
    for name, variable in learner.variables().items():
      np.testing.assert_array_equal(variable, reference[name], err_msg=name)


@pytest.mark.parametrize("selection", [lambda: static.Static("01"), expectation.Expectation])
@pytest.mark.parametrize("knowledge", list(KNOWLEDGE))
def test_a_phase_changes_what_it_declares_and_nothing_else(stream, selection, knowledge):
  learner = make(stream, selection(), knowledge)
  tiny_stream.run_visit(learner, stream.tasks[0], 0)
  learner.begin_visit(stream.tasks[1], 1)
  phase = learner.next_phase(0)
  before = tiny_stream.values(learner.variables())
  tiny_stream.run_phase(learner, phase, steps_per_epoch=3)
  for name, value in learner.variables().items():
    if "/selection/" not in name:
      assert np.any(before[name] != value.numpy()) == (name in phase.trained), name


def test_slots_begin_at_one_in_every_visit(stream):
  learner = make(stream, static.Static("11"))
  for visit, task in enumerate(stream.tasks[:2]):
    learner.begin_visit(task, visit)
    phase = learner.next_phase(0)
    assert set(phase.state) == {f"rms/{name}" for name in phase.trained}
    assert all(np.all(slot.numpy() == 1.0) for slot in phase.state.values())
    tiny_stream.run_phase(learner, phase)
    assert any(np.any(slot.numpy() != 1.0) for slot in phase.state.values())
    learner.end_visit()


@pytest.mark.parametrize("knowledge", list(KNOWLEDGE))
def test_models_hold_no_weight_that_the_learner_does_not_report(stream, knowledge):
  """Keras tracks layers of its own accord; checkpoints store what the learner names, so the two must agree."""
  learner = make(stream, Scripted("11", "01"), knowledge)
  tiny_stream.run_visit(learner, stream.tasks[0], 0)
  learner.begin_visit(stream.tasks[1], 1)
  reported = {id(variable) for variable in learner.variables().values()}
  for network in (parts.network for parts in learner._tasks.values()):
    groups = [*network.head.groups, *(route for route in network.own_routes if route is not None)]
    assert {id(variable.value) for variable in network.trainable_variables} <= reported
    assert {id(variable) for group in groups for variable in group.named_variables.values()} <= reported
  assert {id(variable) for variable in learner.next_phase(0).trained.values()} <= reported


def test_a_revisit_trains_the_learned_configuration(stream):
  learner = make(stream, Scripted("10", "11"))
  for visit in (0, 1):
    tiny_stream.run_visit(learner, stream.tasks[visit], visit)
  names = list(learner.variables())
  before = tiny_stream.values(learner.variables())
  learner.begin_visit(stream.tasks[0], 2)
  assert list(learner.variables()) == names
  phase = learner.next_phase(0)
  assert phase.name == "train" and set(phase.trained) == {
      "shared/conv0/kernel", "shared/conv0/bias", "task0/conv1/kernel", "task0/conv1/bias", "task0/head/dense0/kernel",
      "task0/head/dense0/bias", "task0/head/dense1/kernel", "task0/head/dense1/bias"}
  tiny_stream.run_phase(learner, phase)
  assert learner.next_phase(1) is None and not learner.commit_changes_weights
  assert learner.end_visit().configuration == "10"
  changed = {name for name, value in learner.variables().items() if np.any(before[name] != value.numpy())}
  assert changed <= set(phase.trained) and "shared/conv0/kernel" in changed


@pytest.mark.parametrize("switch", [False, True])
def test_a_revisit_redraws_unadopted_layers_only_as_released(stream, switch):
  reference = types.ReferenceBehaviour(redraw_unadopted_at_revisit=switch)
  learner = make(stream, Scripted("10", "10"), reference=reference)
  for visit in (0, 1):
    tiny_stream.run_visit(learner, stream.tasks[visit], visit)
  before = shared_values(learner)
  learner.begin_visit(stream.tasks[0], 2)
  after = shared_values(learner)
  tiny_stream.assert_same(of_layer(before, 0), of_layer(after, 0))
  assert np.any(before["shared/conv1/kernel"] != after["shared/conv1/kernel"]) == switch
  assert learner.structure()["adopted"] == [True, switch]


@pytest.mark.parametrize("knowledge", list(KNOWLEDGE))
def test_a_restored_learner_goes_on_bit_for_bit(stream, knowledge):
  def fresh():
    return make(stream, expectation.Expectation(likelihood="mean", prior="mean"), knowledge)

  first = fresh()
  tiny_stream.run_visit(first, stream.tasks[0], 0, steps_per_epoch=2)
  first.begin_visit(stream.tasks[1], 1)
  phase = first.next_phase(0)
  first.begin_epoch(0)
  take = lambda learner, phase, number: phase.step(
      tiny_stream.batch_of(stream.tasks[1], [number, 1, 2, 3]), tiny_stream.step_context(learner, number))
  take(first, phase, 0)

  second = fresh()
  second.restore_structure(json.loads(json.dumps(first.structure())))
  assert list(second.variables()) == list(first.variables())
  saved = {**tiny_stream.values(first.variables()), **tiny_stream.values(phase.state)}
  for name, variable in second.variables().items():
    variable.assign(saved[name])
  second.attach(stream.tasks[1], 1)
  resumed = second.next_phase(0)
  for name, variable in {**second.variables(), **resumed.state}.items():
    variable.assign(saved[name])
  for number in (4, 5):
    assert float(take(first, phase, number).loss) == float(take(second, resumed, number).loss)
  assert first.end_visit() == second.end_visit()
  tiny_stream.assert_same(tiny_stream.values(first.variables()), tiny_stream.values(second.variables()))
  assert first.structure() == second.structure()


def test_the_committed_network_is_the_one_that_was_chosen(stream):
  learner = make(stream, Scripted("01"))
  learner.begin_visit(stream.tasks[0], 0)
  images = stream.tasks[0].train[0]
  tiny_stream.run_phase(learner, learner.next_phase(0))
  version, before = learner.network_version(0), learner.logits(images, 0).numpy()
  before_layer_0 = learner._tasks[0].network(images, sharing=(True, True)).numpy()
  learner.end_visit()
  # Own layer 0 and shared layer 1 stay; with layer 1 adopted nothing of the chosen network is rolled back.
  np.testing.assert_array_equal(before, learner.logits(images, 0))
  assert np.any(before != before_layer_0)
  assert learner.network_version(0) != version


def test_diagnostics_only_while_searching(stream):
  learner = make(stream, expectation.Expectation())
  learner.begin_visit(stream.tasks[0], 0)
  assert len(learner.diagnostics()["prior"]) == 4 and json.dumps(learner.diagnostics())
  learner.end_visit()
  assert learner.diagnostics() == {}


def test_a_search_needs_a_shared_route(stream):
  with pytest.raises(ValueError, match="Expectation cannot search over Independent"):
    composed.Composed(stream.context(), independent.Independent(), expectation.Expectation())


def test_a_configuration_must_fit_the_network(stream):
  with pytest.raises(ValueError, match="has 4 bits, the network has 2"):
    make(stream, static.Static("0011"))


@pytest.mark.parametrize("selection", [lambda: static.Static("01"), expectation.Expectation])
def test_learns(stream, selection):
  spec = dataclasses.replace(tiny_stream.SPEC, dropout_keep_probability=1.0)
  learner = make(stream, selection(), spec=spec, epochs_per_task=60)
  results, _ = tiny_stream.run_visit(learner, stream.tasks[0], 0, learning_rate=0.05)
  assert float(results[-1].loss) < 0.1 * float(results[0].loss)


def test_public_summary(stream):
  learner = make(stream, static.Static("01"))
  assert learner.learned_tasks == ()
  _, summary = tiny_stream.run_visit(learner, stream.tasks[2], 0)
  assert isinstance(summary, base.TaskSummary) and summary.configuration == "01" and summary.peak_phase is None
  assert learner.learned_tasks == (2,)
