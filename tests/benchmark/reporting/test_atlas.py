"""The transfer atlas from records: what it finds, and which records are of one."""

import math

import pytest

from benchmark.reporting import atlas
from benchmark.results import comparison
from tests.benchmark import synthetic_records
from tests.benchmark.reporting import atlas_records
from tests.benchmark.reporting.atlas_records import record

_GAIN, _SOURCE = atlas.GAIN.name, atlas.SOURCE_CHANGE.name
_T = 4.302653  # The 97.5 % point of Student's t with 2 degrees of freedom.


def test_gains_by_hand():
  (pair,) = atlas.pairs(atlas_records.atlas())
  assert (pair.stream, pair.scale, pair.knowledge, pair.source, pair.target) == ("invented", "paper", "hps", 0, 1)
  assert [each.configuration for each in pair.transfers] == ["01", "10", "11"]
  # 0.10, 0.12, 0.14: mean 0.12, standard deviation 0.02. Unpaired it would be that of 0.60, 0.64, 0.68.
  found = pair.transfer("10").estimates[_GAIN]
  assert (found.n, found.mean, found.half_width) == pytest.approx((3, .12, _T * .02 / math.sqrt(3)))
  assert found.excludes_zero and pair.transfer("01").estimates[_GAIN].mean == pytest.approx(-.02)
  assert pair.transfer("10").estimates[_SOURCE].mean == pytest.approx(-.1)
  assert pair.transfer("01").estimates[_SOURCE].mean == 0 and not pair.transfer("01").estimates[_SOURCE].excludes_zero
  assert pair.leader.configuration == "10" and pair.transfer("00") is None  # Of equal means the fewer layers.


def test_effects_of_layers_by_hand():
  (pair,) = atlas.pairs(atlas_records.atlas())
  first, second = pair.layers[_GAIN]
  # Layer 1, by seed: (.10 + .12 + .02) / 2, (.12 + .12 + .02) / 2, (.14 + .12 + .02) / 2.
  assert (first.n, first.mean, first.half_width) == pytest.approx((3, .13, _T * .01 / math.sqrt(3)))
  # Layer 2: (-.02 + .12 - .10) / 2, (-.02 + .12 - .12) / 2, (-.02 + .12 - .14) / 2.
  assert second.mean == pytest.approx(-.01)
  assert [effect.mean for effect in pair.layers[_SOURCE]] == pytest.approx([-.1, 0])


def test_effects_are_over_seeds_that_have_every_configuration():
  runs = [run for run in atlas_records.atlas() if (run.named.method, run.seed) != ("hps_11", 2)]
  (pair,) = atlas.pairs(runs)
  assert pair.layers[_GAIN][0].n == 2 and pair.transfer("10").estimates[_GAIN].n == 3
  (pair,) = atlas.pairs([run for run in runs if run.named.method in ("stl", "hps_11")])
  assert pair.layers == {}  # Layers that are always shared together.


def test_what_is_best_is_known_after_a_task_that_fills_the_bank():
  runs = [*atlas_records.atlas(), record("stl", 0, .5, (1, 2)), record("hps_10", 0, .4, (1, 2))]
  assert [(pair.source, pair.target, pair.best) for pair in atlas.pairs(runs)] == [(0, 1, "10"), (1, 2, None)]
  (pair,) = atlas.pairs([record("stl", 0, .5, best=()), record("hps_10", 0, .4, best=())])
  assert pair.best is None


def test_kinds_of_sharing_have_pairs_of_their_own():
  runs = [*atlas_records.atlas(), record("tf_10", 0, .7)]
  hps, tf = atlas.pairs(runs)
  assert (hps.knowledge, tf.knowledge) == ("hps", "tf") and tf.transfer("10").estimates[_GAIN].mean == pytest.approx(.2)


def test_only_stl_and_static_learners_on_pairs_of_tasks_are_of_an_atlas():
  pairs = atlas_records.atlas()
  others = [synthetic_records.record("invented", "stl", scale="paper"), record("lasem_hps", 0, .5, bits="10"),
            record("stl", 0, .5, (1, 1)), synthetic_records.record("other", "hps_all")]
  assert atlas.split([*others, *pairs]) == (pairs, others)
  # Without runs of STL to compare with, or of static learners, there is no atlas.
  for one_kind in (pairs[:3], pairs[3:]):
    assert atlas.split(one_kind) == ([], one_kind)
  assert atlas.source_and_target("stl", {"experiment.task_order": "%ORDER"}) is None
  assert atlas.source_and_target("hps_10[task_order=2+0]", {"experiment.task_order": "(2, 0)"}) == (2, 0)
  assert atlas.source_and_target("hps_10", None) is None


@pytest.mark.parametrize("order", ["([], [])", "('a', 'b')", "(0.5, 1)", "(True, 1)", "-" * 9000 + "1", "~" * 5000,
                                   "(1, 0)", "(0, 99)"])
def test_texts_of_strangers_are_no_pairs_of_tasks(order):
  run = atlas_records.record("hps_10", 0, .6)
  run.result["variant"]["experiment.task_order"] = order
  assert atlas.split([*atlas_records.atlas(), run])[1] == [run]


def test_layers_are_told_apart_only_where_all_networks_have_as_many():
  deeper = atlas_records.record("hps_101", 0, .6, bits="101")
  (pair,) = atlas.pairs([*atlas_records.atlas(), deeper])
  assert pair.layers == {} and pair.best is None and len(pair.transfers) == 4


def test_a_run_without_a_result_is_a_gap():
  runs = [*atlas_records.atlas()[:-1], record("hps_11", 2, .5, status="diverged", reason="loss is inf")]
  (pair,) = atlas.pairs(runs)
  assert pair.transfer("11").estimates[_GAIN].n == 2
  assert [row.gaps for row in pair.panel.rows if row.gaps] == [("seed 2 diverged: loss is inf",)]
  (pair,) = atlas.pairs([record("stl", 0, .5), record("hps_11", 0, .5, status="diverged", reason="loss is inf")])
  assert pair.transfers == () and pair.leader is None


def test_other_variants_of_a_learner_keep_their_names():
  run = record("stl", 0, .5)
  named = record("hps_10", 0, .6)
  identity = named.identity.replace("task_order", "learning_rate=0.1,task_order")
  (pair,) = atlas.pairs([run, type(named)(identity, named.result, named.provenance)])
  assert [row.learner for row in pair.panel.rows] == ["stl", "hps_10[learning_rate=0.1]"]


def test_pairs_of_other_images_are_refused():
  with pytest.raises(comparison.MixedDataError, match="different images"):
    atlas.pairs([record("stl", 0, .5), record("hps_10", 0, .6, data="other")])
