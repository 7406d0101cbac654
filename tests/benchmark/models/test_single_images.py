"""A photograph asked about alone gets the logits that the run wrote for it, whatever was in its batch there."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

import lasem_tf
from benchmark import predict
from benchmark.execution import run_once
from benchmark.execution.settings import Settings
from benchmark.results import run_files

pytestmark = pytest.mark.usefixtures("unpinned")


@pytest.fixture(name="written", scope="module")
def _written(large_photographs, tmp_path_factory):
  """(task, file, logits that the run wrote) of every test image."""
  folder, run, cache = large_photographs
  settings = Settings(output_dir=str(tmp_path_factory.mktemp("written")), cache_dir=str(cache))
  stream = run_once.build(run, settings).stream
  with np.load(folder / run_files.PREDICTIONS_FILE) as arrays:
    return [(task, stream._cache.paths[stream._rows[int(row)]], logits) for task in (0, 1)
            for row, logits in zip(arrays[f"rows_{task}"], arrays[f"logits_{task}"])]


def _logits(output: str, model, task: int) -> np.ndarray:
  (row,) = json.loads(output)
  return np.array([row["logits"][name] for name in model.tasks[task].class_names], np.float32)


def test_each_alone_gets_the_logits_of_the_run(large_photographs, written, capsys):
  folder, model = large_photographs[0], lasem_tf.load(large_photographs[0])
  assert len(written) >= 8
  for task, file, expected in written:
    assert predict.main(["predict", str(folder), f"--task={task}", "--format=json", str(file)]) == 0
    np.testing.assert_array_equal(_logits(capsys.readouterr().out, model, task), expected)


def test_a_fresh_process_gives_them_too(large_photographs, written):
  (task, file, expected), folder = written[-1], large_photographs[0]
  command = [sys.executable, "-m", "benchmark.predict", str(folder), f"--task={task}", "--format=json", str(file)]
  output = subprocess.run(command, env={**os.environ, "CUDA_VISIBLE_DEVICES": ""}, capture_output=True, text=True,
                          check=True).stdout
  np.testing.assert_array_equal(_logits(output, lasem_tf.load(folder), task), expected)


def test_so_does_any_number_at_once(large_photographs, written, monkeypatch):
  """Also where the last batch has a single image, and where the run's own last batch had."""
  model = lasem_tf.load(large_photographs[0])
  files, expected = [file for task, file, _ in written if task == 1], [row for task, _, row in written if task == 1]
  for count in (2, len(files)):
    np.testing.assert_array_equal(model.logits(files[:count], 1), expected[:count])
  monkeypatch.setattr(model._predictor, "_batch_size", len(files) - 1)
  np.testing.assert_array_equal(model.logits(files, 1), expected)
