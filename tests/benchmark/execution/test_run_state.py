"""A dry run says what the output folder holds: finished runs, conflicts and the binding that differs, totals."""

import json

import pytest

from benchmark.execution import cost_model, display, plan as plan_lib, run_folder, run_state
from benchmark.execution.settings import Settings
from benchmark.suites import suite
from tests.benchmark import synthetic_records

_MODEL = cost_model.CostModel(0.0, 0.0, 1.0)


@pytest.fixture(name="plans")
def _plans(tmp_path):
  path = tmp_path / "swept.gin"
  path.write_text("suite.streams = ('synthetic',)\nsuite.learners = ('stl', 'ewc')\nsuite.scale = 'smoke'\n"
                  "suite.seeds = (0,)\nsuite.sweep = {'ewc': {'STRENGTH': (10.0, 100.0)}}\n")
  _, runs = suite.load([str(path)])
  return [plan_lib.Plan(run, 1, 1000.0, 0, 0.0, cost_model.Work(1, 0, 1000.0)) for run in runs]


@pytest.fixture(name="settings")
def _settings(tmp_path):
  return Settings(str(tmp_path / "out"), command="")


def finish(run, settings):
  """What a finished run leaves behind."""
  record = synthetic_records.record(run.stream, run.learner, run.seed, run.scale)
  record.result["configuration_hash"] = run.configuration_hash
  path = synthetic_records.write_run(record, settings.run_dir(run).parents[3])
  (path.parent / "requested.gin").write_text(run.text)
  run_folder.claim(path.parent, run)


def test_states_totals_and_disk(plans, settings, tmp_path):
  runs = [plan.run for plan in plans]
  finish(runs[0], settings)
  settings.run_dir(runs[1]).mkdir(parents=True)
  run_folder.claim(settings.run_dir(runs[1]), runs[1])
  states = [run_state.of_run(run, settings) for run in runs]
  assert [state.kind for state in states] == ["finished", "begun", ""]
  text = plan_lib.render(plans, _MODEL, 2, states)
  lines = {line.split()[0]: line.split() for line in text.splitlines() if line.startswith("synthetic")}
  assert lines["synthetic/stl/smoke/seed0"][-1] == "finished"
  totals = [line.split()[1:4] for line in text.splitlines() if line.startswith("synthetic ")]
  assert totals == [["stl", "1", "1"], ["ewc", "2", "0"]]
  assert "3 runs, 3,000.0 GMACs of training. 1 are finished. The others take 33 min of CPU time here, 17 min" in text
  size = sum(path.stat().st_size for path in settings.run_dir(runs[0]).iterdir())
  assert states[0].num_bytes == size
  disk = run_state.describe_disk(states, settings)
  assert "the other 2 will take about" in disk and f"{size / 1000:.0f} kB on average" in disk
  assert "are free for" in run_state.describe_disk([], Settings(str(tmp_path / "not" / "there"), command=""))


def test_a_conflict_names_the_binding_that_differs(plans, settings):
  _, ten, hundred = (plan.run for plan in plans)
  finish(hundred, settings)
  directory = settings.run_dir(hundred)
  (directory / "requested.gin").write_text(ten.text)
  record = json.loads((directory / "run.json").read_text())
  (directory / "record.json").unlink()
  (directory / "run.json").write_text(json.dumps({**record, "configuration_hash": ten.configuration_hash}))
  state = run_state.of_run(hundred, settings)
  assert state.kind == "conflict"
  assert "another configuration (ElasticWeightConsolidation.strength: 10.0 and 100.0)" in state.note
  assert state.num_bytes > 0
  assert hundred.identity in run_state.notes([hundred], [state])[0] and "--overwrite" in state.note
  assert run_state.of_run(ten, settings).kind == ""


@pytest.mark.parametrize("seconds, text", [
    (99, "99 s"), (600, "10 min"), (7200, "2.0 h"), (8 * 86400, "8 days"), (400 * 86400, "1.1 years"),
    (3.2e9, "101.4 years")])
def test_long_times_are_told_in_days_and_years(seconds, text):
  assert display.duration(seconds) == text
