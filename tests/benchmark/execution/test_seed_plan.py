"""How many seeds a suite needs: from which records, by hand, and where nothing can be said."""

import dataclasses
import types

import pytest

from benchmark import run as benchmark_run
from benchmark.execution import cost_model, plan as plan_lib, seed_plan
from benchmark.results import records
from benchmark.suites.bindings import ConfigurationError
from lasem_tf.metrics import power
from tests.benchmark import small_suite
from tests.benchmark.synthetic_records import constant, record

_MODEL = cost_model.CostModel(seconds_per_compilation=360.0, seconds_per_step=0.0, gmacs_per_second=1.0)


def _plans(*learners, stream="cifar100", scale="paper", num_tasks=2):
  """Runs of ten visits, so of one CPU hour each."""
  return [plan_lib.Plan(types.SimpleNamespace(stream=stream, learner=learner, scale=scale, seed=seed), 1, 0.0, 0, 0.0,
                        cost_model.Work(10), num_tasks=num_tasks)
          for learner in learners for seed in (0, 1)]


@pytest.fixture(name="reports", autouse=True)
def _reports(tmp_path, monkeypatch):
  """An empty folder of committed reports."""
  monkeypatch.setattr(seed_plan, "_REPORTS", tmp_path / "reports")
  return tmp_path / "reports"


def _write(folder, values, **options):
  runs = [constant(learner, seed, value, **options) for learner, seeds in values.items()
          for seed, value in enumerate(seeds)]
  folder.mkdir(parents=True, exist_ok=True)
  records.write_collection(runs, folder / "records.jsonl")


# Differences 1, 2 and 3 points: a standard deviation of one.
_VALUES = {"stl": (.50, .50, .50), "hps_all": (.51, .52, .53), "snn": (.50, .52, .51)}


def _render(folder, *learners, points=1.0, **options):
  return seed_plan.render(_plans(*learners, **options), _MODEL, "stl", points, str(folder))


def _row(text, learner):
  return next(line.split() for line in text.splitlines() if line.startswith(learner))


def test_seeds_and_hours_by_hand(tmp_path):
  _write(tmp_path / "own", _VALUES, scale="paper")
  text = _render(tmp_path / "own", "stl", "hps_all", "snn")
  seeds, holm = power.seeds_needed(1.0, 1.0), power.seeds_needed(1.0, 1.0, .05 / 2)
  assert (seeds, holm) == (10, 13)
  row = _row(text, "hps_all")
  assert row[:4] == ["hps_all", "3", "1.00", "10"]
  assert row[-5:] == ["records", "in", f"{tmp_path / 'own'},", "2", "tasks"]
  low, high = (power.seeds_needed(1.0, end) for end in power.deviation_interval(3, 1.0))
  assert f"10 ({low} to {high})" in text and high > 300
  assert row[7] == "10.0" and row[12] == "13.0"  # One hour a run.
  # Three methods, the baseline included.
  assert "10 seeds, 30.0 CPU hours; Holm (2 comparisons): 13 seeds, 39.0 CPU hours." in text


def test_what_is_to_be_chosen_is_planned_from_the_methods_as_they_are(tmp_path):
  _write(tmp_path / "own", _VALUES, scale="paper")
  text = _render(tmp_path / "own", "stl[chosen]", "hps_all[chosen]")
  assert _row(text, "hps_all[chosen]")[:4] == ["hps_all[chosen]", "3", "1.00", "10"]
  assert f"records in {tmp_path / 'own'}, 2 tasks, hps_all and stl" in text
  with pytest.raises(ConfigurationError, match=r"bind suite.baseline to one of stl\[a=1\], stl\[a=2\]"):
    _render(tmp_path / "own", "stl[a=1]", "stl[a=2]")


def test_a_larger_difference_needs_fewer_seeds(tmp_path):
  _write(tmp_path / "own", _VALUES, scale="paper")
  assert _row(_render(tmp_path / "own", "stl", "hps_all", points=3.0), "hps_all")[3] == "4"


def test_committed_records_of_the_stream_come_second_and_are_named(tmp_path, reports):
  _write(reports / "standin", _VALUES, scale="reduced", display_name="Stand-in")
  _write(reports / "elsewhere", {"stl": (.1, .9), "hps_all": (.9, .1)}, stream="stl10")
  text = _render(tmp_path / "none", "stl", "hps_all", "den")
  assert "hps_all" in text and "reports/standin (Stand-in, scale reduced)" in text
  assert "no records of two seeds shared with stl" in text[text.index("\nden"):].splitlines()[1]
  assert "1 of 2 methods have no records" in text
  _write(tmp_path / "own", {"stl": (.5, .5), "hps_all": (.5, .6)}, scale="paper")
  assert f"records in {tmp_path / 'own'}" in _render(tmp_path / "own", "stl", "hps_all")


