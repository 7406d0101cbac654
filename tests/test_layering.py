"""The floors of the house: a file imports only from lower floors. Floors: see README and the packages' docstrings."""

import ast
import collections
import re
import subprocess
import sys

import pytest

from tests import conftest
from tests.support import import_graph

# 0: values, seeds, files, cores. 1: three rooms that do not know each other. 2: two more. 3, 4: learners, then what
# trains them. 5: what is to be trained. 6: what was measured. 7: what was trained. 8: three rooms that do not know each
# other. 9: commands.
FLOORS = {
    "lasem_tf.types": 0, "lasem_tf.seeding": 0, "lasem_tf.files": 0, "lasem_tf.cores": 0,
    "lasem_tf.nn": 1, "lasem_tf.data": 1, "lasem_tf.metrics": 1,
    "lasem_tf.knowledge": 2, "lasem_tf.selection": 2, "lasem_tf.learners": 3, "lasem_tf.training": 4,
    "benchmark.suites": 5, "benchmark.results": 6, "benchmark.models": 7, "benchmark.execution": 8,
    "benchmark.reporting": 8, "benchmark.inspection": 8, "benchmark": 9,
}
# Read records and draw tables where TensorFlow is not installed.
WITHOUT_TENSORFLOW = ("lasem_tf.types", "lasem_tf.seeding", "lasem_tf.files", "lasem_tf.metrics",
                      "lasem_tf.nn.architecture", "lasem_tf.selection.configuration", "benchmark.results",
                      "benchmark.reporting", "benchmark.report", "benchmark.suites.bindings", "benchmark.suites.suite",
                      *(f"benchmark.execution.{name}" for name in (
                          "cost_model", "display", "local.planner", "local.pool", "local.start_method", "local.worker",
                          "outcome", "plan", "ray", "rounds", "run_folder", "settings", "shards", "stage",
                          "suite_folder")), "benchmark.run")
TENSORFLOW = {"tensorflow", "keras", "tensorflow_datasets", "tf_keras"}
MOST_LINES, MOST_FUNCTION_LINES, MOST_FILES = 300, 60, 27


def room_of(module: str) -> str | None:
  """The longest name of `FLOORS` that the module is or lies in; None for the empty package at the top."""
  parts = module.split(".")
  return next((name for length in range(len(parts), 0, -1) if (name := ".".join(parts[:length])) in FLOORS), None)


def members(prefixes) -> list[str]:
  return [module for module in import_graph.sources() if any(module == p or module.startswith(f"{p}.")
                                                             for p in prefixes)]


def test_every_module_has_a_floor():
  sources = import_graph.sources()
  assert len(sources) > 80
  assert [module for module in sources if room_of(module) is None] == ["lasem_tf"]
  assert len(sources["lasem_tf"].read_text().splitlines()) <= 12  # It names `load` alone, and imports it when asked.


