"""The learner and the stream of `examples/extension` work from outside the tree, as the README says."""

import json
import pathlib

from benchmark import run

_FOLDER = pathlib.Path(__file__).resolve().parent.parent / "examples" / "extension"


def test_a_learner_and_a_stream_of_ones_own(tmp_path, monkeypatch):
  monkeypatch.chdir(_FOLDER)
  monkeypatch.syspath_prepend(str(_FOLDER))
  status = run.main(["benchmark.run", "--gin_file=suite.gin", "--gin_param=EPOCHS_PER_TASK = 2", "--jobs=1",
                     "--gin_param=suite.learners = ('frozen_trunk',)", f"--output_dir={tmp_path}"])
  assert status == 0
  (path,) = tmp_path.rglob("record.json")
  parameters = json.loads(path.read_text())["result"]["parameters"]["after_visit"]
  # The trunk is counted once; every task adds a head of 8 x 2 weights and 2 biases.
  assert parameters[1] - parameters[0] == parameters[2] - parameters[1] == 18


def test_learners_of_ones_own_are_as_short_as_promised():
  for name in ("frozen_trunk.py", "stripes.py"):
    assert len((_FOLDER / name).read_text().splitlines()) < 40
