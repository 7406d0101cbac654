"""Console scripts of setup.cfg are the commands of the same names."""

import configparser
import importlib.metadata
import pathlib
import subprocess
import sys

import pytest

from tests.benchmark import small_suite

_ROOT = pathlib.Path(__file__).resolve().parents[2]
_NAMES = ("lasem-run", "lasem-report", "lasem-data", "lasem-predict", "lasem-list")


def _entry_points():
  """Those of the tree, whichever version is installed."""
  parser = configparser.ConfigParser()
  parser.read(_ROOT / "setup.cfg")
  lines = parser["options.entry_points"]["console_scripts"].strip().splitlines()
  return {name: importlib.metadata.EntryPoint(name, value, "console_scripts")
          for name, value in (map(str.strip, line.split("=")) for line in lines)}


def test_every_script_is_a_function():
  found = _entry_points()
  assert tuple(found) == _NAMES
  assert all(callable(point.load()) for point in found.values())


@pytest.mark.parametrize("name", _NAMES)
def test_scripts_are_the_commands(name):
  point, module = _entry_points()[name], f"benchmark.{name.partition('-')[2]}"
  program = f"import sys; from {point.module} import {point.attr}; sys.argv[0] = '{name}'; sys.exit({point.attr}())"
  shown = [subprocess.run([sys.executable, *command, "--help"], cwd=_ROOT, capture_output=True, text=True, check=True)
           for command in (["-c", program], ["-m", module])]
  assert f"python -m {module}" in shown[0].stdout and shown[0].stdout == shown[1].stdout


def test_the_script_trains_a_suite(tmp_path):
  """Its runs are processes of their own, which must find the package whatever was started."""
  suite = small_suite.write(tmp_path, learners=("stl",), epochs=2)
  arguments = small_suite.command(suite, tmp_path / "out", "--jobs=1")[3:]
  program = f"import sys; from benchmark import console; sys.argv = {['lasem-run', *arguments]!r}; console.run()"
  finished = subprocess.run([sys.executable, "-c", program], cwd=_ROOT, capture_output=True, text=True, check=False)
  assert finished.returncode == 0, finished.stderr
  results = small_suite.results(tmp_path / "out")
  assert {name: result["status"] for name, result in results.items()} == {"synthetic/stl/smoke/seed0": "completed"}
  assert "STL" in finished.stdout and (tmp_path / "out" / "table.md").is_file()


def test_a_mistake_ends_with_the_status_of_the_command():
  program = "import sys; from benchmark import console; sys.argv = ['lasem-report', '--wrong']; console.report()"
  finished = subprocess.run([sys.executable, "-c", program], cwd=_ROOT, capture_output=True, text=True, check=False)
  assert finished.returncode == 2 and finished.stderr.startswith("Error: Unknown command line flag")
