"""What the end of a suite makes of the records in its folder."""

import dataclasses
import json
import math

import pandas as pd
import pytest

from benchmark import suite_tables
from benchmark.execution.settings import Settings
from benchmark.results import records
from benchmark.suites import suite
from tests.benchmark import synthetic_records
from tests.benchmark.reporting import atlas_records


@pytest.fixture(name="settings")
def _settings(tmp_path):
  return Settings(output_dir=str(tmp_path), command="test")


def _run(record) -> suite.Run:
  return suite.Run(record.stream, record.learner, record.scale, record.seed, 0, "", record.result["configuration_hash"])


def _write(settings, *learners):
  found = [synthetic_records.record("synthetic", learner) for learner in learners]
  for record in found:
    records.write_record(record, settings.run_dir(_run(record)))
  return [_run(record) for record in found]


def _suite(learners, baseline=None):
  return suite.Suite(("synthetic",), learners, "smoke", (0,), name="test", baseline=baseline)


def test_learners_of_an_earlier_command_stay_in_the_table(settings, capsys):
  stl, hps = _write(settings, "stl", "hps_all")
  assert suite_tables.finish(_suite(("stl",)), [stl], [stl], settings, {}, None) == 0
  output = capsys.readouterr().out
  assert "STL" in output and "HPS All" in output and hps.learner == "hps_all"


def test_a_damaged_record_costs_its_own_run_alone(settings, capsys):
  stl, hps = _write(settings, "stl", "hps_all")
  path = settings.run_dir(hps) / "record.json"
  content = json.loads(path.read_text())
  content["result"]["seed"] = 7
  path.write_text(json.dumps(content))
  assert suite_tables.finish(_suite(("stl", "hps_all")), [stl, hps], [stl, hps], settings, {}, None) == 1
  captured = capsys.readouterr()
  assert "STL" in captured.out and captured.err.startswith("Left out of the table: ") and str(path) in captured.err


def test_data_that_changed_while_a_suite_was_trained_cost_the_table_and_its_status(settings, capsys):
  found = [synthetic_records.record("synthetic", learner, data=learner) for learner in ("stl", "hps_all")]
  for record in found:
    records.write_record(record, settings.run_dir(_run(record)))
  runs = [_run(record) for record in found]
  assert suite_tables.finish(_suite(("stl", "hps_all")), runs, runs, settings, {}, None) == 1
  assert capsys.readouterr().err.startswith("The table was not written: ")


def test_a_baseline_without_a_record_is_named_and_the_table_written(settings, capsys):
  (hps,) = _write(settings, "hps_all")
  assert suite_tables.finish(_suite(("hps_all",), "stl"), [hps], [hps], settings, {}, None) == 0
  captured = capsys.readouterr()
  assert "HPS All" in captured.out and "No record of the baseline 'stl' yet" in captured.err


def test_the_course_of_runs_is_in_the_table_and_damaged_events_are_named(settings, capsys):
  found = [synthetic_records.record("synthetic", learner) for learner in ("stl", "hps_all")]
  for record in found:
    synthetic_records.write_run(record, settings.run_dir(_run(record)).parents[3])
  runs = [_run(record) for record in found]
  broken = settings.run_dir(runs[1]) / "events.jsonl"
  broken.write_text("not an event")
  assert suite_tables.finish(_suite(("stl", "hps_all")), runs, runs, settings, {}, None) == 0
  frame = pd.read_csv(settings.run_dir(runs[0]).parents[3] / "table.csv").set_index("learner")
  assert frame.loc["stl", "learning_curve_mean"] > 0 and math.isnan(frame.loc["hps_all", "learning_curve_mean"])
  error = capsys.readouterr().err
  assert error.startswith("The table has no worst case and no learning curve of synthetic/hps_all/smoke/seed0: ")
  assert str(broken) in error


def _tuned(record, num_trials):
  record.result["tuning"] = {"protocol": "end_of_stream", "num_trials": num_trials, "variants": [record.learner],
                             "seeds": [9], "num_tasks": None, "stream": None, "margin": 0.02}
  return record


def test_trials_without_a_choice_are_shown_and_cost_the_status(settings, capsys):
  failed = _tuned(synthetic_records.record("synthetic", "stl[rate=1]", 9, "smoke[tuning]", status="failed",
                                           reason="killed"), 1)
  records.write_record(failed, settings.run_dir(_run(failed)))
  undecided = ["Nothing was chosen for stl."]
  assert suite_tables.finish(_suite(("stl",)), [_run(failed)], [], settings, {}, None, undecided) == 1
  captured = capsys.readouterr()
  assert "seed 9 failed" in captured.out and captured.err.startswith("Nothing was chosen for stl.")


def test_rows_of_other_budgets_keep_the_table_from_being_written(settings, capsys):
  found = [synthetic_records.record("synthetic", "stl"),
           _tuned(synthetic_records.record("synthetic", "hps_all[rate=1]"), 4)]
  for record in found:
    records.write_record(record, settings.run_dir(_run(record)))
  runs = [_run(record) for record in found]
  assert suite_tables.finish(_suite(("stl",)), runs, runs, settings, {}, None) == 1
  assert "The table was not written: synthetic (smoke): methods were tuned by" in capsys.readouterr().err


def test_an_atlas_has_its_table(settings, capsys):
  found = atlas_records.atlas()
  runs = [dataclasses.replace(_run(record), bindings=tuple(record.result["variant"].items())) for record in found]
  for run, record in zip(runs, found[:-1]):
    records.write_record(record, settings.run_dir(run))
  the_suite = suite.Suite(("invented",), ("stl",), "paper", (0,), name="test")
  assert suite_tables.finish(the_suite, runs, runs, settings, {}, None) == 1  # One run is missing.
  assert suite_tables.finish(the_suite, runs, runs[:-1], settings, {}, None) == 0
  output = capsys.readouterr().out
  assert "Transfer atlas" in output and "hps_11, seed 2 not run" not in output and "and atlas.md beside it" in output
  assert "12.00 ± 4.97" in (settings.run_dir(runs[0]).parents[3] / "atlas.csv").with_name("atlas.md").read_text()
