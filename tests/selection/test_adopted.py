"""What searches may do with layers that earlier tasks rely on; DARTS under the rules of LASEM's held-out form."""

import numpy as np
import pytest
import tensorflow as tf

from lasem_tf.selection import base, differentiable, planted
from lasem_tf.selection.adopted import AdoptedLayers
from tests.selection.test_held_out import make
from tests.support import tiny_stream

_DARTS = {"order": 2, "architecture_batch": "validation", "unrolled_step": "optimizer", "alpha_optimizer": "adam",
          "alpha_learning_rate": 0.05, "retrain_share": 1.0, "freeze_adopted": True, "share_unadopted": True}


def test_what_is_kept_and_what_is_free():
  weights = {name: tf.Variable(0.0) for name in ("head", "shared0", "shared1")}
  problem = base.SearchProblem(None, weights, lambda sharing: None, 0.1, {0: ["shared0"], 1: ["shared1"]})
  every = AdoptedLayers.of((True, False), 2, freeze=True, share_others=True)
  assert list(every.trained(problem)) == ["head", "shared1"] and every.shared_always == (False, True)
  neither = AdoptedLayers.of((True, False), 2, freeze=False, share_others=False)
  assert list(neither.trained(problem)) == list(weights) and neither.shared_always == (False, False)
  assert AdoptedLayers.of((), 2, freeze=True, share_others=True).shared_always == (True, True)


@pytest.fixture(name="life", scope="module")
def _life():
  """The stream, a DARTS learner after its second task's search, its phases, its values before and after the search."""
  stream, learner = make(selection=differentiable.Differentiable(**_DARTS))
  assert tiny_stream.run_visit(learner, stream.tasks[0], 0)[1].configuration == "11"
  learner.begin_visit(stream.tasks[1], 1)
  phases, before = tiny_stream.phases(learner), tiny_stream.values(learner.variables())
  search = next(phases)
  tiny_stream.run_phase(learner, search)
  return stream, learner, [search, next(phases)], before, tiny_stream.values(learner.variables())


def test_darts_searches_on_top_of_the_training(life):
  _, _, phases, *_ = life
  assert [(phase.name, phase.num_epochs) for phase in phases] == [("search", 2), ("retrain", 2)]


def test_darts_leaves_adopted_layers_as_they_are(life):
  _, _, phases, before, after = life
  moved = {name for name in phases[0].trained if not np.array_equal(before[name], after[name])}
  assert not any(name.startswith("shared") for name in moved)
  assert {"task1/conv0/kernel", "task1/conv1/kernel", "task1/head/dense0/kernel"} <= moved
  assert all(not np.array_equal(before[f"task1/alpha{layer}"], after[f"task1/alpha{layer}"]) for layer in (0, 1))


def test_the_choice_of_darts_is_trained_as_if_it_had_been_planted(life):
  stream, learner, phases, *_ = life
  tiny_stream.run_phase(learner, phases[1])
  summary = learner.end_visit()
  assert summary.peak_phase == "retrain"
  _, other = make(declared=("11", summary.configuration, "00"), selection=planted.Planted())
  for visit, task in enumerate(stream.tasks[:2]):
    tiny_stream.run_visit(other, task, visit)
  for task in stream.tasks[:2]:
    np.testing.assert_array_equal(learner.logits(task.train[0], task.info.task_id),
                                  other.logits(task.train[0], task.info.task_id))


def test_darts_decides_about_adopted_layers_alone():
  rules = differentiable.Rules(2, "validation", retrain_share=1.0, freeze_adopted=True, share_unadopted=True)
  search = differentiable.MixingWeights(3, 3, rules, 4, (True, False, True))
  search.named_variables()["task3/alpha1"].assign([5.0, -5.0])
  search.named_variables()["task3/alpha2"].assign([-1.0, 1.0])
  assert str(search.choice()) == "011"
  np.testing.assert_allclose(search.shares(), [0.5, 1.0, tf.nn.sigmoid(2.0)], rtol=1e-6)
  # A layer that is always shared is no choice.
  search.named_variables()["task3/alpha2"].assign([0.0, 0.0])
  assert search.summary().details["mechanism_acted"] is False
