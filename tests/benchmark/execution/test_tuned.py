"""A tuned suite from its trials to its tables: killed in between, it goes on with the same choice."""

import contextlib
import json
import os
import pathlib
import resource
import signal
import time

import pytest

from benchmark.execution import cost_model, shards, tuned
from benchmark.execution.plan import Plan
from benchmark.execution.settings import Settings
from benchmark.results import choice, records
from benchmark.suites import suite
from tests.benchmark import small_suite

_TUNING = """
suite.baseline = 'stl'
suite.tuning = 'first_tasks'
suite.tuning_tasks = 1
suite.grids = {'default': {'LEARNING_RATE': (1e-4, 2e-2)}}
"""


def write(folder, **options):
  path = small_suite.write(folder, **{"learners": ("stl", "fine_tuning"), "epochs": 4, **options})
  path.write_text(path.read_text() + _TUNING)
  return path


def kill_when(is_time, path, output, *flags):
  """Starts a suite and kills it as soon as `is_time()` is true."""
  process = small_suite.start(path, output, "--jobs=2", *flags)
  while process.poll() is None and not is_time():
    time.sleep(0.05)
  with contextlib.suppress(ProcessLookupError):
    os.killpg(process.pid, signal.SIGKILL)
  _, errors = process.communicate()
  assert is_time(), errors


def trials_of(output):
  """When the record of every trial that is over was written."""
  return {trial: trial.stat().st_mtime_ns for trial in output.glob("*/*/smoke?tuning?/*/record.json")}


@pytest.fixture(name="interrupted", scope="module")
def _interrupted(tmp_path_factory):
  """A suite that was killed among its trials and once its choice was known, and completed later: file, folder,
  choice, trials, errors."""
  folder = tmp_path_factory.mktemp("tuned")
  path, output = write(folder), folder / "out"
  kill_when(lambda: trials_of(output), path, output)
  first = trials_of(output)
  chosen = output / "tuning" / "synthetic" / "fine_tuning.json"
  kill_when(chosen.exists, path, output)
  before, trials = chosen.read_text(), trials_of(output)
  assert first.items() <= trials.items()
  errors = small_suite.complete(path, output, "--jobs=1")
  return path, output, before, trials, errors


def test_a_killed_suite_makes_the_same_choice_without_another_trial(interrupted):
  _, output, before, trials, _ = interrupted
  assert len(trials) == 4 and all(trial.stat().st_mtime_ns == time_ for trial, time_ in trials.items())
  assert (output / "tuning" / "synthetic" / "fine_tuning.json").read_text() == before


def test_what_was_chosen_is_evaluated(interrupted):
  _, output, before, _, _ = interrupted
  found = records.load_records([output])
  made = {each.method: each for each in choice.choices(found)}
  assert list(made) == ["stl", "fine_tuning"]
  assert made["fine_tuning"].chosen.learner == json.loads(before)["chosen"]
  trials, evaluated = choice.split(found)
  assert {record.learner for record in evaluated} == {each.chosen.learner for each in made.values()}
  for record in found:
    assert record.result["tuning"]["num_trials"] == 2 and list(record.result["variant"]) == ["LEARNING_RATE"]
  assert all(record.result["stream"]["task_order"] == [0] and record.seed == 1000 for record in trials)
  assert all(record.result["stream"]["task_order"] == [0, 1] and record.seed == 0 for record in evaluated)


def test_tables_show_trials_protocol_and_cost(interrupted):
  _, output, _, _, _ = interrupted
  text = (output / "table.md").read_text()
  assert "Hyper-parameters by first\\_tasks" in text or "Hyper-parameters by first_tasks (first 1 tasks" in text
  assert text.count("learning\\_rate=") == 4 and "of CPU time" in text
  assert len((output / "tuning.csv").read_text().splitlines()) == 5


def test_a_finished_suite_foresees_what_was_chosen(interrupted):
  path, output, before, _, _ = interrupted
  settings = Settings(str(output), command="")
  decisions = tuned.decide(suite.expand([str(path)]).groups, settings)
  assert [run.learner for run in decisions[1].foreseen] == [json.loads(before)["chosen"]]
  nowhere = tuned.decide(suite.expand([str(path)]).groups, Settings(str(output / "none"), command=""))
  assert [run.learner for run in nowhere[0].foreseen] == ["stl[chosen]"] and not nowhere[0].runs
  assert "stl on synthetic, so it is not evaluated: 0 of 2 trials are finished" in nowhere[0].obstacle


def test_shards_keep_trials_and_what_waits_for_them_together(tmp_path):
  expansion = suite.expand([str(write(tmp_path, learners=("stl", "snn", "ewc"), seeds=(0, 1)))])
  runs = expansion.trials + [run for group in expansion.groups for run in group.variants[0]]
  plans = [Plan(run, 1, 1.0 + len(run.learner), 0, 0.0, cost_model.Work(1)) for run in runs]
  parts = [shards.select(plans, index, 2, tuned.shard_unit(expansion.suite)) for index in (0, 1)]
  assert sorted(plan.run.identity for part in parts for plan in part) == sorted(run.identity for run in runs)
  methods = [{plan.run.method for plan in part} for part in parts]
  assert not methods[0] & methods[1] and len(methods[0] | methods[1]) == 3


def _choices(output):
  """What was chosen from which scores, by learner; how long trials took is their own."""
  found = {path.name: json.loads(path.read_text()) for path in (output / "tuning" / "synthetic").glob("*.json")}
  return {name: {**choice, "trials": [{**trial, "cpu_seconds": None} for trial in choice["trials"]]}
          for name, choice in found.items()}


@pytest.mark.slow
def test_the_shipped_suite_comes_to_the_same_choices_and_results_when_it_is_killed(tmp_path, record_property):
  path, whole, killed = pathlib.Path("gin/suites/tuned.gin"), tmp_path / "whole", tmp_path / "killed"
  start, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
  process = small_suite.start(path, whole, "--jobs=2", "--checkpoint_seconds=60")
  _, errors = process.communicate()
  assert process.returncode == 0, errors
  used = resource.getrusage(resource.RUSAGE_CHILDREN)
  record_property("undisturbed_wall_seconds", time.monotonic() - start)
  record_property("undisturbed_cpu_seconds", used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime)
  kill_when(lambda: len(trials_of(killed)) >= 7, path, killed, "--checkpoint_seconds=1")
  kill_when(lambda: list(killed.glob("*/*/smoke/*/record.json")), path, killed, "--checkpoint_seconds=1")
  process = small_suite.start(path, killed, "--jobs=2", "--checkpoint_seconds=60")
  _, errors = process.communicate()
  assert process.returncode == 0, errors
  assert sorted(_choices(whole)) == ["ewc.json", "hps_top2.json", "lasem_hps.json", "stl.json"]
  assert _choices(killed) == _choices(whole)
  assert small_suite.results(killed) == small_suite.results(whole)
  assert len(small_suite.results(whole)) == 4 * 6 + 4 * 5
