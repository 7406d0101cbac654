"""Which methods are compared with which control."""

import pytest

from benchmark.reporting import controls
from benchmark.results import comparison
from lasem_tf.metrics import paired
from tests.benchmark.synthetic_records import constant

_FINALS = {"stl": .5, "random_hps": .4, "planted_hps": .8, "random_tf": .3, "joint": .9, "fine_tuning": .2,
           "lasem_hps": .6, "lasem_hps_heldout": .7, "lasemg32_hps": .6, "darts_tf": .5, "exhaustive_hps": .75,
           "hps_all": .5}


def _found(baseline=None, seeds=range(5), **finals):
  runs = [constant(learner, seed, final + .002 * seed * (learner != "random_hps"))
          for learner, final in (finals or _FINALS).items() for seed in seeds]
  panel, = comparison.panels(runs, baseline=baseline)
  return {each.control.learner: each.found for each in controls.against_controls(panel, runs)}


def test_searches_are_compared_with_the_controls_of_their_knowledge():
  found = _found()
  searches = {"lasem_hps", "lasem_hps_heldout", "lasemg32_hps"}
  assert set(found["random_hps"]) == set(found["planted_hps"]) == searches | {"exhaustive_hps"}
  assert set(found["exhaustive_hps"]) == searches and set(found["random_tf"]) == {"darts_tf"}


def test_all_methods_but_controls_are_compared_with_joint_and_fine_tuning():
  found = _found()
  others = {"stl", "lasem_hps", "lasem_hps_heldout", "lasemg32_hps", "darts_tf", "hps_all"}
  assert set(found["joint"]) == set(found["fine_tuning"]) == others


def test_differences_and_outcomes_are_those_of_paired_tests():
  found = _found()["random_hps"]["lasem_hps"]
  assert found.n == 5 and found.difference == pytest.approx(.204) and found.outcome == paired.Outcome.BETTER
  assert _found()["planted_hps"]["lasem_hps"].difference == pytest.approx(-.2)


def test_the_baseline_is_not_repeated_and_a_control_alone_controls_nothing():
  assert "random_hps" not in _found(baseline="random_hps")
  assert _found(stl=.5, random_hps=.4) == {}


def test_variants_have_the_knowledge_of_their_method():
  assert set(_found(**{"random_hps": .4, "lasem_hps[dropped_mass=0.01]": .6})["random_hps"]) == {
      "lasem_hps[dropped_mass=0.01]"}


def test_fewer_than_five_seeds_are_not_tested():
  assert _found(seeds=range(3))["random_hps"]["lasem_hps"].outcome == paired.Outcome.UNTESTED
