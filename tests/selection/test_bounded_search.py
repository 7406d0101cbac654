"""LASEM at a bounded posterior mass: its three forms against the exact step, their choice, counts, resume, refusals."""

import json

import numpy as np
import pytest
import tensorflow as tf

from lasem_tf.nn import architecture, pruned_tree
from lasem_tf.selection import bounded_batch, bounds, expectation, expectation_search
from lasem_tf.selection.bounded_search import BoundedSearch
from tests.golden_support import recording
from tests.selection import pairs
from tests.selection.bounded_support import ALLOWED, batch_of, FORMS, LEADER, learner_in, SPEC, steer, steps_of, traced
from tests.support import tiny_stream


def _first_gradients(learner, number=0):
  phase = learner.next_phase(0)
  with recording.recorded_updates() as updates:
    result = phase.step(batch_of(learner, number), tiny_stream.step_context(learner, number))
  (gradients,) = updates
  return result, gradients


def _check_same_gradients(ours, expected, tolerance=1e-6):
  assert set(ours) == set(expected)
  for name, gradient in expected.items():
    scale = max(1e-6, np.abs(gradient).max())
    np.testing.assert_allclose(ours[name], gradient, rtol=0, atol=tolerance * scale, err_msg=name)


def _exact_gradients_with(monkeypatch, knowledge, form, weights, **options):
  """Of today's step, whose posterior is replaced by other weights."""
  learner = learner_in(knowledge, form, dropped_mass=0.0, **options)
  monkeypatch.setattr(expectation_search.ExpectationSearch, "weights_of",
                      lambda search, problem, features, labels: tf.constant(weights, features.dtype))
  return _first_gradients(learner)


def test_nothing_is_dropped_by_default():
  search = learner_in(dropped_mass=0.0).search
  assert type(search) is expectation_search.ExpectationSearch
  assert set(search.named_variables()) == {"task0/selection/evidence", "task0/selection/num_batches"}


@pytest.mark.parametrize("knowledge", list(pairs.KNOWLEDGE))
def test_exact_form_is_the_exact_step(knowledge):
  result, gradients = _first_gradients(learner_in(knowledge, "exact"))
  expected_result, expected = _first_gradients(learner_in(knowledge, "exact", dropped_mass=0.0))
  _check_same_gradients(gradients, expected)
  assert float(result.loss) == pytest.approx(float(expected_result.loss), rel=1e-6)
  assert float(result.metrics["configurations_trained"]) == 4


@pytest.mark.parametrize("knowledge", list(pairs.KNOWLEDGE))
@pytest.mark.parametrize("form", ["alone", "sparse"])
def test_leader_alone_has_the_gradients_of_a_one_hot_posterior(monkeypatch, knowledge, form):
  """Penalties weighted by the posterior and dropout masks included."""
  learner = learner_in(knowledge, form)
  result, gradients = _first_gradients(learner)
  assert steps_of(learner)[form] == 1 and float(result.metrics["configurations_trained"]) == 1
  _, expected = _exact_gradients_with(monkeypatch, knowledge, form, np.eye(4)[LEADER])
  _check_same_gradients(gradients, expected)
  # What the leader does not use has no gradient but its penalty's; here it is shared, own.
  assert not np.any(gradients["task0/conv1/kernel" if learner.search.choice().bits[1] else "task0/conv0/kernel"])


def _traced_gradients(learner, recorded):
  phase = learner.next_phase(0)

  def gradients():
    phase.step(batch_of(learner), tiny_stream.step_context(learner, 0))
    return recorded.pop()

  return tf.function(gradients, autograph=False)


@pytest.mark.parametrize("knowledge", list(pairs.KNOWLEDGE))
def test_forced_sets_have_dense_gradients(monkeypatch, knowledge):
  """Every set of at least one configuration, in one trace."""
  posterior = np.array([.1, .2, .3, .4])
  learner, dense = learner_in(knowledge, "exact"), learner_in(knowledge, "exact", dropped_mass=0.0)
  forced, weights = tf.Variable([True] * 4), tf.Variable(posterior, dtype=tf.float32)
  monkeypatch.setattr(bounded_batch, "posterior", lambda *args: tf.constant(posterior, tf.float32))
  monkeypatch.setattr(bounds, "fewest", lambda *args: tf.identity(forced))
  monkeypatch.setattr(pruned_tree.PrunedTree, "convolution_macs", lambda tree: tf.constant(0.0))  # Always sparse.
  monkeypatch.setattr(expectation_search.ExpectationSearch, "weights_of", lambda *args: tf.identity(weights))
  recorded = []
  for searched in (learner, dense):
    monkeypatch.setattr("lasem_tf.nn.optimizers.RMSProp.apply",
                        lambda optimizer, gradients, rate: recorded.append(gradients))
    searched.gradients = _traced_gradients(searched, recorded)
  for number in range(1, 16):
    mask = np.array([bool(number >> index & 1) for index in range(4)])
    forced.assign(mask)
    weights.assign(np.where(mask, posterior, 0) / posterior[mask].sum())
    _check_same_gradients(learner.gradients(), dense.gradients())
  assert learner.gradients.experimental_get_tracing_count() == 1
  assert steps_of(learner) == {"alone": 0, "sparse": 15, "exact": 0}


