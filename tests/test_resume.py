"""A suite killed at any moment and started again ends with the same results, bit for bit."""

import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import time

import pytest

_SUITE = """
suite.streams = ('synthetic',)
suite.learners = ('stl', 'hps_top2', 'lasem_hps')
suite.scale = 'smoke'
suite.seeds = (0,)

EPOCHS_PER_TASK = 3
GROUPS = ('texture', 'both', 'both')
"""


def _start(suite: pathlib.Path, output_dir: pathlib.Path) -> subprocess.Popen:
  command = [sys.executable, "-m", "benchmark.run", f"--gin_file={suite}", f"--output_dir={output_dir}", "--jobs=2",
             "--checkpoint_seconds=0.05", "--notensorboard"]
  return subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def _results(output_dir: pathlib.Path) -> dict[str, dict]:
  records = [json.loads(path.read_text()) for path in sorted(output_dir.rglob("record.json"))]
  return {record["identity"]: record["result"] for record in records}


def _kill_and_continue(suite, output_dir, generator, kills):
  """Kills the suite's whole process group at random moments, then lets it finish; returns how often a kill met a live one."""
  met = 0
  for _ in range(kills):
    process = _start(suite, output_dir)
    time.sleep(generator.uniform(4.0, 14.0))
    met += process.poll() is None
    try:
      os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
      pass
    process.communicate()
  process = _start(suite, output_dir)
  _, errors = process.communicate(timeout=300)
  assert process.returncode == 0, errors
  return met


@pytest.fixture(name="suite", scope="module")
def _suite(tmp_path_factory):
  path = tmp_path_factory.mktemp("suite") / "kill.gin"
  path.write_text(_SUITE)
  return path


@pytest.fixture(name="expected", scope="module")
def _expected(suite, tmp_path_factory):
  """Results of the suite when nothing disturbs it."""
  output_dir = tmp_path_factory.mktemp("undisturbed")
  process = _start(suite, output_dir)
  _, errors = process.communicate(timeout=300)
  assert process.returncode == 0, errors
  results = _results(output_dir)
  assert len(results) == 3
  return results


def _check(suite, output_dir, expected, seed, kills):
  met = _kill_and_continue(suite, output_dir, random.Random(seed), kills)
  assert met, "no kill came before the suite was over"
  assert _results(output_dir) == expected
  orphans = [path for path in output_dir.rglob("*") if path.name.endswith(".tmp")]
  assert not orphans


def test_five_kills(suite, tmp_path, expected):
  _check(suite, tmp_path / "out", expected, seed=1, kills=5)


@pytest.mark.slow
def test_twenty_five_kills(suite, tmp_path, expected):
  for round_ in range(5):
    _check(suite, tmp_path / f"out{round_}", expected, seed=100 + round_, kills=5)


@pytest.mark.parametrize("number, status", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_end_with_their_status_and_a_word_how_to_continue(suite, tmp_path, expected, number, status):
  process = _start(suite, tmp_path)
  while not list(tmp_path.rglob("events.jsonl")):
    time.sleep(0.1)
  start = time.monotonic()
  process.send_signal(number)
  _, errors = process.communicate(timeout=60)
  assert process.returncode == status, errors
  assert time.monotonic() - start < 30.0
  assert "same command continues" in errors
  process = _start(suite, tmp_path)
  process.communicate(timeout=300)
  assert process.returncode == 0
  assert _results(tmp_path) == expected
