"""Steps whose convolutions run in bfloat16, over the plain float32 step."""

import dataclasses
from collections.abc import Mapping

import tensorflow as tf

from benchmark.speed import bounded_steps, comparisons, measure
from benchmark.speed.bars import Bar
from benchmark.speed.networks import Network
from lasem_tf.nn import precision

SUFFIX = ", bfloat16"
# Bars of the plain step by network, where there is a matrix unit, and of the bounded steps.
PLAIN_LIMITS = {"cifar100": 0.5, "stl10": 0.35}
BOUNDED_LIMITS = {bounded_steps.ALONE: 0.7, bounded_steps.SCREENED: 1.4}


def add(comparison: comparisons.Comparison, network: Network) -> None:
  """The plain step, LASEM's exact step and its bounded forms in bfloat16; and the plain step in float32.

  Where nothing multiplies bfloat16 numbers there is nothing to gain, and a note says that they are not measured. Vector
  units gain less than the matrix units that the bars are for: measured, with a note.
  """
  if not tf.config.list_physical_devices("GPU"):
    text = precision.cpuinfo()
    if not precision.multiplies_bfloat16(text):
      comparison.notes.append(f"Steps in bfloat16 over the plain step (bars {_describe_limits()}): not measured, this "
                              "processor has no unit for bfloat16 (amx_bf16, avx512_bf16).")
      return
    if not precision.has_matrix_unit(text):
      comparison.notes.append("The plain step in bfloat16 has a bar on processors with matrix units (amx_bf16); this "
                              "one has vector units, which gain less.")
  if comparisons.PLAIN not in comparison.learners:
    comparison.arms.append(comparison.train(comparisons.PLAIN, comparisons.plain, network).step_arm(comparisons.PLAIN))
  mixed = dataclasses.replace(network, spec=dataclasses.replace(network.spec, precision="mixed_bfloat16"))
  for name, make in ((comparisons.PLAIN, comparisons.plain), (comparisons.SEARCH, comparisons.lasem)):
    comparison.arms.append(comparison.train(name + SUFFIX, make, mixed).step_arm(name + SUFFIX))
  bounded_steps.add_forms(comparison, mixed, SUFFIX)


def _describe_limits() -> str:
  limits = {**{f"{comparisons.PLAIN} on {name}": limit for name, limit in PLAIN_LIMITS.items()}, **BOUNDED_LIMITS}
  return ", ".join(f"{arm} <= {limit:.2f}" for arm, limit in limits.items())


def figures(name: str, comparison: comparisons.Comparison, costs: Mapping[str, measure.Cost]) -> list[Bar]:
  """Every step over the plain float32 step.

  Args:
    name: of the network, which sets the bars.
    comparison: what was measured.
    costs: by arm.
  """
  is_barred = tf.config.list_physical_devices("GPU") or precision.has_matrix_unit(precision.cpuinfo())
  limits = {comparisons.PLAIN: PLAIN_LIMITS.get(name) if is_barred else None, comparisons.SEARCH: None}
  found = [Bar(f"{arm}{SUFFIX} / plain step", costs[arm + SUFFIX].median / costs[comparisons.PLAIN].median, limit)
           for arm, limit in limits.items() if arm + SUFFIX in costs]
  return found + bounded_steps.figures(comparison, costs, BOUNDED_LIMITS, SUFFIX)
