"""DARTS: the mixture, its two updates, gradients of both orders against finite differences, and bad input."""

import numpy as np
import pytest
import tensorflow as tf

from lasem_tf import types
from lasem_tf.knowledge import deconvolution
from lasem_tf.learners import base
from lasem_tf.nn import layers, mixture
from lasem_tf.selection import differentiable
from tests.golden_support import recording
from tests.selection import pairs
from tests.support import tiny_stream

RATE = 0.5


def _bound(**options):
  selection = differentiable.Differentiable(**options)
  selection.bind(2, types.ReferenceBehaviour())
  return selection


def test_names_and_the_start():
  search = _bound().begin_search(3, 1)
  assert list(search.named_variables()) == ["task3/alpha0", "task3/alpha1"]
  np.testing.assert_array_equal(search.shares(), [0.5, 0.5])
  # A tie stays with the task.
  assert str(search.choice()) == "00" and not np.any(search.sharing())


def test_share_is_the_second_entry_of_the_softmax():
  search = _bound().begin_search(3, 1)
  search.named_variables()["task3/alpha1"].assign([0.0, np.log(3.0)])
  np.testing.assert_allclose(search.shares(), [0.5, 0.75], rtol=1e-6)
  assert str(search.choice()) == "01"
  assert search.diagnostics() == {"alpha": [[0.0, 0.0], [0.0, pytest.approx(1.0986123)]], "choice": "01"}


def test_mixture_adds_activated_routes_before_the_pool(float64):
  stream, learner = pairs.make("hard_sharing", differentiable.Differentiable())
  learner.begin_visit(stream.tasks[0], 0)
  network = learner._tasks[0].network
  images = stream.tasks[0].train[0][:2]
  outputs = images
  for layer, (share, weights) in enumerate(zip((0.75, 0.1), network.layer_weights())):
    own, shared = (tf.nn.relu(layers.convolution(outputs, *route, "same")) for route in (weights.own, weights.shared))
    outputs = tf.nn.max_pool2d((1 - share) * own + share * shared, pairs.SPEC.pool_sizes[layer], 2, "SAME")
  features = mixture.mixed_features(pairs.SPEC, network.layer_weights(), images, tf.constant([0.75, 0.1], tf.float64))
  np.testing.assert_allclose(features, tf.reshape(outputs, [2, -1]), rtol=0, atol=1e-12)


def _searching(knowledge, selection, **options):
  """A learner inside its first search, with weights and mixing weights that matter."""
  stream, learner = pairs.make(knowledge, selection, **options)
  learner.begin_visit(stream.tasks[0], 0)
  random = np.random.default_rng(0)
  for name, variable in learner.variables().items():
    if "alpha" in name:
      variable.assign(random.normal(size=2))
    elif name.startswith("task0/conv") or name.startswith("shared"):
      variable.assign(4.0 * variable)
  return learner, learner.next_phase(0)


def _batches(learner):
  """Mild inputs, so that no softmax saturates."""
  batch = tiny_stream.batch_of(learner.task, [0, 1, 2, 3])
  images, labels = learner.task.validation
  validation = base.Batch(0.2 * images[:4], labels[2:6], tf.range(4))
  return batch._replace(images=0.2 * batch.images), validation


def _first_gradients(learner, phase, with_validation):
  """Gradients of mixing weights and of weights that the first step applies."""
  batch, validation = _batches(learner)
  context = base.StepContext(tf.constant(RATE, batch.images.dtype), tf.constant([1, 2]),
                             validation if with_validation else None)
  with recording.recorded_updates() as updates:
    result = phase.step(batch, context)
  assert len(updates) == 2
  return result, *updates


def _loss(learner, batch, shares=None):
  """Cross-entropy of the mixture at the weights in force."""
  network, search = learner._tasks[0].network, learner.search
  shares = search.shares() if shares is None else shares
  return layers.mean_cross_entropy(network.head(mixture.mixed_features(
      pairs.SPEC, network.layer_weights(), batch.images, shares)), batch.labels)


def _finite_differences(objective, alphas, size=1e-5):
  """Central differences of a function of the mixing weights."""
  result = {}
  for name, variable in alphas.items():
    start, gradient = variable.numpy(), np.zeros(2)
    for entry in range(2):
      for sign in (1.0, -1.0):
        moved = start.copy()
        moved[entry] += sign * size
        variable.assign(moved)
        gradient[entry] += sign * float(objective()) / (2 * size)
    variable.assign(start)
    result[name] = gradient
  return result


