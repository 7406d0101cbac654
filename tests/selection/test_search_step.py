"""The search step of LASEM as a learner takes it, against a loop over configurations; and what it launches."""

import numpy as np
import pytest
import tensorflow as tf

from lasem_tf.knowledge import deconvolution, hard_sharing, tensor_factors
from lasem_tf.learners import base, composed
from lasem_tf.nn import architecture, layers, networks
from lasem_tf.selection import base as selection_base, expectation
from tests.golden_support import recording
from tests.nn.test_prefix_tree import kernels_launched
from tests.support import tiny_stream

SPEC = architecture.ConvNetSpec((8, 8, 3), (3, 3, 3), (4, 4, 6), (1, 2, 2), (8,), dropout_keep_probability=1.0)
KNOWLEDGE = {
    "hard_sharing": lambda depth: hard_sharing.HardSharing(),
    "tensor_factors": lambda depth: tensor_factors.TensorFactors(orthogonality_weight=0.1),
    "deconvolution": lambda depth: deconvolution.Deconvolution(((2, 3, 3, 4),) * depth, 0.1, 0.2),
}


def _search(spec, knowledge, selection, **context):
  """A learner in its first visit, and its search phase."""
  stream = tiny_stream.TinyStream(image_shape=spec.image_shape)
  learner = composed.Composed(stream.context(spec, **context), KNOWLEDGE[knowledge](spec.depth), selection)
  learner.begin_visit(stream.tasks[0], 0)
  # Plain initial weights are too small for any configuration to stand out; Glorot's are not.
  for name, variable in learner.variables().items():
    if name.startswith("shared/conv") or "/conv" in name and name.startswith("task0"):
      variable.assign(3.0 * variable)
  return learner, learner.next_phase(0), stream.tasks[0]


def _reference_gradients(learner, phase, batch):
  """Posterior-weighted gradients, one network after the other, with the formulas of the paper written out."""
  network = learner._tasks[0].network
  names, variables = list(phase.trained), list(phase.trained.values())
  prior = learner.search.prior().numpy()
  losses, gradients = [], []
  for c in learner.search.configurations:
    with tf.GradientTape() as tape:
      kernels = [weights.choose(bit) for weights, bit in zip(network.layer_weights(), c.bits)]
      features = networks.convolutional_features(learner.context.spec, kernels, batch.images)
      loss = layers.mean_cross_entropy(network.head(features), batch.labels)
      penalty = learner._penalty_of(0)(tf.constant(c.bits, loss.dtype))
      total = loss if penalty is None else loss + penalty
    losses.append(float(loss))
    gradients.append(tape.gradient(total, variables, unconnected_gradients="zero"))
  likelihood = np.exp(-len(batch.labels) * np.array(losses))
  posterior = prior * likelihood / np.sum(prior * likelihood)
  weighted = {name: np.tensordot(posterior, np.stack([gradient[index] for gradient in gradients]), 1)
              for index, name in enumerate(names)}
  return weighted, posterior


def _check_gradient_equals_a_loop_over_configurations(knowledge, groups, tolerance):
  selection = expectation.Expectation(layer_groups=groups)
  learner, phase, task = _search(SPEC, knowledge, selection)
  for _ in range(3):
    learner.search.update_prior(tf.one_hot(1, len(learner.search.configurations), dtype=learner.search.prior().dtype))
  batch = tiny_stream.batch_of(task, [0, 1, 2, 3])
  batch = batch._replace(images=0.1 * batch.images)
  expected, posterior = _reference_gradients(learner, phase, batch)
  assert posterior.max() < 0.99 and posterior.std() > 0.01, posterior  # One-hot or flat would test little.
  with recording.recorded_updates() as updates:
    result = phase.step(batch, tiny_stream.step_context(learner, 0))
  assert float(result.metrics["posterior_maximum"]) == pytest.approx(posterior.max(), rel=tolerance)
  (gradients,) = updates
  assert set(gradients) == set(expected)
  for name, gradient in gradients.items():
    scale = np.abs(expected[name]).max()
    np.testing.assert_allclose(gradient, expected[name], rtol=0, atol=tolerance * max(scale, 1e-3), err_msg=name)


