"""Tasks that the task order leaves out are in no table and no figure."""

import numpy as np
import pytest

from benchmark.reporting import tables
from benchmark.reporting.figures import collection
from benchmark.results import comparison, records
from tests.benchmark import synthetic_records


def test_tasks_that_no_run_visits_are_in_no_table_or_figure(tmp_path):
  """Of five tasks, 3 and then 1 are learned: they keep their numbers, means are over them alone."""
  runs = [synthetic_records.record(learner=learner, seed=seed, num_tasks=5, task_order=[3, 1])
          for learner in ("stl", "lasem_hps") for seed in (0, 1)]
  for run in runs:
    run.result["configurations"][::2] = run.result["forward_macs_committed"][::2] = [None] * 3
    synthetic_records.write_run(run, tmp_path)
  found = records.load_records([tmp_path])
  panels = comparison.panels(found)
  assert panels[0].rows[0].estimates["final"].mean == pytest.approx(
      np.mean([[run.result["accuracy"]["after_visit"][-1][task] for task in (1, 3)] for run in found
               if run.learner == "stl"]))
  contents = tables.contents(found, panels, tables.per_task_estimates(found))
  assert "Task 1 |" in contents["table_per_task.md"] and "Task 0" not in contents["table_per_task.md"]
  per_task = next(figure.figure for figure in collection.draw_all(found, panels, {})
                  if figure.name.endswith("-task_accuracy"))
  assert [axis.get_title() for axis in per_task.axes] == ["Task 1", "Task 3"]
