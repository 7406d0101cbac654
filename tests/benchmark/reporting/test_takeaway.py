"""What the page says in words: every outcome with its interval and n, and none of too few seeds."""

import dataclasses
import re

import numpy as np
import pytest

from benchmark.reporting import tables, takeaway
from benchmark.results import comparison
from tests.benchmark import synthetic_records
from tests.benchmark.reporting.test_flatness import course, FALLING, FLAT
from tests.benchmark.synthetic_records import constant

_OUTCOMES = ("better", "worse", "equivalent", "undecided")
_CLAIM = re.compile(r"\([+-]\d+\.\d\d ± \d+\.\d\d pp\)")


def _finding(finals, seeds=range(6), baseline="stl", details=None, spread=.01):
  runs = [constant(learner, seed, final + spread * np.random.default_rng([place, seed]).uniform(-1, 1))
          for place, (learner, final) in enumerate(finals.items()) for seed in seeds]
  panel, = comparison.panels(runs, baseline=baseline)
  return takeaway.of_panel(panel, runs, details(runs) if details else {})


def test_differences_from_the_baseline_have_interval_n_and_outcome():
  paragraph = _finding({"stl": .5, "hps_all": .7, "snn": .3, "ewc": .505}).lines[0]
  assert re.match(r"Final accuracy less that of STL \(the baseline; [45]\d\.\d\d ± \d\.\d\d %, n = 6\): better: "
                  r"HPS All \(\+(19|20)\.\d\d ±", paragraph)
  assert "worse: SNN (-" in paragraph and "undecided: EWC (own last layer) (" in paragraph
  assert len(_CLAIM.findall(paragraph)) == 3
  assert re.search(r"; detectable: differences of \d\.\d to \d\.\d pp or more \(median \d\.\d\)\.$", paragraph)


def test_equivalence_names_its_margin():
  lines = _finding({"stl": .5, "hps_all": .5}, spread=0).lines
  assert "equivalent within ±1 pp: HPS All (+0.00 ± 0.00 pp)." in lines[0]


def test_n_is_said_where_it_differs_and_too_few_pairs_of_enough_seeds_are_named():
  trials = {"stl": range(8), "hps_all": range(6), "snn": range(4)}
  runs = [constant(learner, seed, .5 + .01 * seed + place * (.1 + .001 * seed))
          for place, (learner, seeds) in enumerate(trials.items()) for seed in seeds]
  panel, = comparison.panels(runs, baseline="stl")
  line = takeaway.of_panel(panel, runs, {}).lines[0]
  assert re.search(r"better: HPS All \(\+10\.\d\d ± 0\.\d\d pp, n = 6\); detectable: differences of "
                   r"\d\.\d pp or more; no outcome is stated of 1 method with 4 "
                   "shared seeds, as 5 are needed", line)


def test_controls_have_sentences_of_their_own():
  random, planted, *_ = _finding({"stl": .5, "random_hps": .4, "planted_hps": .9, "lasem_hps": .7}, baseline=None).lines
  assert "less that of Random HPS (control: a configuration drawn per task; " in random
  assert "less that of Planted HPS (control: the configurations that the stream declares; " in planted
  assert "better: LASEM HPS (+" in random and "worse: LASEM HPS (-" in planted
  assert "; detectable: differences of " in random and "; detectable: differences of " in planted


def test_of_too_few_seeds_nothing_is_claimed():
  found = _finding({"stl": .5, "random_hps": .4, "lasem_hps": .7, "snn": .2}, seeds=range(4))
  assert [line.split(":")[0] for line in found.lines] == ["Peak", "Final", "Forgetting"]
  assert not any(outcome in line for outcome in (*_OUTCOMES, "Against") for line in found.lines)
  assert found.cautions[0].startswith("Few seeds: 4 seeds of all 4 methods. Fewer than 5 seeds")


def test_the_best_is_named_with_differences_to_it():
  lines = _finding({"stl": .5, "hps_all": .7}, spread=0).lines
  # Differences that are equal but not zero have no test.
  assert lines[2] == "Final: HPS All with 70.00 ± 0.00 % (n = 6). Against it: undecided: STL (-20.00 ± 0.00 pp)."


def test_of_many_methods_the_largest_differences_are_named_and_the_rest_has_its_range():
  finals = {"stl": .5} | {f"hps_{name}": .6 + .02 * place for place, name in enumerate(
      ("all", "top1", "top2", "top3", "bottom1", "bottom2", "bottom3", "alternating"))}
  paragraph = _finding(finals, spread=.001).lines[0]
  assert len(_CLAIM.findall(paragraph)) == 6
  assert re.search(r"and 2 more from \+(9|10)\.\d\d to \+1[12]\.\d\d pp, with intervals in the tables", paragraph)


def test_without_references_it_says_so():
  assert _finding({"stl": .5, "snn": .4}, baseline=None).lines[0].startswith("No baseline is named and no control (")
  assert not _finding({"stl": .5}, baseline=None).lines


def test_training_that_ended_short_of_flat_is_named_with_the_criterion():
  def details(runs):
    return {run.identity: course(FALLING, FALLING if run.seed else FLAT) if run.learner == "stl" else course(FLAT, FLAT)
            for run in runs}
  found = _finding({"stl": .5, "snn": .3}, details=details)
  assert found.cautions == ["Training ended short of flat in 11 of 12 visits of STL."]
  assert "10 %" in found.caption and "two standard errors" in found.caption


@pytest.mark.parametrize("details, said", [
    (lambda runs: {run.identity: course(FLAT, FLAT) for run in runs}, None),
    (lambda runs: {run.identity: course([2.0, 1.0], [2.0, 1.0]) for run in runs},
     "Visits of fewer than 10 recorded epochs, too few to tell whether training loss was flat: all 2 methods."),
    (lambda runs: {run.identity: course(FLAT, FLAT) for run in runs if run.learner == "stl"},
     "Whether training loss was flat at the end of visits is unknown, as the course was not kept, of SNN.")])
def test_what_cannot_be_told_is_said(details, said):
  found = _finding({"stl": .5, "snn": .3}, details=details)
  assert list(found.cautions) == ([said] if said else []) and found.caption == ""


def test_only_runs_of_the_panel_count():
  runs = [constant("stl", 0, .5), synthetic_records.record(stream="stl10", num_tasks=2)]
  first, _ = comparison.panels(runs)
  details = {runs[0].identity: course(FLAT, FLAT), runs[1].identity: course(FALLING, FALLING)}
  assert not any("short of flat" in caution for caution in takeaway.of_panel(first, runs, details).cautions)


def test_times_of_several_kinds_of_processors_are_a_caution_and_named_below_the_table():
  runs = [dataclasses.replace(run, provenance={**run.provenance, "device": device})
          for learner, device in (("stl", "An old CPU"), ("snn", "An old CPU"), ("hps_all", "A new CPU"))
          for run in synthetic_records.suite(learners=(learner,), seeds=(0, 1))]
  panel, = comparison.panels(runs)
  said = "may be compared only within one kind of processor (An old CPU: STL, SNN; A new CPU: HPS All)."
  assert takeaway.of_panel(panel, runs, {}).cautions[-1] == f"CPU time {said}" and said in tables.markdown([panel])
  alike, = comparison.panels(runs[:4])
  assert "processor" not in " ".join(takeaway.of_panel(alike, runs[:4], {}).cautions) + tables.markdown([alike])
