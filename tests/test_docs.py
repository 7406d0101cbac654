"""What the documentation names exists: files, commands, flags, learners, bindings, macros; its tables are complete."""

import dataclasses
import fnmatch
import importlib
import itertools
import pathlib
import re

import gin
import pytest

from benchmark.results import matlab
from benchmark.suites import bindings as bindings_lib, learner_names
from benchmark.suites.gin_files import ConfigurationError
from lasem_tf import types
from lasem_tf.knowledge import deconvolution, tensor_factors
from lasem_tf.metrics import lifelong
from lasem_tf.selection.configuration import TransferConfiguration
from tests.support import contract

ROOT = pathlib.Path(__file__).resolve().parents[1]
GIN = ROOT / "gin"
DOCUMENTS = sorted([*ROOT.glob("*.md"), GIN / "README.md", *(ROOT / "docs").glob("*.md"),
                    *(ROOT / "reports").glob("*/README.md")])
MAX_COLUMNS = 130
LEARNERS = learner_names.names()
# What names of learners look like, to tell them from other words; some of the original's look alike.
_LEARNER = re.compile(r"stl|snn|lwf|replay|a_gem|prognn|den|channel_gated|apd|ewc"
                      r"|(hps|tf|dfcnn|lasem(g\d*)?|darts|exhaustive|prognn|den|channel_gated|apd|ewc)(_[\w*{},]+|\*)")
_NOT_OURS_BUT_ALIKE = {"dfcnn_flexible", "lasem_mine"}
# Flags of other programs.
_NOT_OURS = {"docs/from_the_original.md": None, "docs/method.md": {"reset_prior"},
             "docs/clusters.md": {"head", "address", "array"}}

by_document = pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))


def _text(name: str) -> str:
  return (ROOT / name).read_text(encoding="utf-8")


def _written(path: pathlib.Path) -> str:
  """The text without its generated blocks."""
  return re.sub(r"(?s)<!-- generated: .*?<!-- end of generated text -->", "", path.read_text(encoding="utf-8"))


def _in_backticks(text: str) -> set[str]:
  return {word for line in text.splitlines() for word in re.findall(r"`([^`]+)`", line)}


def _expand_braces(name: str) -> list[str]:
  """'a_{b,c}.gin' to 'a_b.gin' and 'a_c.gin'."""
  parts = [part.strip("{}").split(",") if part.startswith("{") else [part] for part in re.split(r"(\{[^}]*\})", name)]
  return ["".join(choice) for choice in itertools.product(*parts)]


def _rows(text: str, *header: str) -> list[list[str]]:
  """Cells of the table whose header begins with these cells."""
  lines = text.splitlines()
  start = next(index for index, line in enumerate(lines) if line.startswith("| " + " | ".join(header)))
  table = itertools.takewhile(lambda line: line.startswith("|"), lines[start + 2:])
  return [[cell.strip() for cell in line.strip("|").split("|")] for line in table]


def _takes_normalisation(name: str) -> bool:
  try:
    contract.load(name, ("ConvNetSpec.normalisation = 'batch'",), depth=3, epochs=1)
  except ValueError as error:
    assert "emove the binding ConvNetSpec.normalisation = 'batch'." in str(error)
    return False
  return True


def test_which_learners_take_batch_normalisation():
  said = {pattern: cells[1] for cells in _rows(_text("docs/extending.md"), "learners", "batch normalisation")
          for pattern in re.findall(r"`([^`]+)`", cells[0])}
  assert set(said.values()) == {"yes", "no"}
  # The shortest name of those that differ in a configuration or in knowledge stands for all. Some groupings are only
  # for a network of seventeen layers.
  names = sorted((name for name in LEARNERS if not re.match(r"lasemg\d", name)), key=len, reverse=True)
  once = {tuple(file for file in learner_names.resolve(name).files if "/knowledge/" not in file) or name.split("_")[0]:
          name for name in names}
  for name in once.values():
    most_specific = max((pattern for pattern in said if fnmatch.fnmatchcase(name, pattern)), key=len)
    assert (said[most_specific] == "yes") == _takes_normalisation(name), name


def _flags(module: str) -> set[str]:
  imported = importlib.import_module(module)
  if hasattr(imported, "__path__"):
    imported = importlib.import_module(f"{module}.__main__")
  return set(imported.define_flags())


