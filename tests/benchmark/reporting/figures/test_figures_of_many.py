"""Figures of two dozen methods: each line can be told from the others, and the page can hide it."""

import itertools
import re

import pytest

from benchmark.reporting import page
from benchmark.reporting.figures import collection, families, style
from benchmark.results import comparison
from benchmark.results.run_details import RunDetails
from tests.benchmark import synthetic_records
from tests.benchmark.synthetic_records import constant

_MANY = ["stl", "snn", "hps_all", "hps_top1", "hps_top2", "hps_bottom1", "hps_bottom2", "hps_alternating", "tf_top2",
         "dfcnn_top2", "lasem_hps", "lasem_hps_2021", "lasem_hps_early", "lasem_tf", "lasemg_hps", "darts_hps",
         "exhaustive_hps", "prognn", "den", "apd", "apd_release", "ewc", "lwf", "replay", "a_gem"]


def _details(run, num_epochs=40):
  accuracies = [epoch / num_epochs for epoch in range(num_epochs)]
  return RunDetails("", "", {
      "visit": [0] * num_epochs, "task": [0] * num_epochs, "global_epoch": list(range(num_epochs)),
      "loss": [1.] * num_epochs, "validation_accuracy": accuracies, "test_accuracy": [None] * num_epochs,
      "prior": [[.25] * 4 if run.learner.startswith("lasem") else None] * num_epochs})


def _draw(runs, without_course=()):
  details = {run.identity: _details(run) for run in runs if run.learner not in without_course}
  panels = comparison.panels(runs)
  return {figure.name.rpartition("-")[2]: figure for figure in collection.draw_all(runs, panels, details)}


@pytest.fixture(name="drawn", scope="module")
def _drawn():
  return _draw(synthetic_records.suite(learners=_MANY, seeds=(0, 1), num_tasks=3))


def _legend_entries(figure):
  """The legends' lines, by their texts."""
  legends = [*figure.legends, *(axis.get_legend() for axis in figure.axes if axis.get_legend() is not None)]
  return [(text.get_text(), line) for legend in legends
          for text, line in zip(legend.get_texts(), legend.legend_handles)]


def _look(line):
  # Matplotlib tells of a list of dashes only that the line is dashed.
  return line.get_color(), line._unscaled_dash_pattern, line.get_marker()


@pytest.mark.parametrize("kind", ["learning_curves", "mean_accuracy", "profiles"])
def test_no_two_methods_share_colour_dash_and_marker(drawn, kind):
  figure = drawn[kind].figure
  entries = _legend_entries(figure)
  assert sorted(text for text, _ in entries) == sorted(style.label(learner) for learner in _MANY)
  assert len({_look(line) for _, line in entries}) == len(_MANY)
  lines = [line for axis in figure.axes for line in axis.lines if not line.get_label().startswith("_")]
  assert lines and "None" not in {line.get_marker() for line in lines}
  looks = {}
  for line in lines:
    looks.setdefault(line.get_label(), set()).add(_look(line))
  assert all(len(own) == 1 for own in looks.values()) and len(set.union(*looks.values())) == len(_MANY)


def test_no_two_methods_share_colour_marker_and_fill_where_there_are_no_lines(drawn):
  entries = _legend_entries(drawn["pareto"].figure)
  assert len({(line.get_color(), line.get_marker(), line.get_fillstyle()) for _, line in entries}) == len(_MANY)


def test_learning_curves_are_marked_sparsely_and_not_at_the_same_epochs(drawn):
  for axis in drawn["learning_curves"].figure.axes:
    marks = [line.get_markevery() for line in axis.lines]
    assert all(len(places) == 1 for places in marks)  # One visit.
    assert len({place for (place,) in marks}) == len(marks)


def test_a_marker_stands_in_every_visit_but_in_eight_at_most_and_never_in_a_gap():
  assert families.mark_segments([4, 1, 9], 0, 1) == [2, 5, 11]  # 0-3, gap, 5, gap, 7-15.
  gaps = {4, 6, 16}
  for index in range(5):
    places = families.mark_segments([4, 1, 9], index, 5)
    assert not gaps & set(places) and max(places) < 16
  assert len(families.mark_segments([3] * 20, 1, 4)) == 7


def test_accuracies_of_every_task_are_drawn_for_few_methods_only(drawn):
  assert "task_accuracy" not in drawn and "the tables have them" in drawn["mean_accuracy"].caption
  few = _draw(synthetic_records.suite(learners=_MANY[:12], seeds=(0,), num_tasks=2))
  assert "task_accuracy" in few and "the tables have them" not in few["mean_accuracy"].caption
  assert "task_accuracy" not in _draw(synthetic_records.suite(learners=_MANY[:13], seeds=(0,), num_tasks=2))


def _pixels_of_a_point(figure):
  """As the style sheet shows drawings on a page of 1280 pixels, 1248 without its margins."""
  points = 72 * figure.get_figwidth()
  return min(1.25, (1220 if points > page.MOST_POINTS_OF_HALF_A_PAGE else 588) / points)


