"""Paired differences in tables: marks, margins, and what is said where there are few seeds."""

import math
import re

import pytest

from benchmark.reporting import comparisons, tables
from benchmark.results import comparison
from lasem_tf.metrics import paired
from tests.benchmark.reporting.test_tables import csv, markdown, row
from tests.benchmark.synthetic_records import constant

_FIVE = {"stl": (.50, .52, .54, .56, .58), "better": (.60, .62, .64, .66, .681), "same": (.50, .52, .541, .56, .58),
         "wild": (.70, .30, .60, .40, .58)}


def _five_seeds():
  return [constant(learner, seed, value) for learner, seeds in _FIVE.items() for seed, value in enumerate(seeds)]


def test_differences_are_marked_with_what_was_shown(tmp_path):
  text = markdown(_five_seeds(), baseline="stl")
  shown = {label: dict(zip(row(text, "Learner"), row(text, label))) for label in ("STL", "better", "same", "wild")}
  assert shown["better"]["Final (%)"].startswith("**64.02") and shown["better"]["Final - best (pp)"] == "best"
  assert shown["STL"]["Final - STL (pp)"] == "baseline"
  # Differences .1 four times and .101: mean .1002, standard deviation .001 / sqrt(5), t(4) = 2.776445.
  assert shown["better"]["Final - STL (pp)"] == "+10.02 ± 0.06 ↑"
  assert shown["same"]["Final - STL (pp)"] == "+0.02 ± 0.06 ≈" and shown["same"]["Final - best (pp)"].endswith(" ↓")
  assert shown["wild"]["Final - STL (pp)"].endswith(" ?")
  assert "within ±1 pp" in text and "no sign of equality" in text and "fewer than 5 seeds are shared" not in text
  frame = csv(_five_seeds(), tmp_path, baseline="stl")
  assert frame["final_vs_baseline_outcome"].dropna().to_dict() == {"better": "better", "same": "equivalent",
                                                                  "wild": "undecided"}
  assert frame.loc["better", "final_vs_baseline_detectable"] < .002 < .2 < frame.loc["wild",
                                                                                      "final_vs_baseline_detectable"]
  assert frame.loc["same", "final_vs_best_outcome"] == "worse"


def test_the_margin_decides_what_is_equivalent(tmp_path):
  frame = csv(_five_seeds(), tmp_path, baseline="stl", margin=1e-4)
  assert frame.loc["same", "final_vs_baseline_outcome"] == "undecided"
  assert "within ±0.01 pp" in markdown(_five_seeds(), baseline="stl", margin=1e-4)


def test_paired_differences_have_a_table_of_their_tests():
  text = markdown(_five_seeds(), baseline="stl")
  details = text[text.index("Final, paired differences"):]
  shown = dict(zip(row(details, "Learner"), row(details, "wild")))
  assert (shown["Pairs (STL)"], shown["Outcome (STL)"], shown["Outcome (best)"]) == ("5", "undecided", "undecided")
  assert shown["p equivalent (STL)"] == "1.000" and float(shown["Detects, pp (STL)"]) > 20
  assert "Holm's first step would have found with 80 % power" in details


def test_every_caption_states_what_could_have_been_detected():
  panels = comparison.panels(_five_seeds(), baseline="stl")
  clause = re.compile(r"Detectable with 80 .{0,2}% power at Holm's first step: from STL, differences of 0\.1 to "
                      r"\d\d\.\d pp or more \(median \d\.\d\); from the best, differences of 0\.1 to \d\d\.\d pp or ")
  for text in (tables.markdown(panels), tables.plain(_five_seeds(), panels), comparisons.caption(panels),
               tables.contents(_five_seeds(), panels, tables.per_task_estimates(_five_seeds()))["table.tex"]):
    assert clause.search(text)


@pytest.mark.parametrize("detectable, text", [
    ((None, 0.0), ""), ((.012,), "differences of 1.2 pp or more"), ((.03, .01), "differences of 1.0 to 3.0 pp or more"),
    ((.03, .01, .02), "differences of 1.0 to 3.0 pp or more (median 2.0)"),
    ((.5, 1.5), "differences of 50.0 to more than 100 pp or more"),
    ((1.5, 1.6), "no difference that accuracies can have")])
def test_detectable_differences_have_their_range(detectable, text):
  assert comparisons.detectable_text(paired.Comparison(5, 0.0, detectable=each) for each in detectable) == text


