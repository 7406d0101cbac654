"""Long names of variants fit into legends, titles and beside maps."""

import itertools
import warnings

import pytest

from benchmark.reporting.figures import collection, style
from benchmark.results import comparison
from tests.benchmark import synthetic_records

_LEARNERS = ("stl", *(f"lasem_hps[learning_rate=0.0001,commit_epochs={number}]" for number in (1, 20, 300)))


@pytest.mark.parametrize("texts, most, width, columns", [
    (["STL"] * 4, 4, 7.2, 4), (["STL"] * 4, 4, 2.0, 2), (["x" * 50] * 4, 4, 7.2, 1), (["x" * 40, "STL"], 2, 4.0, 2)])
def test_legends_have_as_many_columns_as_fit(texts, most, width, columns):
  assert style.legend_columns(texts, most, width) == columns


def test_long_legends_leave_the_frames_their_height():
  learners = ["stl", *(f"lasem_hps_heldout[an_option_with_a_long_name={number}]" for number in range(13))]
  runs = [synthetic_records.record("synthetic", learner) for learner in learners]
  drawn = next(figure for figure in collection.draw_all(runs, comparison.panels(runs), {})
               if figure.name.endswith("mean_accuracy")).figure
  drawn.canvas.draw()
  heights = [axis.get_position().height * drawn.get_figheight() for axis in drawn.axes if axis.get_visible()]
  assert min(heights) > 1.3, heights  # Inches.


def test_figures_of_variants_have_room_for_their_names():
  runs = [synthetic_records.record("synthetic", learner, seed) for learner in _LEARNERS for seed in (0, 1)]
  with warnings.catch_warnings():
    warnings.simplefilter("error")
    drawn = {figure.name.rsplit("-", 1)[1]: figure for figure in collection.draw_all(runs, comparison.panels(runs), {})}
    for figure in drawn.values():
      style.render(figure)
      canvas = figure.figure.canvas.get_width_height()
      for text in [text for legend in figure.figure.legends for text in legend.get_texts()]:
        box = text.get_window_extent()
        assert box.x0 >= 0 and box.x1 <= canvas[0], (figure.name, text.get_text())
  maps = drawn["configurations"].figure
  titles = [axis.get_title() for axis in maps.axes]
  assert "LASEM HPS\nlearning_rate=0.0001,\ncommit_epochs=1" in titles
  boxes = sorted((axis.title.get_window_extent() for axis in maps.axes if axis.get_title()), key=lambda box: box.x0)
  assert all(left.x1 < right.x0 for left, right in itertools.pairwise(boxes)) and boxes[0].x0 >= 0