@pytest.fixture(name="known_flags", scope="module")
def _known_flags():
  modules = {f"benchmark.{match[1]}" for path in DOCUMENTS
             for match in re.finditer(r"python -m benchmark\.(\w+)", path.read_text(encoding="utf-8"))}
  modules.add("benchmark.speed")  # Named without its whole command.
  assert {"benchmark.run", "benchmark.report", "benchmark.export", "benchmark.data"} <= modules
  return {module: _flags(module) for module in modules}


@pytest.mark.parametrize("path", sorted((ROOT / "docs").glob("*.md")), ids=lambda path: path.name)
def test_lines_are_short(path):
  lines = _written(path).splitlines()
  long = [number for number, line in enumerate(lines, start=1) if len(line) > MAX_COLUMNS and not line.startswith("|")]
  assert not long, f"{path}: lines {long}"


@by_document
def test_measured_numbers_are_in_generated_blocks(path):
  assert not re.findall(r"\d(?: %)? ± \d.*", _written(path))


def test_the_numbers_of_the_readme():
  text = _text("README.md")
  fixtures = list((ROOT / "tests" / "golden").glob("*.json"))
  assert f"{len(fixtures)} fixtures" in text
  planted = _text("gin/streams/planted_medium.gin")
  declared = re.search(r"^CONFIGURATIONS = \((.*)\)$", planted, re.MULTILINE)[1].replace("'", "").replace(",", "")
  assert f"`{declared}`" in text
  assert f"the others {re.search(r'^TRAIN_IMAGES = (.*)$', planted, re.MULTILINE)[1]}." in text


def test_the_table_of_learners_is_complete():
  rows = _rows(_text("docs/learners.md"), "learner", "paper")
  patterns = [pattern for row in rows for pattern in _in_backticks(row[0])]
  missing = [name for name in LEARNERS if not any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)]
  assert not missing


@by_document
def test_links_lead_somewhere(path):
  text = path.read_text(encoding="utf-8")
  links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text) + re.findall(r'src="([^"]+)"', text)
  missing = [link for link in links if "://" not in link and not (path.parent / link).exists()]
  assert not missing


