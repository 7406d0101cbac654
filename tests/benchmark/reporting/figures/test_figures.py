"""Figures show the data they are given, in one style, the same every time."""

import io
import xml.etree.ElementTree

import numpy as np
import pytest
from PIL import Image

from benchmark.reporting.figures import accuracy, collection, cost, learning_curves, style, transfer
from benchmark.results import comparison, methods, records, run_details
from benchmark.results.run_details import RunDetails
from tests.benchmark import synthetic_records
from tests.benchmark.synthetic_records import constant


def draw(runs, details=None):
  return {figure.name.rpartition("-")[2]: figure for figure in
          collection.draw_all(runs, comparison.panels(runs), details or {})}


def lines(axis):
  return {line.get_label(): line for line in axis.lines if not line.get_label().startswith("_")}


def test_a_style_depends_on_the_name_alone():
  few = draw([constant("lasem_hps", 0, .5)])["mean_accuracy"].figure.axes[0]
  many = draw(synthetic_records.suite())["mean_accuracy"].figure.axes[0]
  assert lines(few)["LASEM HPS"].get_color() == lines(many)["LASEM HPS"].get_color() == "#D55E00"
  assert methods.look("my_method") == methods.look("my_method")


def test_mean_accuracy_by_hand():
  runs = [synthetic_records.record(seed=seed, rows=[[.8, None], [.6, low]], peaks=[.8, low]) for seed, low in
          enumerate((.4, .6))]
  axis = draw(runs)["mean_accuracy"].figure.axes[0]
  np.testing.assert_allclose(lines(axis)["STL"].get_xydata(), [[1, 80], [2, 55]])
  # Means .5 and .6: half-width 12.7062 * .0707107 / sqrt(2) = .635310.
  top = axis.collections[0].get_paths()[0].vertices[:, 1].max()
  assert top == 100  # Not 55 + 63.5: no accuracy is above 100 %.


def test_task_accuracy_starts_where_a_task_was_learned():
  axes = draw([synthetic_records.record(rows=[[.8, None], [.6, .5]], peaks=[.8, .5])])["task_accuracy"].figure.axes
  np.testing.assert_allclose(lines(axes[0])["STL"].get_ydata(), [80, 60])
  np.testing.assert_allclose(lines(axes[1])["STL"].get_ydata(), [np.nan, 50])


def test_forgetting_map_by_hand():
  figure = draw([synthetic_records.record(rows=[[.8, None], [.6, .5]], peaks=[.8, .5])])["forgetting"].figure
  np.testing.assert_allclose(figure.axes[0].collections[0].get_array().ravel(), [20, 0], atol=1e-12)
  assert [text.get_text() for text in figure.axes[0].texts] == ["20.0", "0.0"]


def test_configuration_grid_counts_seeds():
  runs = [constant("lasem_hps", seed, .5) for seed in (0, 1)]
  runs[0].result["configurations"][:] = ["1100", None]
  runs[1].result["configurations"][:] = ["1010", "0000"]
  grid = draw(runs)["configurations"].figure.axes[0].collections[0].get_array().reshape(4, 2)
  np.testing.assert_allclose(grid, [[1, 0], [.5, 0], [.5, 0], [0, 0]])  # rows: layers from the input


def test_methods_that_choose_nothing_have_no_grid():
  runs = [constant("hps_top2", seed, .5) for seed in (0, 1)]
  for run in runs:
    run.result["configurations"][:] = ["0011", "0011"]
  assert "configurations" not in draw(runs)
  assert "prior" not in draw(runs) and "learning_curves" not in draw(runs)


@pytest.mark.parametrize("index, size, bits", [(0, 16, "1111"), (1, 16, "0111"), (3, 16, "0011"), (5, 16, "0101"),
                                               (10, 16, "1010"), (14, 16, "1000"), (15, 16, "0000"),
                                               (15, 64, "000011"), (4, 5, "configuration 4")])
def test_configuration_bits_count_from_the_input_side(index, size, bits):
  assert transfer.configuration_bits(index, size) == bits


def test_prior_and_learning_curves_come_from_the_course_of_runs(tmp_path):
  runs = [synthetic_records.record(learner="lasem_hps", seed=seed) for seed in (1, 0)]
  paths = [synthetic_records.write_run(run, tmp_path) for run in runs]
  found = records.load_records(paths)
  drawn = draw(found, run_details.load_details(found))
  axis = drawn["prior"].figure.axes[0]
  assert axis.get_title() == "LASEM HPS, seed 0"
  prior = axis.collections[0].get_array().reshape(16, 12)
  assert np.ma.getmaskarray(prior)[:, :4].all()  # the first task is not searched
  np.testing.assert_allclose(prior[:, 4:].sum(axis=0), 1, atol=1e-4)
  curve = lines(drawn["learning_curves"].figure.axes[0])["LASEM HPS"].get_xydata()
  np.testing.assert_allclose(curve[:4], [[epoch / 3, 100 * (1 - .9 / (epoch + 1))] for epoch in range(4)], atol=1e-3)
  assert np.isnan(curve[4]).all() and curve[5, 0] == 1  # The next task's line starts anew.


