"""What a run's configuration says of its stream: fewer tasks, in the record and in trials."""

import pytest

from benchmark.execution import run_once
from benchmark.execution.settings import Settings
from benchmark.results import records
from benchmark.suites import suite
from benchmark.suites.gin_files import ConfigurationError
from tests.benchmark import small_suite
from tests.benchmark.models import short_runs


def test_first_tasks_are_the_record_of_a_stream_that_was_cut(tmp_path):
  found = []
  for folder, binding in (("any", "experiment.first_tasks = 2"), ("own", "Synthetic.num_tasks = 2")):
    run = short_runs.plan(tmp_path / folder, "fine_tuning", 3, binding)
    found.append(records.read_record(short_runs.train(tmp_path / folder, run)).result)
  hashes = [result.pop("configuration_hash") for result in found]
  assert found[0] == found[1] and hashes[0] != hashes[1]
  stream = found[0]["stream"]
  assert stream["display_name"] == "Synthetic (first 2 of 3 tasks)" and stream["task_order"] == [0, 1]
  assert stream["protocol"]["num_tasks"] == 2 and stream["protocol"]["of_tasks"] == 3


def test_a_trial_of_more_tasks_than_there_are_names_its_binding(tmp_path):
  path = small_suite.write(tmp_path, learners=("stl",), groups=("both",) * 4)
  path.write_text(path.read_text() + "suite.tuning = 'first_tasks'\nsuite.grids = {'default': {'LEARNING_RATE': "
                  "(1e-3, 1e-2)}}\nexperiment.first_tasks = 2\n")
  (group,) = suite.expand([str(path)]).groups
  with pytest.raises(ConfigurationError, match="suite.tuning_tasks = 3 is more than the 2 tasks of stream synthetic: "):
    run_once.build(group.trials[0][0], Settings(output_dir=str(tmp_path)))
  assert run_once.build(group.variants[0][0], Settings(output_dir=str(tmp_path))).stream.num_tasks == 2