def test_records_of_another_scale_in_the_output_folder_do_not_count(tmp_path):
  _write(tmp_path / "own", _VALUES, scale="reduced")
  assert "Nothing can be said without records: run 5 seeds" in _render(tmp_path / "own", "stl", "hps_all")


def _write_longer(folder, **options):
  """Three tasks, two seeds; differences of 1 and 5 points."""
  runs = [record(learner=learner, seed=seed, rows=[[value, None, None], [value, value, None], [value] * 3],
                 peaks=[value] * 3, **options)
          for learner, values in {"stl": (.5, .5), "hps_all": (.51, .55)}.items() for seed, value in enumerate(values)]
  folder.mkdir(parents=True)
  records.write_collection(runs, folder / "records.jsonl")


def test_as_many_tasks_as_planned_come_before_the_scale_the_folder_and_the_pairs(tmp_path, reports):
  _write(tmp_path / "own", _VALUES, scale="paper")
  _write_longer(reports / "z_longer", scale="reduced")
  text = _render(tmp_path / "own", "stl", "hps_all", num_tasks=3)
  assert _row(text, "hps_all")[1:3] == ["2", "2.83"]
  assert "reports/z_longer (Invented images, scale reduced), 3 tasks\n" in text
  assert _row(_render(tmp_path / "own", "stl", "hps_all"), "hps_all")[1:3] == ["3", "1.00"]
  other = _render(tmp_path / "none", "stl", "hps_all", num_tasks=5)
  assert "reports/z_longer (Invented images, scale reduced), 3 tasks where the plan has 5\n" in other


def test_then_the_same_scale_then_most_pairs(tmp_path, reports):
  _write(reports / "a_other_scale", {"stl": (.5,) * 4, "hps_all": (.5, .6, .7, .8)}, scale="reduced")
  _write(reports / "b_few", {"stl": (.5, .5), "hps_all": (.5, .6)}, scale="paper")
  assert "reports/b_few" in _render(tmp_path / "none", "stl", "hps_all")
  _write(reports / "c_most", _VALUES, scale="paper")
  text = _render(tmp_path / "none", "stl", "hps_all")
  assert "reports/c_most" in text and _row(text, "hps_all")[1:3] == ["3", "1.00"]


def test_the_command_prints_the_source(tmp_path, capsys, reports):
  for name, tasks in (("a_two_tasks", {}), ("b_one_task", {"rows": [[.5]], "peaks": [.5]})):
    runs = [record("synthetic", learner, seed, num_tasks=2, display_name=name, **tasks)
            for learner in ("stl", "hps_top2") for seed in (0, 1)]
    (reports / name).mkdir(parents=True)
    records.write_collection(runs, reports / name / "records.jsonl")
  arguments = ["run", f"--gin_file={small_suite.write(tmp_path)}", "--dry_run", "--detect=1.0",
               f"--output_dir={tmp_path / 'none'}", "--gin_param=suite.baseline = 'stl'"]
  benchmark_run.main(arguments)
  assert "reports/a_two_tasks (a_two_tasks, scale smoke), 2 tasks" in capsys.readouterr().out


def test_one_shared_seed_says_nothing():
  assert seed_plan.need({0: .5, 1: .6}, {0: .5, 2: .5}, .01, 1, "x") is None
  assert dataclasses.astuple(seed_plan.need({0: .5, 1: .6}, {0: .5, 1: .6}, .01, 1, "x"))[2] == (2, 2)


@pytest.mark.parametrize("baseline", [None, "ewc"])
def test_without_a_baseline_the_remedy_is_named(tmp_path, baseline):
  with pytest.raises(ConfigurationError, match=r"bind suite.baseline .*suite.baseline = 'stl'"):
    seed_plan.render(_plans("stl", "snn"), _MODEL, baseline, 1.0, str(tmp_path))


@pytest.mark.parametrize("flags", [["--detect=1"], ["--detect=0", "--dry_run"], ["--detect=100", "--dry_run"]])
def test_the_flag_plans_only(tmp_path, capsys, flags):
  suite = small_suite.write(tmp_path, learners=("stl",))
  with pytest.raises(SystemExit, match="2"):
    benchmark_run.main(["run", f"--gin_file={suite}", *flags])
  assert "plans seeds: name percentage points between 0 and 100, and add --dry_run" in capsys.readouterr().err
