"""What gives each method its name happens in a small run, with numbers, and its summary says so."""

import numpy as np
import pytest
import tensorflow as tf

from lasem_tf.learners import a_gem, elastic, lwf, progressive, replay, trunk
from lasem_tf.learners.additive import decomposition, layers as additive_layers
from lasem_tf.selection import exhaustive
from tests.learners.lives import accuracies, flags, live, live_by_name
from tests.support import contract, tiny_stream

# --- learners that grow or gate ---------------------------------------------------------------------------------------


def test_den_acts_it_selects_grows_prunes_and_splits():
  learner, stream, (first, *later) = live_by_name("den_faithful", 3, 60, "NEW_UNITS = 4", "LOSS_THRESHOLD = 0.0")
  added, pruned, split = (np.sum([details[key] for details in later]) for key in
                          ("added_units", "pruned_units", "split_units"))
  assert added > 0 and pruned > 0 and added + pruned == 4 * 4 * 2
  assert split >= 1
  assert 0.0 < min(min(details["selected_fraction"]) for details in later) < 1.0
  assert flags([first, *later]) == [False, True, True]
  assert min(accuracies(learner, stream)) > 0.8


def test_channel_gating_acts_it_closes_some_channels_and_frees_some():
  learner, stream, summaries = live_by_name("channel_gated_faithful", 2, 60, "ChannelGated.gate_learning_rate = 0.02")
  for details in summaries:
    assert 0.1 <= details["closed_share"] <= 0.7
    assert sum(details["free_channels"]) > 0
  assert flags(summaries) == [True, True]
  assert min(accuracies(learner, stream)) > 0.8


def test_soft_channel_gating_never_acts():
  _, _, summaries = live_by_name("channel_gated_soft", 1, 1)
  assert flags(summaries) == [False]


def test_prognn_acts_columns_read_earlier_columns():
  stream = tiny_stream.TinyStream()
  assert flags(live(progressive.ProgressiveNetwork(stream.context()), stream)) == [False, True, True]


# --- additive decomposition -------------------------------------------------------------------------------------------


def test_apd_acts_adaptive_parts_are_sparse_where_they_are_cut():
  learner, stream, summaries = live_by_name("apd_faithful", 2, 150, learning_rate=5e-4)
  densities = list(summaries[-1]["adaptive_density"].values())
  assert min(densities) > 0.0 and max(densities) < additive_layers.DENSE
  assert summaries[-1]["mechanism_acted"]
  assert min(accuracies(learner, stream)) > 0.8


def test_adaptive_parts_may_start_as_the_shared_kernels():
  stream = tiny_stream.TinyStream()
  learner = decomposition.AdditiveDecomposition(stream.context(), adaptive_start="shared")
  learner.begin_visit(stream.tasks[0], 0)
  weights = learner.variables()
  np.testing.assert_array_equal(weights["task0/conv1/adaptive"], weights["shared/conv1/kernel"])
  with pytest.raises(ValueError, match="adaptive_start must be one of"):
    decomposition.AdditiveDecomposition(stream.context(), adaptive_start="own")


def test_apd_that_follows_in_closed_form_hardly_acts_its_parts_are_dense():
  _, _, summaries = live_by_name("apd", 3, 20)
  assert summaries[-1]["adaptive_density"]["0"] > 0.9
  assert not summaries[-1]["mechanism_acted"]


# --- learners with a shared trunk -------------------------------------------------------------------------------------


