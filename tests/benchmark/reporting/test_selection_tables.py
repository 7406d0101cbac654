"""The table of how well searches chose."""

import csv
import dataclasses
import io

import pytest

from benchmark.reporting import selection_tables
from benchmark.reporting.figures import recovery
from benchmark.results import selection_quality
from tests.benchmark import synthetic_records
from tests.benchmark.results import planted_records
from tests.benchmark.results.planted_records import record


@pytest.fixture(autouse=True)
def fixture_certificate(tmp_path, monkeypatch):
  planted_records.certify(tmp_path, monkeypatch)


def _runs():
  finals = {"random_hps": (.4, .6, .5), "planted_hps": (.8, .9, .7), "lasem_hps": (.6, .8, .6)}
  return [record(learner, seed, [value + .01 * seed * (place + 1) for place, value in enumerate(values)],
                 ("111", "111", "011") if learner == "lasem_hps" else ("111", "011", "101"))
          for learner, values in finals.items() for seed in range(3)]


def test_rows_show_what_is_known():
  found = selection_quality.qualities(_runs(), {})
  lines = {row[0].value: [cell.text for cell in row] for row in selection_tables.lines(found)}
  assert lines["lasem_hps"][2:5] == ["3", "40.0 ± 0.0", "13.33 ± 0.00"]
  assert lines["lasem_hps"][5].startswith("0.56 [") and lines["lasem_hps"][6] == "Planted HPS"
  assert lines["lasem_hps"][7:] == ["1.00", "-", "-"]


def test_columns_of_which_nothing_is_known_are_neither_shown_nor_explained():
  columns, rows = selection_tables.table(selection_quality.qualities(_runs(), {}))
  assert columns == [name for name in selection_tables.COLUMNS if name not in ("Decision (epoch)", "Its mass")]
  assert {len(row) for row in rows} == {len(columns)}
  text = selection_tables.explanation(columns)
  assert "Recovery: " in text and "Agreement: " in text and "Decision: " not in text


def test_a_single_stream_gives_way_first():
  found, columns = selection_quality.qualities(_runs(), {}), selection_tables.COLUMNS
  two_streams = [*found, dataclasses.replace(found[0], stream="other")]
  by_rank = [[column for _, column in sorted(zip(selection_tables.ranks(columns, qualities), columns))]
             for qualities in (found, two_streams)]
  assert by_rank[0][:4] == ["Learner", "Recovery (%)", "Skill", "n"] and by_rank[0][-1] == "Stream"
  assert by_rank[1][:3] == ["Learner", "Stream", "Recovery (%)"]


def test_markdown_tells_what_a_coin_and_always_sharing_recover():
  runs = _runs()
  text = selection_tables.markdown(selection_quality.qualities(runs, {}), selection_tables.always_share(runs))
  assert "a coin recovers 50.0 %, sharing every layer 60.0 %" in text and "LASEM HPS" in text
  assert selection_tables.markdown([], []) == ""


def test_csv_has_fractions():
  rows = list(csv.DictReader(io.StringIO(selection_tables.csv(selection_quality.qualities(_runs(), {})))))
  lasem = next(row for row in rows if row["learner"] == "lasem_hps")
  assert float(lasem["recovery_mean"]) == .4 and lasem["decision_epoch"] == "" and lasem["reference"] == "planted_hps"
  assert float(lasem["skill_low"]) <= float(lasem["skill"]) <= float(lasem["skill_high"])


def test_the_figure_draws_recovery_by_kind_and_layer():
  # The first method has no knowledge, for which nothing can be certified.
  groups = {"stl": [synthetic_records.record(learner="stl")]}
  for run in _runs():
    groups.setdefault(run.learner, []).append(run)
  drawn = recovery.recovery_map("planted", "Planted", groups)
  shown = {axis.get_title(): [text.get_text() for text in axis.texts] for axis in drawn.figure.axes if axis.get_title()}
  assert shown == {"Random HPS": ["100"] * 5, "LASEM HPS": ["0", "100", "100", "0", "0"]}


def test_no_figure_where_nothing_is_declared():
  groups = {"lasem_hps": [synthetic_records.record(learner="lasem_hps")]}
  assert recovery.recovery_map("x", "X", groups) is None
