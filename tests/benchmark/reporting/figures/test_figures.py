"""Figures show the data they are given, in one style, the same every time."""

import itertools

import numpy as np
import pytest
from PIL import Image

from benchmark.reporting.figures import accuracy, collection, cost, style, transfer
from benchmark.results import comparison, methods, records, run_details
from benchmark.results.run_details import RunDetails
from benchmark.suites import learner_names
from tests.benchmark import synthetic_records
from tests.benchmark.synthetic_records import constant

_METHODS = [
    "stl", "snn", "prognn", "den", "channel_gated", "channel_gated_soft", "apd", "ewc", "lwf", "replay", "a_gem",
    "fine_tuning", "joint", "random_hps", "random_tf", "random_dfcnn", "hat", "packnet", "mntdp", "der_pp", "gpm", "si", "mas", "wsn"
]
_METHODS += [f"{knowledge}_{pattern}" for knowledge in ("hps", "tf", "dfcnn") for pattern in (
    "all", "top1", "top2", "top3", "bottom1", "bottom2", "bottom3", "alternating", "alternating_odd")]
_METHODS += [f"{search}_{knowledge}" for search in ("lasem", "lasemg", "darts", "exhaustive")
             for knowledge in ("hps", "tf", "dfcnn")]
_METHODS += [f"{search}_{knowledge}_{preset}" for search in ("lasem", "lasemg") for knowledge in ("hps", "tf", "dfcnn")
             for preset in ("2021", "early")]


def draw(runs, details=None):
  return {figure.name.rpartition("-")[2]: figure for figure in
          collection.draw_all(runs, comparison.panels(runs), details or {})}


def lines(axis):
  return {line.get_label(): line for line in axis.lines if not line.get_label().startswith("_")}


def test_every_shipped_method_is_known_and_has_a_style_of_its_own():
  names = learner_names.names()
  assert len(names) > 50
  assert [name for name in names if methods.learner_label(name) == name] == []
  looks = {}
  for name in names:
    look = style.method_style(name)
    looks.setdefault((look.colour, look.line, look.marker), []).append(name)
  assert [same for same in looks.values() if len(same) > 1] == []


def test_every_method_has_a_style_of_its_own_even_without_lines():
  styles = [style.method_style(name) for name in _METHODS]
  assert len({(look.colour, look.marker, look.fill) for look in styles}) == len(_METHODS)


def test_a_style_depends_on_the_name_alone():
  few = draw([constant("lasem_hps", 0, .5)])["mean_accuracy"].figure.axes[0]
  many = draw(synthetic_records.suite())["mean_accuracy"].figure.axes[0]
  assert lines(few)["LASEM HPS"].get_color() == lines(many)["LASEM HPS"].get_color() == "#D55E00"
  assert style.method_style("my_method") == style.method_style("my_method")


def test_colours_stay_apart_for_colour_blind_eyes():
  # Viénot, Brettel and Mollon (1999): linear RGB as deuteranopes and protanopes see it.
  views = {"normal": np.eye(3), "protan": [[.1124, .8876, 0], [.1124, .8876, 0], [.0040, -.0040, 1]],
           "deutan": [[.2928, .7072, 0], [.2928, .7072, 0], [-.0223, .0223, 1]]}
  colours = sorted({style.method_style(name).colour for name in _METHODS})
  rgb = np.array([[int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5)] for colour in colours])
  for view in views.values():
    seen = np.clip((rgb ** 2.2) @ np.transpose(view), 0, 1) ** (1 / 2.2)
    for first, second in itertools.combinations(range(len(colours)), 2):
      assert np.abs(seen[first] - seen[second]).max() > .06, (colours[first], colours[second])


def test_mean_accuracy_by_hand():
  runs = [synthetic_records.record(seed=seed, rows=[[.8, None], [.6, low]], peaks=[.8, low]) for seed, low in
          enumerate((.4, .6))]
  axis = draw(runs)["mean_accuracy"].figure.axes[0]
  np.testing.assert_allclose(lines(axis)["STL"].get_xydata(), [[1, 80], [2, 55]])
  # Means .5 and .6: half-width 12.7062 * .0707107 / sqrt(2) = .635310.
  top = axis.collections[0].get_paths()[0].vertices[:, 1].max()
  assert top == pytest.approx(55 + 63.5310, abs=1e-3)


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
  np.testing.assert_allclose(curve[:4], [[epoch, 100 * (1 - .9 / (epoch + 1))] for epoch in range(4)], atol=1e-3)


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


def test_pareto_front_by_hand():
  points = [(1, 50), (2, 40), (2, 60), (3, 60), (4, 90), (1, 45)]
  assert cost.pareto_front(points) == [0, 2, 4]
  assert cost.pareto_front([]) == []


def test_diverged_runs_are_not_drawn():
  runs = [constant("stl", 0, .5), synthetic_records.record(learner="den", num_tasks=2, status="diverged", reason="NaN")]
  assert list(lines(draw(runs)["mean_accuracy"].figure.axes[0])) == ["STL"]
  assert draw([runs[1]]) == {}


def test_one_seed_has_no_band():
  assert np.isnan(accuracy.band([np.array([.5, .6])])[1]).all()


def test_files_are_the_same_every_time_and_carry_their_digest(tmp_path):
  runs = synthetic_records.suite(learners=("stl", "lasem_hps"), seeds=(0, 1))
  for folder in ("a", "b"):
    for figure in collection.draw_all(runs, comparison.panels(runs), {}):
      style.save(figure, tmp_path / folder)
  names = sorted(path.name for path in (tmp_path / "a").iterdir())
  assert len(names) == 10
  for name in names:
    assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name
  digest = Image.open(tmp_path / "a" / "cifar100-smoke-pareto.png").text["Description"]
  svg = (tmp_path / "a" / "cifar100-smoke-pareto.svg").read_text()
  assert digest in svg and len(digest) == 64
  assert 'data-method="lasem_hps"' in svg and 'id="method:' not in svg


def test_the_digest_follows_the_data():
  first, second = ([constant("stl", 0, value)] for value in (.5, .6))
  for name, figure in draw(first).items():
    assert style.data_digest(figure.figure) == style.data_digest(draw(first)[name].figure)
    if name != "forgetting":
      assert style.data_digest(figure.figure) != style.data_digest(draw(second)[name].figure), name


def test_names_with_markup_draw_and_save(tmp_path):
  runs = [constant("a<b>&$\\frac{}$_\"", 0, .5, display_name="$\\frac{}$ <i>")]
  for figure in collection.draw_all(runs, comparison.panels(runs), {}):
    style.save(figure, tmp_path)
  svg = (tmp_path / "cifar100-smoke-mean_accuracy.svg").read_text()
  assert "<b>" not in svg and "a&lt;b&gt;" in svg
