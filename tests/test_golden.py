"""Every recorded number of the releases, recomputed.

`pytest tests/test_golden.py` reads the fixtures of tests/golden, `--golden_dir=DIR` those of another folder. One test
for each fixture; the numbers come from one worker process of the kind the fixtures were recorded in (oneDNN off, one
thread).
"""

import json
import os
import pathlib
import subprocess
import sys

import filelock
import pytest

from tests.golden_support import plugin

ROOT = pathlib.Path(__file__).parents[1]
# The committed recordings; a fixture that went astray must not go unnoticed.
COMMITTED = 34


def _names(config) -> list[str]:
  folder = pathlib.Path(config.getoption("--golden_dir"))
  return sorted({path.stem for path in folder.glob("*.*") if path.suffix in (".json", ".npz")})


def pytest_generate_tests(metafunc):
  if "fixture_name" in metafunc.fixturenames:
    metafunc.parametrize("fixture_name", _names(metafunc.config))


@pytest.fixture(scope="session")
def results(request, tmp_path_factory) -> dict[str, dict]:
  """Status of every fixture; computed once, also for several xdist workers."""
  folder = tmp_path_factory.getbasetemp()
  if os.environ.get("PYTEST_XDIST_WORKER"):
    folder = folder.parent
  output = folder / "golden_results.json"
  with filelock.FileLock(f"{output}.lock"):
    if not output.exists():
      subprocess.run([sys.executable, "-m", "tests.golden_support.worker",
                      str(pathlib.Path(request.config.getoption("--golden_dir")).resolve()), str(output)],
                     cwd=ROOT, check=True)
  return json.loads(output.read_text())


def test_fixture(fixture_name, results):
  result = results[fixture_name]
  if result["status"] == "missing":
    pytest.skip(plugin.MISSING + "; ".join(result["details"]))
  if result["status"] != "passed":
    shown = result["details"][:40]
    pytest.fail(f"{fixture_name}: {result['status']}, {len(result['details'])} of {result.get('count')} comparisons\n"
                + "\n".join(shown), pytrace=False)
  assert result["count"] > 0


def test_all_fixtures_are_there(pytestconfig):
  names = _names(pytestconfig)
  assert names, f"no fixture in {pytestconfig.getoption('--golden_dir')}"
  if pathlib.Path(pytestconfig.getoption("--golden_dir")) == plugin.FOLDER:
    assert len(names) == COMMITTED
