"""What a table could not show is refused before training: other data, other settings of a method, mixed tuning."""

import dataclasses

import pytest

from benchmark import suite_check
from benchmark.execution.settings import Settings
from benchmark.results import records
from benchmark.results.record_schema import RecordError
from benchmark.suites import suite
from benchmark.suites.bindings import ConfigurationError
from tests.benchmark import synthetic_records

_TUNING = """
suite.tuning = 'first_tasks'
suite.tuning_tasks = 1
suite.grids = {{'default': {{'LEARNING_RATE': {rates}}}}}
"""


class Planner:
  """Data as they are now; takes note of what it is asked."""

  def __init__(self, **facts):
    self._facts, self.asked = facts, []

  def stream_facts(self, runs, settings):
    """See `planning.stream_facts`."""
    assert settings.output_dir
    self.asked += [(run.identity, run.seed) for run in runs]
    return [{"design_fingerprint": "design0", "display_name": "Invented images", "data_fingerprint": f"data{run.seed}",
             "task_order": [0, 1, 2], **self._facts} for run in runs]


@pytest.fixture(name="settings")
def _settings(tmp_path):
  return Settings(str(tmp_path / "out"), command="test")


def expand(tmp_path, learners, seeds=(0,), rates=None, further=""):
  path = tmp_path / "small.gin"
  path.write_text(f"suite.streams = ('synthetic',)\nsuite.learners = {learners}\nsuite.scale = 'smoke'\n"
                  f"suite.seeds = {seeds}\n{further}{_TUNING.format(rates=rates) if rates else ''}")
  return suite.expand([str(path)])


def finish(run, settings, validation=.5, **options):
  """Writes a record of a run as if it had been trained."""
  record = synthetic_records.record(run.stream, run.learner, run.seed, run.scale,
                                    **{"rows": [[.5]], "peaks": [.5], **options})
  record.result.update(configuration_hash=run.configuration_hash, tuning=run.to_json()["tuning"],
                       variant=dict(run.bindings) or None,
                       validation_accuracy=[[validation]] if record.is_completed else None)
  records.write_record(record, settings.run_dir(run))


def check(expansion, settings, runs=None, planner=None, overwrite=False):
  runs = expansion.evaluated if runs is None else runs
  suite_check.check(planner or Planner(task_order=[0]), expansion, runs, settings, overwrite)


@pytest.mark.parametrize("learners, seeds, asked", [
    (("snn",), (0,), "synthetic/snn/smoke/seed0"), (("stl", "snn"), (0,), "synthetic/snn/smoke/seed0"),
    (("stl",), (1, 2), "synthetic/stl/smoke/seed0"), (("snn",), (3,), "synthetic/snn/smoke/seed0")])
def test_data_are_those_of_all_records_of_the_stream_whatever_is_planned(tmp_path, settings, learners, seeds, asked):
  finish(expand(tmp_path, ("stl",)).evaluated[0], settings)
  expansion, planner = expand(tmp_path, learners, seeds), Planner(task_order=[0])
  check(expansion, settings, planner=planner)
  assert planner.asked == [(asked, 0)]
  with pytest.raises(ConfigurationError, match="The data of synthetic changed since synthetic/stl/smoke/seed0 in .*out "
                     r"was trained \(images, by their fingerprint: new, was data0\).*--data_dir.*another --output_dir"):
    check(expansion, settings, planner=Planner(data_fingerprint="new", task_order=[0]))
  assert [path.name for path in tmp_path.rglob("run.json")] == []


@pytest.mark.parametrize("seed, words", [(0, "order of tasks: .1, 0., was .0."), (1, None)])
def test_orders_of_tasks_are_compared_seed_by_seed_as_in_a_table(tmp_path, settings, seed, words):
  finish(expand(tmp_path, ("stl",)).evaluated[0], settings)
  if words is None:
    check(expand(tmp_path, ("snn",), (seed,)), settings, planner=Planner(task_order=[1, 0]))
    return
  with pytest.raises(ConfigurationError, match=words):
    check(expand(tmp_path, ("snn",), (seed,)), settings, planner=Planner(task_order=[1, 0]))


def test_trials_saw_the_same_data_as_what_they_choose(tmp_path, settings):
  expansion = expand(tmp_path, ("stl",), rates=(1e-4, 1e-3))
  for run in expansion.trials:
    finish(run, settings)
  with pytest.raises(ConfigurationError, match=r"since synthetic/stl\[learning_rate=0.0001\]/smoke\[tuning\]/seed1000"):
    check(expansion, settings, planner=Planner(data_fingerprint="new"))


