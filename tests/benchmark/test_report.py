"""Reports from records alone: complete, repeatable, checked for staleness, refused where records do not fit."""

import html.parser
import json
import re
import subprocess
import sys

import matplotlib
import pytest

from benchmark import export, report
from benchmark.reporting import published as published_lib
from benchmark.results import record_schema, records
from tests.benchmark import synthetic_records
from tests.benchmark.report_command import check, fails
from tests.benchmark.synthetic_records import constant


@pytest.fixture(autouse=True)
def fixture_no_tensorflow(monkeypatch):
  """Importing TensorFlow fails in every test of this file."""
  monkeypatch.setitem(sys.modules, "tensorflow", None)


@pytest.fixture(name="collection", scope="module")
def fixture_collection(tmp_path_factory):
  """A folder as it is committed: records as JSON lines and a report on them."""
  runs = tmp_path_factory.mktemp("runs")
  for run in synthetic_records.suite(learners=("stl", "hps_top2", "lasem_hps"), seeds=(0, 1)):
    synthetic_records.write_run(run, runs)
  synthetic_records.write_run(synthetic_records.record(learner="den", status="diverged", reason="loss is <NaN>"), runs)
  folder = tmp_path_factory.mktemp("reports") / "committed"
  export.main(["export", f"--results_dir={runs}", f"--output_dir={folder}"])
  assert report.main(["report", f"--results_dir={folder}", "--baseline=stl"]) == 0
  return folder


def copy(folder, target):
  for path in folder.rglob("*"):
    if path.is_file():
      (target / path.relative_to(folder)).parent.mkdir(parents=True, exist_ok=True)
      (target / path.relative_to(folder)).write_bytes(path.read_bytes())
  return target


def test_report_writes_tables_figures_and_page(collection):
  names = {str(path.relative_to(collection)) for path in collection.rglob("*") if path.is_file()}
  assert {
      "table.md", "table.csv", "table.tex", "table_per_task.md", "table_per_task.csv", "table_per_task.tex",
      "index.html", "report.json", "records.jsonl", "details.jsonl"
  } <= names
  kinds = ("mean_accuracy", "task_accuracy", "forgetting", "configurations", "prior", "pareto", "learning_curves")
  assert {f"figures/cifar100-smoke-{kind}.{ending}" for kind in kinds for ending in ("png", "svg")} <= names
  assert all((collection / name).stat().st_size > 0 for name in names)
  assert json.loads((collection / "report.json").read_text())["baseline"] == "stl"


def test_missing_seeds_of_a_method_are_gaps(collection):
  text = (collection / "table.md").read_text()
  assert "seed 0 diverged: loss is &lt;NaN>; seed 1 not run" in text


def test_check_is_clean_and_repeats_the_settings(collection, capsys):
  assert check(collection) == 0
  assert "up to date" in capsys.readouterr().out


def test_a_style_of_the_users_changes_no_figure(collection):
  with matplotlib.rc_context({"figure.facecolor": "red", "lines.solid_capstyle": "butt"}):
    assert check(collection) == 0


def test_check_notices_a_changed_record(collection, tmp_path, capsys):
  folder = copy(collection, tmp_path / "changed")
  found = records.load_records([folder])
  changed = next(run for run in found if run.identity == "cifar100/stl/smoke/seed0")
  changed.result["accuracy"]["at_best_validation"][0] = .123
  records.write_collection(found, folder / "records.jsonl")
  assert check(folder) == 1
  output = capsys.readouterr().out
  assert "table.md: differs" in output and "index.html: differs" in output and "pareto" not in output


def test_check_notices_a_missing_and_an_edited_file(collection, tmp_path, capsys):
  folder = copy(collection, tmp_path / "edited")
  (folder / "table.tex").unlink()
  page = folder / "index.html"
  page.write_text(page.read_text().replace("LASEM HPS", "LASEM  HPS", 1))
  assert check(folder) == 1
  output = capsys.readouterr().out
  assert "table.tex: missing" in output and "index.html: differs" in output
  assert "table.md" not in output


def test_check_notices_an_edited_record_by_name(collection, tmp_path, capsys):
  folder = copy(collection, tmp_path / "forged")
  path = folder / "records.jsonl"
  path.write_text(path.read_text().replace('"completed"', '"failed"', 1))
  assert "edited by hand" in fails(capsys, f"--results_dir={folder}")
  assert check(folder) == 1
  message = "records.jsonl, line 2: the result does not fit its digest, so it was edited by hand"
  assert message in capsys.readouterr().out


