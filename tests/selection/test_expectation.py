"""LASEM: the E-step, the prior, and the M-step against 2^L separate networks."""

import numpy as np
import pytest
import tensorflow as tf

from lasem_tf import types
from lasem_tf.selection import expectation, expectation_search
from tests.nn.paper_networks import NUM_CLASSES, SPECS

# True-class probabilities of two examples under four configurations.
PROBABILITIES = np.array([(.5, .4), (.8, .3), (.2, .9), (.6, .6)])
PRODUCT_POSTERIOR = [.204082, .244898, .183673, .367347]
MEAN_POSTERIOR = [.209302, .255814, .255814, .279070]


def bind(depth=2, **options) -> expectation.Expectation:
  """A selection for a network."""
  selection = expectation.Expectation(**options)
  selection.bind(depth, types.ReferenceBehaviour())
  return selection


def make(depth=2, **options) -> expectation_search.ExpectationSearch:
  """A search that has just begun."""
  return bind(depth, **options).begin_search(0, 10)


def _posterior(search, kind):
  likelihoods = expectation_search.log_likelihood(tf.constant(-np.log(PROBABILITIES)), kind)
  return expectation_search.posterior(tf.cast(search.prior(), tf.float64), likelihoods).numpy()


@pytest.mark.parametrize("kind, likelihood, posterior", [("product", [.20, .24, .18, .36], PRODUCT_POSTERIOR),
                                                         ("mean", [.45, .55, .55, .60], MEAN_POSTERIOR)])
def test_likelihood_and_posterior(kind, likelihood, posterior):
  log_likelihood = expectation_search.log_likelihood(tf.constant(-np.log(PROBABILITIES)), kind)
  np.testing.assert_allclose(np.exp(log_likelihood), likelihood, rtol=1e-12)
  np.testing.assert_allclose(_posterior(make(), kind), posterior, atol=5e-7)


def test_count_prior_reinforces_the_leader():
  search = make(prior="count")
  search.update_prior(tf.constant(PRODUCT_POSTERIOR))
  np.testing.assert_allclose(search.prior(), [.2, .2, .2, .4], rtol=1e-6)
  np.testing.assert_allclose(_posterior(search, "product"), [.149254, .179104, .134328, .537313], atol=5e-7)


def test_mean_prior_is_the_mean_of_the_posteriors():
  search = make(likelihood="mean", prior="mean")
  search.update_prior(tf.constant(_posterior(search, "mean"), tf.float32))
  # The uniform prior of the beginning does not enter the mean.
  np.testing.assert_allclose(search.prior(), MEAN_POSTERIOR, atol=5e-7)
  second = _posterior(search, "mean")
  np.testing.assert_allclose(second, [.173448, .259101, .259101, .308351], atol=5e-7)
  search.update_prior(tf.constant(second, tf.float32))
  np.testing.assert_allclose(search.prior(), [.191375, .257457, .257457, .293710], atol=5e-7)


def test_count_prior_after_seventeen_batches():
  search = make(4)
  for _ in range(17):
    search.update_prior(tf.one_hot(3, 16))
  np.testing.assert_allclose(search.prior(), [18 / 33 if index == 3 else 1 / 33 for index in range(16)], rtol=1e-6)
  assert str(search.choice()) == "0011"


def test_initial_count_slows_the_prior_down():
  search = make(prior_initial_count=10.0)
  search.update_prior(tf.one_hot(1, 4))
  np.testing.assert_allclose(search.prior(), np.array([10, 11, 10, 10]) / 41, rtol=1e-6)


@pytest.mark.parametrize("prior", ["count", "mean"])
def test_every_task_begins_uniform(prior):
  policy = bind(3, prior=prior)
  for task_id in range(2):
    search = policy.begin_search(task_id, 10)
    np.testing.assert_allclose(search.prior(), np.full(8, 1 / 8), rtol=1e-6)
    assert str(search.choice()) == "111"  # The first of equals: share everything.
    np.testing.assert_array_equal(search.sharing(), [True] * 3)
    search.update_prior(tf.one_hot(5, 8))
    assert str(search.choice()) == "010"
    np.testing.assert_array_equal(search.sharing(), [False, True, False])


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("prior", ["count", "mean"])
def test_reset_restarts_the_prior_at_every_epoch(reset, prior):
  search = make(prior=prior, reset_prior_each_epoch=reset)
  search.update_prior(tf.constant([.1, .1, .1, .7]))
  before = search.prior().numpy()
  search.begin_epoch(1)
  np.testing.assert_array_equal(search.prior(), np.full(4, .25) if reset else before)