@pytest.mark.parametrize("knowledge", list(KNOWLEDGE))
@pytest.mark.parametrize("groups", [(1, 1, 1), (1, 2)])
def test_gradient_equals_a_loop_over_configurations(float64, knowledge, groups):
  _check_gradient_equals_a_loop_over_configurations(knowledge, groups, 1e-10)


@pytest.mark.parametrize("knowledge", list(KNOWLEDGE))
def test_gradient_equals_a_loop_over_configurations_in_single_precision(knowledge):
  _check_gradient_equals_a_loop_over_configurations(knowledge, (1, 1, 1), 1e-5)


@pytest.mark.parametrize("depth, kernels", [(4, (4, 4, 3)), (6, (6, 6, 5))])
def test_number_of_convolution_kernels_of_a_step(depth, kernels):
  spec = architecture.ConvNetSpec((8, 8, 3), (3,) * depth, (4,) * depth, (1,) * depth, (8,))
  learner, phase, task = _search(spec, "hard_sharing", expectation.Expectation())

  def step(images, labels, rate, seed):
    return phase.step(base.Batch(images, labels, labels), base.StepContext(rate, seed)).loss

  traced = tf.function(step, autograph=False).get_concrete_function(
      tf.TensorSpec([4, 8, 8, 3]), tf.TensorSpec([4], tf.int32), tf.TensorSpec([]), tf.TensorSpec([2], tf.int32))
  assert kernels_launched(traced) == dict(zip(("Conv2D", "Conv2DBackpropFilter", "Conv2DBackpropInput"), kernels))


def _problem(learner, phase):
  """What the learner poses to its selection."""
  return selection_base.SearchProblem(learner._tasks[0].network, phase.trained, lambda sharing: None,
                                      learner.context.learning_rate)


def test_dropout_is_independent_for_every_configuration_and_off_in_the_posterior():
  spec = architecture.ConvNetSpec((8, 8, 3), (3, 3), (4, 4), (1, 2), (8,), dropout_keep_probability=0.5)
  selection = expectation.Expectation()
  learner, phase, task = _search(spec, "hard_sharing", selection)
  variables = learner.variables()
  for layer in range(2):
    for name in ("kernel", "bias"):
      variables[f"task0/conv{layer}/{name}"].assign(variables[f"shared/conv{layer}/{name}"])
  problem = _problem(learner, phase)
  images, labels = task.train[0][:4], task.train[1][:4]
  losses, features = learner.search.configuration_losses(problem, images, labels, tf.constant([1, 2]))
  assert len(set(losses.numpy().tolist())) == 4
  np.testing.assert_allclose(learner.search.weights_of(problem, features, labels), [0.25] * 4, rtol=1e-5)


def test_fixed_posterior_weights_the_step():
  selection = expectation.Expectation(fixed_configuration="110", fixed_probability=1.0)
  learner, phase, task = _search(SPEC, "hard_sharing", selection)
  batch = tiny_stream.batch_of(task, [0, 1, 2, 3])
  expected = float(layers.mean_cross_entropy(learner.logits(batch.images, 0), batch.labels))
  result = phase.step(batch, tiny_stream.step_context(learner, 0))
  assert float(result.loss) == pytest.approx(expected, rel=1e-5)


def _loss_of(phase):
  return lambda batch, context: phase.step(batch, context).loss


def test_the_same_step_eagerly_and_compiled():
  losses = []
  for wrap in (lambda function: function, lambda function: tf.function(function, autograph=False)):
    selection = expectation.Expectation()
    learner, phase, task = _search(SPEC, "hard_sharing", selection)
    step = wrap(_loss_of(phase))
    losses.append([float(step(tiny_stream.batch_of(task, rows), tiny_stream.step_context(learner, number)))
                   for number, rows in enumerate([[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]])])
    assert isinstance(phase.state["rms/shared/conv0/kernel"], tf.Variable)
    assert set(phase.state) == {f"rms/{name}" for name in phase.trained} | set(learner.search.named_variables())
  np.testing.assert_allclose(*losses, rtol=1e-5)
