"""Rounds of a sampler follow from records: with invented ones, and from a killed suite to its tables."""

import json
import math
import os
import signal
import time

import pytest

from benchmark.execution import cost_model, sampled, shards, tuned
from benchmark.execution.plan import Plan
from benchmark.execution.settings import Settings
from benchmark.results import choice, records
from benchmark.suites import suite
from tests.benchmark import small_suite, synthetic_records

pytest.importorskip("optuna", reason="the extra `tuning` is not installed")

_TUNING = """
suite.tuning = 'first_tasks'
suite.tuning_tasks = 1
suite.tuning_sampler = 'tpe'
suite.tuning_trials = {trials}
suite.tuning_round = 2
suite.grids = {{'default': {{'LEARNING_RATE': ('log', 1e-5, 1e-1)}}}}
"""


def write(folder, trials=6, **options):
  path = small_suite.write(folder, **{"learners": ("stl", "ewc"), **options})
  path.write_text(path.read_text() + _TUNING.format(trials=trials))
  return path


def record_of(run, best=1e-2, **options):
  """What a trial might have measured: the nearer its rate to the best one, the more."""
  accuracy = round(1 - abs(math.log10(float(dict(run.bindings)["LEARNING_RATE"]) / best)) / 6, 6)
  found = synthetic_records.record(run.stream, run.learner, run.seed, run.scale, rows=[[.5]], peaks=[.5], **options)
  found.result.update(tuning=run.to_json()["tuning"], variant=dict(run.bindings),
                      configuration_hash=run.configuration_hash,
                      validation_accuracy=[[accuracy]] if found.is_completed else None)
  return found


class Folder:
  """A suite's folder in which trials are finished without being trained."""

  def __init__(self, path, output, bindings=()):
    self.settings = Settings(str(output), command="")
    self.first = sampled.begin(suite.expand([str(path)], bindings))

  @property
  def expansion(self):
    """As a command would find it."""
    return sampled.resume(self.first, self.settings)

  @property
  def waiting(self):
    return [run for run in self.expansion.trials if not (self.settings.run_dir(run) / "record.json").exists()]

  def finish(self, run, **options):
    records.write_record(record_of(run, **options), self.settings.run_dir(run))

  def finish_all(self, **options):
    """Returns how many trials waited each time."""
    sizes = []
    while waiting := self.waiting:
      sizes.append(len(waiting))
      for run in waiting:
        self.finish(run, **options)
    return sizes


def names(runs):
  return [run.identity for run in runs]


def test_every_round_waits_for_the_one_before_learner_by_learner(tmp_path):
  folder = Folder(write(tmp_path), tmp_path / "out")
  assert [run.method for run in folder.waiting] == ["stl"] * 2 + ["ewc"] * 2
  for run in folder.waiting[1:]:
    folder.finish(run)
  assert [run.method for run in folder.waiting] == ["stl"] + ["ewc"] * 2  # EWC goes on while one of STL is left.
  assert folder.finish_all() == [3, 4, 2]
  (stl, ewc) = tuned.decide(folder.expansion.groups, folder.settings)
  assert len(stl.group.trials) == len(ewc.group.trials) == 6
  scores = {trial.learner: trial.score for trial in stl.choice.trials}
  assert scores[stl.choice.chosen.learner] == max(scores.values()) and stl.runs[0].learner == stl.choice.chosen.learner


def test_the_order_in_which_trials_end_and_kills_in_between_decide_nothing(tmp_path):
  path = write(tmp_path, learners=("stl",))
  steady, disturbed = (Folder(path, tmp_path / name) for name in ("steady", "disturbed"))
  steady.finish_all()
  while waiting := disturbed.waiting:  # Everything is read anew each time.
    disturbed.finish(waiting[-1])
  assert names(steady.expansion.trials) == names(disturbed.expansion.trials)
  chosen = [tuned.choice_of(folder.expansion.groups[0], folder.settings).to_json() for folder in (steady, disturbed)]
  assert chosen[0] == chosen[1] and chosen[0]["chosen"]


def test_results_seed_and_size_of_a_round_decide_later_rounds(tmp_path):
  path = write(tmp_path, learners=("stl",))
  found = []
  for number, (best, bindings) in enumerate([
      (1e-2, []), (1e-4, []), (1e-2, ["suite.tuning_sampler_seed = 1"]), (1e-2, ["suite.tuning_round = 3"])]):
    folder = Folder(path, tmp_path / str(number), bindings)
    folder.finish_all(best=best)
    found.append(names(folder.expansion.trials))
  assert found[0][:2] == found[1][:2] and found[0][2:] != found[1][2:]
  assert found[0][:2] != found[2][:2] and found[0] != found[3]


def test_more_trials_go_on_from_those_that_are_there(tmp_path):
  path = write(tmp_path, learners=("stl",))
  Folder(path, tmp_path / "out", ["suite.tuning_trials = 3"]).finish_all()
  more = Folder(path, tmp_path / "out")
  assert more.finish_all() == [1, 2]  # The third was the first of a round of two.
  whole = Folder(path, tmp_path / "whole")
  whole.finish_all()
  assert names(more.expansion.trials) == names(whole.expansion.trials)


