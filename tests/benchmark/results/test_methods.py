"""Methods have names for people and looks of their own, which depend on nothing but the name."""

import itertools

import numpy as np
import pytest

from benchmark.results import methods
from benchmark.suites import learner_names

_METHODS = [
    "stl", "snn", "prognn", "den", "channel_gated", "channel_gated_soft", "apd", "ewc", "lwf", "replay", "a_gem",
    "fine_tuning", "joint", "random_hps", "random_tf", "random_dfcnn", "planted_hps",
    "planted_tf", "planted_dfcnn", "hat", "packnet", "mntdp", "der_pp", "gpm",
    "si", "mas", "wsn", "prognn_published"
]
_METHODS += [f"{knowledge}_{pattern}" for knowledge in ("hps", "tf", "dfcnn") for pattern in (
    "all", "top1", "top2", "top3", "bottom1", "bottom2", "bottom3", "alternating", "alternating_odd")]
_METHODS += [f"{search}_{knowledge}" for search in ("lasem", "lasemg", "darts", "exhaustive")
             for knowledge in ("hps", "tf", "dfcnn")]
_METHODS += [f"{search}_{knowledge}_{preset}" for search in ("lasem", "lasemg") for knowledge in ("hps", "tf", "dfcnn")
             for preset in ("2021", "early")]


def test_every_shipped_method_is_known_and_has_a_style_of_its_own():
  names = learner_names.names()
  assert len(names) > 50
  assert [name for name in names if methods.learner_label(name) == name] == []
  looks = {}
  for name in names:
    look = methods.look(name)
    looks.setdefault((look.colour, look.line, look.marker), []).append(name)
  assert [same for same in looks.values() if len(same) > 1] == []


_ALIKE = [set("h8Ho"), set("h8Hp"), set("Dd")]  # Shapes that are not told apart at five pixels.


def _is_same_shape(first, second):
  return first.marker == second.marker or any({first.marker, second.marker} <= same for same in _ALIKE)


def test_any_two_methods_differ_by_the_shape_of_their_markers():
  for first, second in itertools.combinations(_METHODS, 2):
    shown = methods.looks([first, second])
    assert shown[first].marker != shown[second].marker, (first, second)


@pytest.mark.parametrize("learners", [
    ["lasem_hps", "lasem_hps_2021", "lasem_hps_bounded", "lasem_hps_heldout", "lasem_hps_early"],
    ["darts_hps", "darts_hps_faithful", "darts_hps_second_order", "darts_hps_validation", "darts_hps_heldout"],
    ["exhaustive_hps", "exhaustive_hps_last"], ["hps_all", "hps_top1", "hps_bottom1"], ["hps_top1", "hps_top2"],
    ["random_hps", "planted_hps", "stl", "joint", "fine_tuning"], ["ewc", "ewc_separate", "lwf", "lwf_faithful"],
    ["stl", "random_hps", "planted_hps", "hps_all", "lasem_hps", "lasem_hps_2021", "lasem_hps_bounded",
     "lasem_hps_heldout", "darts_hps", "darts_hps_faithful", "exhaustive_hps"]])
def test_forms_of_a_method_are_told_apart_by_shape_not_by_filling(learners):
  shown = methods.looks(learners)
  alike = [pair for pair in itertools.combinations(learners, 2) if _is_same_shape(*map(shown.get, pair))]
  assert alike == []
  assert {look.fill for look in shown.values()} == {"full"}


@pytest.mark.parametrize("method, forms", [("lasem_hps", ("2021", "bounded", "heldout", "early")),
                                           ("darts_hps", ("faithful", "second_order", "validation", "heldout"))])
def test_forms_have_dashes_of_their_own(method, forms):
  lines = [methods.look(name).line for name in (method, *(f"{method}_{form}" for form in forms))]
  assert len(set(lines)) == len(lines) and lines[0] == "-"


def test_half_filled_markers_are_not_used():
  names = [*_METHODS, *(f"{name}[a={value}]" for name in _METHODS for value in range(9)), "a_stranger"]
  assert {methods.look(name).fill for name in names} <= {"full", "none"}


def test_a_variant_that_stands_for_its_method_looks_like_it():
  tuned = ["stl[learning_rate=0.0003]", "lasem_hps_heldout[learning_rate=0.001]", "ewc[a=1]", "ewc[a=2]"]
  shown = methods.looks(tuned)
  assert shown[tuned[0]] == methods.look("stl") and shown[tuned[1]] == methods.look("lasem_hps_heldout")
  assert shown["ewc[a=1]"] != shown["ewc[a=2]"] and shown["ewc[a=1]"] == methods.look("ewc[a=1]")


def test_of_more_methods_than_shapes_those_of_one_colour_differ_by_shape():
  shown = methods.looks([name for name in _METHODS if methods.family(name).name not in ("lasem", "lasemg")])
  by_colour = {}
  for look in shown.values():
    by_colour.setdefault(look.colour, []).append(look.marker)
  assert [markers for markers in by_colour.values() if len(set(markers)) < len(markers)] == []