def test_a_report_replaces_figures_that_are_no_longer_drawn(collection, tmp_path):
  folder = copy(collection, tmp_path / "again")
  (folder / "details.jsonl").unlink()
  (folder / "figures" / "mine.png").write_bytes(b"kept")
  report.main(["report", f"--results_dir={folder}"])
  names = {path.name for path in (folder / "figures").iterdir()}
  assert "mine.png" in names and "cifar100-smoke-prior.png" not in names


class _Page(html.parser.HTMLParser):
  """Collects what a browser would load, and every id."""

  def __init__(self):
    super().__init__()
    self.urls, self.ids, self.tags = [], [], []

  def handle_starttag(self, tag, attrs):
    self.tags.append(tag)
    for name, value in attrs:
      if name in ("src", "href", "xlink:href", "action", "srcset", "data", "poster"):
        self.urls.append(value)
      if name == "id":
        self.ids.append(value)


def test_page_is_self_contained_and_small(collection):
  text = (collection / "index.html").read_text()
  page = _Page()
  page.feed(text)
  assert [url for url in page.urls if not url.startswith(("#", "data:"))] == []
  assert not re.search(r"@import|url\((?!#)", text)
  assert len(text.encode()) < 5_000_000
  assert page.tags.count("svg") == 8
  targets = {url[1:] for url in page.urls if url.startswith("#")}
  assert targets <= set(page.ids)


def test_page_says_that_seeds_are_few_names_no_best_and_says_what_the_gaps_are(tmp_path):
  runs = [constant("stl", 0, .6), *(constant("snn", seed, .4) for seed in (0, 1))]
  runs += [synthetic_records.record(learner="ewc", seed=0, num_tasks=2, status="diverged", reason="NaN")]
  records.write_collection(runs, tmp_path / "records.jsonl")
  report.main(["report", f"--results_dir={tmp_path}"])
  text = (tmp_path / "index.html").read_text().replace("\u00a0", " ")
  assert "3 completed, 1 diverged, 2 not run" in text
  assert "Few seeds: 1-2 seeds of both methods. Fewer than 5 leave wide intervals and are not tested." in text
  assert not re.search(r"<li>(Peak|Final|Forgetting): (STL|SNN|\d)", text)


def test_page_escapes_markup_and_holds_configuration_and_provenance(tmp_path):
  display_name = "<img src=x onerror=alert(1)>"
  run = constant("snn", 0, .5, display_name=display_name)
  run.provenance["command"] = "</script><script>alert(2)</script>"
  records.write_collection([run, constant("stl", 0, .4, display_name=display_name)], tmp_path / "records.jsonl")
  report.main(["report", f"--results_dir={tmp_path}"])
  text = (tmp_path / "index.html").read_text()
  page = _Page()
  page.feed(text)
  assert page.tags.count("script") == 2 and "img" not in page.tags
  data = json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])
  lines = [data["lines"][index] for index in data["runs"][run.identity]["provenance"]]
  assert 'command: "</script><script>alert(2)</script>"' in lines
  for name in ("table.md", "index.html", "table_per_task.md"):
    assert "<script>alert" not in (tmp_path / name).read_text()


def test_folders_merge(tmp_path):
  for run in synthetic_records.suite(learners=("stl",), seeds=(0, 1, 2)):
    records.write_record(run, tmp_path / str(run.seed % 2) / run.identity)
  report.main(["report", f"--results_dir={tmp_path / '0'}", f"--results_dir={tmp_path / '1'}",
               f"--output_dir={tmp_path / 'out'}"])
  assert "| 3 |" in re.sub(r" +", " ", (tmp_path / "out" / "table.md").read_text())


def test_bad_input_is_refused_by_name(tmp_path, capsys):
  assert "--results_dir is missing" in fails(capsys)
  assert "no_such_flag" in fails(capsys, "--no_such_flag=1")
  assert "stray" in fails(capsys, "--results_dir=x", "stray")
  (tmp_path / "empty").mkdir()
  assert f"{tmp_path / 'empty'}: no record.json" in fails(capsys, f"--results_dir={tmp_path / 'empty'}")
  assert "--output_dir is missing" in fails(capsys, "--results_dir=a", "--results_dir=b")
  records.write_collection([constant("stl", 0, .5)], tmp_path / "a" / "records.jsonl")
  records.write_collection([constant("stl", 0, .6)], tmp_path / "b" / "records.jsonl")
  records.write_collection([constant("snn", 0, .6, data="other")], tmp_path / "c" / "records.jsonl")
  arguments = {name: f"--results_dir={tmp_path / name}" for name in "abc"}
  out = f"--output_dir={tmp_path / 'out'}"
  assert "disagree" in fails(capsys, arguments["a"], arguments["b"], out)
  assert "--allow_mixed_data" in fails(capsys, arguments["a"], arguments["c"], out)
  assert "baseline 'den'" in fails(capsys, arguments["a"], "--baseline=den", out)
  assert "holds no report" in fails(capsys, arguments["a"], "--check")
  assert report.main(["report", arguments["a"], arguments["c"], "--allow_mixed_data", out]) == 0
  assert "‡" in (tmp_path / "out" / "table.md").read_text()
  assert report.main(["report", arguments["a"], arguments["c"], "--check", out]) == 0