@by_document
def test_links_within_a_document_lead_to_its_headings(path):
  text = path.read_text(encoding="utf-8")
  for target, anchor in re.findall(r"\]\(([^)#]*)#([^)]+)\)", text):
    linked = (path.parent / target).read_text(encoding="utf-8") if target else text
    headings = re.findall(r"^#+ (.+)$", linked, re.MULTILINE)
    assert anchor in {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@by_document
def test_gin_files_exist(path):
  text = path.read_text(encoding="utf-8")
  named = {name for match in re.findall(r"gin/[\w/{},.-]+\.gin", text) for name in _expand_braces(match)}
  missing = [name for name in named if not (ROOT / name).is_file()]
  assert not missing
  bare = {name for word in _in_backticks(text) if re.fullmatch(r"[\w{},]+\.gin", word) for name in _expand_braces(word)}
  unknown = bare - {file.name for file in GIN.rglob("*.gin")} - {"requested.gin", "operative.gin"}
  assert not unknown


@by_document
def test_commands_know_the_flags_they_are_given(path, known_flags):
  for command in re.findall(r"python -m benchmark\.[^`\n]*(?:\\\n[^`\n]*)*", path.read_text(encoding="utf-8")):
    module = re.match(r"python -m (benchmark\.\w+)", command)[1]
    unknown = set(re.findall(r"--([a-z_]+)", command)) - known_flags[module]
    assert not unknown, f"{module} has no flag {unknown}: {command}"
    if module == "benchmark.data":
      action = re.match(r"python -m benchmark\.data (\w+)", command)[1]
      assert action in importlib.import_module(module)._COMMANDS


@by_document
def test_flags_exist(path, known_flags):
  allowed = _NOT_OURS.get(str(path.relative_to(ROOT)), set())
  if allowed is None:  # Half of its flags are the original's; the commands are checked above.
    return
  named = set(re.findall(r"(?<![\w-])--([a-z][a-z_-]*)", path.read_text(encoding="utf-8")))
  known = set().union(*known_flags.values())
  assert not named - known - {f"no{flag}" for flag in known} - allowed


def _resolves(name) -> bool:
  try:
    return bool(learner_names.resolve(name))
  except ConfigurationError:
    return False


@by_document
def test_learners_exist(path):
  switches = {field.name for field in dataclasses.fields(types.ReferenceBehaviour)}
  fixtures = {path.stem for path in (ROOT / "tests" / "golden").glob("*.json")}
  names = {name for word in _in_backticks(path.read_text(encoding="utf-8")) if _LEARNER.fullmatch(word)
           for name in _expand_braces(word)}
  missing = [name for name in names - switches - fixtures - _NOT_OURS_BUT_ALIKE
             if not fnmatch.filter(LEARNERS, name) and not _resolves(name)]
  assert not missing


@by_document
def test_bindings_and_macros_exist(path):
  bindings_lib.register_configurables()
  importlib.import_module("benchmark.suites.suite")
  text = path.read_text(encoding="utf-8")
  code = "\n".join(_in_backticks(text) | {line for line in text.splitlines() if re.match(r"(    )?[\w.]+ = ", line)})
  bindings = re.findall(r"(?<![\w./])([A-Z]\w*[a-z0-9]\w*|experiment|suite)\.([a-z_]+)\b", code)
  for owner, parameter in bindings:
    gin.bind_parameter(f"{owner}.{parameter}", None)  # Raises ValueError if there is no such thing.
  files = "\n".join(file.read_text(encoding="utf-8") for file in GIN.rglob("*.gin"))
  bound = set(re.findall(r"^([A-Z][A-Z0-9_]+) =", files, re.MULTILINE))
  assert not set(re.findall(r"(?<![\w.])([A-Z][A-Z0-9_]+) = ", code)) - bound


def test_the_table_of_switches_is_complete():
  rows = _rows(_text("docs/method.md"), "switch")
  assert [row[0].strip("`") for row in rows] == [field.name for field in dataclasses.fields(types.ReferenceBehaviour)]


def test_the_table_of_metrics_is_complete():
  rows = _rows(_text("docs/method.md"), "name in tables and code")
  named = {row[0].strip("`") for row in rows} | {word for row in rows for word in _in_backticks(row[2])}
  assert named == {field.name for field in dataclasses.fields(lifelong.LifelongSummary)}


def test_the_numbers_of_configurations():
  rows = _rows(_text("docs/from_the_original.md"), "`test_type`", "4 layers")
  assert [row[0] for row in rows] == [f"{5 * index}-{5 * index + 4}" for index in range(12)]
  checked = 0
  for row in rows:
    for cell in row[1:]:
      if match := re.fullmatch(r"`(\w+)` ([01]+)", cell):
        assert str(TransferConfiguration.parse(match[1], len(match[2]))) == match[2]
        assert {f"{knowledge}_{match[1]}" for knowledge in ("hps", "tf", "dfcnn")} <= set(LEARNERS)
        checked += 1
  assert checked == 9 + 12 + 9 + 9


@pytest.mark.parametrize("column, bits", [  # The releases' own tables, for test_type 0, 5, 10, ...
    (1, "1111 0001 0011 0111 1000 1100 1110 0101 1010"),
    (2, "111111 000001 000011 000111 001111 011111 100000 110000 111000 111100 111110 010101"),
    (3, "001111 000001 000011 000111 001000 001100 001110 000101 001010"),
    (4, "11111111 00000011 00001111 00111111 11000000 11110000 11111100 01010101 10101010")])
def test_the_configurations_of_the_releases(column, bits):
  header = ("`test_type`", "4 layers", "6 layers", "6 layers, Office-Home", "8 layers")
  rows = _rows(_text("docs/from_the_original.md"), *header)
  assert re.findall(r"\b[01]{4,}\b", " ".join(row[column] for row in rows)) == bits.split()


def test_the_numbers_of_hyper_parameters():
  rows = _rows(_text("docs/from_the_original.md"), "`test_type % 5`")
  assert tuple(float(re.match(r"[\d.e-]+", row[1])[0]) for row in rows) == tensor_factors.RELEASED_ORTHOGONALITY_WEIGHTS
  pairs = [tuple(map(float, re.findall(r"1e-\d+", row[2]))) for row in rows]
  assert sorted(pairs) == sorted(deconvolution.RELEASED_SCALES)
  assert "our default" in rows[0][1] and "our default" in rows[pairs.index(deconvolution.RELEASED_SCALES[0])][2]


def test_fields_of_the_matlab_files_are_those_of_the_export():
  text = _text("docs/from_the_original.md")
  named = {word for row in _rows(text, "field of the `.mat` file") for word in _in_backticks(row[0]) if "*" not in word}
  assert len(named) >= 12
  assert {word for word in named if word not in matlab.__doc__} == {"history_DARTS_arch_select"}
