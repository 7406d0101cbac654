"""Tables on hand-worked records: estimates, marks, gaps, diverged runs, mixed data, formats."""

import math

import numpy as np
import pandas as pd
import pytest

from benchmark.reporting import tables
from benchmark.reporting.figures import collection
from benchmark.results import comparison, record_schema, records
from tests.benchmark import synthetic_records
from tests.benchmark.synthetic_records import constant


def csv(records, tmp_path, **options) -> pd.DataFrame:
  write(records, tmp_path, **options)
  return pd.read_csv(tmp_path / "table.csv").set_index("learner")


def write(records, folder, *expected, **options):
  return tables.write_suite_tables(records, comparison.panels(records, *expected, **options), folder)


def markdown(records, *expected, **options) -> str:
  return tables.markdown(comparison.panels(records, *expected, **options))


def row(text: str, label: str) -> list[str]:
  line = next(line for line in text.splitlines() if line.startswith(f"| {label} "))
  return [cell.strip() for cell in line.strip("|").split("|")]


def test_estimates_by_hand(tmp_path):
  frame = csv([constant("stl", 0, .5), constant("stl", 1, .6), constant("stl", 2, .7)], tmp_path)
  assert frame.loc["stl", "n"] == 3
  assert frame.loc["stl", "final_mean"] == pytest.approx(.6)
  assert frame.loc["stl", "final_sd"] == pytest.approx(.1)
  assert frame.loc["stl", "final_half_width"] == pytest.approx(4.302653 * .1 / math.sqrt(3))
  assert frame.loc["stl", "forgetting_mean"] == 0
  text = markdown([constant("stl", 0, .5), constant("stl", 1, .6), constant("stl", 2, .7)])
  assert row(text, "STL")[:5] == ["STL", "cifar100", "3", "60.00 ± 24.84", "60.00 ± 24.84"]


def test_costs_are_shown_with_their_units():
  columns = dict(zip(row(markdown([constant("stl", 0, .5)]), "Learner"),
                     row(markdown([constant("stl", 0, .5)]), "STL")))
  assert columns["Parameters"] == "2,000"
  assert columns["MACs per image (M)"] == "24.740"
  assert columns["CPU time (s)"] == "12.5"


def test_one_seed_has_no_interval_no_mark_and_no_p_value():
  text = markdown([constant("stl", 0, .5), constant("snn", 0, .4)], baseline="stl")
  columns = dict(zip(row(text, "Learner"), row(text, "SNN")))
  assert (columns["n"], columns["Peak (%)"], columns["Final - STL (pp)"]) == ("1", "40.00", "-10.00")
  assert dict(zip(row(text, "Learner"), row(text, "STL")))["Peak (%)"] == "**50.00**"
  assert "fewer than 5 seeds are shared" in text and "detects" not in text.partition("Holm")[0]


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


def test_few_seeds_have_no_marks_and_the_caption_says_why(tmp_path):
  runs = [run for run in _five_seeds() if run.seed < 3]
  text = markdown(runs, baseline="stl")
  assert not any(mark in line for mark in "↑↓≈?" for line in text.splitlines() if line.startswith("|"))
  assert "differences of" in text and "pp or more (median over comparisons)" in text
  frame = csv(runs, tmp_path, baseline="stl")
  assert set(frame["final_vs_baseline_outcome"].dropna()) == {"untested"} and frame["final_vs_baseline_p"].isna().all()
  assert frame.loc["wild", "final_vs_baseline_detectable"] > .2


def test_ties_share_the_bold():
  text = markdown([constant(learner, seed, .5) for learner in ("stl", "snn") for seed in (0, 1)])
  for label in ("STL", "SNN"):
    assert row(text, label)[3] == "**50.00 ± 0.00**"


def test_a_constant_difference_is_no_significance(tmp_path):
  frame = csv([constant(learner, seed, value + seed / 10) for learner, value in (("stl", .50), ("snn", .45))
               for seed in range(5)], tmp_path, baseline="stl")
  assert math.isnan(frame.loc["snn", "final_vs_baseline_p"])
  assert frame.loc["snn", "final_vs_baseline_outcome"] == "undecided"


