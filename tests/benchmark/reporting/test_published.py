"""Published numbers: their files are checked, fit the papers' suites, and stay with the report that shows them."""

import csv
import json
import pathlib
import shutil

import pytest

from benchmark import report
from benchmark.reporting import published
from benchmark.results import record_schema, records
from benchmark.suites import bindings, paper_suites
from tests.benchmark.synthetic_records import constant

_SHIPPED = pathlib.Path(__file__).parents[3] / "reports" / "paper"
_HEADER = ",".join(published.COLUMNS)


def cells(name: str) -> list[tuple[str, str, str]]:
  with open(_SHIPPED / name, newline="", encoding="utf-8") as file:
    return [(row["stream"], row["learner"], row["measure"]) for row in csv.DictReader(file)]


def test_the_files_have_a_cell_for_what_the_suites_of_their_paper_train_and_for_nothing_else():
  suites = paper_suites.load()
  second = [suite for suite in suites if suite.name.startswith("paper_2021")]
  first = [suite for suite in suites if suite not in second]
  assert first and second
  assert {path.name for path in _SHIPPED.glob("*.csv")} == {"icml_2021.csv", "icml_workshop_2020.csv"}
  of_first, of_second = cells("icml_workshop_2020.csv"), cells("icml_2021.csv")
  for found in (of_first, of_second):
    assert len(set(found)) == len(found)
    pairs = {(stream, learner) for stream, learner, _ in found}
    assert set(found) == {(*pair, measure) for pair in pairs for measure in ("peak", "final")}
  assert {cell[:2] for cell in of_first} == paper_suites.pairs(first)
  # The second paper compares with methods of the first on the first's streams, too.
  assert paper_suites.pairs(second) <= {cell[:2] for cell in of_second} <= paper_suites.pairs(suites)


def test_a_file_that_binds_no_suite_is_refused(tmp_path):
  (tmp_path / "suites").mkdir()
  (tmp_path / "suites" / "paper_x.gin").write_text("suite.streams = ('cifar100',)\n")
  with pytest.raises(bindings.ConfigurationError, match="paper_x.gin binds no suite.learners"):
    paper_suites.load(tmp_path)


@pytest.mark.parametrize("number", ["nan", "inf", "-inf", "1e999"])
@pytest.mark.parametrize("column", ["{},", "50,{}"])
def test_numbers_that_are_not_finite_are_refused(tmp_path, number, column):
  (tmp_path / "a.csv").write_text(f"{_HEADER}\nA,,,,cifar100,stl,final,%,{column.format(number)}\n")
  message = f"line 2: '{number}' is not a finite number; leave the cell empty"
  with pytest.raises(record_schema.RecordError, match=message):
    published.load(tmp_path)


@pytest.fixture(name="project")
def fixture_project(tmp_path):
  """A folder with published numbers and a report that shows them."""
  (tmp_path / "project" / "mine").mkdir(parents=True)
  (tmp_path / "project" / "mine" / "a.csv").write_text(f"{_HEADER}\nA,,,,cifar100,stl,final,%,45.5,\n")
  folder = tmp_path / "project" / "report"
  records.write_collection([constant("stl", 0, .5)], folder / "records.jsonl")
  assert report.main(["report", f"--results_dir={folder}", f"--paper_dir={tmp_path / 'project' / 'mine'}"]) == 0
  return tmp_path / "project"


def check(folder, *arguments):
  return report.main(["report", f"--results_dir={folder}", "--check", *arguments])


def test_a_check_takes_the_published_numbers_the_report_was_written_with(project, tmp_path, monkeypatch, capsys):
  assert json.loads((project / "report" / "report.json").read_text())["paper_dir"] == "../mine"
  assert check(project / "report") == 0
  monkeypatch.chdir(tmp_path)
  shutil.move(project, tmp_path / "moved")
  assert check(pathlib.Path("moved", "report")) == 0
  capsys.readouterr()
  assert check(tmp_path / "moved" / "report", f"--paper_dir={_SHIPPED}") == 1
  assert "index.html: differs" in capsys.readouterr().out
  (tmp_path / "moved" / "mine" / "a.csv").write_text(f"{_HEADER}\nA,,,,cifar100,stl,final,%,45.6,\n")
  assert check(tmp_path / "moved" / "report") == 1


def test_a_missing_folder_of_published_numbers_is_named(project, capsys):
  shutil.rmtree(project / "mine")
  with pytest.raises(SystemExit) as stop:
    check(project / "report")
  assert stop.value.code == 2
  assert "no such folder of published numbers; name another by --paper_dir" in capsys.readouterr().err


def test_the_shipped_numbers_are_not_bound_to_a_place(project):
  folder = project / "report"
  assert report.main(["report", f"--results_dir={folder}", "--paper_dir="]) == 0
  assert json.loads((folder / "report.json").read_text())["paper_dir"] is None
  assert check(folder) == 0
  assert report.main(["report", f"--results_dir={folder}", f"--paper_dir={_SHIPPED}"]) == 0
  assert json.loads((folder / "report.json").read_text())["paper_dir"] is None
