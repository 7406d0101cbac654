"""All differences in words: every outcome with its interval and n, and none of too few seeds."""

import re

from benchmark.reporting import takeaway
from benchmark.results import comparison
from tests.benchmark.reporting.test_takeaway import finding
from tests.benchmark.synthetic_records import constant

_OUTCOMES = ("better", "worse", "equivalent", "undecided")
_CLAIM = re.compile(r"\([+-]\d+\.\d\d ± \d+\.\d\d pp\)")


def test_differences_from_the_baseline_have_interval_n_and_outcome():
  line = finding({"stl": .5, "hps_all": .7, "snn": .3, "ewc": .505}).details[0]
  assert re.match(r"Final accuracy less that of STL \(baseline; [45]\d\.\d\d ± \d\.\d\d %, n = 6\): better: "
                  r"HPS All \(\+(19|20)\.\d\d ±", line)
  assert "worse: SNN (-" in line and "undecided: EWC (" in line
  assert len(_CLAIM.findall(line)) == 3
  assert re.search(r"; detectable: differences of \d\.\d to \d\.\d pp or more \(median \d\.\d\)\.$", line)


def test_equivalence_names_its_margin():
  lines = finding({"stl": .5, "hps_all": .5}, spread=0).details
  assert "equivalent within ±1 pp: HPS All (+0.00 ± 0.00 pp)." in lines[0]


def test_n_is_said_where_it_differs_and_too_few_pairs_have_differences_without_a_test():
  trials = {"stl": range(8), "hps_all": range(6), "snn": range(4)}
  runs = [constant(learner, seed, .5 + .01 * seed + place * (.1 + .001 * seed))
          for place, (learner, seeds) in enumerate(trials.items()) for seed in seeds]
  panel, = comparison.panels(runs, baseline="stl")
  line = takeaway.of_panel(panel, runs, {}).details[0]
  assert re.search(r"better: HPS All \(\+10\.\d\d ± 0\.\d\d pp, n = 6\); detectable: differences of \d\.\d pp or more; "
                   r"not tested, as fewer than 5 seeds are shared: SNN \(\+20\.\d\d ± 0\.\d\d pp, n = 4\)", line)


def test_controls_have_lines_of_their_own():
  random, planted, *_ = finding({"stl": .5, "random_hps": .4, "planted_hps": .9, "lasem_hps": .7},
                                baseline=None).details
  assert "less that of Random HPS (control: a configuration drawn per task; " in random
  assert "less that of Planted HPS (control: the configurations that the stream declares; " in planted
  assert "better: LASEM HPS (+" in random and "worse: LASEM HPS (-" in planted
  assert "; detectable: differences of " in random and "; detectable: differences of " in planted


def test_of_too_few_seeds_nothing_is_claimed_and_no_best_is_named():
  lines = finding({"stl": .5, "random_hps": .4, "lasem_hps": .7, "snn": .2}, seeds=range(4)).details
  assert [line.partition(" (")[0] for line in lines] == [f"Final accuracy less that of {label}"
                                                         for label in ("STL", "Random HPS")]
  assert "SNN (-3" in lines[0] and "Random HPS (-" in lines[0] and "LASEM HPS (+" in lines[0]
  assert not any(outcome in line for outcome in (*_OUTCOMES, "Against") for line in lines)


def test_the_best_is_named_with_differences_to_it():
  lines = finding({"stl": .5, "hps_all": .7}, spread=0).details
  # Differences that are equal but not zero have no test.
  assert lines[2] == "Final: HPS All with 70.00 ± 0.00 % (n = 6). Against it: undecided: STL (-20.00 ± 0.00 pp)."


def test_a_best_that_is_a_reference_is_not_told_again():
  *lines, last = finding({"stl": .7, "hps_all": .5, "random_hps": .4, "lasem_hps": .6}).details
  assert [line.split(" (")[0] for line in lines] == [
      "Final accuracy less that of STL", "Final accuracy less that of Random HPS"]
  assert last == "Forgetting: 4 methods with 0.00 pp."  # Two of which are no references.


def test_ties_are_told_as_a_count():
  lines = finding({"stl": .5, "hps_all": .7, "snn": .7}, spread=0).details
  assert lines[1:3] == [f"{name}: 2 methods with 70.00 %. Against them: undecided: STL (-20.00 ± 0.00 pp)."
                        for name in ("Peak", "Final")]


def test_of_many_methods_the_largest_differences_are_named_and_the_rest_has_its_range():
  finals = {"stl": .5} | {f"hps_{name}": .6 + .02 * place for place, name in enumerate(
      ("all", "top1", "top2", "top3", "bottom1", "bottom2", "bottom3", "alternating"))}
  line = finding(finals, spread=.001).details[0]
  assert len(_CLAIM.findall(line)) == 6
  assert re.search(r"and 2 more from \+(9|10)\.\d\d to \+1[12]\.\d\d pp, with intervals in the tables", line)