@pytest.mark.parametrize("groups", [(), (2,)])
def test_one_trace_takes_every_form(groups):
  spec = SPEC if not groups else architecture.ConvNetSpec((8, 8, 3), (3, 3, 3), (4, 4, 6), (1, 2, 2), (8,))
  learner = learner_in(layer_groups=(2, 1) if groups else (), spec=spec)
  _, step, take = traced(learner)
  for number, form in enumerate(("exact", "alone", "sparse", "alone", "exact")):
    steer(learner, form)
    take(number)
  assert steps_of(learner) == {"alone": 2, "sparse": 1, "exact": 2}
  assert step.experimental_get_tracing_count() == 1


def test_an_epoch_forgets_the_largest_mass_and_the_task_does_not():
  learner = learner_in(form="sparse")
  _first_gradients(learner)
  largest = learner.search.diagnostics()["largest_dropped_mass"]
  assert 0 < largest < 1e-6
  learner.begin_epoch(1)
  assert learner.diagnostics()["largest_dropped_mass"] == 0
  summary = learner.end_visit()
  assert summary.details["largest_dropped_mass"] == largest and summary.details["steps_sparse"] == 1
  json.dumps(dict(summary.details))


@pytest.mark.parametrize("form", list(FORMS))
def test_divergence_shows_in_the_loss(form):
  learner = learner_in(form=form)
  kernel = learner.variables()["task0/head/dense1/kernel"]
  kernel.assign(tf.fill(kernel.shape, np.nan))
  result = learner.next_phase(0).step(batch_of(learner), tiny_stream.step_context(learner, 0))
  assert not np.isfinite(float(result.loss))


def test_audit_finds_a_bound_that_is_none(monkeypatch):
  monkeypatch.setattr(bounds, "log_mass_beside", lambda prior, *args: tf.constant(-np.inf, prior.dtype))
  learner = learner_in(audit_every=1)
  phase = learner.next_phase(0)
  with pytest.raises(tf.errors.InvalidArgumentError, match="more posterior mass than Expectation.dropped_mass allows"):
    phase.step(batch_of(learner), tiny_stream.step_context(learner, 0))
  # Not due, not found.
  learner = learner_in(audit_every=2)
  learner.search.named_variables()["task0/selection/steps"].assign([1, 0, 0])
  learner.next_phase(0).step(batch_of(learner), tiny_stream.step_context(learner, 0))
  assert steps_of(learner)["alone"] == 2


@pytest.mark.parametrize("form", list(FORMS))
def test_kill_and_resume_in_every_form(form):
  learner = learner_in(form=form)
  phase, _, take = traced(learner)
  learner.begin_epoch(0)
  take(0)
  saved = {**tiny_stream.values(learner.variables()), **tiny_stream.values(phase.state)}

  _, other = pairs.make("hard_sharing", expectation.Expectation(dropped_mass=ALLOWED), spec=SPEC)
  other.restore_structure(json.loads(json.dumps(learner.structure())))
  other.attach(learner.task, 0)
  resumed, _, take_resumed = traced(other)
  other.begin_epoch(0)
  for name, variable in {**other.variables(), **resumed.state}.items():
    variable.assign(saved[name])
  for number in range(1, 4):
    assert take(number) == take_resumed(number)
  assert steps_of(learner) == steps_of(other) and steps_of(learner)[form] >= (4 if form == "alone" else 1)
  for first, second in ((learner.variables(), other.variables()), (phase.state, resumed.state)):
    tiny_stream.assert_same(tiny_stream.values(first), tiny_stream.values(second))
  assert learner.end_visit() == other.end_visit()


@pytest.mark.parametrize("knowledge", list(pairs.KNOWLEDGE))
def test_whole_visits_commit_and_revisit(knowledge):
  """With early commitment, and an audit of every step."""
  stream, learner = pairs.make(knowledge, expectation.Expectation(
      dropped_mass=ALLOWED, audit_every=1, commit_threshold=0.3, commit_epochs=1), spec=SPEC, epochs_per_task=3)
  results, summary = tiny_stream.run_visit(learner, stream.tasks[0], 0, steps_per_epoch=3)
  assert "configurations_trained" in results[0].metrics and not results[-1].metrics  # Committed.
  taken = sum(summary.details[f"steps_{form}"] for form in FORMS)
  assert 3 <= taken < 9 and not [name for name in learner.variables() if "/selection/" in name]
  _, again = tiny_stream.run_visit(learner, stream.tasks[0], 1)
  assert again.configuration == summary.configuration and not again.details
  assert isinstance(learner._selection.begin_search(1, 1), BoundedSearch)


@pytest.mark.parametrize("options, message", [
    ({"dropped_mass": 0.5}, r"Expectation.dropped_mass must lie in \[0, 0.5\), not 0.5"),
    ({"dropped_mass": -1e-3}, r"Expectation.dropped_mass must lie in \[0, 0.5\)"),
    ({"likelihood": "mean"}, "Expectation.dropped_mass = 0.01 needs Expectation.likelihood = 'product'"),
    ({"fixed_configuration": "top1"}, "no meaning with the constant weights of Expectation.fixed_configuration"),
    ({"audit_every": -1}, "Expectation.audit_every = -1 must not be negative"),
    ({"audit_every": 2, "dropped_mass": 0.0}, "audit_every = 2 .* needs a positive Expectation.dropped_mass")])
def test_options_that_do_not_fit(options, message):
  with pytest.raises(ValueError, match=message):
    expectation.Expectation(**{"dropped_mass": ALLOWED, **options})
