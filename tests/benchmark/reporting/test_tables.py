"""Tables on hand-worked records: estimates, marks, gaps, diverged runs, mixed data, formats."""

import math
import re

import pandas as pd
import pytest

from benchmark.reporting import comparisons, tables
from benchmark.results import comparison, record_schema
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
  assert columns["Parameters"] == "2.00 k"
  assert columns["MACs per image"] == "24.7 MMAC"
  assert columns["CPU time (s)"] == "12.5"


def test_one_seed_has_no_interval_no_mark_and_no_p_value():
  text = markdown([constant("stl", 0, .5), constant("snn", 0, .4)], baseline="stl")
  columns = dict(zip(row(text, "Learner"), row(text, "SNN")))
  assert (columns["n"], columns["Peak (%)"], columns["Final - STL (pp)"]) == ("1", "40.00", "-10.00")
  assert dict(zip(row(text, "Learner"), row(text, "STL")))["Peak (%)"] == "**50.00**"
  assert "fewer than 5 seeds are shared" in text and "detects" not in text.partition("Holm")[0]


def test_ties_share_the_bold():
  text = markdown([constant(learner, seed, .5) for learner in ("stl", "snn") for seed in (0, 1)])
  for label in ("STL", "SNN"):
    assert row(text, label)[3] == "**50.00 ± 0.00**"


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
  assert row(text, "STL") == ["STL", "2", r"60.00 \[0.00, 100.00\]", r"60.00 \[0.00, 100.00\]"]
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
  assert "*55.00 [0.00, 100.00]" in text and "*: best mean of a stream" in text


def test_no_text_of_a_csv_file_is_a_formula(tmp_path):
  write([constant("stl", 0, .5, display_name="=HYPERLINK(1)")], tmp_path)
  assert ",'=HYPERLINK(1)," in (tmp_path / "table.csv").read_text()


def test_a_narrow_terminal_gets_the_columns_that_matter_and_the_names_of_the_rest():
  runs = [constant(learner, seed, .5) for learner in ("snn", "stl") for seed in (0, 1)]
  panels = comparison.panels(runs, baseline="stl")
  whole = tables.plain(runs, panels).split("\n\n")[1]
  assert tables.plain(runs, panels, width=max(map(len, whole.splitlines()))).split("\n\n")[1] == whole
  for width, shown in ((80, ["Learner", "n", "Peak (%)", "Final (%)", "Final - STL (pp)"]),
                       (1, ["Learner", "Final (%)"])):
    _, table, note, *_ = tables.plain(runs, panels, width=width).split("\n\n")
    assert re.split(r"  +", table.splitlines()[0].strip()) == shown
    assert width == 1 or max(map(len, table.splitlines())) <= width
    rest = note.removeprefix("Too wide for this terminal, in table.md: ").rstrip(".\n").split(", ")
    assert rest == [name for name in comparisons.headings(panels[0]) if name not in shown]
