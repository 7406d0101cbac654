"""Steps whose convolutions run in bfloat16, over the plain float32 step."""

import dataclasses
from collections.abc import Mapping

from benchmark.speed import bounded_steps, comparisons, measure
from benchmark.speed.bars import Bar
from benchmark.speed.networks import Network

SUFFIX = ", bfloat16"


def add(comparison: comparisons.Comparison, network: Network) -> None:
  """The plain step, LASEM's exact step and its bounded forms in bfloat16; and the plain step in float32."""
  if comparisons.PLAIN not in comparison.learners:
    comparison.arms.append(comparison.train(comparisons.PLAIN, comparisons.plain, network).step_arm(comparisons.PLAIN))
  mixed = dataclasses.replace(network, spec=dataclasses.replace(network.spec, precision="mixed_bfloat16"))
  for name, make in ((comparisons.PLAIN, comparisons.plain), (comparisons.SEARCH, comparisons.lasem)):
    comparison.arms.append(comparison.train(name + SUFFIX, make, mixed).step_arm(name + SUFFIX))
  bounded_steps.add_forms(comparison, mixed, SUFFIX)


def figures(comparison: comparisons.Comparison, costs: Mapping[str, measure.Cost]) -> list[Bar]:
  """Every step over the plain float32 step."""
  names = [name + SUFFIX for name in (comparisons.PLAIN, comparisons.SEARCH)]
  found = [Bar(f"{name} / plain step", costs[name].median / costs[comparisons.PLAIN].median)
           for name in names if name in costs]
  return found + bounded_steps.figures(comparison, costs, SUFFIX)
