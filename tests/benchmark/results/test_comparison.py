"""Runs become rows: who belongs together, what is missing, who is best. More in `reporting/test_tables`."""

import dataclasses

import pytest

from benchmark.results import comparison, measures
from tests.benchmark import synthetic_records
from tests.benchmark.synthetic_records import constant, record


def _rows(runs, *expected, **options):
  (panel,) = comparison.panels(runs, *expected, **options)
  return {row.learner: row for row in panel.rows}


def test_every_seed_of_a_panel_is_expected_of_each_of_its_methods():
  runs = [constant("snn", 0, .5), constant("stl", 2, .5), constant("stl", 1, .5, scale="paper")]
  assert comparison.expected_identities(runs) == [
      "cifar100/stl/paper/seed1", "cifar100/stl/smoke/seed0", "cifar100/stl/smoke/seed2", "cifar100/snn/smoke/seed0",
      "cifar100/snn/smoke/seed2"]


def test_rows_and_panels_are_values():
  panel = comparison.panels([constant("stl", 0, .5)])[0]
  for value in (panel, panel.rows[0]):
    with pytest.raises(dataclasses.FrozenInstanceError):
      value.learner = "snn"


def test_the_best_and_what_is_compared_with_it():
  values = {"best": (.60, .61, .62), "close": (.61, .60, .61), "far": (.40, .42, .41)}
  rows = _rows([constant(name, seed, value) for name, seeds in values.items() for seed, value in enumerate(seeds)])
  assert {"peak", "final"} <= rows["best"].best and "final" not in rows["best"].against_best
  assert rows["close"].against_best["final"].difference == pytest.approx(-.01 / 3)
  assert rows["far"].against_best["final"].difference == pytest.approx(-.2)
  assert {"forgetting"} <= rows["best"].best & rows["close"].best & rows["far"].best, "none forgets"


def test_one_method_is_not_the_best_of_any():
  assert _rows([constant("stl", 0, .5)])["stl"].best == frozenset()


def test_the_others_are_compared_with_the_baseline():
  values = {"stl": (.50, .52, .54), "snn": (.51, .54, .57)}
  runs = [constant(name, seed, value) for name, seeds in values.items() for seed, value in enumerate(seeds)]
  rows = _rows(runs, baseline="stl")
  assert set(rows["snn"].against_baseline) == {"peak", "final", "forgetting"} and not rows["stl"].against_baseline
  assert all(not row.against_baseline for row in _rows(runs).values())


def test_missing_and_failed_runs_are_gaps_of_their_method():
  runs = [constant("stl", 0, .5), synthetic_records.record(learner="snn", num_tasks=2, status="diverged", reason="-")]
  rows = _rows(runs, ["cifar100/stl/smoke/seed0", "cifar100/stl/smoke/seed10", "cifar100/den/smoke/seed0"])
  assert list(rows) == ["stl", "den", "snn"]
  assert rows["stl"].gaps == ("seed 10 not run",) and (rows["stl"].num_completed, rows["stl"].num_expected) == (1, 2)
  assert rows["den"].gaps == ("seed 0 not run",) and not rows["den"].all_diverged and not rows["den"].estimates
  assert rows["snn"].gaps == ("seed 0 diverged: -",) and rows["snn"].all_diverged


def test_a_panel_without_any_record_has_only_gaps():
  (panel,) = comparison.panels([], ["stl10/stl/paper/seed0"])
  assert (panel.stream, panel.scale, panel.title) == ("stl10", "paper", "stl10")
  assert panel.rows[0].num_completed == 0


def test_mixed_rows_are_neither_ranked_nor_tested():
  runs = [constant(name, seed, value) for name, value in (("stl", .5), ("snn", .4)) for seed in (0, 1)]
  runs += [constant("den", seed, .9, design="other") for seed in (0, 1)]
  rows = _rows(runs, baseline="stl", allow_mixed_data=True)
  assert rows["den"].mixed and not rows["den"].best and not rows["den"].against_baseline and "final" in rows["stl"].best
  assert rows["den"].estimates[measures.FINAL.name].mean == pytest.approx(.9)


@pytest.mark.parametrize("by_seed, inactive", [
    ([[False, False], [False, False]], True), ([[False, True], [False, False]], True),  # One of two runs.
    ([[False, True], [True, None]], False), ([[None, None], [None, None]], False),
    ([[None, False], [True, None]], True)])
def test_a_mechanism_that_acted_in_no_visit_of_a_run_is_noted(by_seed, inactive):
  runs = [constant("den", seed, .5) for seed in range(2)]
  for run, told in zip(runs, by_seed):
    run.result["learner_summary"] = [{} if acted is None else {"mechanism_acted": acted} for acted in told]
  assert _rows([*runs, constant("stl", 0, .4)])["den"].inactive is inactive


def test_rows_say_what_was_computed_in_bfloat16():
  mixed = constant("stl", 0, .5)
  mixed.result["precision"] = "mixed_bfloat16"
  assert _rows([mixed])["stl"].label == "STL, in bfloat16"
  assert _rows([constant("stl", 0, .5)])["stl"].label == "STL"


def test_runs_without_a_result_say_nothing_of_their_mechanism():
  failed = record(learner="den", status="failed", reason="disk")
  assert not _rows([failed, constant("stl", 0, .4)])["den"].inactive


def test_other_identities_are_refused():
  with pytest.raises(ValueError, match="is no identity"):
    comparison.panels([], ["stl/seed0"])


def test_a_title_says_which_tasks_were_visited_where_some_were_not():
  whole = [record("s", "stl", 0, rows=[[.5, None], [.5, .5]], peaks=[.5, .5])]
  part = [record("s", "stl", 0, rows=[[None, .5, None], [None, .5, .5]], peaks=[.5, .5], task_order=[1, 2])]
  assert [comparison.panels(runs)[0].title for runs in (whole, part)] == [
      "Invented images", "Invented images, tasks 1, 2 only"]
