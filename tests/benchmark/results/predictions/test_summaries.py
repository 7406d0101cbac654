"""Collections keep what predictions say: to the last digit, and refused where a line is damaged or of other runs."""

import json
import re
import shutil

import numpy as np
import pytest

from benchmark import export, report
from benchmark.results import record_schema, records
from benchmark.results.predictions import reading, summaries
from tests.benchmark.results.predictions import test_reading

FILE = "predictions.jsonl"


@pytest.fixture(name="runs_dir", scope="module")
def fixture_runs_dir(tmp_path_factory):
  """Runs with logits whose softmax is no round number; one lacks the heads of other tasks, one has no predictions."""
  folder, random = tmp_path_factory.mktemp("runs"), np.random.default_rng(0)
  for seed in (0, 1):
    for learner in ("stl", "hps_all"):
      logits = {f"logits_{task}": random.normal(size=(6, 2)).astype(np.float32) for task in (0, 1)}
      test_reading.write(folder, learner, seed, **logits)
  test_reading.write(folder, "stl", 2).unlink()
  test_reading.write(folder, "hps_all", 2, content=test_reading.npz(test_reading.arrays(2, all_heads=False)))
  return folder


@pytest.fixture(name="collection", scope="module")
def fixture_collection(runs_dir, tmp_path_factory):
  folder = tmp_path_factory.mktemp("collection")
  assert export.main(["export", f"--results_dir={runs_dir}", f"--output_dir={folder}"]) == 0
  return folder


def _of(folder) -> dict:
  return {identity: (summary.images, summary.agnostic_accuracy, summary.calibration_errors, summary.correct.tolist(),
                     summary.correct.dtype, {task: matrix.tolist() for task, matrix in summary.confusions.items()})
          for identity, summary in reading.summaries(records.load_records([folder])).items()}


def test_a_collection_says_what_the_predictions_said(runs_dir, collection, tmp_path):
  kept = _of(collection)
  assert kept == _of(runs_dir) and len(kept) == 5
  assert kept["cifar100/hps_all/smoke/seed2"][1] is None
  assert len({tuple(summary[2].values()) for summary in kept.values()}) == 5  # Not all alike.
  export.main(["export", f"--results_dir={collection}", f"--output_dir={tmp_path}"])
  assert (tmp_path / FILE).read_bytes() == (collection / FILE).read_bytes()


def test_the_page_of_a_collection_is_that_of_the_runs_and_is_checked(runs_dir, collection, tmp_path, monkeypatch):
  monkeypatch.setattr(report.collection, "draw_all", lambda *_: ())
  folder, sections = shutil.copytree(collection, tmp_path / "report"), []
  for source in (runs_dir, folder):
    arguments = ["report", f"--results_dir={source}", f"--output_dir={folder}", "--baseline=stl"]
    assert report.main(arguments) == 0
    text = (folder / "index.html").read_text()
    sections += re.findall(r'<section id="predictions".*?</section>', text, re.DOTALL)
  assert len(sections) == 2 and sections[0] == sections[1] and "McNemar against STL" in sections[0]
  check = ["report", f"--results_dir={folder}", "--check"]
  assert report.main(check) == 0
  (folder / FILE).unlink()
  assert report.main(check) == 1


def test_an_export_without_predictions_leaves_no_older_ones(runs_dir, collection, tmp_path):
  folder = shutil.copytree(collection, tmp_path / "out")
  bare = shutil.copytree(runs_dir, tmp_path / "bare", ignore=shutil.ignore_patterns("predictions.npz"))
  assert export.main(["export", f"--results_dir={bare}", f"--output_dir={folder}"]) == 0
  assert sorted(path.name for path in folder.iterdir()) == ["details.jsonl", "records.jsonl"]


def _refused(folder, line: str) -> str:
  """The message, with the collection's second line replaced."""
  lines = (folder / FILE).read_text().splitlines()
  (folder / FILE).write_text("\n".join([lines[0], line, *lines[2:]]))
  with pytest.raises(record_schema.RecordError) as error:
    reading.summaries(records.load_records([folder]))
  message = str(error.value)
  assert f"{FILE}, line 2: " in message and "\n" not in message and "Export the collection again, or delete" in message
  return message


def _signed(line: str, **changes) -> str:
  content = {**json.loads(line), **changes}
  content.pop("digest")
  return json.dumps({**content, "digest": summaries.line_digest(content)})


@pytest.mark.parametrize("change, message", [
    ({"confusions": [[[1, 2], [3, 0]]]}, "1 matrices and 2 calibration errors of 2 tasks"),
    ({"confusions": [[[1, 2]], [[3, 0]]]}, "matrix (1, 2)"),
    ({"confusions": [[[1, 2], [3]], [[3, 0], [1, 2]]]}, "not the predictions of"),
    ({"confusions": [[[10**18, 2], [3, 0]], [[3, 0], [1, 2]]]}, "a matrix (2, 2) of"),
    ({"confusions": [[[0, 3], [3, 0]], [[0, 3], [3, 0]]]}, "answers and matrices disagree"),
    ({"confusions": 5}, "confusions is 5, not a list"),
    ({"calibration_errors": [0.1, 1.5]}, "calibration_errors[1] is 1.5"),
    ({"calibration_errors": [0.1]}, "2 matrices and 1 calibration errors of 2 tasks"),
    ({"calibration_errors": [0.1, float("nan")]}, "calibration_errors[1] is nan"),
    ({"correct": "AAAA"}, "3 bytes of 12 answers"),
    ({"correct": "=?"}, "not the predictions of"),
    ({"agnostic_accuracy": "all"}, "agnostic_accuracy is 'all'"),
    ({"source": "0" * 64}, "not reduced from the predictions that the record of cifar100/hps_all/smoke/seed1"),
    ({"identity": "cifar100/stl/smoke/seed2"}, "not reduced from the predictions that the record of cifar100/stl"),
    ({"identity": "other/stl/smoke/seed0"}, "'other/stl/smoke/seed0' is not among the runs"),
])
def test_a_line_that_does_not_fit_its_record_is_refused(collection, tmp_path, change, message):
  folder = shutil.copytree(collection, tmp_path / "odd")
  assert message in _refused(folder, _signed((folder / FILE).read_text().splitlines()[1], **change))


def test_damaged_lines_are_refused(collection, tmp_path):
  folder = shutil.copytree(collection, tmp_path / "odd")
  line = (folder / FILE).read_text().splitlines()[1]
  for damaged in (line[:-9], "{}", "[]", "7", "[" * 10**5, line.replace("0.", "0.0", 1)):
    assert "not the predictions of a run" in _refused(folder, damaged)


def test_runs_that_were_found_twice_count_once(runs_dir, collection):
  found = reading.summaries(records.load_records([collection, runs_dir]))
  assert len(found) == 5 and len(reading.summaries(records.load_records([runs_dir, collection]))) == 5
