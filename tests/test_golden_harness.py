"""The golden test itself: it must notice what is wrong, and hide nothing."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

from tests.golden_support import comparison, manifest, plugin, worker


def _alter(folder, name, change_manifest=None, change_arrays=None):
  """Changes a copied fixture in place."""
  for suffix in (".json", ".npz"):
    shutil.copy(plugin.FOLDER / f"{name}{suffix}", folder)
  if change_manifest:
    path = folder / f"{name}.json"
    path.write_text(json.dumps(change_manifest(json.loads(path.read_text()))))
  if change_arrays:
    path = folder / f"{name}.npz"
    with np.load(path) as stored:
      arrays = {key: stored[key] for key in stored.files}
    np.savez(path, **change_arrays(arrays))


def _scale(name, factor):
  return lambda arrays: {**arrays, name: (arrays[name] * factor).astype(arrays[name].dtype)}


def _set_learner(name):
  return lambda content: {**content, "method": {**content["method"], "learner": name}}


def test_another_folder_with_faulty_fixtures(tmp_path):
  fixtures = tmp_path / "fixtures"
  fixtures.mkdir()
  _alter(fixtures, "stl")
  _alter(fixtures, "hps_all", change_arrays=_scale("t0/after1/shared/conv0/kernel", 1.0001))
  _alter(fixtures, "hps_top2", change_arrays=_scale("t1/step0/grad/shared/conv3/kernel", 1.001))
  _alter(fixtures, "snn", change_arrays=lambda arrays: {**arrays, "t0/step0/temperature": np.ones(3)})
  _alter(fixtures, "hps_alter", change_arrays=_scale("t0/losses_before_each_update", 1.001))
  _alter(fixtures, "l21_stl", change_manifest=_set_learner("telepathy"))
  _alter(fixtures, "lasem_hps_count", change_manifest=lambda content: {
      **content, "stages": [{**stage, "num_trainable_var": stage["num_trainable_var"] + 1}
                            for stage in content["stages"]]})
  (fixtures / "riddle.json").write_text('{"fixture": "riddle", "sphinx": 1}')
  np.savez(fixtures / "orphan.npz", array=np.ones(2))
  run = subprocess.run([sys.executable, "-m", "pytest", "-q", "-rf", "-p", "no:cacheprovider", "tests/test_golden.py",
                        f"--golden_dir={fixtures}"], cwd=plugin.FOLDER.parents[1], capture_output=True, text=True)
  assert run.returncode == 1
  assert "1 agree, 8 differ, 0 MISSING" in run.stdout
  for message in ("t0/after1/shared/conv0/kernel: differs by", "t1/step0/grad/shared/conv3/kernel: differs by",
                  "arrays compared: surplus [], lacking ['t0/step0/temperature']",
                  "t0/losses_before_each_update: differs by", "unknown kind 'telepathy'", "t0: reported parameters",
                  "unknown kind of fixture: the manifest holds fixture, sphinx",
                  "orphan.json"):
    assert message in run.stdout, message


def test_an_empty_folder_is_no_success(tmp_path):
  run = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_golden.py",
                        f"--golden_dir={tmp_path}"],
                       cwd=plugin.FOLDER.parents[1], capture_output=True, text=True)
  assert run.returncode == 1 and "no fixture in" in run.stdout


def test_methods_that_are_not_built_are_missing(tmp_path, monkeypatch):
  _alter(tmp_path, "stl")
  monkeypatch.setitem(manifest.LEARNERS, "single_task", ("lasem_tf.learners.not_built_yet", "NotBuiltYet"))
  assert worker.check(tmp_path, "stl")["status"] == "missing"
  monkeypatch.setitem(manifest.LEARNERS, "single_task", ("lasem_tf.learners.single_task", "NotBuiltYet"))
  assert worker.check(tmp_path, "stl")["status"] == "missing"


def test_missing_methods_are_counted(capsys):
  class Report:
    nodeid = "tests/test_golden.py::test_fixture[den]"
    longrepr = ("file", 1, "Skipped: MISSING: not built yet: lasem_tf.learners.den")

  class Reporter:
    lines = []
    getreports = staticmethod(lambda kind: [Report] if kind == "skipped" else [])
    section = staticmethod(lambda title: None)
    write_line = staticmethod(lines.append)

  class Config:
    getoption = staticmethod(lambda name: "folder")

  plugin.pytest_terminal_summary(Reporter, Config)
  assert Reporter.lines == ["folder: 0 agree, 0 differ, 1 MISSING",
                            "den: MISSING: not built yet: lasem_tf.learners.den"]


@pytest.mark.parametrize("actual, expected, tolerance, floor, fails", [
    ([1.0, 2.0], [1.0, 2.00001], 1e-5, 0.0, False), ([1.0, 2.0], [1.0, 2.0001], 1e-5, 0.0, True),
    ([1.0], [1.0, 1.0], 1.0, 0.0, True),
    ([1e-9], [0.0], 1e-5, 0.0, True), ([1e-9], [0.0], 1e-5, 0.01, False), ([np.nan], [1.0], 1e-5, 0.0, True),
    ([1.0], [1.0], 0.0, 0.0, False),
    ([1.0], [1.0 + 1e-15], 0.0, 0.0, True)])
def test_comparisons(actual, expected, tolerance, floor, fails):
  result = comparison.Comparison()
  result.close("array", np.array(actual), np.array(expected), tolerance, floor)
  assert bool(result.failures) == fails and result.used == {"array"} and result.count == 1


def test_kernels_must_be_square():
  with pytest.raises(ValueError, match="not square"):
    manifest.squares([3, 3, 3, 5], "kernels")
