"""What lies in `examples` works: a learner and a stream from outside the tree, files made from a package's digits."""

import json
import pathlib
import subprocess
import sys

import numpy as np

from benchmark import run
from lasem_tf.data.readers import idx_files

_EXAMPLES = pathlib.Path(__file__).resolve().parent.parent / "examples"
_FOLDER = _EXAMPLES / "extension"


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


def test_digits_of_the_package_become_files_of_mnist(tmp_path):
  folder = tmp_path / "package" / "src" / "digits"
  folder.mkdir(parents=True)
  for label in range(10):
    (folder / f"{label}.json").write_text(json.dumps({"data": [label / 10] * 784 * 700}))
  subprocess.run([sys.executable, str(_EXAMPLES / "mnist_files.py"), str(tmp_path / "package"), str(tmp_path)],
                 check=True)
  source = idx_files.read_mnist((str(tmp_path),))
  assert {split: len(labels) for split, labels in source.labels.items()} == {"train": 6500, "test": 500}
  for split, labels in source.labels.items():
    np.testing.assert_array_equal(source.images[split].reshape(len(labels), -1).max(axis=1), np.round(labels * 25.5))
    assert source.class_counts(split).min() > 30  # Shuffled.
