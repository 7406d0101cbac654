"""The takeaway: a short sentence per reference, with the largest differences, and none decided on too few seeds."""

import re

import numpy as np

from benchmark.reporting import takeaway
from benchmark.results import comparison
from tests.benchmark import synthetic_records
from tests.benchmark.reporting.test_flatness import course, FALLING, FLAT
from tests.benchmark.synthetic_records import constant

_CLAIM = re.compile(r"[+-]\d+\.\d\d ± \d+\.\d\d pp")


def finding(finals, seeds=range(6), baseline="stl", details=None, spread=.01):
  """What is said of runs whose final accuracies are those, more or less."""
  runs = [constant(learner, seed, final + spread * np.random.default_rng([place, seed]).uniform(-1, 1))
          for place, (learner, final) in enumerate(finals.items()) for seed in seeds]
  panel, = comparison.panels(runs, baseline=baseline)
  return takeaway.of_panel(panel, runs, details(runs) if details else {})


def told(found) -> list[str]:
  """The sentences as texts."""
  return [sentence.subject + sentence.rest for sentence in found.sentences]


def test_methods_are_counted_with_the_largest_difference_of_each_kind():
  text, = told(finding({"stl": .5, "hps_all": .7, "hps_top2": .6, "snn": .3, "ewc": .505}))
  assert re.fullmatch(
      r"Against STL \(baseline; final accuracy [45]\d\.\d\d ± \d\.\d\d %, n = 6\), 2 of 4 methods are better, most of "
      r"all HPS All \(\+(19|20)\.\d\d ± \d\.\d\d pp\), then HPS Top-2; 1 is worse: SNN \(-\d\d\.\d\d ± \d\.\d\d pp\); "
      r"1 is not shown to differ \(undecided; detectable: \d\.\d pp\): EWC\.", text)


def test_of_many_methods_few_are_named():
  names = ("all", "top1", "top2", "top3", "bottom1", "bottom2", "bottom3", "alternating")
  finals = {"stl": .5} | {f"hps_{name}": .6 + .02 * place for place, name in enumerate(names)}
  text, = told(finding(finals, spread=.001))
  assert re.search(r"all 8 methods are better, most of all HPS Alternating \(\+2\d\.\d\d ± \d\.\d\d pp\), then HPS "
                   r"Bottom-3, HPS Bottom-2 and 5 more\.$", text)
  text, = told(finding({"stl": .5} | dict.fromkeys((f"hps_{name}" for name in names[:5]), .5), spread=.05))
  assert re.search(r"none of 5 methods is shown to differ \(undecided; detectable: \d+\.\d to \d+\.\d pp\)\.$", text)


def test_that_none_is_better_is_said_and_equivalence_names_its_margin():
  text, = told(finding({"stl": .5, "hps_all": .5, "hps_top2": .5, "snn": .3}, spread=.001))
  assert re.search(r", none of 3 methods is better; 1 is worse: SNN \(.*\); 2 are equivalent within ±1 pp: HPS [AT]\S* "
                   r"\([+-]0\.\d\d ± 0\.\d\d pp\) and HPS [AT]\S*\.$", text)
  alone, = told(finding({"stl": .5, "snn": .3}))
  assert ", the one method compared is worse: SNN (-" in alone


def test_n_is_said_where_it_differs_and_too_few_pairs_are_not_tested():
  trials = {"stl": range(8), "hps_all": range(6), "snn": range(4)}
  runs = [constant(learner, seed, .5 + .01 * seed + place * (.1 + .001 * seed))
          for place, (learner, seeds) in enumerate(trials.items()) for seed in seeds]
  panel, = comparison.panels(runs, baseline="stl")
  text, = told(takeaway.of_panel(panel, runs, {}))
  assert re.search(r"1 of 2 methods is better: HPS All \(\+10\.\d\d ± 0\.\d\d pp, n = 6\); 1 is not tested \(fewer "
                   r"than 5 shared seeds\): SNN \(\+20\.\d\d ± 0\.\d\d pp, n = 4\)\.$", text)


