"""Which form a bounded search takes, step by step, against the rule written out in NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from lasem_tf.selection import bounded_batch
from tests.selection.bounded_support import ALLOWED, batch_of, learner_in, steps_of, traced


def _model(spec, prior, losses, last):
  """The rule in NumPy: (form, configurations trained, posterior mass left out).

  Args:
    spec: the backbone.
    prior: `[configurations]`.
    losses: cross-entropies `[configurations, batch]`, dropout off.
    last: the leader's summed loss on the batch before.
  """
  leader = int(np.argmax(prior))
  others = np.arange(len(prior)) != leader
  joint = np.log(prior) - losses.sum(axis=1)
  posterior = np.exp(joint - joint.max()) / np.exp(joint - joint.max()).sum()

  def excess(leader_loss, num_images):
    beside = np.sum(prior[others] * np.exp(-losses[others, :num_images].sum(axis=1)))
    return np.log(beside / prior[leader]) + leader_loss - np.log(ALLOWED) + bounded_batch.MARGINS["float32"]

  now, reach = losses[leader].sum(), bounded_batch.SCREEN_REACH
  if excess(last, 0) <= reach and (excess(now, 0) <= 0 or (
      excess(now, 0) <= reach and excess(now, bounded_batch.SCREEN_IMAGES) <= 0)):
    return "alone", 1, posterior[others].sum()
  order = np.argsort(posterior)
  keep = order[np.cumsum(posterior[order]) > ALLOWED]
  cost = sum(len({index % 2**(layer + 1) for index in keep}) * spec.convolution_macs(layer)
             for layer in range(spec.depth))
  tree = sum(2**(layer + 1) * spec.convolution_macs(layer) for layer in range(spec.depth))
  return ("sparse", len(keep), 1 - posterior[keep].sum()) if 3 * cost <= 2 * tree else ("exact", len(prior), 0.0)


def _check_counts_of_a_model(learner):
  """The leader gains evidence; the rule written out in NumPy predicts every form and count."""
  search, (_, _, take) = learner.search, traced(learner)
  network, variables = learner._tasks[0].network, search.named_variables()
  forms, sums, largest = {"alone": 0, "sparse": 0, "exact": 0}, np.zeros(2), 0.0
  for number in range(48):
    if number % 8 == 0:
      variables["task0/selection/evidence"].assign([(1, 20, 200, 2e3, 2e4, 2e6)[number // 8], 1, 1, 1])
    batch = batch_of(learner, number)
    losses = np.array([tf.nn.sparse_softmax_cross_entropy_with_logits(
        batch.labels, network(batch.images, sharing=c.bits)).numpy() for c in search.configurations], np.float64)
    form, num_trained, left_out = _model(learner.context.spec, search.prior().numpy().astype(np.float64), losses,
                                         float(variables["task0/selection/leader_loss"]))
    num_evaluated = 1 if form == "alone" else 4
    metrics = take(number)
    assert (metrics["configurations_trained"], metrics["configurations_evaluated"]) == (num_trained, num_evaluated)
    forms[form] += 1
    sums += num_trained, num_evaluated
    largest = max(largest, left_out)
  assert steps_of(learner) == forms and min(forms.values()) > 0, forms
  details = search.summary().details
  assert (details["configurations_trained"], details["configurations_evaluated"]) == pytest.approx(tuple(sums / 48))
  assert largest - 1e-5 <= details["largest_dropped_mass"] <= ALLOWED
  assert search.diagnostics()["largest_dropped_mass"] == pytest.approx(details["largest_dropped_mass"])


def test_counts_are_those_of_a_model():
  learner = learner_in(audit_every=1)
  _check_counts_of_a_model(learner)


def test_counts_are_those_of_a_model_in_double_precision(float64):
  _check_counts_of_a_model(learner_in(audit_every=1))