@pytest.mark.parametrize("knowledge", list(pairs.KNOWLEDGE))
@pytest.mark.parametrize("on_validation", [False, True])
def test_first_order_gradient(float64, knowledge, on_validation):
  selection = differentiable.Differentiable(architecture_batch="validation" if on_validation else "training")
  learner, phase = _searching(knowledge, selection)
  assert phase.needs_validation_batch == on_validation
  batch, validation = _batches(learner)
  alphas = learner.search.named_variables()
  expected = _finite_differences(lambda: _loss(learner, validation if on_validation else batch), alphas)
  before = float(_loss(learner, batch))
  result, alpha_gradients, weight_gradients = _first_gradients(learner, phase, on_validation)
  for name, gradient in alpha_gradients.items():
    np.testing.assert_allclose(gradient, expected[name], rtol=0, atol=1e-8, err_msg=name)
  assert set(weight_gradients) == set(phase.trained)
  if not on_validation:
    assert float(result.loss) == pytest.approx(before, rel=1e-12)


@pytest.mark.parametrize("knowledge", list(pairs.KNOWLEDGE))
def test_second_order_gradient_is_the_total_derivative(float64, knowledge):
  selection = differentiable.Differentiable(order=2)
  learner, phase = _searching(knowledge, selection)
  assert phase.needs_validation_batch
  batch, validation = _batches(learner)
  weights = list(phase.trained.values())

  def unrolled_loss():
    with tf.GradientTape() as tape:
      penalty = learner._penalty_of(0)(learner.search.shares())
      loss = _loss(learner, batch)
      total = loss if penalty is None else loss + penalty
    start = [variable.numpy() for variable in weights]
    for variable, gradient in zip(weights, tape.gradient(total, weights)):
      variable.assign_sub(RATE * gradient)
    value = _loss(learner, validation)
    for variable, kept in zip(weights, start):
      variable.assign(kept)
    return value

  alphas = learner.search.named_variables()
  expected = _finite_differences(unrolled_loss, alphas)
  first_order = _finite_differences(lambda: _loss(learner, validation), alphas)
  before = float(_loss(learner, batch))
  result, gradients, _ = _first_gradients(learner, phase, True)
  for name, gradient in gradients.items():
    np.testing.assert_allclose(gradient, expected[name], rtol=0, atol=1e-7, err_msg=name)
  # The second order is not a small correction here, so the test would notice its absence.
  assert max(np.abs(expected[name] - first_order[name]).max() for name in alphas) > 1e-3
  if knowledge == "hard_sharing":  # The others' training loss includes a penalty.
    assert float(result.loss) == pytest.approx(before, rel=1e-12)


def test_second_order_leaves_the_weights_where_they_were_for_their_own_step(float64):
  """The unrolled step is imagined: the real one starts from the same weights."""
  learner, phase = _searching("hard_sharing", differentiable.Differentiable(order=2))
  batch, _ = _batches(learner)
  start = tiny_stream.values(phase.trained)
  _, _, gradients = _first_gradients(learner, phase, True)
  for name, variable in phase.trained.items():
    mean_square = 0.9 + 0.1 * gradients[name]**2
    expected = start[name] - RATE * gradients[name] / np.sqrt(mean_square + 1e-10)
    np.testing.assert_allclose(variable, expected, rtol=0, atol=1e-12, err_msg=name)


def test_released_second_order_is_another_rule(float64):
  reference = types.ReferenceBehaviour(darts_second_order_as_released=True)
  learner, phase = _searching("hard_sharing", differentiable.Differentiable(order=2), reference=reference)
  assert not phase.needs_validation_batch
  _, released, _ = _first_gradients(learner, phase, False)
  learner, phase = _searching("hard_sharing", differentiable.Differentiable())
  _, first_order, _ = _first_gradients(learner, phase, False)
  assert all(np.all(np.isfinite(gradient)) for gradient in released.values())
  assert max(np.abs(released[name] - first_order[name]).max() for name in released) > 1e-5


