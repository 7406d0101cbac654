"""What whole runs cost by method: the built-in stream through `python -m benchmark.run`, one run after another."""

import dataclasses
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

from benchmark.speed.bars import Bar
from lasem_tf import cores

LEARNERS = ("stl", "snn", "hps_all", "tf_all", "dfcnn_all", "lasem_hps", "lasem_tf", "lasem_dfcnn", "darts_hps", "ewc",
            "a_gem", "prognn")
SCALING_LIMIT = 1.3
_COMMON = ("GROUPS = ('texture', 'texture')", "suite.name = 'speed'", "suite.baseline = None")
_BY_METHOD = ("EPOCHS_PER_TASK = 40", "suite.seeds = (0,)")
# Four runs of several seconds each: what a worker needs to start weighs as little as in a suite worth sharing out.
_EQUAL_RUNS = ("EPOCHS_PER_TASK = 400", "suite.seeds = (0, 1, 2, 3)", "suite.learners = ('stl',)")


@dataclasses.dataclass(frozen=True)
class RunCost:
  """Cost of one run.

  Attributes:
    learner: name of its gin file.
    cpu_seconds: of the whole run.
    training_seconds: wall time of training.
    evaluation_seconds: wall time of evaluation.
  """

  learner: str
  cpu_seconds: float
  training_seconds: float
  evaluation_seconds: float


def measure(learners: tuple[str, ...] = LEARNERS) -> list[RunCost]:
  """Runs every learner on the built-in stream.

  Raises:
    RuntimeError: a run failed; the message holds the end of what the command wrote.
  """
  with tempfile.TemporaryDirectory() as folder:
    _run_suite(folder, 1, *_BY_METHOD, f"suite.learners = {learners!r}")
    costs = [_read(path) for path in pathlib.Path(folder).rglob("record.json")]
  return sorted(costs, key=lambda cost: learners.index(cost.learner))


def scaling(repeats: int) -> Bar:
  """How much faster two workers finish a suite of equal runs than one; wall time, medians of repeats taken in turn.

  Raises:
    RuntimeError: a run failed.
  """
  label = "a suite of four equal runs, two workers over one, wall time"
  if cores.num_usable() < 2:
    return Bar(label, None, SCALING_LIMIT, at_least=True, note="one core here")
  seconds: dict[int, list[float]] = {1: [], 2: []}
  for _ in range(repeats):
    for num_jobs, measured in seconds.items():
      with tempfile.TemporaryDirectory() as folder:
        measured.append(_run_suite(folder, num_jobs, *_EQUAL_RUNS))
  return Bar(label, statistics.median(seconds[1]) / statistics.median(seconds[2]), SCALING_LIMIT, at_least=True)


def _run_suite(folder: str, num_jobs: int, *bindings: str) -> float:
  """Trains a suite on the built-in stream; wall seconds of the command, from its start to its end."""
  command = [sys.executable, "-m", "benchmark.run", "--gin_file=suites/smoke.gin", f"--jobs={num_jobs}",
             "--notensorboard", f"--output_dir={folder}/out",
             *(f"--gin_param={binding}" for binding in (*_COMMON, *bindings))]
  start = time.perf_counter()
  done = subprocess.run(command, capture_output=True, text=True, check=False)
  if done.returncode:
    raise RuntimeError(f"benchmark.run ended with status {done.returncode}: {(done.stderr or done.stdout)[-2000:]}")
  return time.perf_counter() - start


def _read(path: pathlib.Path) -> RunCost:
  record = json.loads(path.read_text(encoding="utf-8"))
  seconds = record["provenance"]["seconds"]
  total = {part: sum(visit[part] for visit in seconds) for part in ("training", "evaluation")}
  return RunCost(record["result"]["learner"], record["provenance"]["cpu_seconds"], **{
      f"{part}_seconds": value for part, value in total.items()})
