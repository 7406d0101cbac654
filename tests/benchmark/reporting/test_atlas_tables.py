"""The transfer atlas in files, maps and on the page."""

import csv
import io
import json

import pytest

from benchmark import report
from benchmark.reporting import atlas, atlas_tables
from benchmark.reporting.figures import atlas as figures
from benchmark.results import records
from tests.benchmark import synthetic_records
from tests.benchmark.report_command import check
from tests.benchmark.reporting import atlas_records


@pytest.fixture(name="pairs", scope="module")
def fixture_pairs():
  return atlas.pairs([*atlas_records.atlas(), atlas_records.record("stl", 0, .5, (1, 2)),
                      atlas_records.record("hps_10", 0, .4, (1, 2))])


def test_rows_show_the_target_and_the_source(pairs):
  target, source, *_, alone = ([cell.text for cell in line] for line in atlas_tables.lines(pairs))
  assert target == ["0", "1", "invented", "HPS", "target", "3", "13.00 ± 2.48", "-1.00 ± 2.48", "10", "12.00 ± 4.97",
                    "10", "12.00 ± 4.97"]
  assert source[4:] == ["source", "3", "-10.00 ± 0.00", "0.00 ± 0.00", "10", "-10.00 ± 0.00", "10", "-10.00 ± 0.00"]
  assert alone[5:] == ["1", "-", "-", "10", "0.00", "-", "-"]
  (bold, *_) = atlas_tables.lines(pairs)
  assert [cell.is_best for cell in bold[6:]] == [True, False, False, True, False, True]
  assert len(atlas_tables.columns(pairs)) == len(target)


def test_csv_has_fractions(pairs):
  files = atlas_tables.files(pairs)
  rows = list(csv.DictReader(io.StringIO(files["atlas.csv"])))
  assert [row["configuration"] for row in rows] == ["01", "10", "11", "10"]
  assert rows[1]["declared_best"] == "True" and float(rows[1]["gain_mean"]) == pytest.approx(.12)
  assert float(rows[1]["source_change_mean"]) == pytest.approx(-.1) and rows[3]["declared_best"] == ""
  layers = list(csv.DictReader(io.StringIO(files["atlas_layers.csv"])))
  assert [(row["layer"], row["declared_shared"]) for row in layers] == [("1", "1"), ("2", "0")]
  assert float(layers[0]["gain_low"]) == pytest.approx(.13 - 4.302653 * .01 / 3**.5)


def test_runs_without_a_result_are_named(pairs):
  assert atlas_tables.remarks(pairs) == [atlas_tables.EXPLANATION, "Hyper-parameters were not tuned."]
  gap = atlas_records.record("hps_11", 0, .5, (1, 2), status="diverged", reason="loss is inf")
  runs = [*atlas_records.atlas(), atlas_records.record("stl", 0, .5, (1, 2)), gap]
  assert atlas_tables.remarks(atlas.pairs(runs))[2:] == [
      "Without a result, and left out: HPS 11, tasks 1 and 2: seed 0 diverged: loss is inf."]


def test_maps_show_gains_and_mark_what_excludes_zero(pairs):
  gains, changes = figures.draw_all(pairs)
  assert gains.name == "invented-paper-atlas_hps_forward_transfer" and "costs the source" in changes.title
  shown = [[text.get_text() for text in axis.texts] for axis in gains.figure.axes[:4]]
  # Source 0: targets by configurations, and by layers; source 1: one seed of one configuration has no interval.
  assert shown == [["-2*", "12*", "12*"], ["13*", "-1"], ["-10"], []]
  assert [len(axis.lines) for axis in gains.figure.axes[:4]] == [1, 1, 0, 0]  # Frames: what is declared best.
  assert [axis.get_visible() for axis in gains.figure.axes[:4]] == [True, True, True, False]
  assert [label.get_text() for label in gains.figure.axes[0].get_xticklabels()] == ["01", "10", "11"]
  assert [text.get_text() for text in changes.figure.axes[1].texts] == ["-10*", "0"]


def test_a_report_shows_the_atlas_beside_other_runs(tmp_path, monkeypatch, capsys):
  monkeypatch.setattr(report.collection, "draw_all", lambda *_: ())
  ordinary = synthetic_records.suite(("cifar100",), ("stl", "hps_all"), (0, 1))
  records.write_collection([*ordinary, *atlas_records.atlas()], tmp_path / "records.jsonl")
  assert report.main(["report", f"--results_dir={tmp_path}", "--baseline=stl"]) == 0
  written = json.loads((tmp_path / "report.json").read_text())["files"]
  assert {"atlas.md", "atlas.csv", "atlas_layers.csv", "figures/invented-paper-atlas_hps_forward_transfer.png"} <= {
      *written}
  page, table = (tmp_path / "index.html").read_text(), (tmp_path / "table.md").read_text()
  assert atlas_tables.TITLE in page and "12.00 ± 4.97" in page and "16 completed" in page
  assert "task_order" not in table and "invented" not in table and atlas_tables.TITLE in capsys.readouterr().out
  assert check(tmp_path) == 0
  # Without these runs the files go, and the other tables are the same.
  records.write_collection(ordinary, tmp_path / "records.jsonl")
  assert report.main(["report", f"--results_dir={tmp_path}", "--baseline=stl"]) == 0
  assert (tmp_path / "table.md").read_text() == table and not list(tmp_path.rglob("*atlas*"))
  assert atlas_tables.TITLE not in (tmp_path / "index.html").read_text()


def test_a_folder_may_hold_an_atlas_alone(tmp_path):
  records.write_collection(atlas_records.atlas(), tmp_path / "records.jsonl")
  assert report.main(["report", f"--results_dir={tmp_path}"]) == 0 and check(tmp_path) == 0
  assert (tmp_path / "atlas.md").exists() and not list(tmp_path.glob("table*"))
  page = (tmp_path / "index.html").read_text()
  assert "<option>invented</option>" in page and "12 completed" in page and "Invented images, invented" in page
