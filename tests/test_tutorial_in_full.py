"""The two commands of docs/tutorial.md that make a table of a folder, at the size that the tutorial speaks of."""

import csv
import os
import pathlib
import shlex
import subprocess
import sys

import pytest

from benchmark.results import records
from tests.data import photographs

_ROOT = pathlib.Path(__file__).resolve().parents[1]
_COMMANDS = ("python -m benchmark.data init photos", "python -m benchmark.run --gin_file=suite.gin")
_NUM_CLASSES, _PER_CLASS = 12, 60


def _run(command: str, folder: pathlib.Path) -> str:
  """What a command of the tutorial printed, which must succeed; any TensorFlow in it is one of its own."""
  python, *arguments = shlex.split(command)
  assert python == "python"
  environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": str(_ROOT)}
  done = subprocess.run([sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True)
  assert done.returncode == 0, done.stderr
  return done.stdout + done.stderr


@pytest.mark.slow
def test_two_commands_make_a_table_of_twelve_classes_of_sixty_photographs(tmp_path):
  text = (_ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
  assert all(f"\n{command}\n" in text for command in _COMMANDS)
  photographs.write(tmp_path / "photos", photographs.CLASSES[:_NUM_CLASSES], _PER_CLASS, longest=200)
  said = [_run(command, tmp_path) for command in _COMMANDS]
  assert f"Found {_NUM_CLASSES * _PER_CLASS} images of {_NUM_CLASSES} classes" in said[0]
  found = records.load_records([str(tmp_path / "runs" / "suite")])
  assert {record.result["status"] for record in found} == {"completed"} and len(found) == 6
  with open(tmp_path / "runs" / "suite" / "table.csv", newline="") as file:
    rows = list(csv.DictReader(file))
  assert len(rows) == 3 and all(name in said[1] for name in ("STL", "HPS All", "LASEM HPS"))
  print(f"CPU seconds of all runs: {sum(record.provenance['cpu_seconds'] for record in found):.0f}")
  assert found[0].result["stream"]["num_classes"] == [3, 3, 3, 3]
  for record in found:
    if record.learner == "stl":
      final = record.result["accuracy"]["after_visit"][-1]
      assert sum(final) / len(final) > 0.5, final  # chance is a third
