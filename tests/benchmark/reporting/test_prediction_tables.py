"""A page shows calibration, task-agnostic accuracy, McNemar tests and confusion matrices of runs with predictions."""

import re

from benchmark import report
from benchmark.reporting import prediction_tables
from benchmark.results import comparison, records
from benchmark.results.predictions import reading
from tests.benchmark.results.predictions import test_reading


def _shown(folder, **options):
  found = records.load_records([folder])
  return found, comparison.panels(found, **options), reading.summaries(found)


def test_tables_by_hand(tmp_path):
  # Seed 1 has two images wrong in each task instead of one.
  test_reading.write(tmp_path, "stl", 0)
  test_reading.write(tmp_path, "stl", 1)
  test_reading.write(tmp_path, "hps_all", 0, logits_1=test_reading.arrays(2)["logits_1"])
  shown = _shown(tmp_path, baseline="stl")
  (_, _, columns, rows), = prediction_tables.calibration(*shown)
  cells = {learner: dict(zip(columns, (cell.text for cell in line))) for learner, line in rows}
  assert cells["stl"]["n"] == "2" and cells["stl"]["Task-agnostic (%)"] == "75.00 [0.00, 100.00]"  # 10/12 and 8/12.
  assert cells["hps_all"]["Task-agnostic (%)"] == "83.33" and columns[-1] == "Task 1"
  (_, title, columns, rows), = prediction_tables.mcnemar(*shown)
  assert title.endswith("McNemar against STL")
  assert [[cell.text for cell in line] for _, line in rows] == [["HPS All", "0", "0", "2", "12", "0.500"]]
  first, second = prediction_tables.confusions(*shown)
  assert (first.learner, first.texts) == ("stl", ["Task 0\n4 2\n1 5", "Task 1\n4 2\n1 5"])
  assert second.texts == ["Task 0\n2 1\n0 3", "Task 1\n1 2\n1 2"]


def test_narrow_pages_keep_the_columns_that_say_most():
  assert prediction_tables.ranks(["Learner", "n", "Task-agnostic (%)", "Calibration error (%)", "Task 0", "Task 1"]
                                 ) == [0, 3, 2, 1, 4, 5]
  assert prediction_tables.ranks(["Learner", "Seed", "Right alone", "STL right alone", "Images", "p"]
                                 ) == [0, 1, 3, 4, 5, 2]


def test_other_images_are_not_paired(tmp_path):
  test_reading.write(tmp_path, "stl", 0)
  test_reading.write(tmp_path, "hps_all", 0, rows_0=test_reading.arrays(0)["rows_0"] + 100)
  assert not list(prediction_tables.mcnemar(*_shown(tmp_path, baseline="stl")))


def test_the_page_has_the_section_only_where_there_are_predictions(tmp_path):
  test_reading.write(tmp_path / "with", "stl", 0)
  test_reading.write(tmp_path / "with", "hps_all", 0)
  assert report.main(["report", f"--results_dir={tmp_path / 'with'}", f"--output_dir={tmp_path / 'a'}"]) == 0
  text = (tmp_path / "a" / "index.html").read_text()
  for part in ("Predictions</h2>", "never made to compare", "McNemar against", "Confusion matrices",
               "Task 0\n2 1\n0 3"):
    assert part in text
  assert re.search(r'<a href="#predictions">', text)
  for path in (tmp_path / "with").rglob("predictions.npz"):
    path.unlink()
  assert report.main(["report", f"--results_dir={tmp_path / 'with'}", f"--output_dir={tmp_path / 'a'}"]) == 0
  assert "Predictions</h2>" not in (tmp_path / "a" / "index.html").read_text()