def test_mixing_weights_move_first_and_have_slots_of_their_own():
  selection = differentiable.Differentiable()
  learner, phase = _searching("hard_sharing", selection)
  before = tiny_stream.values(learner.search.named_variables())
  _, alpha_gradients, weight_gradients = _first_gradients(learner, phase, False)
  for name, gradient in alpha_gradients.items():
    slot = phase.state[f"rms/{name}"]
    np.testing.assert_allclose(slot, 0.9 + 0.1 * gradient**2, rtol=1e-6)
    np.testing.assert_allclose(learner.search.named_variables()[name],
                               before[name] - RATE * gradient / np.sqrt(slot.numpy() + 1e-10), rtol=1e-6)
  alphas = learner.search.named_variables()
  assert set(phase.state) == {f"rms/{name}" for name in (*phase.trained, *alphas)} | set(alphas)
  assert "task0/alpha0" not in phase.trained and "task0/alpha0" in learner.variables()
  # The weights' gradients are those at the moved mixing weights.
  other, phase = _searching("hard_sharing", differentiable.Differentiable())
  for name, variable in other.search.named_variables().items():
    variable.assign(learner.search.named_variables()[name])
  with tf.GradientTape() as tape:
    loss = _loss(other, _batches(other)[0])
  expected = tape.gradient(loss, other.variables()["shared/conv0/kernel"])
  np.testing.assert_allclose(weight_gradients["shared/conv0/kernel"], expected, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("knowledge", list(pairs.KNOWLEDGE))
def test_every_knowledge_learns_commits_and_revisits(knowledge):
  stream, learner = pairs.make(knowledge, differentiable.Differentiable())
  results, summary = tiny_stream.run_visit(learner, stream.tasks[0], 0, steps_per_epoch=3)
  assert len(results) == 6 and len(summary.configuration) == 2
  assert not [name for name in learner.variables() if "alpha" in name or name.startswith("snapshot")]
  for layer, bit in enumerate(summary.configuration):
    assert (f"task0/conv{layer}/kernel" in learner.variables()) == (bit == "0")
  _, again = tiny_stream.run_visit(learner, stream.tasks[0], 1)
  assert again.configuration == summary.configuration
  _, summary = tiny_stream.run_visit(learner, stream.tasks[1], 2)
  assert learner.logits(stream.tasks[1].train[0], 1).shape == [12, 3]


def test_evaluation_follows_the_choice_in_one_graph():
  selection = differentiable.Differentiable()
  learner, _ = _searching("hard_sharing", selection)
  images = learner.task.train[0]
  logits = tf.function(lambda: learner.logits(images, 0), autograph=False)
  outcomes = []
  for difference in (-1.0, 1.0):
    for variable in learner.search.named_variables().values():
      variable.assign([0.0, difference])
    outcomes.append(logits().numpy())
    kernels = [weights.choose(difference > 0) for weights in learner._tasks[0].network.layer_weights()]
    outputs = images
    for kernel in kernels:
      outputs = layers.max_pool(tf.nn.relu(layers.convolution(outputs, *kernel, "same")), 2, "same")
    expected = learner._tasks[0].head(tf.reshape(outputs, [12, -1]))
    np.testing.assert_allclose(outcomes[-1], expected, rtol=1e-4, atol=1e-4)
  assert np.abs(outcomes[0] - outcomes[1]).max() > 1e-2


def test_double_update_at_a_revisit_is_the_releases():
  learners = []
  for switch in (False, True):
    reference = types.ReferenceBehaviour(darts_double_update_at_revisit=switch)
    stream, learner = pairs.make("hard_sharing", differentiable.Differentiable(), reference=reference)
    learner.begin_visit(stream.tasks[0], 0)
    for variable in learner.search.named_variables().values():
      variable.assign([0.0, 1.0])
    assert learner.end_visit().configuration == "11"
    learner.begin_visit(stream.tasks[0], 1)
    phase = learner.next_phase(0)
    before = tiny_stream.values(phase.trained)
    with recording.recorded_updates() as updates:
      phase.step(tiny_stream.batch_of(learner.task, [0, 1, 2, 3]), tiny_stream.step_context(learner, 0))
    learners.append((before, tiny_stream.values(phase.trained), updates))
  (before, once, single), (_, twice, double) = learners
  assert (len(single), len(double)) == (1, 2)
  assert set(double[1]) == {name for name in before if name.startswith("shared/")}
  name = "shared/conv0/kernel"
  gradient = single[0][name]
  first, second = 0.9 + 0.1 * gradient**2, 0.81 + 0.19 * gradient**2
  step = 0.01 * gradient / np.sqrt(first + 1e-10)
  np.testing.assert_allclose(once[name], before[name] - step, rtol=0, atol=1e-6)
  np.testing.assert_allclose(twice[name], before[name] - step - 0.01 * gradient / np.sqrt(second + 1e-10), rtol=0,
                             atol=1e-6)
  np.testing.assert_array_equal(once["task0/head/dense0/kernel"], twice["task0/head/dense0/kernel"])


def test_kernels_are_generated_once_per_layer_and_step(monkeypatch):
  calls = []
  grow = deconvolution.grow
  monkeypatch.setattr(deconvolution, "grow", lambda *args, **kwargs: calls.append(1) or grow(*args, **kwargs))
  learner, phase = _searching("deconvolution", differentiable.Differentiable())
  batch, _ = _batches(learner)
  phase.step(batch, tiny_stream.step_context(learner, 0))
  assert len(calls) == pairs.SPEC.depth


def test_cost_counts_both_updates():
  forward, first = 2 * (10 + 20) + 5, 2 * 10
  assert _bound().training_macs([10, 20], [1.0, 2.0], 5) == 5 * forward - 2 * first + 9
  assert _bound(order=2).training_macs([10, 20], [1.0, 2.0], 5) > 2 * _bound().training_macs([10, 20], [1.0, 2.0], 5)
