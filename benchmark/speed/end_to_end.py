"""What whole runs cost by method: the built-in stream through `python -m benchmark.run`, one run after another."""

import dataclasses
import json
import pathlib
import subprocess
import sys
import tempfile

LEARNERS = ("stl", "snn", "hps_all", "tf_all", "dfcnn_all", "lasem_hps", "lasem_tf", "lasem_dfcnn", "darts_hps", "ewc",
            "a_gem", "prognn")
_BINDINGS = ("EPOCHS_PER_TASK = 40", "GROUPS = ('texture', 'texture')", "suite.seeds = (0,)")


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
    bindings = [*_BINDINGS, f"suite.learners = {learners!r}", "suite.name = 'speed'", "suite.baseline = None"]
    command = [sys.executable, "-m", "benchmark.run", "--gin_file=suites/smoke.gin", "--jobs=1", "--notensorboard",
               f"--output_dir={folder}/out", *(f"--gin_param={binding}" for binding in bindings)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
      raise RuntimeError(f"benchmark.run ended with status {done.returncode}: {(done.stderr or done.stdout)[-2000:]}")
    costs = [_read(path) for path in pathlib.Path(folder).rglob("record.json")]
  return sorted(costs, key=lambda cost: learners.index(cost.learner))


def _read(path: pathlib.Path) -> RunCost:
  record = json.loads(path.read_text(encoding="utf-8"))
  seconds = record["provenance"]["seconds"]
  total = {part: sum(visit[part] for visit in seconds) for part in ("training", "evaluation")}
  return RunCost(record["result"]["learner"], record["provenance"]["cpu_seconds"], **{
      f"{part}_seconds": value for part, value in total.items()})