def test_ewc_acts_important_weights_move_less():
  stream, moved = tiny_stream.TinyStream(), {}
  for strength in (0.0, 1e4):
    learner = elastic.ElasticWeightConsolidation(stream.context(epochs_per_task=60), strength=strength)
    live(learner, stream, 1)
    before = {name: variable.numpy() for name, variable in learner.trunk.named_variables.items()}
    marks = np.concatenate([learner.variables()[f"fisher/all/{name}"].numpy().ravel() for name in before])
    most = np.argsort(marks)[-len(marks) // 10:]
    assert flags(live(learner, stream, 2, first=1)) == [strength > 0]
    change = np.concatenate([np.abs(variable.numpy() - before[name]).ravel()
                             for name, variable in learner.trunk.named_variables.items()])
    moved[strength] = change[most].mean()
  assert moved[1e4] < 0.5 * moved[0.0]


def drift_of_old_answers(learner, stream):
  """How far the answers of task 0's head to task 1's images move while task 1 is learned."""
  live(learner, stream, 1)
  images = stream.tasks[1].train[0]
  before = tf.nn.softmax(learner.logits(images, 0))
  live(learner, stream, 2, first=1)
  return float(tf.reduce_mean(tf.abs(tf.nn.softmax(learner.logits(images, 0)) - before)))


def test_lwf_acts_old_answers_stay_nearer():
  stream = tiny_stream.TinyStream()
  with_it, without = (drift_of_old_answers(
      lwf.LearningWithoutForgetting(stream.context(epochs_per_task=60), strength=strength), stream)
                      for strength in (3.0, 0.0))
  assert 0.0 < with_it < 0.7 * without
  assert flags(live(lwf.LearningWithoutForgetting(stream.context()), stream, 2)) == [False, True]
  assert flags(live(lwf.LearningWithoutForgetting(stream.context(), strength=0.0), stream, 2)) == [False, False]


def test_lwf_slots_of_the_head_outlive_the_warm_up():
  stream = tiny_stream.TinyStream()
  for keeps in (False, True):
    learner = lwf.LearningWithoutForgetting(stream.context(epochs_per_task=10), warm_up_share=0.5,
                                            slots_per_visit=keeps)
    live(learner, stream, 1)
    learner.begin_visit(stream.tasks[1], 1)
    tiny_stream.run_phase(learner, learner.next_phase(0), steps_per_epoch=3)
    state = learner.next_phase(1).state
    head = state["rms/task1/head/dense1/kernel"].numpy()
    assert np.all(head == 1.0) != keeps and (not keeps or head.max() < 0.9)
    assert np.all(state["rms/shared/conv0/kernel"].numpy() == 1.0)


@pytest.mark.parametrize("options, kept", [
    ({}, [{"0": 12}, {"0": 9, "1": 9}, {"0": 6, "1": 6, "2": 6}]),
    ({"per_class": 2}, [{"0": 6}, {"0": 6, "1": 6}, {"0": 6, "1": 6, "2": 6}])])
def test_replay_acts_its_memory_holds_what_its_summary_says(options, kept):
  stream = tiny_stream.TinyStream()
  learner = replay.ExperienceReplay(stream.context(), **options)
  summaries = live(learner, stream)
  assert [details["memory_by_task"] for details in summaries] == kept
  assert [details["memory_examples"] for details in summaries] == [sum(each.values()) for each in kept]
  assert flags(summaries) == [False, True, True]


def test_contradicting_memory_options_are_refused():
  with pytest.raises(ValueError, match="per_class must be 1 or more"):
    replay.ExperienceReplay(tiny_stream.TinyStream().context(), per_class=2, budget=5)


def test_a_gem_acts_it_projects_some_steps():
  stream = tiny_stream.TinyStream()
  summaries = live(a_gem.AveragedGradientEpisodicMemory(stream.context(epochs_per_task=10)), stream)
  assert flags(summaries) == [False, True, True]
  assert all(0.0 < details["violated_fraction"] < 1.0 for details in summaries[1:])


@pytest.mark.parametrize("name", ["ewc", "lwf", "replay", "a_gem"])
def test_both_splits_of_trunk_and_head(name):
  shared, own = (contract.load(each).make() for each in (name, f"{name}_all_dense"))
  assert isinstance(own, trunk.TrunkLearner)
  assert "shared/dense0/kernel" in shared.variables() and "shared/dense0/kernel" not in own.variables()


# --- searches ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["lasem_hps", "lasem_hps_bounded"])
def test_lasem_acts_its_prior_leaves_the_uniform_one(name):
  subject = contract.load(name, depth=2)
  summaries = live(subject.make(epochs_per_task=8), subject.stream, 2)
  for details in summaries:
    # Four configurations begin with a quarter each.
    assert details["mechanism_acted"] == (details["choice_prior"] >= 1.5 * 0.25)
  assert any(flags(summaries))


def test_lasem_with_constant_weights_never_acts():
  subject = contract.load("lasem_hps", ("Expectation.fixed_configuration = '10'",), depth=2)
  assert flags(live(subject.make(), subject.stream, 1)) == [False]


@pytest.mark.parametrize("scores, acted", [((0.5, 0.5, 0.5, 0.5), False), ((0.5, 0.75, 0.5, 0.25), True)])
def test_exhaustive_search_acts_where_scores_differ(scores, acted):
  trials = exhaustive.Trials(2)
  for number, score in enumerate(scores):
    trials.next_phase(number, 1)
    trials.begin_epoch(0)
    trials.end_epoch(0, score)
  assert trials.summary().details == {"mechanism_acted": acted}
