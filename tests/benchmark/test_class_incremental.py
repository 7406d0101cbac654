"""`experiment.scenario = 'class_incremental'` from the binding over the record to a column of every table."""

import csv
import html

import numpy as np
import pytest

from benchmark import report, suite_tables
from benchmark.execution import attempt
from benchmark.execution.settings import Settings
from benchmark.results import records
from benchmark.suites import suite
from tests.benchmark.models import short_runs

LEARNER = "hps_top1"
SCENARIO = "experiment.scenario = 'class_incremental'"
HEADING, TEXT = "Class-incremental (%)", "Class-incremental: it is not, and the largest logit over the heads of all"


@pytest.fixture(name="parent", scope="module")
def _parent(tmp_path_factory):
  folder = tmp_path_factory.mktemp("two")
  return short_runs.train(folder / "out", short_runs.plan(folder, LEARNER, bindings=SCENARIO))


@pytest.fixture(name="longer", scope="module")
def _longer(tmp_path_factory):
  """(a run of three tasks, the folder of its suite) trained at once."""
  folder = tmp_path_factory.mktemp("three")
  run = short_runs.plan(folder, LEARNER, num_tasks=3, bindings=SCENARIO)
  short_runs.train(folder / "out", run)
  return run, folder / "out"


def _result(run, folder) -> dict:
  return records.read_record(Settings(output_dir=str(folder)).run_dir(run)).to_json()["result"]


def test_the_record_has_accuracies_without_the_task_for_those_learned_by_then(longer):
  result = _result(*longer)
  assert result["scenario"] == "class_incremental"
  for visit, (over_all, within) in enumerate(zip(result["over_all_heads"], result["accuracy"]["after_visit"])):
    assert [value is None for value in over_all] == [task > visit for task in range(3)]
    assert all(known >= unknown for known, unknown in zip(within[:visit + 1], over_all[:visit + 1]))
  assert result["over_all_heads"][2] != result["accuracy"]["after_visit"][2]


def test_a_run_that_was_stopped_gives_the_same(longer, tmp_path):
  run, _ = longer
  settings = Settings(output_dir=str(tmp_path), tensorboard=False, command="test", checkpoint_seconds=0.0)
  polls = iter(range(1000))
  assert attempt.attempt(run, settings, lambda event: None, lambda: next(polls) > 12).status == "interrupted"
  assert attempt.attempt(run, settings, lambda event: None, lambda: False).status == "completed"
  assert _result(run, tmp_path) == _result(*longer)


def test_a_grown_run_gives_the_same(longer, parent, tmp_path):
  short_runs.train(tmp_path, longer[0], grow=str(parent))
  assert _result(longer[0], tmp_path) == _result(*longer)
  assert _result(longer[0], tmp_path)["over_all_heads"][1] == [
      *records.read_record(parent).result["over_all_heads"][1], None]


def test_every_table_shows_it_unasked(longer, tmp_path, capsys):
  run, folder = longer
  shown = f"{100 * np.mean(_result(run, folder)['over_all_heads'][-1]):.2f}"
  the_suite = suite.Suite((run.stream,), (LEARNER,), run.scale, (0,), name="test")
  assert suite_tables.finish(the_suite, [run], [run], Settings(output_dir=str(folder)), {}, None) == 0
  terminal, markdown = capsys.readouterr().out, (folder / "table.md").read_text()
  assert report.main(["report", f"--results_dir={folder}", f"--output_dir={tmp_path}", "--nosummary"]) == 0
  page = html.unescape((tmp_path / "index.html").read_text())
  assert (tmp_path / "table.md").read_text() == markdown
  for text in (terminal, markdown, page, (tmp_path / "table.tex").read_text().replace(r"\%", "%")):
    assert HEADING in text and TEXT in " ".join(text.split()) and shown in text
  (row,) = csv.DictReader((folder / "table.csv").read_text().splitlines())
  assert f"{100 * float(row['class_incremental_mean']):.2f}" == shown