def test_what_could_have_been_detected_is_told_by_column():
  """Each range is that of the column of the paired differences that it is said of."""
  panel, = comparison.panels(_five_seeds(), baseline="stl")
  text = comparisons.caption([panel])
  for label, of_row in (("STL", lambda row: row.against_baseline), ("the best", lambda row: row.against_best)):
    own = [of_row(row)["final"] for row in panel.rows if "final" in of_row(row)]
    assert f"from {label}, {comparisons.detectable_text(own)}" in text
  two = [*_five_seeds(), *(constant(f"{learner}[lr=1]", seed, value, stream="stl10")
                           for learner, seeds in _FIVE.items() for seed, value in enumerate(seeds))]
  assert "first step: from the baseline, differences" in comparisons.caption(comparison.panels(two, baseline="stl"))


@pytest.mark.parametrize("num_seeds, end", [
    (5, "best mean. ↑ better, ↓ worse, ≈ equivalent, ? undecided."),
    (3, "best mean. Nothing is tested: fewer than 5 seeds are shared.")])
def test_a_short_caption_explains_the_marks_that_there_are(num_seeds, end):
  runs = [run for run in _five_seeds() if run.seed < num_seeds]
  text = comparisons.short_caption(comparison.panels(runs, baseline="stl"))
  assert text.startswith("Mean ± half-width of the 95 % t-interval over n seeds;") and text.endswith(end)
  assert comparisons.short_caption(comparison.panels([constant("stl", 0, .5)])).endswith("bold: best mean.")


def test_few_seeds_have_no_marks_and_the_caption_says_why(tmp_path):
  runs = [run for run in _five_seeds() if run.seed < 3]
  text = markdown(runs, baseline="stl")
  assert not any(mark in line for mark in "↑↓≈?" for line in text.splitlines() if line.startswith("|"))
  assert re.search(r"nothing: detectable with 80 % power would have been, from STL, differences of \d+\.\d to "
                   r"(more than )?\d+(\.\d)? pp or more", text)
  frame = csv(runs, tmp_path, baseline="stl")
  assert set(frame["final_vs_baseline_outcome"].dropna()) == {"untested"} and frame["final_vs_baseline_p"].isna().all()
  assert frame.loc["wild", "final_vs_baseline_detectable"] > .2


def test_a_constant_difference_is_no_significance(tmp_path):
  frame = csv([constant(learner, seed, value + seed / 10) for learner, value in (("stl", .50), ("snn", .45))
               for seed in range(5)], tmp_path, baseline="stl")
  assert math.isnan(frame.loc["snn", "final_vs_baseline_p"])
  assert frame.loc["snn", "final_vs_baseline_outcome"] == "undecided"


def test_p_values_against_the_baseline_by_hand(tmp_path):
  # Differences -2, -1, 0, 1, 7 hundredths: mean 1, standard deviation sqrt(12.5); and all zero, p = 1. Holm doubles the
  # smaller p: t = .6325 with 4 degrees of freedom, two-sided p = 1 - (s + s (1 - s^2) / 2), s = t / sqrt(4 + t^2).
  shift = (-.02, -.01, 0, .01, .07)
  values = {"stl": _FIVE["stl"], "hps_all": [value + own for value, own in zip(_FIVE["stl"], shift)],
            "snn": _FIVE["stl"]}
  runs = [constant(learner, seed, value) for learner, seeds in values.items() for seed, value in enumerate(seeds)]
  frame = csv(runs, tmp_path, baseline="stl")
  sine = (t_value := .01 / math.sqrt(.00125 / 5)) / math.sqrt(4 + t_value**2)
  one_tail = .5 - (sine + sine * (1 - sine**2) / 2) / 2
  assert frame.loc["hps_all", "final_vs_baseline_p"] == pytest.approx(min(1, 2 * 2 * one_tail))
  assert frame.loc["snn", "final_vs_baseline_p"] == 1 and math.isnan(frame.loc["stl", "final_vs_baseline_p"])


def test_a_tie_for_the_best_is_compared_with_the_winner_of_most_seeds(tmp_path):
  runs = [constant("stl", 0, .5)] + [constant("snn", seed, .5) for seed in (0, 1, 2)]
  runs += [constant("hps_all", seed, .5 - difference) for seed, difference in enumerate((.1, -.05, .02))]
  text = markdown(runs)
  assert row(text, "STL")[3].startswith("**") and row(text, "SNN")[3].startswith("**")
  assert csv(runs, tmp_path).loc["hps_all", "final_vs_best_pairs"] == 3
