"""Average ranks are drawn over ten panels or more that share their methods."""

import numpy as np
import pytest

from benchmark.reporting.figures import collection, critical_differences
from benchmark.results import comparison
from tests.benchmark import synthetic_records

_BASE = {"stl": .5, "hps_all": .4, "lasem_hps": .6}


def _records(num_streams, base=_BASE):
  return [synthetic_records.record(f"stream{number:02}", learner, seed, rows=[[accuracy + .01 * number]],
                                   peaks=[accuracy])
          for number in range(num_streams) for learner, accuracy in base.items() for seed in (0, 1)]


def _drawn(records):
  return critical_differences.critical_differences(comparison.panels(records))


def test_ten_panels_and_three_methods_are_needed():
  assert _drawn(_records(9)) is None and _drawn(_records(10, {"stl": .5, "hps_all": .4})) is None
  drawn = _drawn(_records(10))
  assert drawn.stream == "" and "n = 10 streams" in drawn.caption and "no sign of equality" in drawn.caption
  (axis,) = drawn.figure.axes
  assert [text.get_text() for text in axis.get_yticklabels()] == ["LASEM HPS  1.00", "STL  2.00", "HPS All  3.00"]
  points = [line.get_xydata().tolist() for line in axis.lines]
  assert points == [[[1.0, 0.0]], [[2.0, 1.0]], [[3.0, 2.0]]]  # All pairs differ: no bar.


def test_a_method_that_a_panel_lacks_is_not_ranked():
  records = [record for record in _records(10, _BASE | {"snn": .3})
             if (record.learner, record.stream) != ("snn", "stream03")]
  (axis,) = _drawn(records).figure.axes
  assert len(axis.get_yticklabels()) == 3


def test_a_bar_spans_what_was_not_shown_to_differ_and_a_weak_test_says_so():
  drawn = _drawn(_records(10, {f"learner{index}": .8 - .05 * index for index in range(8)}))
  bars = [line.get_xdata() for line in drawn.figure.axes[0].lines if len(line.get_xdata()) == 2]
  np.testing.assert_array_equal(bars, [[1.0, 8.0]])
  assert "With 28 pairs and n = 10 no pair can be shown to differ: the smallest p is 0.002." in drawn.caption


@pytest.mark.parametrize("num_streams, expected", [(9, 0), (10, 1)])
def test_a_report_draws_it_once(num_streams, expected):
  records = _records(num_streams)
  names = [figure.name for figure in collection.draw_all(records, comparison.panels(records), {})]
  assert names.count("critical_differences") == expected