def test_colours_stay_apart_for_colour_blind_eyes():
  # Viénot, Brettel and Mollon (1999): linear RGB as deuteranopes and protanopes see it.
  views = {"normal": np.eye(3), "protan": [[.1124, .8876, 0], [.1124, .8876, 0], [.0040, -.0040, 1]],
           "deutan": [[.2928, .7072, 0], [.2928, .7072, 0], [-.0223, .0223, 1]]}
  colours = sorted({methods.look(name).colour for name in _METHODS})
  rgb = np.array([[int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5)] for colour in colours])
  for view in views.values():
    seen = np.clip((rgb ** 2.2) @ np.transpose(view), 0, 1) ** (1 / 2.2)
    for first, second in itertools.combinations(range(len(colours)), 2):
      assert np.abs(seen[first] - seen[second]).max() > .06, (colours[first], colours[second])


@pytest.mark.parametrize("name, label", [
    ("stl", "STL"), ("hps_top2", "HPS Top-2"), ("dfcnn_bottom1", "DF-CNN Bottom-1"), ("lasem_dfcnn", "LASEM DF-CNN"),
    ("lasem_hps_2021", "LASEM HPS (2021)"), ("hps_alternating_odd", "HPS Alternating odd"),
    ("a_gem", "A-GEM (own last layer)"),
    ("tf_all", "TF (LASEM release) All"), ("lasem_tf", "LASEM TF"), ("prognn", "ProgNN (LASEM release)"),
    ("prognn_published", "ProgNN"), ("ewc", "EWC (own last layer)"), ("ewc_all_dense", "EWC (own dense layers)"),
    ("replay_per_class", "Replay per class (own last layer)"), ("darts_tf_faithful", "DARTS TF faithful"),
    ("channel_gated_soft", "Channel-gated soft"), ("office_home_x", "office_home_x"), ("stlish", "stlish")])
def test_labels(name, label):
  assert methods.learner_label(name) == label


def test_families_are_ordered_and_found_word_by_word():
  names = ["zeta", "a_gem", "lasemg_hps", "lasem_tf", "lasem_hps", "hps_top1", "stl"]
  assert sorted(names, key=methods.learner_key) == names[::-1]
  assert methods.family("lasemg32_hps_2021").name == "lasemg32" and methods.family("lasemg9") is None
  assert methods.family("channel_gated_soft").name == "channel_gated" and methods.family("channel") is None


def test_variants_follow_their_method_by_number_and_differ_in_their_look():
  names = [f"ewc[strength={value}]" for value in ("0.5", "2", "10", "100", "1e+06")]
  assert sorted([*names[::-1], "lwf", "ewc"], key=methods.learner_key) == ["ewc", *names, "lwf"]
  assert methods.learner_label(names[0]) == "EWC (own last layer; strength=0.5)"
  assert methods.learner_label("mine[a=1]") == "mine (a=1)"
  assert methods.variant_label("ewc[a=1,b=2]") == "a=1, b=2" and methods.variant_label("ewc") == ""
  looks = [methods.look(name) for name in names]
  assert {look.colour for look in looks} == {methods.look("ewc").colour}
  assert len({(look.marker, look.line, look.fill) for look in looks}) == len(names)


def test_methods_shown_together_need_no_colour():
  names = [name for name in _METHODS if "[" not in name]
  for count in (2, 6, 24, len(names)):
    looks = methods.looks(names[:count])
    assert list(looks) == names[:count]
    assert len({(look.marker, look.line) for look in looks.values()}) == count
    assert all(look.colour == methods.look(name).colour for name, look in looks.items())


def test_the_first_keeps_its_look_and_nobody_is_displaced_who_has_one_of_its_own():
  looks = methods.looks(["stl", "hps_top1", "lasem_hps", "hps_all"])
  assert [name for name in looks if looks[name] != methods.look(name)] == ["hps_top1"]
  assert looks["hps_top1"].line == methods.look("hps_top1").line
  assert looks["hps_top1"].marker not in {methods.look(name).marker for name in looks}


def test_more_methods_than_combinations_share_some():
  names = [f"method_{number}" for number in range(200)]
  assert len(methods.looks(names)) == 200


def test_short_labels_say_what_tells_methods_apart_and_no_more():
  assert methods.short_labels(["stl[learning_rate=0.1]", "ewc_separate[strength=1]", "lasem_hps_2021"]) == {
      "stl[learning_rate=0.1]": "STL", "ewc_separate[strength=1]": "EWC separate", "lasem_hps_2021": "LASEM HPS (2021)"}
  assert methods.short_labels(["ewc", "ewc_all_dense[strength=1]"]) == {
      "ewc": "EWC (own last layer)", "ewc_all_dense[strength=1]": "EWC (own dense layers)"}
  variants = ["ewc[strength=1]", "ewc[strength=2]", "stl", "stl[x=1]"]
  assert methods.short_labels(variants) == {name: methods.learner_label(name) for name in variants}
