"""Variants have readable names that tell them apart, and are refused where they cannot exist."""

import json

import pytest

from benchmark.suites import gin_text, identity, suite, variants
from benchmark.suites.gin_files import ConfigurationError

_SUITE = """
suite.streams = ('synthetic',)
suite.learners = ('stl', 'ewc')
suite.scale = 'smoke'
suite.seeds = (0, 1)
suite.sweep = {'ewc': {'STRENGTH': (10.0, 1000.0), 'experiment.learning_rate': (1e-4, 3e-3)}}
"""


@pytest.fixture(name="expand")
def _expand(tmp_path):
  def expand(*bindings):
    path = tmp_path / "swept.gin"
    path.write_text(_SUITE)
    return suite.expand([str(path)], bindings)

  return expand


@pytest.mark.parametrize("values, name", [
    ({"ElasticWeightConsolidation.strength": 100.0}, "ewc[strength=100]"),
    ({"STRENGTH": 0.25, "LEARNING_RATE": 1e-5}, "ewc[strength=0.25,learning_rate=1e-05]"),
    ({"A.strength": 1, "B.strength": 2}, "ewc[A.strength=1,B.strength=2]"),
    ({"x.A.form": "online", "A.flag": True, "A.none": None}, "ewc[form=online,flag=True,none=None]"),
    ({"DENSE_SIZES": (64, 16)}, "ewc[dense_sizes=64+16]"), ({"A.shift": -0.5}, "ewc[shift=-0.5]"),
    ({"Composed.knowledge": gin_text.Reference("HardSharing", True)}, "ewc[knowledge=HardSharing]")])
def test_names_say_what_differs(values, name):
  assert variants.name_of("ewc", values) == name
  assert identity.is_name(name) and identity.split_variant(name)[0] == "ewc"


def test_what_a_name_cannot_show_is_told_apart():
  names = [variants.name_of("ewc", {"A.text": text}) for text in ("a/b", "ab", "a b", "")]
  long = [variants.name_of("ewc", {"A.text": "x" * 100 + end}) for end in "yz"]
  assert len({*names, *long}) == 6 and all(map(identity.is_name, (*names, *long)))


def test_a_sweep_is_a_product_and_leaves_others_alone(expand):
  runs = expand().evaluated
  assert [run.identity for run in runs if run.seed == 1] == [
      "synthetic/stl/smoke/seed1", "synthetic/ewc[strength=10,learning_rate=0.0001]/smoke/seed1",
      "synthetic/ewc[strength=10,learning_rate=0.003]/smoke/seed1",
      "synthetic/ewc[strength=1000,learning_rate=0.0001]/smoke/seed1",
      "synthetic/ewc[strength=1000,learning_rate=0.003]/smoke/seed1"]
  assert len({run.configuration_hash for run in runs}) == 5
  assert runs[4].bindings == (("STRENGTH", "10.0"), ("experiment.learning_rate", "0.003"))
  assert runs[4].parse()["experiment.learning_rate"] == 0.003
  assert suite.Run.from_json(json.loads(json.dumps(runs[4].to_json()))) == runs[4]


def test_a_variant_of_the_values_in_force_is_the_learner_itself(expand):
  plain = expand("suite.sweep = {}").evaluated[-1]
  same = expand("suite.sweep = {'ewc': {'STRENGTH': (1000.0,)}}").evaluated[-1]
  assert same.configuration_hash == plain.configuration_hash and same.learner == "ewc[strength=1000]"


def test_several_sweeps_stand_for_all_of_their_points(expand):
  runs = expand("suite.sweep = {'ewc': ({}, {'STRENGTH': (10.0,)}, {'LEARNING_RATE': (1e-4, 3e-3)})}").evaluated
  assert [run.learner for run in runs if run.seed == 0] == [
      "stl", "ewc", "ewc[strength=10]", "ewc[learning_rate=0.0001]", "ewc[learning_rate=0.003]"]


@pytest.mark.parametrize("sweep, message", [
    ("{'ewcc': {'STRENGTH': (1.0,)}}", "'ewcc', which is none of suite.learners. Did you mean ewc[?]$"),
    ("{'ewc': {'STRENGHT': (1.0,)}}", "nothing of that learner uses STRENGHT. Did you mean STRENGTH"),
    ("{'stl': {'ElasticWeightConsolidation.strength': (1.0,)}}", "suite.sweep of stl: nothing of that learner uses"),
    ("{'ewc': {'ElasticTrunk.strength': (1.0,)}}", "Did you mean ElasticWeightConsolidation.strength"),
    ("{'ewc': {'ElasticWeightConsolidation.strenght': (1.0,)}}",
     "no parameter named 'strenght'. Did you mean strength"),
    ("{'ewc': {'STRENGTH': 1.0}}", "STRENGTH must be bound to a list of values, such as"),
    ("{'ewc': {'STRENGTH': ()}}", "must be bound to a list of values"), ("{'ewc': (1.0,)}", "must be a dict of values"),
    ("{'ewc': ()}", "must be a dict of values"), ("{'ewc': ({}, {})}", "ewc would be two runs"),
    ("{'ewc': {'STRENGTH': (1, 1.0)}}", r"ewc\[strength=1\] would be two runs"),
    (f"{{'ewc': {{'STRENGTH': {(*range(1000),)}, 'LEARNING_RATE': {(*range(1000),)}}}}}",
     "has 1000000 points, more than the 100000"),
    ("{'ewc': {'STRENGTH': ('much',)}}", "expected float, got str")])
def test_impossible_sweeps_are_refused(expand, sweep, message):
  with pytest.raises(ConfigurationError, match=message):
    expand(f"suite.sweep = {sweep}")


def test_a_baseline_names_one_variant(expand):
  with pytest.raises(ConfigurationError, match=r"none of the variants of ewc; name one of ewc\[strength=10,"):
    expand("suite.baseline = 'ewc'")
  assert expand("suite.baseline = 'ewc[strength=10,learning_rate=0.003]'").suite.baseline.startswith("ewc[")