def test_controls_have_sentences_of_their_own_on_searches():
  random, planted = told(finding({"stl": .5, "random_hps": .4, "planted_hps": .9, "lasem_hps": .7}, baseline=None))
  assert random.startswith("Against Random HPS (control: a configuration drawn per task; final accuracy ")
  assert ", the one search compared is better: LASEM HPS (+" in random
  assert planted.startswith("Against Planted HPS (control: the configurations that the stream declares; final ")
  assert ", the one search compared is worse: LASEM HPS (-" in planted


def test_of_too_few_seeds_there_are_differences_in_the_order_of_rows_and_no_outcome():
  text, control = told(finding({"stl": .5, "random_hps": .4, "lasem_hps": .7, "snn": .2}, seeds=range(4)))
  assert "n = 4), no test was made, as fewer than 5 seeds are shared: SNN (-" in text
  places = [text.index(each) for each in ("SNN (-", "Random HPS (-", "LASEM HPS (+")]
  assert len(_CLAIM.findall(text)) == 3 and places == sorted(places)
  assert control.startswith("Against Random HPS (control: ") and "no test was made" in control
  assert not any(word in text + control for word in ("better", "worse", "equivalent", "undecided", "detectable"))


def test_of_many_methods_with_too_few_seeds_the_range_is_told_and_none_is_named():
  finals = {"stl": .5} | {f"hps_{name}": .6 for name in ("all", "top1", "top2", "top3", "bottom1", "bottom2")}
  text, = told(finding(finals, seeds=range(2)))
  assert re.search(r": differences of 6 methods from \+\d+\.\d\d to \+1\d\.\d\d pp, half-widths of their intervals "
                   r"from \d+\.\d\d to \d+\.\d\d pp\.$", text) and "HPS" not in text
  single, = told(finding(finals, seeds=range(1)))
  assert re.search(r"differences of 6 methods from \+\S+ to \+\S+ pp\.$", single)


def test_without_references_it_says_so():
  assert told(finding({"stl": .5, "snn": .4}, baseline=None))[0].startswith("No baseline is named and no control (")
  assert not finding({"stl": .5}, baseline=None).sentences


def test_labels_name_variants_only_where_there_are_several():
  text, = told(finding({"stl[learning_rate=0.1]": .5, "ewc[strength=1]": .7, "lwf[strength=1]": .3,
                        "lwf[strength=2]": .2}, baseline="stl"))
  assert text.startswith("Against STL (baseline; ") and "better: EWC (+" in text
  assert "most of all LwF (own last layer; strength=2) (-" in text and "then LwF (own last layer; strength=1)" in text


def test_a_finding_has_its_facts_differences_and_criterion():
  def details(runs):
    return {run.identity: course(FALLING, FALLING) if run.learner == "stl" else course(FLAT, FLAT) for run in runs}
  found = finding({"stl": .5, "snn": .3}, details=details)
  assert found.facts.startswith("2 tasks of 10 classes")
  assert found.details[0].startswith("Final accuracy less that of STL (baseline; ")
  assert list(found.cautions) == ["Training ended short of flat in 12 of 12 visits of STL."]
  assert "10 %" in found.criterion and "two standard errors" in found.criterion
  assert finding({"stl": .5, "snn": .3}).criterion == ""


def test_only_runs_of_the_panel_count():
  runs = [constant("stl", 0, .5), synthetic_records.record(stream="stl10", num_tasks=2)]
  first, _ = comparison.panels(runs)
  details = {runs[0].identity: course(FLAT, FLAT), runs[1].identity: course(FALLING, FALLING)}
  assert not any("short of flat" in caution for caution in takeaway.of_panel(first, runs, details).cautions)


def test_what_cautions_leave_out_is_among_the_details():
  finals = {f"hps_{name}": .5 for name in ("all", "top1", "top2", "top3", "bottom1", "bottom2", "bottom3",
                                           "alternating", "alternating_odd", "top4")}
  found = finding(finals, baseline=None, details=lambda runs: {
      run.identity: course(*(FALLING, FALLING) if "top" in run.learner or run.learner == "hps_all" else (FLAT, FLAT))
      for run in runs})
  assert found.cautions[0] == "Training ended short of flat in 60 of 60 visits of 5 of 10 methods."
  assert found.details[-1] == "Short of flat: HPS All, HPS Top-1, HPS Top-2, HPS Top-3, HPS Top-4."
