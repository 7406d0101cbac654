"""The command line of `benchmark.predict`."""

import csv
import io
import json

import numpy as np
import pytest
from PIL import Image

import lasem_tf
from benchmark import predict
from tests.benchmark.models import short_runs
from tests.data import photographs

pytestmark = pytest.mark.usefixtures("unpinned")


@pytest.fixture(name="run_dir", scope="module")
def _run_dir(tmp_path_factory):
  folder = tmp_path_factory.mktemp("own")
  root = photographs.write(folder / "photos", photographs.CLASSES[:4], per_class=10, longest=16)
  run = short_runs.plan_of_photographs(folder, root)
  made = short_runs.train(folder / "out", run, cache_dir=str(folder / "cache"))
  photographs.write(folder / "new", photographs.CLASSES[:1], per_class=3, longest=30)
  root.rename(folder / "gone")  # Nothing needs the data any more.
  return made


@pytest.fixture(name="new")
def _new(run_dir):
  return run_dir.parents[4] / "new" / photographs.CLASSES[0]


def _run(*arguments) -> int:
  try:
    return predict.main(["benchmark.predict", *map(str, arguments)])
  except SystemExit as error:
    return error.code


def test_json_names_classes_and_probabilities(run_dir, new, capsys):
  assert _run(run_dir, "--task=1", "--format=json", new) == 0
  rows = json.loads(capsys.readouterr().out)
  files = sorted(new.iterdir())
  assert [row["path"] for row in rows] == [str(path) for path in files]
  expected = lasem_tf.load(run_dir).predict(files, 1)
  for row, answer in zip(rows, expected):
    assert row["task"] == 1 and row["class"] == answer.class_name == next(iter(row["probabilities"]))
    assert row["probabilities"] == dict(zip(answer.class_names, map(float, answer.probabilities)))
    assert set(row["probabilities"]) == {"cow", "dog"}


def test_csv_has_a_row_for_each_image_and_class(run_dir, new, capsys):
  assert _run(run_dir, sorted(new.iterdir())[0], "--task=0", "--format=csv") == 0
  rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
  assert [row["rank"] for row in rows] == ["1", "2"] and {row["class"] for row in rows} == {"ant", "bee"}
  probabilities = [float(row["probability"]) for row in rows]
  assert probabilities == sorted(probabilities, reverse=True) and np.isclose(sum(probabilities), 1.0)


def test_the_guess_of_the_task_is_said(run_dir, new, capsys):
  assert _run(run_dir, new, "--task=auto") == 0
  captured = capsys.readouterr()
  assert "whose head gives the largest logit" in captured.err
  lines = captured.out.splitlines()
  assert len(lines) == 3 and all(": task " in line and " %" in line for line in lines)


@pytest.mark.parametrize("arguments, message", [
    ([], "name the run's folder"), (["RUN"], "no image is named"), (["RUN", "NEW"], "--task is missing: "),
    (["RUN", "NEW", "--task=7"], "There is no task 7"), (["RUN", "NEW", "--task=two"], "There is no task 'two'"),
    (["RUN", "nothing.png", "--task=0"], "nothing.png: no such file"),
    (["nowhere", "NEW", "--task=0"], "no such folder"), (["~nobody-here/x", "NEW", "--task=0"], "no such folder"),
    (["RUN", "EMPTY", "--task=0"], "holds no image"),
    (["RUN", "NEW", "--format=xml"], "xml")])
def test_bad_input_ends_with_status_2_and_one_line(run_dir, new, tmp_path, arguments, message, capsys):
  names = {"RUN": run_dir, "NEW": new, "EMPTY": tmp_path}
  assert _run(*(names.get(argument, argument) for argument in arguments)) == 2
  error = capsys.readouterr().err
  assert error.count("Error: ") == 1 and error.count("\n") == 1 and message in error


def test_a_damaged_image_is_named(run_dir, tmp_path, capsys):
  path = tmp_path / "broken.png"
  Image.fromarray(photographs.photograph(0, 0, (20, 20))).save(path)
  path.write_bytes(path.read_bytes()[:300])
  assert _run(run_dir, path, "--task=0") == 2
  assert str(path) in capsys.readouterr().err
