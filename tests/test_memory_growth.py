"""A run of many tasks does not leak memory: graphs of finished visits, slots and data of earlier tasks go away."""

import json
import pathlib
import subprocess
import sys

import pytest

from tests import memory_growth_worker

NUM_TASKS = 12
# One that grows and one that rehearses in every run of the tests, the others in the long version.
CASES = [pytest.param(name, marks=() if name in ("channel_gated", "replay") else pytest.mark.slow)
         for name in memory_growth_worker.LEARNERS]


@pytest.mark.skipif(not pathlib.Path("/proc/self/statm").exists(), reason="resident sizes are read from /proc")
@pytest.mark.parametrize("name", CASES)
def test_resident_size(name):
  finished = subprocess.run([sys.executable, "-m", "tests.memory_growth_worker", name, str(NUM_TASKS)], check=True,
                            capture_output=True, text=True, cwd=pathlib.Path(__file__).parents[1])
  measured = json.loads(finished.stdout.splitlines()[-1])
  assert measured["status"] == "completed" and len(measured["resident"]) == NUM_TASKS
  after_five, after_all = measured["resident"][4], measured["resident"][-1]
  # Weights, their RMSProp slots and copies, four bytes each.
  parameters = 4 * 4 * (measured["parameters"][-1] - measured["parameters"][4])
  assert after_all < 1.5 * after_five + parameters
