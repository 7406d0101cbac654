"""The graph-mode steps do what the suite's own steps do: compared at keep probability 1, on the same weights."""

import numpy as np
import pytest

from benchmark.speed import comparisons, graph_mode, suite_steps
from tests.benchmark.speed.tiny_network import NETWORK

RATE = 1e-5


def both(kind, make_learner):
  """(graph-mode model, the suite's learner with the same weights larger than initial ones, its images and labels)."""
  trained = suite_steps.TrainedLearner(make_learner, NETWORK.spec, NETWORK.num_classes, NETWORK.batch_size)
  model = kind(NETWORK.spec, NETWORK.num_classes, NETWORK.batch_size, RATE)
  random = np.random.default_rng(0)
  own = {}
  for name, variable in trained.learner.variables().items():
    if name.startswith(("shared/", "task0/conv", "task0/head")):
      variable.assign(variable + 0.3 * random.normal(size=variable.shape))
      own[graph_name(name)] = variable
  model.assign({name: variable.numpy() for name, variable in own.items()})
  assert set(own) == set(model.variables)
  images, labels = (values[:NETWORK.batch_size].numpy() for values in trained.task.train)
  return model, trained, own, images, labels.astype(np.float32)


def graph_name(name):
  """'task0/conv1/kernel' -> 'own1_kernel', 'shared/conv1/bias' -> 'shared1_bias', heads' 'dense0_kernel'."""
  owner, *middle, short = name.split("/")
  layer = middle[-1].replace("conv", "shared" if owner == "shared" else "own")
  return f"{layer}_{short}"


@pytest.mark.parametrize("kind, make_learner", [
    (graph_mode.GraphModeStep, comparisons.plain), (graph_mode.GraphModeSearchStep, comparisons.lasem)])
def test_steps_update_weights_alike(kind, make_learner):
  model, trained, own, images, labels = both(kind, make_learner)
  before = {name: variable.numpy() for name, variable in own.items()}
  arm = trained.step_arm("step")
  for _ in range(2):
    arm.call()
    model.step(images, labels)
  for name, variable in own.items():
    ours, theirs = (value - before[name] for value in (variable.numpy(), model.session.run(model.variables[name])))
    # Updates of 1e-5 are read off weights near one in single precision.
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=2e-7)
    assert np.abs(theirs).max() > 1e-6, name


def test_posteriors_are_equal():
  model, trained, _, images, labels = both(graph_mode.GraphModeSearchStep, comparisons.lasem)
  problem_network = trained.learner._tasks[0].network
  losses = []
  for index in range(4):
    bits = [not index >> layer & 1 for layer in range(2)]
    losses.append(comparisons.tf.reduce_sum(comparisons.tf.nn.sparse_softmax_cross_entropy_with_logits(
        labels.astype(np.int32), problem_network(images, sharing=bits))))
  expected = comparisons.tf.nn.softmax(-comparisons.tf.stack(losses)).numpy()
  found = model.posterior(images, labels)
  np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
  assert found.sum() == pytest.approx(1.0) and found.std() > 0.01
