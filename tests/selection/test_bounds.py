"""Bounds of posterior mass against the posterior itself, on random problems."""

import numpy as np
import pytest
import tensorflow as tf

from lasem_tf.selection import bounds, expectation_search


def _problem(seed, num_configurations=16, batch=10):
  """A prior and the cross-entropy `[configurations, batch]`; from undecided to certain."""
  random = np.random.default_rng(seed)
  prior = random.dirichlet(np.full(num_configurations, random.choice([0.05, 0.5, 5.0]))) + 1e-12
  cross_entropy = random.exponential(random.choice([0.05, 0.5, 3.0]), (num_configurations, batch))
  return prior / prior.sum(), cross_entropy


@pytest.mark.parametrize("dtype", [tf.float32, tf.float64])
def test_no_bound_is_below_the_mass(dtype):
  for seed in range(100):
    prior, cross_entropy = _problem(seed)
    leader = int(np.argmax(prior))
    posterior = expectation_search.posterior(tf.constant(prior), tf.constant(-cross_entropy.sum(axis=1))).numpy()
    exact = np.log(np.delete(posterior, leader).sum() / posterior[leader])
    previous = np.inf
    for size in (None, 1, 2, 5, 10):
      part = None if size is None else tf.constant(-cross_entropy[:, :size].sum(axis=1), dtype)
      bound = float(bounds.log_mass_beside(tf.constant(prior, dtype), tf.constant(leader),
                                           tf.constant(-cross_entropy[leader].sum(), dtype), part))
      assert exact - 1e-4 <= bound <= previous + 1e-4, (seed, size)  # More images, a tighter bound.
      assert np.log(np.delete(posterior, leader).sum()) <= bound + 1e-4
      previous = bound
    assert bound == pytest.approx(exact, abs=1e-3)  # The whole batch: exact, up to the leader's own mass.


@pytest.mark.parametrize("allowed", [1e-6, 1e-3, 1e-2, 0.1, 0.49])
def test_fewest_leaves_out_no_more_than_allowed_and_not_less_than_it_could(allowed):
  for seed in range(100):
    prior, cross_entropy = _problem(seed)
    posterior = expectation_search.posterior(tf.constant(prior), tf.constant(-cross_entropy.sum(axis=1))).numpy()
    keep = bounds.fewest(tf.constant(posterior), allowed).numpy()
    assert posterior[~keep].sum() <= allowed and keep.any()
    # Without the smallest of those that stay, more than allowed would be left out.
    assert posterior[~keep].sum() + posterior[keep].min() > allowed
    assert not (~keep).any() or posterior[~keep].max() <= posterior[keep].min()
    assert not np.any(posterior[~keep] > allowed)


def test_nothing_is_left_out_of_a_posterior_that_is_no_number():
  assert bounds.fewest(tf.constant([np.nan, 0.0, 1.0]), 0.01).numpy().all()


def test_a_configuration_without_prior_counts_nothing():
  prior = tf.constant([0.0, 1.0, 0.0])
  assert float(bounds.log_mass_beside(prior, tf.constant(1), tf.constant(-50.0))) == -np.inf
