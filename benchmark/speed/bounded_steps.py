"""Steps of LASEM at a bounded posterior mass, in each of their forms: what they cost over the plain step."""

import math
from collections.abc import Mapping

from benchmark.speed import comparisons, measure
from benchmark.speed.bars import Bar
from benchmark.speed.networks import Network
from lasem_tf.knowledge import hard_sharing
from lasem_tf.learners import composed
from lasem_tf.selection import bounded_batch, expectation

DROPPED_MASS = 1e-2
ALONE, SCREENED = "bounded LASEM step, leader alone", "bounded LASEM step, leader alone after a look at two images"
SPARSE, SPARSE_FOUR = "bounded LASEM step, one trained", "bounded LASEM step, four trained"
EXACT = "bounded LASEM step, all trained"
# How many leaders share the evidence, and by how many nats the bound without images misses what is allowed.
_FORMS = {ALONE: (1, -10.0), SCREENED: (1, 1.0), SPARSE: (1, bounded_batch.SCREEN_REACH + 1.0),
          SPARSE_FOUR: (4, bounded_batch.SCREEN_REACH + 1.0), EXACT: (0, 0.0)}
# Bars by number of convolutions.
LIMITS = {4: {ALONE: 1.15, SCREENED: 1.7}, 6: {ALONE: 1.10, SCREENED: 1.7}}


def bounded(context):
  """LASEM over hard sharing at a bounded posterior mass."""
  return composed.Composed(context, hard_sharing.HardSharing(), expectation.Expectation(dropped_mass=DROPPED_MASS))


def add(comparison: comparisons.Comparison, network: Network) -> None:
  """One arm for every form, and the steps that they are compared with."""
  for name, make in ((comparisons.PLAIN, comparisons.plain), (comparisons.SEARCH, comparisons.lasem)):
    if name not in comparison.learners:
      comparison.arms.append(comparison.train(name, make, network).step_arm(name))
  add_forms(comparison, network)


def add_forms(comparison: comparisons.Comparison, network: Network, suffix: str = "") -> None:
  """One arm for every form; the suffix ends their names."""
  for name, (num_leaders, excess) in _FORMS.items():
    trained = comparison.train(name + suffix, bounded, network)
    variables = trained.learner.search.named_variables()
    evidence = variables["task0/selection/evidence"]
    num_others = evidence.shape[0] - max(1, num_leaders)
    # An untrained network gives every class the same probability, and these rates hardly train it.
    loss = network.batch_size * math.log(network.num_classes)
    leading = num_others * math.exp(loss - math.log(DROPPED_MASS) - excess) if num_leaders else 1.0
    evidence.assign([leading if index < num_leaders else 1.0 for index in range(evidence.shape[0])])
    variables["task0/selection/leader_loss"].assign(loss)
    comparison.arms.append(trained.step_arm(name + suffix))


def figures(comparison: comparisons.Comparison, costs: Mapping[str, measure.Cost], limits: Mapping[str, float],
            suffix: str = "") -> list[Bar]:
  """Every form over the plain float32 step; no figure where steps took another form than was meant.

  Args:
    comparison: what was measured.
    costs: by arm.
    limits: bars, by form.
    suffix: as of `add_forms`.
  """
  found: list[Bar] = []
  if ALONE + suffix not in costs:
    return found
  for name, form in ((ALONE, bounded_batch.ALONE), (SCREENED, bounded_batch.ALONE), (SPARSE, bounded_batch.SPARSE),
                     (SPARSE_FOUR, bounded_batch.SPARSE), (EXACT, bounded_batch.EXACT)):
    arm = name + suffix
    steps = comparison.learners[arm].learner.search.named_variables()["task0/selection/steps"].numpy()
    as_meant = steps[form] == steps.sum()
    found.append(Bar(f"{arm} / plain step", costs[arm].median / costs[comparisons.PLAIN].median if as_meant else None,
                     limits.get(name), note="" if as_meant else f"steps by form were {steps.tolist()}"))
  return found
