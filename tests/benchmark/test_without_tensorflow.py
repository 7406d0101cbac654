"""Where TensorFlow cannot be imported, the tests of records, tables and reports can still be run."""

import os
import pathlib
import subprocess
import sys

_ROOT = pathlib.Path(__file__).resolve().parents[2]
_UNIMPORTABLE = """
import sys

class _Finder:
  def find_spec(self, name, path=None, target=None):
    if name.split(".")[0] in ("tensorflow", "keras"):
      raise ImportError(f"{name} was made unimportable")

sys.meta_path.insert(0, _Finder())
"""


def test_tests_of_reports_are_collected(tmp_path):
  (tmp_path / "sitecustomize.py").write_text(_UNIMPORTABLE)
  finished = subprocess.run(
      [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", "-p", "no:xdist",
       "tests/benchmark", "-k", "test_report"], cwd=_ROOT, env={**os.environ, "PYTHONPATH": str(tmp_path)}, check=False,
      capture_output=True, text=True)
  assert finished.returncode == 0, finished.stdout[-3000:]
  assert "tests/benchmark/test_report.py::" in finished.stdout