def test_other_schema_versions_are_refused(tmp_path, capsys):
  content = constant("stl", 0, .5).to_json()
  content["schema_version"] = 7
  (tmp_path / "record.json").write_text(json.dumps(content))
  assert "record format 7" in fails(capsys, f"--results_dir={tmp_path}")


def test_published_numbers_are_compared_or_not_available(tmp_path):
  header = ",".join(published_lib.COLUMNS)
  (tmp_path / "paper").mkdir()
  (tmp_path / "paper" / "a.csv").write_text(
      f"{header}\nA paper,Table 1,Row 2,,cifar100,stl,final,%,45.5,1.5\nA paper,,,,cifar100,stl,peak,%,,\n"
      "A paper,,,,stl10,stl,peak,%,,\n")
  records.write_collection([constant("stl", 0, .5)], tmp_path / "records.jsonl")
  report.main(["report", f"--results_dir={tmp_path}", f"--paper_dir={tmp_path / 'paper'}"])
  text = (tmp_path / "index.html").read_text()
  published = text[text.index('id="published"'):text.index('id="runs"')]
  assert "45.50 ± 1.50" in published and "4.50" in published and "not available" in published
  assert published.count("<tr") == 3


@pytest.mark.parametrize("line, message", [
    ("A,,,,cifar100,stl,finale,%,1,", "line 2: measure"), ("A,,,,cifar100,stl,final,percent,1,", "line 2: measure"),
    ("A,,,,cifar100,stl,final,%,about 60,", "line 2: could not convert")])
def test_damaged_published_numbers_are_named(tmp_path, line, message):
  (tmp_path / "a.csv").write_text(f"{','.join(published_lib.COLUMNS)}\n{line}\n")
  with pytest.raises(record_schema.RecordError, match=message):
    published_lib.load(tmp_path)
  (tmp_path / "a.csv").write_text("a,b\n1,2\n")
  with pytest.raises(record_schema.RecordError, match="columns must be"):
    published_lib.load(tmp_path)


def test_shipped_published_numbers_are_empty_and_readable():
  numbers = published_lib.load(report._PAPER_DIR)
  assert len(numbers) > 100
  assert all(number.value is None for number in numbers)


def test_the_command_needs_no_tensorflow(tmp_path):
  records.write_collection([constant("stl", 0, .5)], tmp_path / "records.jsonl")
  program = ("import sys; sys.modules['tensorflow'] = None; from benchmark import report; "
             f"sys.exit(report.main(['report', '--results_dir={tmp_path}']))")
  subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, timeout=120)
  assert (tmp_path / "index.html").exists()


def test_a_mixed_model_is_in_the_table_and_on_the_page_and_needs_a_baseline(tmp_path, capsys):
  pytest.importorskip("statsmodels")
  records.write_collection(synthetic_records.suite(learners=("stl", "snn"), seeds=range(4)), tmp_path / "records.jsonl")
  folder = f"--results_dir={tmp_path}"
  assert "--mixed_model needs a method to compare with" in fails(capsys, folder, "--mixed_model")
  assert report.main(["report", folder, "--mixed_model", "--baseline=stl"]) == 0
  table, page = (" ".join((tmp_path / name).read_text().split()) for name in ("table.md", "index.html"))
  title = "mixed model, standard deviations of tasks"
  assert title in table and title in page and "tasks and seeds random and crossed" in page
  row = re.search(r"mixed model.*?\| SNN \| (-\d+\.\d\d) \| (-\d+\.\d\d) to (-\d+\.\d\d) \|", table)
  assert float(row[2]) < float(row[1]) < float(row[3]) < 0, "SNN is some 25 points worse"
  assert check(tmp_path) == 0
