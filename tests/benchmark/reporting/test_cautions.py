"""Cautions are short, and name the methods where these are few."""

import dataclasses

import pytest

from benchmark.reporting import cautions, tables, takeaway
from benchmark.reporting.flatness import Flatness
from benchmark.results import comparison
from tests.benchmark import synthetic_records
from tests.benchmark.reporting.test_flatness import course, FALLING, FLAT
from tests.benchmark.reporting.test_takeaway import finding
from tests.benchmark.synthetic_records import constant

_MANY = tuple(f"hps_{name}" for name in ("all", "top1", "top2", "top3", "top4", "bottom1", "bottom2", "bottom3",
                                         "bottom4", "alternating"))


def _of_few_seeds(few):
  runs = [constant(learner, seed, .5) for learner in _MANY for seed in range(3 if learner in few else 5)]
  panel, = comparison.panels(runs)
  return cautions.of_panel(panel, {learner: Flatness(0, 1) for learner in _MANY})


@pytest.mark.parametrize("few, named, rest", [
    (_MANY[:2], "HPS All, HPS Top-1", ""), (_MANY, "all 10 methods", ""),
    (_MANY[:7], "7 of 10 methods, not of HPS Alternating, HPS Bottom-3, HPS Bottom-4", ""),
    (_MANY[:5], "5 of 10 methods", "Few seeds: HPS All, HPS Top-1, HPS Top-2, HPS Top-3, HPS Top-4.")])
def test_long_lists_of_methods_are_left_to_the_details(few, named, rest):
  assert _of_few_seeds(few) == [cautions.Caution(
      f"Few seeds: 3 seeds of {named}. Fewer than 5 leave wide intervals and are not tested.", rest)]


def test_training_that_ended_short_of_flat_is_named():
  def details(runs):
    return {run.identity: course(FALLING, FALLING if run.seed else FLAT) if run.learner == "stl" else course(FLAT, FLAT)
            for run in runs}
  found = finding({"stl": .5, "snn": .3}, details=details)
  assert list(found.cautions) == ["Training ended short of flat in 11 of 12 visits of STL."]


@pytest.mark.parametrize("details, said", [
    (lambda runs: {run.identity: course(FLAT, FLAT) for run in runs}, None),
    (lambda runs: {run.identity: course([2.0, 1.0], [2.0, 1.0]) for run in runs},
     "Visits of fewer than 10 recorded epochs, too few to tell whether training loss was flat: both methods."),
    (lambda runs: {run.identity: course(FLAT, FLAT) for run in runs if run.learner == "stl"},
     "Whether training loss was flat at the end of visits is unknown, as the course was not kept, of SNN.")])
def test_what_cannot_be_told_is_said(details, said):
  found = finding({"stl": .5, "snn": .3}, details=details)
  assert list(found.cautions) == ([said] if said else []) and found.criterion == ""


def test_times_of_several_kinds_of_processors_are_a_caution_and_named_below_the_table():
  runs = [dataclasses.replace(run, provenance={**run.provenance, "device": device})
          for learner, device in (("stl", "An old CPU"), ("snn", "An old CPU"), ("hps_all", "A new CPU"))
          for run in synthetic_records.suite(learners=(learner,), seeds=(0, 1))]
  panel, = comparison.panels(runs)
  said = "may be compared only within one kind of processor (An old CPU: STL, SNN; A new CPU: HPS All)."
  found = takeaway.of_panel(panel, runs, {})
  assert found.cautions[-1] == "CPU time may be compared only within one of the 2 kinds of processors that were used."
  assert found.details[-1] == f"CPU time {said}" and said in tables.markdown([panel])
  alike, = comparison.panels(runs[:4])
  assert "processor" not in " ".join(takeaway.of_panel(alike, runs[:4], {}).cautions) + tables.markdown([alike])