def test_lower_forgetting_is_better(tmp_path):
  forgets = [
      synthetic_records.record(learner="snn", seed=s, rows=[[.8, None], [.5, .9]], peaks=[.8, .9]) for s in (0, 1)
  ]
  keeps = [constant("stl", s, .5) for s in (0, 1)]
  frame = csv(forgets + keeps, tmp_path)
  assert frame["forgetting_best"].to_dict() == {"stl": True, "snn": False}
  assert frame["backward_transfer_best"].to_dict() == {"stl": True, "snn": False}
  assert frame["final_best"].to_dict() == {"stl": False, "snn": True}
  assert frame.loc["snn", "forgetting_mean"] == pytest.approx(.3)
  assert frame.loc["snn", "retention_mean"] == pytest.approx(.5 / .8)


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


def test_an_unknown_baseline_is_refused():
  with pytest.raises(record_schema.RecordError, match="baseline 'slt' is none of the learners: stl"):
    markdown([constant("stl", 0, .5)], baseline="slt")


def test_a_missing_seed_is_a_gap_and_pairs_use_the_others(tmp_path):
  values = {"stl": {0: .50, 1: .52, 2: .54}, "hps_all": {0: .51, 2: .57, 1: None}}
  runs = [constant(learner, seed, value) for learner, seeds in values.items() for seed, value in seeds.items() if value]
  expected = [f"cifar100/{learner}/smoke/seed{seed}" for learner in values for seed in (0, 1, 2)]
  text = markdown(runs, expected, baseline="stl")
  assert row(text, "HPS All")[2] == "2 of 3"
  assert row(text, "HPS All")[-1] == "seed 1 not run"
  frame = csv(runs, tmp_path, baseline="stl")
  assert frame.loc["hps_all", "peak_vs_baseline_pairs"] == 2
  assert frame.loc["hps_all", "peak_vs_baseline_difference"] == pytest.approx(.02)  # Of .01 and .03.


def test_diverged_runs_are_shown_and_never_averaged(tmp_path):
  runs = [constant("stl", 0, .5), constant("stl", 1, .6),
          synthetic_records.record(learner="stl", seed=2, num_tasks=2, status="diverged", reason="loss is NaN"),
          synthetic_records.record(learner="den", seed=0, num_tasks=2, status="diverged", reason="loss is NaN")]
  text = markdown(runs)
  assert row(text, "STL")[2] == "2 of 3"
  assert row(text, "STL")[-1] == "seed 2 diverged: loss is NaN"
  assert row(text, "DEN")[2:6] == ["0 of 1", "diverged", "diverged", "diverged"]
  frame = csv(runs, tmp_path)
  assert frame.loc["stl", "final_mean"] == pytest.approx(.55)
  assert math.isnan(frame.loc["den", "final_mean"])


def test_failed_and_absent_methods_are_gaps_not_zeros():
  runs = [
      constant("stl", 0, .5),
      synthetic_records.record(learner="snn", status="failed", reason="killed | by <b>hand</b>")
  ]
  text = markdown(runs,
                                ["cifar100/apd/smoke/seed0", "cifar100/stl/smoke/seed0", "cifar100/snn/smoke/seed0"])
  assert row(text, "APD")[2:5] == ["0 of 1", "-", "-"]
  assert "seed 0 failed: killed \\| by &lt;b>hand&lt;/b>" in text
  assert text.index("| APD") < text.index("| STL")  # the suite's own order
  assert "0.00 ± " not in text


def test_no_record_at_all_is_a_table_of_gaps(tmp_path):
  path = write([], tmp_path, ["cifar100/stl/smoke/seed0"])
  assert path == tmp_path / "table.md"
  assert row(path.read_text(), "STL")[2:4] == ["0 of 1", "-"]


def test_other_designs_are_refused_or_marked(tmp_path):
  runs = [constant("stl", 0, .5), constant("snn", 0, .4), constant("hps_all", 0, .9, design="other")]
  with pytest.raises(comparison.MixedDataError, match="hps_all.*--allow_mixed_data"):
    markdown(runs)
  text = markdown(runs, allow_mixed_data=True)
  assert row(text, "HPS All")[0] == "HPS All ‡"
  assert row(text, "STL")[3] == "**50.00**" and "‡: measured on other data" in text
  assert csv(runs, tmp_path, allow_mixed_data=True)["mixed_data"].to_dict() == {"stl": False, "snn": False,
                                                                               "hps_all": True}


def test_other_images_for_the_same_seed_are_refused_or_marked():
  runs = [constant(learner, seed, .5) for learner in ("stl", "snn") for seed in (0, 1)]
  runs.append(constant("hps_all", 1, .5, data="other"))
  with pytest.raises(comparison.MixedDataError, match="images.*same seed.*hps_all/smoke/seed1"):
    markdown(runs)
  assert row(markdown(runs, allow_mixed_data=True), "HPS All")[0] == "HPS All ‡"


