"""Scores for a model on Hugging Face's Hub, and the published schema, as `benchmark.export` writes them."""

import json
import re

import numpy as np
import pytest

from benchmark import export
from benchmark.results import measures, records
from tests.benchmark import synthetic_records


@pytest.fixture(name="runs_dir")
def _runs_dir(tmp_path):
  folder = tmp_path / "runs"
  for run in synthetic_records.suite(learners=("stl", "lasem_hps"), seeds=(0, 1)):
    synthetic_records.write_run(run, folder)
  synthetic_records.write_run(synthetic_records.record(learner="snn", status="diverged", reason="loss is NaN"), folder)
  return folder


def test_scores_for_the_hub_are_means_in_per_cent(runs_dir, tmp_path):
  out = tmp_path / "out"
  arguments = ["export", f"--results_dir={runs_dir}", "--format=eval_results", f"--output_dir={out}"]
  assert export.main([*arguments, "--hub_dataset=me/planted"]) == 0
  paths = sorted((out / ".eval_results").iterdir())
  assert len(paths) == 2  # The run that diverged has no score.
  found = records.load_records([runs_dir])
  for path in paths:
    entries = re.findall(r'- dataset:\n    id: "(.*)"\n    task_id: "(.*)"\n  value: ([\d.-]+)\n  notes: "(.*)"\n',
                         path.read_text())
    own = [run for run in found if f"-{run.learner}.yaml" in path.name]
    by_task = {task.removeprefix(f"{own[0].stream}_"): float(value) for _, task, value, _ in entries}
    expected = np.mean(measures.runs_frame(own)["final"]) * 100
    assert by_task["final"] == pytest.approx(expected, abs=1e-3) and {*by_task} == {"peak", "final", "forgetting"}
    assert all(name == "me/planted" and "mean of 2 of 2 seeds" in notes for name, _, _, notes in entries)
  with pytest.raises(SystemExit):
    export.main(arguments)


def test_the_schema_of_a_record_needs_no_records(tmp_path):
  assert export.main(["export", "--format=schema", f"--output_dir={tmp_path}"]) == 0
  assert "properties" in json.loads((tmp_path / "record.schema.json").read_text())
