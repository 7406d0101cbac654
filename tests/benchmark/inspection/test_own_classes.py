"""What `benchmark.data check` finds in a stream of one's own class, and where the class's bindings work."""

import pytest

from benchmark import data
from benchmark.suites import suite


def _run(*arguments) -> int:
  """Exit status of the command line."""
  try:
    return data.main(["benchmark.data", *map(str, arguments)])
  except SystemExit as error:
    return error.code


_OWN_STREAM = """
import random

import gin
import numpy as np
from lasem_tf import types
from lasem_tf.data import stream

@gin.register
class {name}(stream.TaskStream):
  name = display_name = "own"
  image_shape = (4, 4, 1)
  protocol = {{}}

  def __init__(self, context, num_tasks: int = 2):
    self.context = context
    self.tasks = tuple(types.TaskInfo(t, 2, ("a", "b")) for t in range(num_tasks))

  def _source_indices(self, task_id, split):
    return np.arange({size})

  def _load(self, task_id, split):
    seed = {seed}
    images = np.random.default_rng(seed).normal(size=(20, 4, 4, 1)).astype(np.{kind})
    return types.TaskSplit(images, np.arange(20, dtype=np.int32) % {labels}, np.arange(20))
"""
_OWN_GIN = """
import {module}
include 'streams/synthetic.gin'
experiment.stream = @{name}
ConvNetSpec.image_shape = (4, 4, 1)
ConvNetSpec.kernel_sizes = (3,)
ConvNetSpec.channels = (2,)
ConvNetSpec.pool_sizes = (1,)
"""


def _write_own_stream(folder, monkeypatch, name, seed="(task_id, *map(ord, split))", size=20, kind="float32", labels=2):
  module = f"own_stream_{name.lower()}"
  (folder / f"{module}.py").write_text(_OWN_STREAM.format(name=name, seed=seed, size=size, kind=kind, labels=labels))
  (folder / "streams").mkdir(exist_ok=True)
  path = folder / "streams" / f"{name.lower()}.gin"
  path.write_text(_OWN_GIN.format(module=module, name=name))
  monkeypatch.syspath_prepend(folder)
  return path


@pytest.mark.parametrize("name, seed, status, problems", [
    ("SameEverywhere", "task_id", 1, ["Task 0: 20 of 20 validation images are also train images",
                                      "Task 0: 20 of 20 test images are also train images",
                                      "Task 1: 20 of 20 test images are also validation images"]),
    ("SameTest", "(task_id, split == 'validation')", 1, ["Task 1: 20 of 20 test images are also train images"]),
    ("AllDifferent", "(task_id, *map(ord, split))", 0, []),
])
def test_check_finds_splits_of_ones_own_stream_that_share_images(capsys, monkeypatch, tmp_path, name, seed, status,
                                                                 problems):
  path = _write_own_stream(tmp_path, monkeypatch, name, seed)
  assert _run("check", f"--stream={path}") == status
  output = capsys.readouterr().out
  assert "Stream" in output and all(problem in output for problem in problems)
  assert ("also" in output) == bool(problems)


@pytest.mark.parametrize("name, changes, problem", [
    ("OtherPixels", {"seed": "random.getrandbits(32)"}, "Task 0, train: images differ between two streams of one"),
    ("OtherIndices", {"size": 19}, "Task 0, train: source_indices are not the indices that load gives"),
    ("OtherType", {"kind": "float64"}, "images are float64 [20, 4, 4, 1], but float32 [20, 4, 4, 1] is needed"),
    ("OtherLabels", {"labels": 3}, "labels are 0..2, but the task has 2 classes: they must lie in 0..1"),
    ("OneLabel", {"labels": 1}, "Task 0, train: no image has the label 1 (b)"),
    ("OtherWhenCut", {"seed": "(task_id, self.num_tasks, *map(ord, split))"},
     "Task 0, train: images are others where the stream is cut to its first task"),
    ("Raises", {"seed": "[][0]"}, "IndexError: list index out of range")])
def test_check_names_broken_promises_of_ones_own_stream(capsys, monkeypatch, tmp_path, name, changes, problem):
  path = _write_own_stream(tmp_path, monkeypatch, name, **changes)
  assert _run("check", f"--stream={path}") == 1
  output = capsys.readouterr().out
  assert problem in output and "Nothing is amiss" not in output


def test_bindings_of_ones_own_classes_need_no_second_import(capsys, monkeypatch, tmp_path):
  _write_own_stream(tmp_path, monkeypatch, "OwnBound")
  monkeypatch.chdir(tmp_path)
  assert _run("check", "--stream=ownbound", "--gin_param=OwnBound.num_tasks = 4") == 0
  assert "4 tasks" in capsys.readouterr().out
  assert _run("check", "--stream=ownbound", "--gin_param=OwnBound.num_task = 4") == 2
  assert "Did you mean num_tasks" in capsys.readouterr().err
  (tmp_path / "suite.gin").write_text("suite.streams = ('ownbound',)\nsuite.learners = ('stl',)\nsuite.seeds = (0,)\n"
                                      "suite.scale = 'smoke'\nOwnBound.num_tasks = 3\n")
  _, (run,) = suite.load(["suite.gin"], ["OwnBound.num_tasks = 5"])
  assert run.parse()["OwnBound.num_tasks"] == 5
  _, (run,) = suite.load(["suite.gin"])
  assert run.parse()["OwnBound.num_tasks"] == 3
