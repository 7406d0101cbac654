"""The certificate: what certifies a stream, and each way in which it is refused."""

import pytest

from benchmark.reporting import certification
from benchmark.results.record_schema import RecordError
from tests.benchmark.results.planted_records import DECIDED, record

NOISE = [.00, .01, -.01, .02, -.02, .01, .00, -.01, .02, -.02, .01]
BITS = [(task, layer) for task, bits in enumerate(DECIDED) for layer, bit in enumerate(bits) if bit == "1"]


def _suite(seeds=10, changed=None, **options):
  """Runs that certify: a flipped bit costs the own task 0.1, but for (2, 1), which costs earlier tasks 0.1."""
  values = {"planted_hps": (.9, .8, .7), "stl": (.8, .6, .6), "hps_all": (.7, .7, .7),
            "random_hps": (.8, .7, .6)}
  for task, layer in BITS:
    values[certification.flipped_learner("hps", task, layer)] = (
        (.8, .7, .7) if (task, layer) == (2, 1) else (.9, .8 - .1 * (task == 1), .7 - .1 * (task == 2)))
  values |= changed or {}
  noisy = lambda finals, shift: [value + NOISE[(shift + place) % 11] for place, value in enumerate(finals)]
  return [record(learner, seed, noisy(finals, seed + index), **options)
          for index, (learner, finals) in enumerate(values.items()) for seed in range(seeds)]


def certify(runs):
  return certification.certify(runs, "planted_invented", "hps")


def test_a_stream_is_certified_with_its_numbers():
  found = certify(_suite())
  assert found.problems == [] and found.seeds == tuple(range(10)) and found.design_fingerprint == "design0"
  assert {each.name: each.difference.mean for each in found.learners} == pytest.approx(
      {"stl": .4 / 3, "hps_all": .1, "random_hps": .1}, abs=.01)
  assert [(bit.task, bit.layer) for bit in found.bits] == BITS and found.decided == DECIDED
  first, last = found.bits[0], found.bits[-1]
  assert first.own.difference.mean == pytest.approx(.1, abs=.01) and not first.is_shared and first.own.is_gain
  assert last.earlier.difference.mean == pytest.approx(.1, abs=.01) and not last.own.is_gain
  assert last.earlier.is_gain and last.holds


def test_what_does_not_beat_stl_is_not_certified():
  assert certify(_suite(changed={"stl": (.9, .8, .7)})).problems == ["not significantly better than stl"]


@pytest.mark.parametrize("finals", [(.9, .8, .7), (.9, .7, .9)], ids=["no loss", "a loss, but a gain of all"])
def test_a_bit_whose_opposite_costs_nothing_is_undecided(finals):
  found = certify(_suite(changed={"planted_hps_flip_1_2": finals}))
  assert found.decided == ("000", "110", "110") and found.problems == ["layer 3 has no decided bit"]


def test_a_bit_whose_opposite_was_not_measured_is_undecided():
  found = certify([run for run in _suite() if run.learner != "planted_hps_flip_2_0"])
  assert found.decided == ("000", "111", "010") and not found.problems


def test_a_bit_whose_opposite_was_measured_on_too_few_seeds_is_undecided():
  found = certify([run for run in _suite() if (run.learner, run.seed) != ("planted_hps_flip_2_0", 3)])
  assert found.decided == ("000", "111", "010") and len(found.seeds) == 10
  assert [bit.num_seeds for bit in found.bits if (bit.task, bit.layer) == (2, 0)] == [9]


def test_too_few_seeds_and_simple_patterns_are_not_certified():
  assert certify(_suite(seeds=9)).problems == [
      "9 seeds, fewer than 10", *(f"layer {layer} has no decided bit" for layer in (1, 2, 3))]
  assert certify(_suite(best=("111", "011", "110"))).problems == [
      "all configurations are equal, or prefixes or suffixes"]


def test_missing_runs_are_named():
  runs = [run for run in _suite() if run.learner != "hps_all"]
  with pytest.raises(RecordError, match="needs runs of hps_all"):
    certify(runs)
  with pytest.raises(RecordError, match="no completed run of planted_hps"):
    certify([run for run in _suite() if run.learner == "stl"])


def test_runs_of_different_designs_are_refused():
  with pytest.raises(RecordError, match="2 different designs"):
    certify([*_suite(), record("stl", 10, design="design1")])
