"""Steps of bounded LASEM take the form that their arm names."""

import dataclasses

import pytest

from benchmark.speed import bounded_steps, comparisons, measure, precision_steps
from lasem_tf.nn import precision
from lasem_tf.selection import bounded_batch
from tests.benchmark.speed.tiny_network import NETWORK

# The likelihood of a mini-batch must weigh as in a real one, and four of the configurations not be all of them.
WIDER = dataclasses.replace(NETWORK, batch_size=10, num_classes=10, spec=dataclasses.replace(
    NETWORK.spec, kernel_sizes=(3,) * 4, channels=(4, 4, 6, 6), pool_sizes=(1, 2, 1, 1)))


def test_every_arm_takes_its_form_and_all_share_one_compiled_step():
  comparison = comparisons.Comparison()
  bounded_steps.add_forms(comparison, WIDER)
  names = [arm.name for arm in comparison.arms]
  for arm in comparison.arms:
    arm.call()
  # The last arm has changed the evidence; the first one brings its own again.
  comparison.arms[0].call()
  assert [arm.call.taken.tolist() for arm in comparison.arms] == [
      [2, 0, 0], [1, 0, 0], [0, 1, 0], [0, 1, 0], [0, 0, 1]]
  assert len(comparison.learners) == 1
  costs = {name: measure.Cost(2.0, 2.0, 2.0, 1) for name in names}
  costs[comparisons.PLAIN] = measure.Cost(1.0, 1.0, 1.0, 1)
  bars = bounded_steps.figures(comparison, costs, {bounded_steps.ALONE: 1.15})
  assert [bar.value for bar in bars] == [2.0] * 5 and bars[0].met is False and bars[1].limit is None
  comparison.arms[0].call.taken[bounded_batch.EXACT] += 1
  assert bounded_steps.figures(comparison, costs, {})[0].value is None


def _precision_arms(monkeypatch, flags):
  monkeypatch.setattr(precision, "cpuinfo", lambda: f"flags : fpu {flags}\n")
  comparison = comparisons.Comparison()
  precision_steps.add(comparison, NETWORK)
  return comparison


def test_steps_in_bfloat16_are_not_measured_where_nothing_multiplies_such_numbers(monkeypatch):
  comparison = _precision_arms(monkeypatch, "avx512f")
  assert comparison.arms == [] and "amx_bf16" in comparison.notes[0] and "0.35" in comparison.notes[0]
  assert precision_steps.figures("cifar100", comparison, {}) == []


@pytest.mark.parametrize("flags, limit", [("avx512_bf16", None), ("avx512_bf16 amx_bf16", 0.5)])
def test_the_plain_step_in_bfloat16_has_a_bar_where_there_is_a_matrix_unit(flags, limit, monkeypatch):
  comparison = _precision_arms(monkeypatch, flags)
  assert bool(comparison.notes) == (limit is None)
  costs = {arm.name: measure.Cost(2.0, 2.0, 2.0, 1) for arm in comparison.arms}
  first, *others = precision_steps.figures("cifar100", comparison, costs)
  assert first.name == "plain step, bfloat16 / plain step" and (first.value, first.limit) == (1.0, limit)
  assert {bar.limit for bar in others} == {None, 0.7, 1.4}
