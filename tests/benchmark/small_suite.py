"""A suite of a few seconds for the tests of the executors, and its command line."""

import json
import os
import pathlib
import subprocess
import sys

GIN = """
suite.streams = ('synthetic',)
suite.learners = {learners}
suite.scale = 'smoke'
suite.seeds = {seeds}

EPOCHS_PER_TASK = {epochs}
GROUPS = {groups}
"""


def write(folder: pathlib.Path, learners=("stl", "hps_top2"), seeds=(0,), epochs=3,
          groups=("texture", "both")) -> pathlib.Path:
  """Writes the suite's file; returns its path."""
  path = folder / "small.gin"
  path.write_text(GIN.format(learners=tuple(learners), seeds=tuple(seeds), epochs=epochs, groups=tuple(groups)))
  return path


def command(suite: pathlib.Path, output_dir: pathlib.Path, *flags: str) -> list[str]:
  """The suite's command line."""
  return [sys.executable, "-m", "benchmark.run", f"--gin_file={suite}", f"--output_dir={output_dir}",
          "--checkpoint_seconds=0.05", "--notensorboard", *flags]


def start(suite: pathlib.Path, output_dir: pathlib.Path, *flags: str) -> subprocess.Popen:
  """Starts the suite as a process group of its own."""
  environment = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
  return subprocess.Popen(command(suite, output_dir, *flags), start_new_session=True, env=environment,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def complete(suite: pathlib.Path, output_dir: pathlib.Path, *flags: str) -> str:
  """Executes the suite, which must succeed; returns standard error."""
  process = start(suite, output_dir, *flags)
  _, errors = process.communicate(timeout=600)
  assert process.returncode == 0, errors
  return errors


def results(output_dir: pathlib.Path) -> dict[str, dict]:
  """Result blocks by identity."""
  return {record["identity"]: record["result"] for record in records(output_dir)}


def records(output_dir: pathlib.Path) -> list[dict]:
  """All records below the folder."""
  return [json.loads(path.read_text()) for path in sorted(output_dir.rglob("record.json"))]
