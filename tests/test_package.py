"""What `pip install` takes along."""

import configparser
import os
import pathlib
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent


def _setup() -> configparser.ConfigParser:
  parser = configparser.ConfigParser()
  parser.read(ROOT / "setup.cfg")
  return parser


def test_every_package_of_the_tree_is_installed():
  found = {".".join(path.parent.relative_to(ROOT).parts) for top in ("lasem_tf", "benchmark")
           for path in (ROOT / top).rglob("__init__.py")}
  assert set(_setup()["options"]["packages"].split()) == found | {"benchmark.gin_files"}


def test_gin_files_are_installed_inside_the_package():
  setup = _setup()
  assert setup["options"]["package_dir"].strip() == "benchmark.gin_files = gin"
  assert setup["options.package_data"]["benchmark.gin_files"].strip() == "**/*.gin"


def test_templates_are_installed():
  patterns = _setup()["options.package_data"]["benchmark.reporting"].split()
  assert patterns == ["templates/*"] and list((ROOT / "benchmark" / "reporting" / "templates").iterdir())


def test_the_schema_of_records_is_installed():
  patterns = _setup()["options.package_data"]["benchmark.results"].split()
  assert patterns == ["record.schema.json"] and (ROOT / "benchmark" / "results" / patterns[0]).is_file()


def _installs(tmp_path, *arguments) -> list[str]:
  """What the pip commands of a target would install, in order; nothing is executed."""
  make = shutil.which("make")
  if make is None:
    pytest.skip("make is not installed")
  # The Makefile's own defaults: `make test` hands its settings (EXTRAS, MAKEFLAGS) to the tests that it runs.
  clean = {name: value for name, value in os.environ.items() if name != "EXTRAS" and not name.startswith("MAKE")}
  shown = subprocess.run([make, "--dry-run", *arguments, f"VENV={tmp_path}"], cwd=ROOT, capture_output=True, text=True,
                         timeout=60, check=True, env=clean).stdout
  return [line.split("--editable ")[1].strip("'") for line in shown.splitlines() if "--editable" in line]


def test_targets_install_what_they_need_and_complete_what_is_there(tmp_path):
  assert _installs(tmp_path, "run") == ["."]
  assert _installs(tmp_path, "test") == [".", ".[test]"] and _installs(tmp_path, "lint") == [".", ".[lint]"]
  assert _installs(tmp_path, "docs") == [".", ".[docs]"]
  assert _installs(tmp_path, "ray-demo") == [".", ".[ray]"]
  assert _installs(tmp_path, "test", "EXTRAS=test,browser,ray") == [".", ".[test,browser,ray]"]
  (tmp_path / ".installed").touch()
  assert _installs(tmp_path, "run") == [] and _installs(tmp_path, "test") == [".[test]"]
  (tmp_path / ".installed-test").touch()
  assert _installs(tmp_path, "test") == [] and _installs(tmp_path, "docs") == [".[docs]"]
