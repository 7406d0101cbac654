"""Tables of trials, the sentence about protocols, and the refusal of unequal ones."""

import pandas as pd
import pytest

from benchmark import report
from benchmark.reporting import cells, tables, tuning_tables
from benchmark.results import choice, comparability, comparison, methods, records
from tests.benchmark import synthetic_records
from tests.benchmark.results import test_choice

_LEARNERS = ("ewc[strength=1]", "ewc[strength=10]", "ewc[strength=100]")


def trials():
  """Trials of EWC, which choose strength 10."""
  return [test_choice.trial(learner) for learner in _LEARNERS]


def evaluated(learner, num_trials=3, seeds=(0, 1)):
  """Runs of a method that was tuned with so many trials; none: not at all."""
  found = [synthetic_records.record("synthetic", learner, seed) for seed in seeds]
  for record in found:
    names = tuple(f"{learner}{number}" for number in range(num_trials)) if learner != _LEARNERS[1] else _LEARNERS
    record.result["tuning"] = test_choice.facts(variants=names) if num_trials else None
  return found


def test_every_trial_is_shown_with_its_scores_cost_and_outcome():
  choices = choice.choices(trials())
  text = tuning_tables.section(choices, cells.plain_table)
  assert "first_tasks (first 2 tasks, seed 1000), 3 trials per learner" in text and "37.5 s of CPU time" in text
  lines = [line.split() for line in text.splitlines() if "strength=" in line]
  assert [line[2:5] for line in lines] == [["strength=1", "60.00", "50.00"], ["*strength=10", "60.00", "54.00"],
                                           ["strength=100", "61.00", "41.00"]] or len(lines) == 3
  assert [line[-1] == "chosen" for line in lines] == [False, True, False]
  frame = tuning_tables.frame(choices)
  assert list(frame["chosen"]) == [False, True, False] and frame["validation_final"][1] == pytest.approx(.54)
  assert tuning_tables.section([], cells.plain_table) == ""


def test_tables_say_how_methods_were_tuned_and_hold_no_trial():
  found = [*trials(), *evaluated(_LEARNERS[1]), *evaluated("stl")]
  compared = choice.compared(found)
  panels = comparison.panels(compared, baseline="ewc")
  assert [row.learner for row in panels[0].rows] == ["stl", "ewc"] and panels[0].baseline == "ewc"
  assert comparison.panels(compared, baseline=_LEARNERS[1])[0].baseline == "ewc", "as it is called in the records"
  text = tables.markdown(panels)
  assert "Hyper-parameters by first_tasks (first 2 tasks, seed 1000), 3 trials per learner." in text


def test_tables_say_that_nothing_was_tuned():
  found = [synthetic_records.constant(learner, seed, .5) for learner in ("stl", "snn") for seed in (0, 1)]
  panels = comparison.panels(found, ["cifar100/ewc/smoke/seed0"])
  made = tables.contents(found, panels, tables.per_task_estimates(found))
  for name in ("table.md", "table.tex", "table_per_task.md", "table_per_task.tex"):
    assert "Hyper-parameters were not tuned." in made[name]
  assert "Hyper-parameters were not tuned." in tables.plain(found, panels)
  frame = tables.suite_frame(panels).set_index("learner")["tuning"]
  assert frame[["stl", "snn"]].to_list() == ["not tuned"] * 2 and pd.isna(frame["ewc"]), "no run says it"
  assert cells.tuning_remark(comparison.panels([], ["cifar100/ewc/smoke/seed0"])) == ""


def test_tuning_on_all_tasks_is_called_optimistic():
  found = evaluated("stl")
  for record in found:
    record.result["tuning"] |= {"protocol": "end_of_stream", "num_tasks": None}
  panels = comparison.panels(found)
  assert ("Hyper-parameters by end_of_stream (all tasks, optimistic, seed 1000), 3 trials per learner."
          in tables.markdown(panels))
  assert tables.suite_frame(panels)["tuning"][0] == "end_of_stream (all tasks, optimistic, seed 1000), 3 trials"


def test_a_choice_on_another_stream_reaches_the_table():
  facts = test_choice.facts() | {"protocol": "own_stream", "num_tasks": None, "stream": "synthetic"}
  tried = [test_choice.trial(learner, tuning=facts) for learner in _LEARNERS]
  chosen = [synthetic_records.record("cifar100", _LEARNERS[1], seed) for seed in (0, 1)]
  for record in chosen:
    record.result["tuning"] = facts
  choices, compared = choice.choices([*tried, *chosen]), choice.compared([*tried, *chosen])
  assert [(made.stream, made.chosen.learner) for made in choices] == [("synthetic", _LEARNERS[1])]
  (panel,) = comparison.panels(compared)
  made = tables.contents(compared, [panel], tables.per_task_estimates(compared), choices)
  assert (panel.stream, [row.learner for row in panel.rows]) == ("cifar100", ["ewc"])
  assert "Hyper-parameters by own_stream (stream synthetic, seed 1000), 3 trials per learner." in made["table.md"]
  assert "Tuning: own_stream (stream synthetic, seed 1000)" in made["table.md"]
  assert len(made["tuning.csv"].splitlines()) == 4


@pytest.mark.parametrize("num_trials", [0, 4])
def test_unequal_protocols_are_refused_or_named(num_trials):
  found = [*evaluated(_LEARNERS[1]), *evaluated("stl", num_trials)]
  with pytest.raises(comparability.MixedTuningError, match="--allow_mixed_tuning"):
    comparison.panels(found)
  panels = comparison.panels(found, allow_mixed_tuning=True)
  remark = cells.tuning_remark(panels)
  assert f"{methods.learner_label(_LEARNERS[1])} by first_tasks" in remark
  assert ("STL by first_tasks" in remark and "4 trials" in remark) if num_trials else "STL not tuned" in remark


def test_a_baseline_with_several_variants_must_be_named():
  found = [*evaluated(_LEARNERS[0]), *evaluated(_LEARNERS[1])]
  with pytest.raises(records.RecordError, match=r"several variants; name one of ewc\[strength=1\], ewc\[strength=10\]"):
    comparison.panels(found, baseline="ewc")


def test_the_page_shows_trials_apart_from_what_is_compared(tmp_path):
  found = [*trials(), *evaluated(_LEARNERS[1]), *evaluated("stl", 0)]
  for record in found:
    synthetic_records.write_run(record, tmp_path / "runs")
  folders = [f"--results_dir={tmp_path / 'runs'}", f"--output_dir={tmp_path / 'report'}"]
  with pytest.raises(SystemExit) as refusal:
    report.main(["report", *folders])
  assert refusal.value.code == 2
  assert report.main(["report", *folders, "--allow_mixed_tuning"]) == 0
  page = (tmp_path / "report" / "index.html").read_text()
  assert 'id="tuning-heading"' in page and page.count("<strong>strength=10</strong>") == 1
  assert "Trials of tuning" in page and "smoke[tuning]/seed1000" in page
  assert len((tmp_path / "report" / "tuning.csv").read_text().splitlines()) == 4
  assert report.main(["report", *folders, "--check"]) == 0