def test_failed_trials_hold_their_round_and_diverged_ones_count_as_worst(tmp_path):
  folder = Folder(write(tmp_path, learners=("stl",)), tmp_path / "out")
  one, other = folder.waiting
  folder.finish(one, status="failed", reason="killed")
  folder.finish(other, status="diverged", reason="a weight is not finite")
  assert len(folder.expansion.trials) == 2
  folder.finish(one)
  assert len(folder.expansion.trials) == 4
  values = tuned.choice_of(folder.expansion.groups[0], folder.settings).values
  assert values[other.learner] == -1.0 and values[one.learner] > 0


def test_streams_share_the_trials_of_another_stream(tmp_path):
  folder = Folder(write(tmp_path, learners=("stl",)), tmp_path / "out", [
      "suite.streams = ('synthetic', 'planted_easy')", "suite.tuning = 'own_stream'",
      "suite.tuning_stream = 'planted_medium'"])
  folder.finish_all()
  assert len(folder.expansion.trials) == 6 and len(folder.expansion.groups) == 2
  decisions = tuned.decide(folder.expansion.groups, folder.settings)
  assert len({decision.choice.chosen.learner for decision in decisions}) == 1
  sampled.keep(folder.expansion.groups, folder.settings)
  assert len(list((tmp_path / "out").rglob(f"*.{sampled.STUDY_ENDING}"))) == 1


def test_a_dry_run_names_what_is_not_known_and_shards_stay_the_same(tmp_path):
  folder = Folder(write(tmp_path), tmp_path / "out")
  assert [run.learner for run in tuned.unsuggested(folder.expansion)] == [
      f"{learner}[trial{number}]" for learner in ("stl", "ewc") for number in (2, 3, 4, 5)]
  assert "For 8 of 12 runs of trials the values are not known yet" in sampled.describe(folder.expansion)
  before = names(tuned.foreseen_at_first(folder.first))
  folder.finish_all()
  assert sampled.describe(folder.expansion) == "" and names(tuned.foreseen_at_first(folder.first)) == before
  plans = [Plan(run, 1, 1.0, 0, 0.0, cost_model.Work(1, 0, 1.0)) for run in tuned.foreseen_at_first(folder.first)]
  parts = [shards.select(plans, index, 2, tuned.shard_unit(folder.first.suite)) for index in (0, 1)]
  assert [{plan.run.method for plan in part} for part in parts] in ([{"stl"}, {"ewc"}], [{"ewc"}, {"stl"}])


@pytest.fixture(name="interrupted", scope="module")
def _interrupted(tmp_path_factory):
  """A suite that was killed when its first round was over, and completed with another number of processes."""
  folder = tmp_path_factory.mktemp("sampled")
  path, output = write(folder, trials=4, learners=("fine_tuning",), epochs=2), folder / "out"
  process = small_suite.start(path, output, "--jobs=2")
  study = output / "tuning" / "synthetic" / f"fine_tuning.{sampled.STUDY_ENDING}"
  while process.poll() is None and not study.exists():
    time.sleep(0.02)
  os.killpg(process.pid, signal.SIGKILL)
  process.communicate()
  before = {path: path.stat().st_mtime_ns for path in output.rglob("record.json")}
  errors = small_suite.complete(path, output, "--jobs=1")
  return path, output, before, errors


def test_a_killed_suite_goes_on_with_the_same_suggestions_and_choice(interrupted):
  path, output, before, _ = interrupted
  assert 2 <= len(before) < 5
  assert all(path.stat().st_mtime_ns == written for path, written in before.items())
  trials, evaluated = choice.split(records.load_records([output]))
  # What follows from the records alone is what was trained, and nothing besides.
  folder = Folder(path, output)
  assert sorted(record.identity for record in trials) == sorted(names(folder.expansion.trials)) and len(trials) == 4
  (decision,) = tuned.decide(folder.expansion.groups, folder.settings)
  kept = json.loads((output / "tuning" / "synthetic" / "fine_tuning.json").read_text())
  assert [record.learner for record in evaluated] == [kept["chosen"]] == [decision.choice.chosen.learner]
  (made,) = choice.choices([*trials, *evaluated])
  assert made.to_json() == kept


def test_records_table_and_study_say_how_trials_were_suggested(interrupted):
  _, output, _, errors = interrupted
  found = {record.learner: record.result["tuning"] for record in records.load_records([output])
           if record.named.is_trial}
  assert sorted(len(tuning["variants"]) for tuning in found.values()) == [2, 2, 4, 4]
  assert all((tuning["sampler"], tuning["round_size"], tuning["sampler_seed"]) == ("tpe", 2, 0)
             for tuning in found.values())
  text = (output / "table.md").read_text().replace("\\", "")
  assert "4 trials by tpe (seed 0, rounds of 2)" in text and len((output / "tuning.csv").read_text().splitlines()) == 5
  lines = list(map(json.loads, (output / "tuning" / "synthetic" / "fine_tuning.optuna.log").read_text().splitlines()))
  added = [line for line in lines if "user_attrs" in line]
  assert [line["user_attrs"]["variant"] for line in added] == next(
      tuning["variants"] for tuning in found.values() if len(tuning["variants"]) == 4)
  assert all(line["value"] is not None for line in added) and "optuna" not in errors.lower()