def test_many_configurations_show_those_that_mattered():
  prior = np.full(64, 1e-3)
  prior[40] = 1 - prior.sum() + 1e-3
  columns = {"visit": [0, 0], "task": [0, 0], "global_epoch": [0, 1], "loss": [1., 1.], "validation_accuracy": [.1, .2],
             "test_accuracy": [None, None], "prior": [prior.tolist()] * 2}
  run = constant("lasem_hps", 0, .5)
  drawn = transfer.prior_evolution("x", "x", {"lasem_hps": [run]}, {run.identity: RunDetails("", "", columns)})
  figure = drawn.figure
  assert figure.axes[0].collections[0].get_array().size == 16 * 2
  # Six layers, or LASEM-G's six groups of layers: the records of both look alike.
  assert "one digit per layer, or per group of layers" in drawn.caption
  assert "111010" in [text.get_text() for text in figure.axes[0].get_yticklabels()]


def _course(accuracies_by_visit):
  epochs = [(visit, found) for visit, accuracies in enumerate(accuracies_by_visit) for found in accuracies]
  return {"visit": [visit for visit, _ in epochs], "global_epoch": list(range(len(epochs))),
          "validation_accuracy": [found for _, found in epochs], "prior": [None] * len(epochs)}


def test_a_visit_of_many_epochs_is_as_wide_as_one_of_few_and_shows_the_best_so_far():
  long, short = _course([[.1, .5, .1, .3, .7], [.2] * 1000]), _course([[.1, .3], [.2, .6]])
  curves = learning_curves.visit_curves([long])
  np.testing.assert_allclose(curves[0], [[0, .25, .5, .75, 1], [.1, .5, .5, .5, .7]])
  assert curves[1][0][0] == 0 and curves[1][0][-1] == 1
  np.testing.assert_allclose(learning_curves.visit_curves([short])[1], [[0, 1], [.2, .6]])
  # Runs of different lengths meet at equal shares: .1, .15, .2, .25 and .3 of the short one.
  np.testing.assert_allclose(learning_curves.visit_curves([short, long])[0][1], [.1, .325, .35, .375, .5])


def test_epochs_without_validation_accuracy_and_visits_of_one_epoch():
  curves = learning_curves.visit_curves([_course([[None, .4, .2], [None], [.3]])])
  assert sorted(curves) == [0, 2]
  np.testing.assert_allclose(curves[0], [[.5, 1], [.4, .4]])
  np.testing.assert_allclose(curves[2], [[1], [.3]])


def test_learning_curves_say_what_their_axes_are_and_their_digest_follows_the_epochs():
  run = constant("stl", 0, .5)
  details = [{run.identity: RunDetails("", "", _course(visits))} for visits in ([[.1, .2, .3]] * 3, [[.1, .3]] * 3)]
  drawn = [draw([run], found)["learning_curves"] for found in details]
  axis = drawn[0].figure.axes[0]
  assert axis.get_xlabel() == "Tasks visited, each by share of its epochs" and "so far" in axis.get_ylabel()
  assert "equally wide" in drawn[0].caption
  assert style.data_digest(drawn[0].figure) != style.data_digest(drawn[1].figure)


@pytest.mark.parametrize("num_tasks", [1, 2, 3, 6])
def test_ticks_of_tasks_are_whole_tasks(num_tasks):
  runs = [synthetic_records.record(seed=seed, num_tasks=num_tasks) for seed in (0, 1)]
  details = {run.identity: RunDetails("", "", _course([[.1, .2, .3]] * num_tasks)) for run in runs}
  drawn = draw(runs, details)
  for kind in ("mean_accuracy", "task_accuracy", "learning_curves"):
    figure = drawn[kind].figure
    figure.canvas.draw()
    shown = [text.get_text() for axis in figure.axes for tick, text in zip(axis.get_xticks(), axis.get_xticklabels())
             if axis.get_visible() and axis.get_xlim()[0] <= tick <= axis.get_xlim()[1]]
    assert shown and all(text.isdigit() for text in shown), (kind, shown)


