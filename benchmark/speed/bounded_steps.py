"""Steps of LASEM at a bounded posterior mass, in each of their forms: what they cost over the plain step."""

import math
from collections.abc import Callable, Mapping

import numpy as np

from benchmark.speed import comparisons, measure, suite_steps
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
  """One arm for every form, all of one compiled step; the suffix ends their names."""
  trained = comparison.train(f"bounded LASEM{suffix}", bounded, network)
  take = trained.step_arm("").call
  comparison.arms += [measure.Arm(name + suffix, FormStep(trained, take, *form)) for name, form in _FORMS.items()]


class FormStep:
  """A step that is meant to take one form, for the evidence that it is given before.

  Attributes:
    taken: int `[forms]`, how many of its steps took each form.
  """

  def __init__(self, trained: suite_steps.TrainedLearner, take: Callable[[], object], num_leaders: int, excess: float):
    """Computes the evidence.

    Args:
      trained: LASEM at a bounded posterior mass.
      take: takes a step.
      num_leaders: how many configurations share the evidence; 0: all.
      excess: by how many nats the bound without images misses what is allowed.
    """
    variables = trained.learner.search.named_variables()
    self._evidence, self._leader_loss, self._steps = (
        variables[f"task0/selection/{name}"] for name in ("evidence", "leader_loss", "steps"))
    self._take, self.taken = take, np.zeros(self._steps.shape[0], int)
    size = self._evidence.shape[0]
    # An untrained network gives every class the same probability, and these rates hardly train it.
    self._loss = trained.batch_size * math.log(trained.task.info.num_classes)
    leading = ((size - max(1, num_leaders)) * math.exp(self._loss - math.log(DROPPED_MASS) - excess)
               if num_leaders else 1.0)
    self._leading = np.where(np.arange(size) < num_leaders, leading, 1.0)

  def __call__(self) -> None:
    self._evidence.assign(self._leading)
    self._leader_loss.assign(self._loss)
    before = self._steps.numpy()
    self._take()
    self.taken += (self._steps.numpy() - before).astype(int)


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
  taken = {arm.name: arm.call.taken for arm in comparison.arms if isinstance(arm.call, FormStep)}
  for name, form in ((ALONE, bounded_batch.ALONE), (SCREENED, bounded_batch.ALONE), (SPARSE, bounded_batch.SPARSE),
                     (SPARSE_FOUR, bounded_batch.SPARSE), (EXACT, bounded_batch.EXACT)):
    arm = name + suffix
    steps = taken[arm]
    as_meant = steps[form] == steps.sum()
    found.append(Bar(f"{arm} / plain step", costs[arm].median / costs[comparisons.PLAIN].median if as_meant else None,
                     limits.get(name), note="" if as_meant else f"steps by form were {steps.tolist()}"))
  return found