def test_legends_have_letters_of_nine_pixels_and_lie_within_the_figure():
  learners = [f"{learner}[learning_rate=0.0001]" for learner in _MANY]
  for kind, drawn in _draw(synthetic_records.suite(learners=learners, seeds=(0, 1), num_tasks=3)).items():
    figure = drawn.figure
    style.render(drawn)
    own = [axis.get_legend() for axis in figure.axes if axis.get_legend() is not None]
    texts = [text for legend in (*figure.legends, *own) for text in legend.get_texts()]
    assert texts or kind in ("forgetting", "configurations", "prior")
    ticks = [text for axis in figure.axes for text in (*axis.get_xticklabels(), *axis.get_yticklabels())]
    assert min(text.get_fontsize() for text in (*texts, *ticks)) * _pixels_of_a_point(figure) >= 8.9, kind
    right = figure.canvas.get_width_height()[0]
    boxes = [legend.get_window_extent() for legend in own]
    assert all(box.x0 >= -1 and box.x1 <= right + 1 for box in boxes), kind
    for first, second in itertools.combinations(boxes, 2):
      assert not first.overlaps(second), kind


def test_a_family_has_a_panel_and_a_crowded_one_two():
  shown = families.panels(_MANY)
  assert sorted(learner for members in shown.values() for learner in members) == sorted(_MANY)
  assert shown["References"] == ["stl", "snn"] and shown["Static TF"] == ["tf_top2"]
  assert shown["LASEM"] == ["lasem_hps", "lasem_hps_2021", "lasem_hps_early", "lasem_tf", "lasemg_hps"]
  assert shown["Regularisation and replay"] == ["ewc", "lwf", "replay", "a_gem"]
  assert families.panels(_MANY[:12]) == {"": _MANY[:12]}
  assert families.panels([*_MANY, "a_stranger"])["Other methods"] == ["a_stranger"]


def test_other_panels_are_the_background_of_mean_accuracies(drawn):
  for axis in filter(lambda axis: axis.get_visible(), drawn["mean_accuracy"].figure.axes):
    assert len(axis.lines) == len(_MANY)
    grey = {line.get_gid() for line in axis.lines if line.get_label().startswith("_")}
    assert len(grey) + len(axis.get_legend().get_texts()) == len(_MANY)


@pytest.mark.parametrize("kind", ["learning_curves", "mean_accuracy", "profiles", "pareto", "forgetting"])
def test_files_name_the_method_of_all_that_is_drawn_of_it(drawn, kind):
  svg = style.render(drawn[kind]).svg
  for learner in _MANY:
    elements = re.findall(rf'<g data-method="{learner}">', svg)
    assert len(elements) >= (5 if kind == "forgetting" else 3), learner  # tick, cells and texts; line and legend entry


def test_panels_carry_their_method(drawn):
  for kind in ("configurations", "prior"):
    gids = {axis.get_gid() for axis in drawn[kind].figure.axes if axis.get_visible()} - {None}
    assert gids >= {f"method:{learner}" for learner in _MANY if learner.startswith("lasem")}


def _turned(learner, seed):
  """A run of another task order."""
  return synthetic_records.record(learner=learner, seed=seed, rows=[[None, .5], [.5, .5]], peaks=[.5, .5],
                                  task_order=(1, 0))


def test_captions_name_who_is_left_out_and_why():
  runs = [constant(learner, 0, .5) for learner in ("stl", "snn", "ewc", "replay")]
  runs += [_turned("lwf", 1), _turned("replay", 1),
           synthetic_records.record(learner="den", num_tasks=2, status="diverged", reason="NaN")]
  drawn = _draw(runs, without_course=("snn",))
  for kind in ("mean_accuracy", "task_accuracy", "forgetting", "learning_curves"):
    assert "LwF (own last layer) (learned the tasks in another order than most)" in drawn[kind].caption
    assert ("Replay (own last layer) (1 of 2 runs, which learned the tasks in another order than most)"
            in drawn[kind].caption)
    assert "DEN (no completed run)" in drawn[kind].caption and "EWC" not in drawn[kind].caption
  assert drawn["pareto"].caption.endswith(" Not drawn: DEN (no completed run).")
  assert "SNN (the course of its runs was not kept)" in drawn["learning_curves"].caption
  assert "Not drawn" not in _draw(runs[:4])["mean_accuracy"].caption


def test_captions_name_methods_measured_otherwise():
  runs = [constant(learner, seed, .5) for learner in ("stl", "snn") for seed in (0, 1)]
  runs += [constant("ewc", 0, .5, data="other data"), _turned("lwf", 0)]
  for figure in collection.draw_all(runs, comparison.panels(runs, allow_mixed_data=True), {}):
    kind = figure.name.rpartition("-")[2]
    assert f"({style.MIXED})" in figure.caption and "EWC" in figure.caption and "LwF" in figure.caption
    is_told = "LwF (own last layer) (learned the tasks in another order than most)" in figure.caption
    assert is_told == (kind != "pareto")