def test_the_table_of_floors_is_that_of_contributing():
  lines = (import_graph.ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").splitlines()
  rows = [line.strip("| ").split(" | ") for line in lines if re.match(r"\| \d \|", line)]
  told = {name.removesuffix(".py").replace("/", "."): int(row[0])
          for row in rows for name in re.findall(r"`([^` ]+)`", row[1])}
  assert told == FLOORS


def test_imports_go_downwards():
  wrong = []
  for found in import_graph.imports():
    if found.imported.split(".")[0] not in import_graph.PACKAGES:
      continue
    importer, imported = room_of(found.importer), room_of(found.imported)
    if imported is None or importer != imported and FLOORS[importer] <= FLOORS[imported]:
      wrong.append(f"{found.importer}:{found.line} imports {found.imported}")
  assert not wrong, "\n".join(wrong)


def test_the_test_sees_upward_edges():
  assert room_of("lasem_tf.nn.layers") == "lasem_tf.nn" and room_of("benchmark.results.records") == "benchmark.results"
  edges = {(found.importer, found.imported) for found in import_graph.imports()}
  assert ("lasem_tf.learners.composed", "lasem_tf.selection.configuration") in edges
  assert ("lasem_tf.nn.prefix_tree", "lasem_tf.nn.networks") in edges


def test_no_relative_imports_and_no_imports_of_tests():
  assert not [found for found in import_graph.imports() if found.imported.startswith((".", "tests"))]


def test_no_cycles():
  for module in import_graph.sources():
    reached = import_graph.reached(module, through_packages=False)
    back = [other for other in reached if other != module
            and module in import_graph.reached(other, through_packages=False)]
    assert not back, f"{module} and {back} import each other"


@pytest.mark.parametrize("module", members(WITHOUT_TENSORFLOW))
def test_no_tensorflow_transitively(module):
  chains = import_graph.reached(module)
  reached = [" -> ".join(chain) for name, chain in chains.items() if name.split(".")[0] in TENSORFLOW]
  assert not reached, reached
  # Not inside functions either: these modules' work needs none.
  nested = [found for found in import_graph.imports() if found.importer == module
            and found.imported.split(".")[0] in TENSORFLOW]
  assert not nested


def test_tables_and_figures_run_without_tensorflow():
  names = members(WITHOUT_TENSORFLOW)
  program = (f"import importlib, sys\nfor name in {names!r}: importlib.import_module(name)\n"
             f"loaded = sorted(set(sys.modules) & {TENSORFLOW!r})\nassert not loaded, loaded")
  subprocess.run([sys.executable, "-c", program], cwd=import_graph.ROOT, check=True)


def test_tensorflow_datasets_is_imported_where_it_is_used_only():
  builders = "lasem_tf.data.tfds_builders"
  for found in import_graph.imports():
    if found.imported.split(".")[0] == "tensorflow_datasets":
      assert not found.at_start or found.importer.startswith(builders), f"{found.importer}:{found.line}"
  assert not [found for found in import_graph.imports() if found.at_start and found.imported.startswith(builders)
              and not found.importer.startswith(builders)]


def test_gin_is_imported_as_gin():
  """`gin.tf` does not load on this TensorFlow, and a Python file below gin/ would shadow the library."""
  assert not [found for found in import_graph.imports() if found.imported.startswith("gin.tf")]
  assert not list((import_graph.ROOT / "gin").rglob("*.py"))


def test_training_alone_compiles():
  compiling = {module for module, path in import_graph.sources().items() if "tf.function(" in path.read_text()
               or "@tf.function" in path.read_text()}
  # Fisher information is computed between visits, in no step that training could compile.
  assert not [module for module in compiling - {"lasem_tf.learners.fisher"}
              if room_of(module) != "lasem_tf.training" and not module.startswith("benchmark.speed.")]
  assert "lasem_tf.training.steps" in compiling


def test_files_are_short_and_named_after_what_they_hold():
  tests = {".".join(path.relative_to(import_graph.ROOT).with_suffix("").parts): path
           for path in sorted((import_graph.ROOT / "tests").rglob("*.py"))}
  long = {module: count for module, path in {**import_graph.sources(), **tests}.items()
          if (count := len(path.read_text().splitlines())) > MOST_LINES}
  assert not long
  assert not [module for module in import_graph.sources()
              if module.rpartition(".")[2] in ("utils", "util", "helpers", "common", "misc")]


def _functions(tree):
  for node in ast.walk(tree):
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
      yield node


def _has_a_reason(lines, index):
  """A reason stands behind an import, or above the block of imports that it belongs to."""
  while not lines[index].strip() or re.match(r"\s+(import|from) ", lines[index]):
    if re.search(r"# noqa: PLC0415  \w+", lines[index]):
      return True
    index -= 1
  return lines[index].lstrip().startswith("# ")


def test_functions_are_short_and_imports_inside_them_have_a_reason():
  long, silent = [], []
  for module, path in import_graph.sources().items():
    text = path.read_text()
    lines = text.splitlines()
    for function in _functions(ast.parse(text)):
      if function.end_lineno - function.lineno + 1 > MOST_FUNCTION_LINES:
        long.append(f"{module}.{function.name}")
      silent += [f"{module}:{node.lineno}" for node in ast.walk(function)
                 if isinstance(node, (ast.Import, ast.ImportFrom)) and not _has_a_reason(lines, node.lineno - 1)]
  assert not long and not silent


def test_folders_can_be_overlooked():
  folders = collections.Counter(path.parent for path in import_graph.sources().values())
  assert {folder: count for folder, count in folders.items() if count > MOST_FILES} == {}


def test_files_that_are_begun_first_are_there():
  assert [path for path in conftest.BEGUN_FIRST if not (import_graph.ROOT / path).is_file()] == []
