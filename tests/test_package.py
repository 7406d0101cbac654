"""What `pip install` takes along."""

import configparser
import pathlib

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
