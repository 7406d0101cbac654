"""A suite of a few seconds for the tests of the executors, and its command line."""

import contextlib
import io
import json
import os
import pathlib
import subprocess
import sys
from unittest import mock

from benchmark import run

_NO_GPU = {"CUDA_VISIBLE_DEVICES": ""}

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
  return [sys.executable, "-m", "benchmark.run", *_flags(suite, output_dir), *flags]


def start(suite: pathlib.Path, output_dir: pathlib.Path, *flags: str) -> subprocess.Popen:
  """Starts the suite as a process group of its own, which can be killed."""
  return subprocess.Popen(command(suite, output_dir, *flags), start_new_session=True, env={**os.environ, **_NO_GPU},
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def end(suite: pathlib.Path, output_dir: pathlib.Path, *flags: str) -> tuple[int, str]:
  """Executes the suite to its end by a call, whose workers are copies of a process that has TensorFlow already.

  Returns:
    Exit status and standard error.
  """
  errors = io.StringIO()
  with mock.patch.dict(os.environ, _NO_GPU), contextlib.redirect_stderr(errors):
    try:
      status = run.main(["benchmark.run", *_flags(suite, output_dir), *flags])
    except SystemExit as error:
      status = error.code
  return status, errors.getvalue()


def complete(suite: pathlib.Path, output_dir: pathlib.Path, *flags: str) -> str:
  """As `end`, for a suite that must succeed; returns standard error."""
  status, errors = end(suite, output_dir, *flags)
  assert status == 0, errors
  return errors


def results(output_dir: pathlib.Path) -> dict[str, dict]:
  """Result blocks by identity."""
  return {record["identity"]: record["result"] for record in records(output_dir)}


def records(output_dir: pathlib.Path) -> list[dict]:
  """All records below the folder."""
  return [json.loads(path.read_text()) for path in sorted(output_dir.rglob("record.json"))]


def _flags(suite: pathlib.Path, output_dir: pathlib.Path) -> tuple[str, ...]:
  return f"--gin_file={suite}", f"--output_dir={output_dir}", "--checkpoint_seconds=0.05", "--notensorboard"