def test_posterior_sums_to_one_however_unlikely_the_batch():
  for level in (-200.0, -1e4):
    weights = expectation_search.posterior(tf.fill([4], 0.25), tf.constant([level, level - 1.0, level, level]))
    assert float(tf.reduce_sum(weights)) == pytest.approx(1.0, abs=1e-6)
    assert np.all(np.isfinite(weights)) and float(weights[1]) < float(weights[0])


def test_a_configuration_ruled_out_stays_out_and_makes_no_nan():
  weights = expectation_search.posterior(tf.constant([0.0, 0.5, 0.5, 0.0]), tf.constant([0.0, -800.0, -801.0, 0.0]))
  np.testing.assert_allclose(weights, [0.0, 0.731059, 0.268941, 0.0], atol=1e-5)


def test_fixed_probability():
  search = make(4, fixed_configuration="top1", fixed_probability=0.9)
  np.testing.assert_allclose(search.prior(), [0.9 if index == 7 else 0.1 / 15 for index in range(16)], rtol=1e-6)
  search.update_prior(tf.one_hot(0, 16))
  assert float(search.prior()[7]) == pytest.approx(0.9)
  assert str(search.choice()) == "0001"


def test_early_commitment():
  search = make(commit_threshold=0.6, commit_epochs=2)
  ended = []
  for epoch, leader in enumerate([1, 2, 2, 2, 2]):
    for _ in range(20):
      search.update_prior(tf.one_hot(leader, 4))
    ended.append(search.end_epoch(epoch, 0.5))
    if ended[-1]:
      break
  # After three epochs configuration 2 holds 41 of 64 counts, after four 61 of 84: two epochs above the threshold.
  assert ended == [False, False, False, True]
  phase = search.next_phase(1, 10)
  assert phase.num_epochs == 6 and str(phase.configuration) == "10"
  assert search.next_phase(2, 10) is None


def test_commitment_outlives_a_prior_that_restarts():
  search = make(prior="count", reset_prior_each_epoch=True, commit_threshold=0.6, commit_epochs=1)
  search.begin_epoch(0)
  for _ in range(20):
    search.update_prior(tf.one_hot(2, 4))
  assert search.end_epoch(0, 0.5)
  search.begin_epoch(0)
  assert str(search.choice()) == "10"


def test_without_commitment_there_is_one_phase():
  search = make()
  phase = search.next_phase(0, 10)
  assert (phase.name, phase.num_epochs, phase.configuration) == ("search", 10, None)
  assert search.next_phase(1, 10) is None
  assert not search.end_epoch(0, 1.0)


@pytest.mark.parametrize("options, message", [
    ({"likelihood": "sum"}, "likelihood must be one of product, mean, not 'sum'"),
    ({"prior": "counts"}, "prior must be one of count, mean"),
    ({"prior_initial_count": 0}, "prior_initial_count must be positive"),
    ({"commit_threshold": 1.0}, r"commit_threshold must lie in \(0, 1\)"),
    ({"commit_epochs": 0}, "commit_epochs must be at least 1"), ({"layer_groups": (2, 1)}, r"Layer groups \(2, 1\)"),
    ({"fixed_configuration": "top9"}, "needs more than 9 convolutions"),
    ({"fixed_probability": 0.0}, r"fixed_probability must lie in \(0, 1\]"),
    ({"fixed_configuration": "top1", "layer_groups": (2, 2)}, "0001 is not constant inside the groups")])
def test_options_that_do_not_fit(options, message):
  with pytest.raises(ValueError, match=message):
    make(4, **options)


@pytest.mark.parametrize("name, ratio", [("cifar", 9.40), ("office", 4.18), ("stl10", 14.47)])
def test_cost_of_the_tree(name, ratio):
  spec = SPECS[name]
  layers = [spec.convolution_macs(layer) for layer in range(spec.depth)]
  dense = spec.dense_macs(NUM_CLASSES[name])
  cost = bind(spec.depth).training_macs(layers, [0.0] * spec.depth, dense)
  heads = 2**spec.depth * dense
  # Three times the tree, but no gradient for the images, and once more the heads for the posterior.
  tree = (cost - heads + 2 * layers[0]) / 3
  assert round(tree / spec.forward_macs(NUM_CLASSES[name]), 2) == ratio


def test_structure_survives():
  search = make(commit_threshold=0.5, commit_epochs=3)
  for _ in range(20):
    search.update_prior(tf.one_hot(1, 4))
  search.end_epoch(0, 0.5)
  restored = make(commit_threshold=0.5, commit_epochs=3)
  restored.restore_structure(search.structure())
  for name, variable in restored.named_variables().items():
    variable.assign(search.named_variables()[name])
  for epoch in (1, 2):
    assert restored.end_epoch(epoch, 0.5) == search.end_epoch(epoch, 0.5) == (epoch == 2)
