"""The line of facts says what records and configurations say, and nothing else."""

import dataclasses

import pytest

from benchmark.reporting import stream_facts
from benchmark.results import comparison
from benchmark.results.run_details import RunDetails
from tests.benchmark import synthetic_records

_NETWORK = """SIZE = 8
EPOCHS = 4
experiment.network = @Small()
Small.image_shape = (%SIZE, %SIZE, 3)
Large.image_shape = (64, 64, 3)
experiment.epochs_per_task = %EPOCHS
"""


def _line(runs, details=None, **options) -> str:
  panel, = comparison.panels(runs, **options)
  return stream_facts.line(panel, runs, details or {})


def _course(ends) -> dict[str, list]:
  return {"visit": list(range(len(ends))), "global_epoch": list(ends)}


def _changed(run, **stream):
  return dataclasses.replace(run, result={**run.result, "stream": {**run.result["stream"], **stream}})


def test_without_configurations_it_is_what_the_record_counts():
  runs = synthetic_records.suite(learners=("stl",))
  assert _line(runs) == "3 tasks of 10 classes; a task has 40 training, 10 validation and 100 test images."


def test_counts_that_differ_have_their_range_over_the_visited_tasks():
  run = synthetic_records.record(num_tasks=3, rows=[[.5, None, None], [.5, .5, None]], peaks=[.5, .5],
                                 task_order=[0, 1])
  counts = {"train": [80, 20, 9999], "validation": [5, 5, 5], "test": [7, 8, 9999]}
  assert _line([_changed(run, counts=counts, num_classes=[2, 3, 50])]) == (
      "2 tasks of 2 to 3 classes; a task has 20 to 80 training, 5 validation and 7 to 8 test images.")


@pytest.mark.parametrize("configuration", ["requested", "operative"])
def test_image_shape_and_epochs_are_those_of_the_configuration(configuration):
  run = synthetic_records.record()
  details = {run.identity: RunDetails(**{"requested": "", "operative": "", "epochs": {}, configuration: _NETWORK})}
  assert _line([run], details) == ("3 tasks of 10 classes; images of 8 x 8 x 3; a task has 40 training, 10 validation "
                                   "and 100 test images; 4 epochs a task.")


def test_the_macro_says_epochs_and_a_recorded_course_that_is_longer_is_named():
  runs = [synthetic_records.record(learner=learner) for learner in ("stl", "lasem_hps", "exhaustive_hps")]
  ends = ((4, 8, 12), (4, 12, 20), (4, 68, 132))
  details = {run.identity: RunDetails("EPOCHS_PER_TASK = 4", "", _course(own)) for run, own in zip(runs, ends)}
  assert _line(runs, details).endswith("; 4 epochs a task (LASEM HPS up to 8, Exhaustive HPS up to 64).")
  many = [synthetic_records.record(learner=f"hps_{name}") for name in ("all", "top1", "top2", "top3", "bottom1")]
  details = {run.identity: RunDetails("EPOCHS_PER_TASK = 4", "", _course((8, 16, 26))) for run in many}
  assert _line(many, details).endswith("; 4 epochs a task (5 methods up to 10).")


def test_what_is_no_configuration_says_nothing():
  run = synthetic_records.record()
  details = {run.identity: RunDetails("this is = no gin (", "experiment.epochs_per_task = @x", _course((9,)))}
  assert _line([run], details).endswith("and 100 test images.")


def test_rows_of_other_data_and_runs_without_a_result_do_not_count():
  runs = [synthetic_records.record(learner="stl", seed=seed) for seed in (0, 1)]
  runs.append(_changed(synthetic_records.record(learner="snn"), num_classes=[7, 7, 7], display_name="Other images"))
  assert _line(runs, allow_mixed_data=True).startswith("3 tasks of 10 classes;")
  assert _line([synthetic_records.record(status="failed", reason="no room")]) == ""
