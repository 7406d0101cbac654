"""One contract for all learners: of every class of learners, and of every branch of its code, one."""

import pytest

from benchmark.suites import gin_files, learner_names
from tests.support import contract

# Learners that bind a class and options that none of the others has.
OWN_CODE = (
    "a_gem", "apd", "apd_faithful", "apd_release", "channel_gated_faithful", "channel_gated_soft", "den_faithful",
    "den_release", "der_pp", "ewc", "gpm", "hat", "lwf_faithful", "mas", "mntdp", "packnet", "prognn",
    "prognn_published", "si", "snn", "stl", "supsup", "wsn",
    # Each knowledge, each selection with its options, and where they meet: kernels that are made from factors.
    "hps_top1", "tf_alternating", "dfcnn_all", "random_hps", "exhaustive_hps", "darts_tf", "darts_hps_faithful",
    "darts_hps_validation", "lasem_hps", "lasem_dfcnn_early", "lasem_hps_bounded", "lasem_hps_heldout", "lasemg_hps",
    "planted_hps")
# Options that no file binds, and that add variables or phases of their own.
VARIANTS = {
    ("apd", "CONSOLIDATE_EVERY = 2"), ("apd", "AdditiveDecomposition.mode = 'gradient'"),
    ("apd", "AdditiveDecomposition.mode = 'exact'", "AdditiveDecomposition.retention_every = 2"),
    ("replay", "MEMORY_POLICY = 'reservoir'", "MEMORY_BUDGET = 5", "ExperienceReplay.memory_batch = 3"),
    ("joint", "RESTART = True"), ("ewc_separate", "ElasticWeightConsolidation.head_depth = 'all_dense'",
                                  "ElasticWeightConsolidation.fisher_kind = 'sampled'")}
# Files without code of their own: what they bind is checked with the learner on the right.
OTHER_VALUES = {
    "a_gem_all_dense": "ewc_separate", "a_gem_faithful": "a_gem", "channel_gated": "channel_gated_faithful",
    "den": "den_faithful", "ewc_all_dense": "ewc_separate", "fine_tuning": "ewc", "lwf": "lwf_faithful",
    "lwf_all_dense": "ewc_separate", "prognn_scale2": "prognn", "replay_all_dense": "ewc_separate",
    "replay_per_class": "replay"}
# Groups need more layers than they are.
_DEPTHS = {"lasemg_hps": 3}
# One phase, or one for each of many candidates: two epochs show all there is.
_MORE_EPOCHS = ("den_faithful", "den_release", "lwf_faithful", "packnet", "channel_gated_faithful",
                "darts_hps_faithful", "lasem_dfcnn_early", "lasem_hps_bounded",
                "lasem_hps_heldout")


def test_every_file_is_accounted_for():
  covered = {*OWN_CODE, *(name for name, *_ in VARIANTS), *OTHER_VALUES}
  assert set(gin_files.names_in("learners")) <= covered
  assert {*OTHER_VALUES.values()} <= {*OWN_CODE, *(name for name, *_ in VARIANTS)}
  composed = [learner_names.resolve(name).files for name in OWN_CODE]
  # What these bind is covered by others, or by the tests of selections.
  for folder, left_out in (("knowledge", {"dfcnn_2021"}), ("selection", {
      "darts_heldout", "darts_second_order", "exhaustive_last", "lasem_2021", "lasemg_2021", "lasemg_early",
      *(f"lasemg{count}_2021" for count in (32, 64, 128, 256))})):
    files = {f"learners/{folder}/{name}.gin" for name in set(gin_files.names_in(f"learners/{folder}")) - left_out}
    assert files <= {file for files in composed for file in files}


@pytest.mark.parametrize("name, bindings", [*((name, ()) for name in OWN_CODE),
                                            *((name, tuple(bindings)) for name, *bindings in sorted(VARIANTS))])
def test_learner(name, bindings):
  subject = contract.load(name, bindings, depth=_DEPTHS.get(name, 2), epochs=4 if name in _MORE_EPOCHS else 2)
  contract.live(contract.learner_life.Life(subject))