def _two_halves(**second) -> list:
  """Two methods on four seeds of one design; the options belong to seeds 2 and 3, as if run on another machine."""
  return [constant(learner, seed, .5, **(second if seed > 1 else {})) for learner in ("stl", "snn")
          for seed in range(4)]


def test_seeds_on_data_of_another_name_are_refused_or_marked():
  runs = _two_halves(display_name="Stand-in") + [constant("hps_all", 0, .5)]
  message = r"different names \('Invented images', 'Stand-in'\), e\.g\. \S+/seed2 unlike \S+/seed0"
  with pytest.raises(comparison.MixedDataError, match=message) as caught:
    markdown(runs)
  assert "counts" not in str(caught.value) and "fingerprint" not in str(caught.value)
  text = markdown(runs, allow_mixed_data=True)
  assert row(text, "STL ‡") and row(text, "SNN ‡") and "### Invented images" in text
  assert row(text, "HPS All")[0] == "HPS All"


def test_seeds_on_other_numbers_of_images_are_refused_or_marked():
  runs = [*_two_halves(), constant("hps_all", 4, .5)]
  runs[-1].result["stream"]["counts"]["train"][1] += 1
  with pytest.raises(comparison.MixedDataError, match=r"numbers of images \(counts\), e\.g\. \S+hps_all/smoke/seed4"):
    markdown(runs)
  assert row(markdown(runs, allow_mixed_data=True), "HPS All")[0] == "HPS All ‡"


def test_another_task_order_for_the_same_seed_is_refused_or_marked():
  runs = [synthetic_records.record(learner=learner, seed=seed, task_order=[0, 1, 2] if seed else [2, 0, 1], num_tasks=3)
          for learner in ("stl", "snn") for seed in (0, 1)]
  assert "‡" not in markdown(runs), "an order of its own for every seed is no difference between methods"
  runs.append(synthetic_records.record(learner="hps_all", seed=1, task_order=[0, 1, 2, 0, 1, 2], num_tasks=3))
  with pytest.raises(comparison.MixedDataError, match="task orders for the same seed.*hps_all/smoke/seed1"):
    markdown(runs)
  assert row(markdown(runs, allow_mixed_data=True), "HPS All")[0] == "HPS All ‡"


def test_seeds_of_one_method_with_other_settings_are_refused_or_marked():
  runs = [constant(learner, seed, .5) for learner in ("stl", "snn") for seed in (0, 1, 2)]
  runs[1].result["configuration_hash"] = "other"
  with pytest.raises(comparison.MixedDataError, match=r"settings \(configuration hashes\).*stl/smoke/seed1 unlike"):
    markdown(runs)
  text = markdown(runs, allow_mixed_data=True)
  assert row(text, "STL ‡") and row(text, "SNN") and "several settings" in text


def test_a_measure_that_a_run_does_not_define_says_how_many_do():
  runs = [constant("snn", seed, .5) for seed in (0, 1, 2)]
  runs += [constant("stl", seed, .5) for seed in (0, 1)]
  runs.append(synthetic_records.record(learner="stl", seed=2, rows=[[0.0, None], [.5, .5]], peaks=[.5, .5]))
  cells = row(markdown(runs), "STL")
  assert cells[2] == "3" and [cell for cell in cells if "(n = 2)" in cell] == [cells[7]]
  assert not any("(n =" in cell for cell in row(markdown(runs), "SNN"))


def test_a_tie_for_the_best_is_compared_with_the_winner_of_most_seeds(tmp_path):
  runs = [constant("stl", 0, .5)] + [constant("snn", seed, .5) for seed in (0, 1, 2)]
  runs += [constant("hps_all", seed, .5 - difference) for seed, difference in enumerate((.1, -.05, .02))]
  text = markdown(runs)
  assert row(text, "STL")[3].startswith("**") and row(text, "SNN")[3].startswith("**")
  assert csv(runs, tmp_path).loc["hps_all", "final_vs_best_pairs"] == 3


def test_everything_that_differs_is_named():
  runs = [*_two_halves(), constant("hps_all", 4, .5, display_name="Stand-in", design="other")]
  runs[-1].result["stream"]["counts"]["test"][0] = 7
  with pytest.raises(comparison.MixedDataError, match="tasks.* and with .*names.* and with .*counts"):
    markdown(runs)


def test_a_run_that_failed_before_its_data_were_opened_mixes_nothing():
  failed = synthetic_records.record(learner="snn", status="failed", reason="no such file", display_name="cifar100")
  failed.result["stream"]["counts"].clear()
  assert "‡" not in markdown([constant("stl", 0, .5), failed])


