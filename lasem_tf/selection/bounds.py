"""How much posterior mass a set of configurations leaves out: exactly, or bounded from less than the whole mini-batch.

Every factor of a classification likelihood is at most one. So the likelihood of a mini-batch B under a configuration i
is at most that of any part P of it, and the posterior of i is at most

  prior_i * likelihood_i(P) / (prior_b * likelihood_b(B))

for any configuration b. P may be empty; then its likelihood is one.
"""

import tensorflow as tf


def log_mass_beside(prior: tf.Tensor, leader: tf.Tensor, leader_log_likelihood: tf.Tensor,
                    part_log_likelihoods: tf.Tensor | None = None) -> tf.Tensor:
  """Logarithm of an upper bound of the total posterior mass of all configurations but one.

  Args:
    prior: `[configurations]`.
    leader: index b of the one.
    leader_log_likelihood: of the whole mini-batch under it, a product of probabilities.
    part_log_likelihoods: `[configurations]`, of a part of the mini-batch; None: of no example.

  Returns:
    A scalar; it may exceed zero.
  """
  scores = tf.math.log(prior)
  leader_score = tf.gather(scores, leader) + leader_log_likelihood
  if part_log_likelihoods is not None:
    scores += part_log_likelihoods
  is_leader = tf.range(tf.size(prior), dtype=leader.dtype) == leader
  others = tf.where(is_leader, tf.constant(-float("inf"), scores.dtype), scores)
  return tf.reduce_logsumexp(others) - leader_score


def fewest(posterior: tf.Tensor, dropped_mass: float) -> tf.Tensor:
  """Which configurations to keep: as few as leave out no more than `dropped_mass` together.

  Args:
    posterior: `[configurations]`, sums to one.
    dropped_mass: in [0, 1/2).

  Returns:
    Boolean `[configurations]`; at least one is true, and all where the posterior is not a number.
  """
  order = tf.argsort(posterior, stable=True)
  # Small weights are added first, so that their sum is exact where it matters.
  keep = ~(tf.cumsum(tf.gather(posterior, order)) <= dropped_mass)
  return tf.scatter_nd(order[:, tf.newaxis], keep, tf.shape(posterior))
