"""Runs of a second or two on the built-in stream, with all that a run leaves in its folder."""

import pathlib

from benchmark.execution import attempt
from benchmark.execution.settings import Settings
from benchmark.suites import suite
from tests.benchmark import small_suite

GROUPS = ("texture", "both", "texture")


def plan(folder: pathlib.Path, learner: str, num_tasks: int = 2, bindings: str = "", epochs: int = 1) -> suite.Run:
  """The only run of a small suite."""
  folder.mkdir(parents=True, exist_ok=True)
  path = small_suite.write(folder, learners=(learner,), epochs=epochs, groups=GROUPS[:num_tasks])
  path.write_text(f"{path.read_text()}{bindings}\n")
  _, (run,) = suite.load([str(path)])
  return run


def train(folder: pathlib.Path, run: suite.Run, **settings) -> pathlib.Path:
  """Trains a run, which must complete; returns its folder."""
  made = Settings(output_dir=str(folder), tensorboard=False, command="test", **settings)
  assert attempt.attempt(run, made, lambda event: None, lambda: False) == ("completed", None)
  return made.run_dir(run)


def plan_of_photographs(folder: pathlib.Path, root: pathlib.Path, learner: str = "hps_top1", image_size: int = 12,
                        epochs: int = 2, bindings: str = "FolderStream.num_tasks = 2") -> suite.Run:
  """A run on photographs, without other bindings on two tasks of two classes."""
  path = folder / "photographs.gin"
  path.write_text(f"""
suite.streams = ('folder',)
suite.learners = ('{learner}',)
suite.scale = 'paper'
suite.seeds = (0,)
FolderStream.root = '{root}'
IMAGE_SIZE = {image_size}
BATCH_SIZE = 4
EPOCHS_PER_TASK = {epochs}
{bindings}
""")
  _, (run,) = suite.load([str(path)])
  return run