def test_streams_and_scales_are_panels_of_their_own():
  runs = synthetic_records.suite(streams=("cifar100", "stl10"), learners=("stl", "snn"), seeds=(0, 1))
  runs += synthetic_records.suite(learners=("stl",), scale="paper")
  text = markdown(runs)
  titles = [line for line in text.splitlines() if line.startswith("###")]
  assert titles == [
      "### Invented images, cifar100, scale paper", "### Invented images, cifar100, scale smoke",
      "### Invented images, stl10, scale smoke", "### Peak, methods x streams", "### Final, methods x streams",
      *(f"### Invented images, {panel}, scale smoke: {measure}, paired differences" for panel in ("cifar100", "stl10")
        for measure in ("Peak", "Final"))
  ]
  overview = text[text.index("### Final"):]
  assert row(overview, "SNN")[1] == "-"


def test_per_task_tables(tmp_path):
  write([constant("stl", 0, .5), constant("stl", 1, .7),
                             synthetic_records.record(learner="den", num_tasks=2, status="diverged", reason="NaN")],
                            tmp_path)
  frame = pd.read_csv(tmp_path / "table_per_task.csv").set_index(["learner", "measure", "task"])
  assert frame.loc[("stl", "final", 1), "mean"] == pytest.approx(.6)
  assert frame.loc[("stl", "final", 1), "half_width"] == pytest.approx(12.7062047 * math.sqrt(.02) / math.sqrt(2))
  text = (tmp_path / "table_per_task.md").read_text()
  assert row(text, "STL") == ["STL", "2", "60.00 ± 127.06", "60.00 ± 127.06"]
  assert row(text, "DEN") == ["DEN", "0 of 1", "diverged", "diverged"]


def test_order_of_records_changes_nothing(tmp_path):
  runs = synthetic_records.suite(streams=("cifar100", "stl10"))
  first = write(runs, tmp_path / "a", baseline="stl").parent
  second = write(runs[::-1], tmp_path / "b", baseline="stl").parent
  for path in first.iterdir():
    if path.name not in ("table.csv", "table_per_task.csv"):
      assert path.read_bytes() == (second / path.name).read_bytes(), path.name
  pd.testing.assert_frame_equal(pd.read_csv(first / "table.csv"), pd.read_csv(second / "table.csv"))


def test_the_terminal_gets_plain_text():
  runs = [constant(learner, seed, .5 + seed / 10, display_name="my_data [x]") for learner in ("my_method", "stl")
          for seed in (0, 1)]
  text = tables.plain(runs, comparison.panels(runs))
  assert "my_data [x], cifar100, scale smoke" in text and "my_method" in text
  assert "\\" not in text and "**" not in text and "|" not in text and "<" not in text.replace("n < 2", "")
  assert "*55.00 ± 63.53" in text and "*: best mean of a stream" in text


def test_no_text_of_a_csv_file_is_a_formula(tmp_path):
  write([constant("stl", 0, .5, display_name="=HYPERLINK(1)")], tmp_path)
  assert ",'=HYPERLINK(1)," in (tmp_path / "table.csv").read_text()


def test_tasks_that_no_run_visits_are_in_no_table_or_figure(tmp_path):
  """Of five tasks, 3 and then 1 are learned: they keep their numbers, means are over them alone."""
  runs = [synthetic_records.record(learner=learner, seed=seed, num_tasks=5, task_order=[3, 1])
          for learner in ("stl", "lasem_hps") for seed in (0, 1)]
  for run in runs:
    run.result["configurations"][::2] = run.result["forward_macs_committed"][::2] = [None] * 3
    synthetic_records.write_run(run, tmp_path)
  found = records.load_records([tmp_path])
  panels = comparison.panels(found)
  assert panels[0].rows[0].estimates["final"].mean == pytest.approx(
      np.mean([[run.result["accuracy"]["after_visit"][-1][task] for task in (1, 3)] for run in found
               if run.learner == "stl"]))
  contents = tables.contents(found, panels, tables.per_task_estimates(found))
  assert "Task 1 |" in contents["table_per_task.md"] and "Task 0" not in contents["table_per_task.md"]
  per_task = next(figure.figure for figure in collection.draw_all(found, panels, {})
                  if figure.name.endswith("-task_accuracy"))
  assert [axis.get_title() for axis in per_task.axes] == ["Task 1", "Task 3"]
