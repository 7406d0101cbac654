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


def test_every_method_has_a_style_of_its_own_even_without_lines():
  styles = [methods.look(name) for name in _METHODS]
  assert len({(look.colour, look.marker, look.fill) for look in styles}) == len(_METHODS)


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
  looks = methods.looks(["stl", "hps_all", "lasem_hps", "hps_top1"])
  assert looks["stl"] == methods.look("stl") and looks["hps_top1"] == methods.look("hps_top1")
  assert looks["hps_all"].line == methods.look("hps_all").line and looks["hps_all"].marker != methods.look("stl").marker


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
