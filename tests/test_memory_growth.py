"""A run of many tasks does not leak memory: graphs of finished visits, slots and data of earlier tasks go away."""

import json
import pathlib
import subprocess
import sys

import pytest

from tests.support import memory_growth_worker

# One that grows and one that rehearses in every run of the tests; all of them over more tasks in the long version.
CASES = [("channel_gated", 8), ("replay", 8),
         *(pytest.param(name, 12, marks=pytest.mark.slow) for name in memory_growth_worker.LEARNERS)]


@pytest.mark.skipif(not pathlib.Path("/proc/self/statm").exists(), reason="resident sizes are read from /proc")
@pytest.mark.parametrize("name, num_tasks", CASES)
def test_resident_size(name, num_tasks):
  command = [sys.executable, "-m", "tests.support.memory_growth_worker", name, str(num_tasks)]
  finished = subprocess.run(command, check=True, capture_output=True, text=True, cwd=pathlib.Path(__file__).parents[1])
  measured = json.loads(finished.stdout.splitlines()[-1])
  assert measured["status"] == "completed" and len(measured["resident"]) == num_tasks
  after_three, after_all = measured["resident"][2], measured["resident"][-1]
  # Weights, their RMSProp slots and copies, four bytes each.
  parameters = 4 * 4 * (measured["parameters"][-1] - measured["parameters"][2])
  assert after_all < 1.2 * after_three + parameters
