"""The shipped grids: an entry for every learner, equally many trials, and the learner's own value among them."""

import pytest

from benchmark.suites import bindings, gin_files, learner_names, suite

_COMPOSED = ["hps_top2", "tf_all", "dfcnn_all", "lasem_hps", "lasem_tf_early", "darts_tf", "exhaustive_hps"]
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
    assert len(knobs) == (0 if learner_names.resolve(group.learner).is_composed else len(knobs)) <= 1
    for name in knobs:
      tried = sorted({bindings.bound_values(runs[0].text)[name] for runs in group.trials})
      assert tried[0] < own[name] < tried[-1] and own[name] in tried, (group.learner, name)
