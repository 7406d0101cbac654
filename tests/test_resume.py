"""A suite killed at any moment and started again ends with the same results, bit for bit."""

import contextlib
import json
import os
import pathlib
import random
import signal
import subprocess
import time

import pytest

from tests.benchmark import small_suite

# One that trains a network of its own for every task, and a search, whose state is the largest.
_LEARNERS = ("stl", "lasem_hps")
_FLAGS = ("--jobs=2",)


@pytest.fixture(name="suite", scope="module")
def _suite(tmp_path_factory):
  return small_suite.write(tmp_path_factory.mktemp("suite"), _LEARNERS, epochs=25, groups=("texture", "both", "both"))


@pytest.fixture(name="expected", scope="module")
def _expected(suite, tmp_path_factory):
  """Results of the suite when nothing disturbs it."""
  output_dir = tmp_path_factory.mktemp("undisturbed")
  small_suite.complete(suite, output_dir, *_FLAGS)
  results = small_suite.results(output_dir)
  assert len(results) == len(_LEARNERS)
  return results


def _wait_for_checkpoints(process: subprocess.Popen, output_dir: pathlib.Path, number: int = 1) -> None:
  """Waits until runs have written so many checkpoints that were not there before, or the suite is over."""
  before = set(output_dir.rglob("checkpoint-*.json"))
  seen = set(before)
  while process.poll() is None and len(seen - before) < number:
    time.sleep(0.01)
    seen |= set(output_dir.rglob("checkpoint-*.json"))


def _kill(process: subprocess.Popen, only_the_parent: bool) -> None:
  """Kills the whole process group, or leaves behind workers that write a checkpoint and end."""
  with contextlib.suppress(ProcessLookupError):
    os.kill(process.pid, signal.SIGKILL) if only_the_parent else os.killpg(process.pid, signal.SIGKILL)
  process.wait()
  process.stderr.close()


def _kill_and_continue(suite, output_dir, generator, kills):
  """Kills the suite at random moments, all but the first while runs train, then lets it finish.

  What is waited for is progress, not time: there is a checkpoint at least at the end of each of six visits, and every
  twentieth of a second, so that on any machine most kills meet a suite that trains.

  Returns:
    How often a kill met a suite that was training.
  """
  met, finished = 0, {}
  for number in range(kills):
    process = small_suite.start(suite, output_dir, *_FLAGS)
    if number:
      _wait_for_checkpoints(process, output_dir, generator.randint(1, 2))
    time.sleep(generator.uniform(0.0, 0.05 if number else 5.0))
    met += number > 0 and process.poll() is None
    _kill(process, only_the_parent=number == 1)
    for path in output_dir.rglob("record.json"):
      assert json.loads(path.read_text())["result"]["status"] == "completed", path.read_text()
      assert finished.setdefault(path, path.stat().st_mtime_ns) == path.stat().st_mtime_ns, "a run was trained twice"
  errors = small_suite.complete(suite, output_dir, *_FLAGS)
  assert "Trained by another process" not in errors
  for path, changed in finished.items():
    assert path.stat().st_mtime_ns == changed, "a run was trained twice"
  return met


def _check(suite, output_dir, expected, seed, kills):
  met = _kill_and_continue(suite, output_dir, random.Random(seed), kills)
  assert met >= 1, "kills should have met a suite that trained"
  assert small_suite.results(output_dir) == expected
  assert sum(record["provenance"]["resumptions"] for record in small_suite.records(output_dir)) >= 1
  names = [path.name for path in output_dir.rglob("*")]
  assert not [name for name in names if name.endswith(".tmp") or name.startswith(".unfinished-")]
  for run_dir in {path.parent for path in output_dir.rglob("record.json")}:
    assert _files(run_dir) <= {"record.json", "run.json", "run.log", "run.lock", "requested.gin", "operative.gin",
                               "events.jsonl", "checkpoints", "model", "predictions.npz"}


def _files(run_dir: pathlib.Path) -> set[str]:
  return {path.name for path in run_dir.iterdir()}


def _interrupt(suite, output_dir):
  """Ctrl-C, then pre-emption: each ends the suite with its status and a word how to continue."""
  for number, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
    process = small_suite.start(suite, output_dir, *_FLAGS)
    _wait_for_checkpoints(process, output_dir)
    process.send_signal(number)
    _, errors = process.communicate(timeout=300)  # Only a test that hangs takes so long.
    assert process.returncode == status, errors
    assert len(small_suite.records(output_dir)) < len(_LEARNERS)
    assert "same command continues" in errors


def test_two_signals_and_three_kills(suite, tmp_path, expected):
  _interrupt(suite, tmp_path / "out")
  _check(suite, tmp_path / "out", expected, seed=1, kills=3)


@pytest.mark.slow
def test_twenty_five_kills(suite, tmp_path, expected):
  for round_ in range(5):
    _check(suite, tmp_path / f"out{round_}", expected, seed=100 + round_, kills=5)
