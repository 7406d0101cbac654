"""The search on held-out images: what it reads, moves and may choose, and that its choice is trained anew."""

import numpy as np
import pytest
import tensorflow as tf

from lasem_tf.knowledge import hard_sharing
from lasem_tf.learners import composed
from lasem_tf.selection import base as selection_base, held_out, planted
from tests.support import tiny_stream


def make(seed=0, declared=(), selection=None, **options):
  stream = tiny_stream.TinyStream()
  context = stream.context(seed=seed, declared_configurations=declared)
  return stream, composed.Composed(context, hard_sharing.HardSharing(), selection or held_out.HeldOut(**options))


def _begin_second(**options):
  """A learner in the search phase of its second task."""
  stream, learner = make(**options)
  tiny_stream.run_visit(learner, stream.tasks[0], 0)
  learner.begin_visit(stream.tasks[1], 1)
  return stream, learner, learner.next_phase(0)


def test_the_first_task_fills_the_bank_without_a_search():
  stream, learner = make()
  learner.begin_visit(stream.tasks[0], 0)
  phases = list(tiny_stream.phases(learner))
  assert [(phase.name, phase.num_epochs) for phase in phases] == [("chosen", 2)]
  assert learner.end_visit().configuration == "11"


def test_adopted_shared_weights_keep_still_during_the_search():
  _, learner, phase = _begin_second()
  before = tiny_stream.values(learner.variables())
  tiny_stream.run_phase(learner, phase)
  after = tiny_stream.values(learner.variables())
  moved = {name for name in phase.trained if not np.array_equal(before[name], after[name])}
  assert phase.needs_validation_batch
  assert not any(name.startswith("shared") for name in moved)
  assert {"task1/conv0/kernel", "task1/conv1/kernel", "task1/head/dense0/kernel"} <= moved


def test_shared_weights_move_where_they_are_not_kept():
  _, learner, phase = _begin_second(freeze_adopted=False)
  before = tiny_stream.values(learner.variables())
  tiny_stream.run_phase(learner, phase)
  assert not np.array_equal(before["shared/conv0/kernel"], learner.variables()["shared/conv0/kernel"])


@pytest.mark.parametrize("is_held_out", [True, False])
def test_evidence_is_of_held_out_images(is_held_out):
  _, learner, phase = _begin_second(held_out=is_held_out)
  learner.begin_epoch(0)
  task, size = learner.task, learner.context.batch_size
  batch, context = tiny_stream.batch_of(task, range(size)), tiny_stream.step_context(learner, 0)
  if is_held_out:
    context = tiny_stream.step_context(learner, 0, phase=phase)
  judged = (context.validation if is_held_out else batch)[:2]
  expected = []
  for configuration in learner.search.configurations:
    logits = learner._tasks[1].network(judged[0], sharing=configuration.bits)
    expected.append(-tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(judged[1], logits)).numpy())
  phase.step(batch, context)
  np.testing.assert_allclose(learner.search.named_variables()["task1/selection/evidence"], expected, rtol=1e-5)


def test_the_prior_is_the_posterior_of_an_epochs_evidence():
  _, learner, _ = _begin_second(evidence_images=10, temperature=2.0, kept_evidence=0.0)
  search = learner.search
  search.begin_epoch(0)
  search.named_variables()["task1/selection/evidence"].assign([-2.0, -1.0, -4.0, -2.0])
  search.named_variables()["task1/selection/weight"].assign(2.0)
  search.end_epoch(0, .5)
  powers = np.exp(np.array([-1.0, -.5, -2.0, -1.0]) * 10 / 2.0)
  np.testing.assert_allclose(search.diagnostics()["prior"], powers / powers.sum(), rtol=1e-5)
  assert str(search.choice()) == "01"
  search.begin_epoch(1)
  np.testing.assert_array_equal(search.named_variables()["task1/selection/evidence"], np.zeros(4))


def test_layers_that_no_task_relies_on_are_shared():
  options = held_out.HeldOut()
  options.depth = 3
  search = held_out.HeldOutSearch(4, options, (True, False, True))
  assert {str(c) for c, allowed in zip(search.configurations, search.admissible) if allowed} == {"010", "011", "110",
                                                                                                  "111"}
  options.share_unadopted = False
  assert held_out.HeldOutSearch(4, options, (True, False, True)).admissible.all()


def test_the_choice_is_trained_as_if_it_had_been_planted():
  """A search as long as the training leaves the same seeds and batches, so that the result is the same bit for bit."""
  stream, learner = make(search_share=1.0)
  summaries = [tiny_stream.run_visit(learner, task, visit)[1] for visit, task in enumerate(stream.tasks[:2])]
  chosen = tuple(summary.configuration for summary in summaries)
  assert summaries[1].peak_phase == "chosen"
  _, other = make(declared=(*chosen, "00"), selection=planted.Planted())
  for visit, task in enumerate(stream.tasks[:2]):
    tiny_stream.run_visit(other, task, visit)
  for task in stream.tasks[:2]:
    np.testing.assert_array_equal(learner.logits(task.train[0], task.info.task_id),
                                  other.logits(task.train[0], task.info.task_id))


def test_epochs_are_counted():
  selection = held_out.HeldOut(search_share=0.5)
  assert selection.search_epochs(10) == 15 and held_out.HeldOut().search_epochs(10) == 20
  assert held_out.HeldOut(retrain=False, freeze_adopted=False).search_epochs(10) == 10


@pytest.mark.parametrize("options, message", [
    ({"temperature": 0.0}, "HeldOut.temperature"), ({"kept_evidence": 1.0}, "HeldOut.kept_evidence"),
    ({"retrain": False}, "HeldOut.freeze_adopted = True needs HeldOut.retrain"),
    ({"retrain": False, "freeze_adopted": False, "search_share": .5}, "HeldOut.search_share < 1 needs")])
def test_options_that_do_not_fit_are_refused(options, message):
  with pytest.raises(ValueError, match=message):
    held_out.HeldOut(**options)


def test_a_resumed_search_goes_on_alike():
  stream, learner, phase = _begin_second()
  tiny_stream.run_phase(learner, phase)
  _, other = make()
  other.restore_structure(learner.structure())
  for name, variable in other.variables().items():
    variable.assign(learner.variables()[name])
  other.attach(stream.tasks[1], 1)
  for each in (learner, other):
    for chosen in tiny_stream.phases(each, first=1):
      tiny_stream.run_phase(each, chosen)
  assert isinstance(other.search, selection_base.Search)
  assert learner.end_visit() == other.end_visit()
  tiny_stream.assert_same(tiny_stream.values(learner.variables()), tiny_stream.values(other.variables()))