def _of_costs(**costs):
  """Runs of three methods, with values of a result by learner."""
  runs = [constant(learner, seed, .5) for learner in ("stl", "snn", "hps_all") for seed in (0, 1)]
  for run in runs:
    for name, values in costs.items():
      run.result[name] = values[run.learner]
  return runs


def test_a_cost_that_all_methods_share_has_no_panel_but_a_sentence():
  macs = {"stl": [1e6] * 2, "snn": [1e6] * 2, "hps_all": [1e6] * 2}
  drawn = draw(_of_costs(forward_macs_committed=macs))["pareto"]
  assert "MACs per image" not in [axis.get_xlabel() for axis in drawn.figure.axes]
  assert "MACs per image: 1.00 MMAC for all methods." in drawn.caption
  drawn = draw(_of_costs(forward_macs_committed={**macs, "hps_all": [2e6] * 2}))["pareto"]
  assert "MACs per image" in [axis.get_xlabel() for axis in drawn.figure.axes]
  assert "MACs per image: " not in drawn.caption


def test_pareto_front_by_hand():
  points = [(1, 50), (2, 40), (2, 60), (3, 60), (4, 90), (1, 45)]
  assert cost.pareto_front(points) == [0, 2, 4]
  assert cost.pareto_front([]) == []


def test_diverged_runs_are_not_drawn():
  runs = [constant("stl", 0, .5), synthetic_records.record(learner="den", num_tasks=2, status="diverged", reason="NaN")]
  assert list(lines(draw(runs)["mean_accuracy"].figure.axes[0])) == ["STL"]
  assert draw([runs[1]]) == {}


def _many_tasks(num_tasks: int):
  return draw([synthetic_records.record(learner=learner, seed=seed, num_tasks=num_tasks)
               for learner in ("stl", "lasem_hps") for seed in (0, 1)])


def test_of_many_tasks_some_are_drawn_and_the_caption_says_so():
  drawn = _many_tasks(90)
  frames = [axis for axis in drawn["task_accuracy"].figure.axes if axis.get_visible()]
  titles = [axis.get_title() for axis in frames]
  assert len(titles) == len(set(titles)) == 20 and titles[0] == "Task 0" and titles[-1] == "Task 89"
  assert "Shown are 20 of 90 tasks" in drawn["task_accuracy"].caption
  assert not drawn["forgetting"].figure.axes[0].texts
  for figure in drawn.values():
    assert max(figure.figure.get_size_inches()) < 30
    assert all(len(axis.get_xticks()) <= 45 for axis in figure.figure.axes)
  assert "Shown are" not in _many_tasks(20)["task_accuracy"].caption


def test_intervals_and_axes_of_accuracies_stay_within_0_and_100():
  runs = [constant("stl", seed, value) for seed, value in enumerate((.1, .9))]
  for kind in ("mean_accuracy", "task_accuracy", "pareto"):
    axis = draw(runs)[kind].figure.axes[0]
    assert -5 <= axis.get_ylim()[0] < axis.get_ylim()[1] <= 105, kind
    values = [value for line in axis.lines for value in line.get_ydata()]
    assert min(values) >= 0 and max(values) <= 100


def test_one_seed_has_no_band():
  assert np.isnan(accuracy.band([np.array([.5, .6])])[1]).all()


def test_files_are_the_same_every_time_and_carry_their_digest():
  runs = synthetic_records.suite(learners=("stl", "lasem_hps"), seeds=(0, 1))
  first, second = ([style.render(figure) for figure in draw(runs).values()] for _ in range(2))
  assert len(first) == 6 and first == second
  pareto = first[-1]
  digest = Image.open(io.BytesIO(pareto.png)).text["Description"]
  assert digest in pareto.svg and digest == pareto.digest and len(digest) == 64
  assert 'data-method="lasem_hps"' in pareto.svg and 'id="method:' not in pareto.svg


def test_the_digest_follows_the_data():
  first, second = ([constant("stl", 0, value)] for value in (.5, .6))
  for name, figure in draw(first).items():
    assert style.data_digest(figure.figure) == style.data_digest(draw(first)[name].figure)
    if name != "forgetting":
      assert style.data_digest(figure.figure) != style.data_digest(draw(second)[name].figure), name


def test_names_with_markup_and_control_characters_make_valid_drawings():
  label = style.label("a<b>&$\\frac{}$_\"\x1b[31m\x00\u202e")
  figure, axes = style.new_figure(3, 2)
  axes[0, 0].set_title(label)
  drawn = style.render(style.ReportFigure("odd", "", "", "", figure, ""))
  assert "<b>" not in drawn.svg and "a&lt;b&gt;" in drawn.svg and "\x1b" not in drawn.svg
  assert xml.etree.ElementTree.fromstring(drawn.svg).tag.endswith("svg")
