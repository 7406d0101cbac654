"""The shipped grids: an entry for every learner, equally many trials, and the learner's own value among them."""

import re

import pytest

from benchmark.suites import bindings, gin_files, suite

_COMPOSED = ["hps_top2", "tf_all", "dfcnn_all", "lasem_hps", "lasem_tf_early", "darts_tf", "exhaustive_hps"]
# What is tuned beside the rate. Learners that are not named have nine rates and no knob.
_KNOBS = {
    **dict.fromkeys(("ewc", "ewc_all_dense", "ewc_separate", "si", "mas", "hat"), "STRENGTH"),
    **dict.fromkeys(("lwf", "lwf_all_dense", "lwf_faithful"), "TEMPERATURE"),
    **dict.fromkeys(("apd", "apd_faithful", "apd_release", "channel_gated", "channel_gated_faithful"),
                    "SPARSITY_WEIGHT"),
    **dict.fromkeys(("den", "den_faithful", "den_release"), "Shrinkage.group"),
    **dict.fromkeys(("wsn", "supsup"), "CAPACITY"),
    "channel_gated_soft": "GATE_TEMPERATURE", "packnet": "RETRAIN_SHARE", "mntdp": "NEIGHBOURS", "gpm": "THRESHOLD",
    "der_pp": "ALPHA"}
_PARTS = [gin_files.names_in("learners")[start::4] for start in range(4)] + [_COMPOSED]


@pytest.mark.parametrize("learners", _PARTS, ids=lambda learners: learners[0])
def test_every_learner_has_nine_trials_around_its_own_values(tmp_path, learners):
  """A binding that a learner does not use is refused when the suite is read."""
  path = tmp_path / "tuned.gin"
  path.write_text("include 'tuning/grids.gin'\nsuite.streams = ('cifar100',)\nsuite.scale = 'paper'\n"
                  f"suite.learners = {tuple(learners)}\nsuite.seeds = (0,)\nsuite.tuning = 'end_of_stream'\n")
  for group in suite.expand([str(path)]).groups:
    assert len(group.trials) == 9
    assert len({runs[0].configuration_hash for runs in group.trials}) == 9
    plain = suite.load([str(path)], [f"suite.learners = ('{group.learner}',)", "suite.grids = {}",
                                     "suite.tuning = 'none'"])[1][0]
    own = bindings.bound_values(plain.text)
    knobs = [name for name, _ in group.trials[0][0].bindings if not name.startswith("LEARNING_RATE")]
    assert knobs == ([_KNOBS[group.learner]] if group.learner in _KNOBS else []), group.learner
    for name in knobs:
      tried = sorted({bindings.bound_values(runs[0].text)[name] for runs in group.trials})
      assert tried[0] < own[name] < tried[-1] and own[name] in tried, (group.learner, name)


def test_every_learner_with_a_knob_has_a_file():
  assert set(_KNOBS) <= set(gin_files.names_in("learners"))


def test_the_rate_that_a_learners_file_binds_is_the_middle_one():
  """The rates of all other learners are streams'."""
  own = {}
  for name in gin_files.names_in("learners"):
    text = gin_files.read(gin_files.resolve(f"learners/{name}.gin"))
    if found := re.search(r"^LEARNING_RATE = (\S+)", text, re.MULTILINE):
      own[name] = float(found[1])
  assert {"hat", "gpm", "der_pp", "packnet", "wsn", "supsup"} <= set(own)
  grids = bindings.bound_values(gin_files.read(gin_files.resolve("tuning/grids.gin")))["suite.grids"]
  for name, rate in own.items():
    assert sorted(grids[name]["LEARNING_RATE"])[1] == rate and len(grids[name]["LEARNING_RATE"]) == 3, name