@pytest.mark.parametrize("options", [{"status": "failed", "reason": "disk", "data": "other"}, {"scale": "paper"}])
def test_what_no_table_compares_decides_nothing(tmp_path, settings, options):
  finish(dataclasses.replace(expand(tmp_path, ("stl",)).evaluated[0], scale=options.pop("scale", "smoke")), settings,
         **options)
  planner = Planner(data_fingerprint="new")
  check(expand(tmp_path, ("snn",)), settings, planner=planner)
  assert planner.asked == []


def test_a_finished_suite_is_not_looked_at(tmp_path, settings):
  expansion, planner = expand(tmp_path, ("stl",)), Planner(data_fingerprint="new")
  finish(expansion.evaluated[0], settings)
  check(expansion, settings, planner=planner)
  assert planner.asked == [] and suite_check.describe(expansion, expansion.evaluated, settings) == []


def test_a_run_whose_record_is_damaged_is_not_trained_and_so_needs_no_data(tmp_path, settings):
  expansion, planner = expand(tmp_path, ("stl", "snn")), Planner(data_fingerprint="new")
  for run in expansion.evaluated:
    finish(run, settings)
  (settings.run_dir(expansion.evaluated[1]) / "record.json").write_text("{")
  check(expansion, settings, planner=planner)
  assert planner.asked == []


def test_seeds_of_a_method_have_the_same_settings(tmp_path, settings):
  run = expand(tmp_path, ("ewc",), further="STRENGTH = 10.0\n").evaluated[0]
  finish(run, settings)
  (settings.run_dir(run) / "requested.gin").write_text(run.text)
  expansion = expand(tmp_path, ("ewc",), (1,), further="STRENGTH = 20.0\n")
  message = r"ewc/smoke/seed0 holds ewc of another configuration .*strength: 10.0 and 20.0\).*add 0 to suite.seeds"
  with pytest.raises(ConfigurationError, match=message):
    check(expansion, settings)
  assert suite_check.describe(expansion, expansion.evaluated, settings)[0].startswith("The command would be refused: ")
  both = expand(tmp_path, ("ewc",), (0, 1), further="STRENGTH = 20.0\n")
  with pytest.raises(ConfigurationError, match="holds a run of another configuration"):
    check(both, settings)
  check(both, settings, overwrite=True)


def test_methods_of_a_table_are_tuned_alike(tmp_path, settings):
  finish(expand(tmp_path, ("stl",)).evaluated[0], settings)
  tuned = expand(tmp_path, ("snn",), rates=(1e-4, 1e-3))
  with pytest.raises(RecordError, match="stl: not tuned; snn.*first_tasks.*2 trials.*suite.allow_mixed_tuning = True"):
    check(tuned, settings, [*tuned.trials, tuned.evaluated[0]])
  allowed = expand(tmp_path, ("snn",), rates=(1e-4, 1e-3), further="suite.allow_mixed_tuning = True\n")
  check(allowed, settings, [*allowed.trials, allowed.evaluated[0]])
  told = suite_check.describe(tuned, tuned.trials + tuned.evaluated[:1], settings)
  assert "would be refused: synthetic (smoke): methods were tuned" in told[0] and "reading them" in told[1]
  assert len(suite_check.describe(allowed, allowed.trials, settings)) == 1


@pytest.fixture(name="tuned")
def _tuned(tmp_path, settings):
  """A folder in which two trials of STL chose the second, which was evaluated."""
  expansion = expand(tmp_path, ("stl",), rates=(1e-4, 1e-3))
  for run, validation in zip(expansion.trials, (.4, .5)):
    finish(run, settings, validation)
  finish(expansion.evaluated[1], settings)
  return expansion


@pytest.mark.parametrize("third, is_refused", [(None, False), (.3, False), (.9, True)])
def test_what_a_larger_grid_still_chooses_or_may_choose_is_not_refused(tmp_path, settings, tuned, third, is_refused):
  """The third trial is not trained yet, worse than the second, or better."""
  larger = expand(tmp_path, ("stl", "snn"), rates=(1e-4, 1e-3, 1e-2))
  trial = larger.trials[2]
  assert len(tuned.trials) == 2 and trial.learner == "stl[learning_rate=0.01]"
  if third is not None:
    finish(trial, settings, third)
  chosen = larger.evaluated[2 if is_refused else 1]
  runs = [*larger.trials, chosen, larger.evaluated[3]]
  if is_refused:
    with pytest.raises(RecordError, match="2 trials.*3 trials"):
      check(larger, settings, runs)
  else:
    check(larger, settings, runs)


def test_another_grid_that_cannot_choose_what_was_evaluated_is_refused(tmp_path, settings, tuned):
  assert tuned.trials
  other = expand(tmp_path, ("stl",), rates=(2e-4, 2e-3, 2e-2))
  with pytest.raises(RecordError, match="methods were tuned by different protocols or with different numbers"):
    check(other, settings, [*other.trials, other.evaluated[0]])
