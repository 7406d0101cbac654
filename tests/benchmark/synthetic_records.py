"""Invented run records: complete, valid, repeatable, and made without training anything."""

import json
import pathlib
from collections.abc import Sequence

import numpy as np

from benchmark.results import records
from benchmark.results.records import Record

_QUALITY = {"stl": (.60, .0), "snn": (.35, .12), "hps_all": (.58, .05), "hps_top2": (.61, .02), "lasem_hps": (.66, .01)}


def record(stream: str = "cifar100", learner: str = "stl", seed: int = 0, scale: str = "smoke", num_tasks: int = 3,
           task_order: Sequence[int] | None = None, rows: Sequence[Sequence[float | None]] | None = None,
           peaks: Sequence[float] | None = None, status: str = "completed", reason: str | None = None,
           display_name: str = "Invented images", design: str = "design0", data: str | None = None,
           cpu_seconds: float = 12.5, num_layers: int = 4) -> Record:
  """One record; accuracies are drawn from (learner, seed) unless given as `rows` and `peaks`."""
  num_tasks = num_tasks if rows is None else len(rows[0])
  order = list(range(num_tasks) if task_order is None else task_order)
  generator = np.random.default_rng([seed, *learner.encode()])
  if rows is None:
    rows, peaks = _accuracies(learner, order, num_tasks, generator)
  num_visits = len(rows)
  is_search = learner.startswith(("lasem", "darts", "exhaustive"))
  bits = ["".join(generator.choice(["0", "1"], num_layers)) if is_search else None for _ in range(num_tasks)]
  completed = status == "completed"
  result = {
      "stream": {"name": stream, "display_name": display_name, "protocol": {"protocol": "clean"},
                 "design_fingerprint": design, "data_fingerprint": data or f"data{seed}", "task_order": order,
                 "counts": {split: [count] * num_tasks for split, count in
                            (("train", 40), ("validation", 10), ("test", 100))}, "num_classes": [10] * num_tasks},
      "learner": learner, "scale": scale, "seed": seed, "configuration_hash": "c0ffee", "status": status,
      "reason": reason,
      "accuracy": {"after_visit": rows if completed else [], "before_commit": None,
                   "at_best_validation": peaks if completed else []},
      "configurations": bits if completed else [None] * num_tasks,
      "parameters": {"after_visit": [1000 * (visit + 1) for visit in range(num_visits)] if completed else [],
                     "super_network": 5000 if is_search else None},
      "forward_macs_committed": [24_740_000] * num_tasks if completed else [],
      "training_macs_per_image": [74_000_000] * num_visits if completed else [],
      "learner_summary": [{} for _ in range(num_visits)] if completed else [],
  }
  provenance = {
      "command": f"python -m benchmark.run --gin_file=gin/suites/invented.gin  # {learner}",
      "seconds": [{"training": 3.0, "evaluation": 1.0, "other": .5}] * num_visits, "cpu_seconds": cpu_seconds,
      "versions": {"tensorflow": "2.21.0"}, "device": "an invented CPU", "threads": 1, "commit": "0123456789abcdef",
      "dirty": False, "peak_memory_bytes": 500_000_000, "resumptions": 0,
  }
  return Record(f"{stream}/{learner}/{scale}/seed{seed}", result, provenance)


def suite(streams: Sequence[str] = ("cifar100",), learners: Sequence[str] = tuple(_QUALITY),
          seeds: Sequence[int] = (0, 1, 2), **options) -> list[Record]:
  """Every combination."""
  return [record(stream, learner, seed, **options) for stream in streams for learner in learners for seed in seeds]


def constant(learner: str, seed: int, final: float, **options) -> Record:
  """A two-task run whose peak and final accuracies all equal `final`."""
  return record(learner=learner, seed=seed, rows=[[final, None], [final, final]], peaks=[final, final], **options)


def events(run: Record, epochs: int = 4) -> list[dict]:
  """Epoch events of a run as `benchmark.run` logs them, a search's prior included."""
  generator = np.random.default_rng([run.seed, 99])
  lines = []
  for visit, task in enumerate(run.result["stream"]["task_order"]):
    prior = np.full(16, 1 / 16)
    for epoch in range(epochs):
      event = {
          "event": "epoch",
          "visit": visit,
          "task": task,
          "phase": "search",
          "epoch": epoch,
          "global_epoch": visit * epochs + epoch,
          "learning_rate": 1e-4,
          "loss": 2.0 / (epoch + 1),
          "validation_accuracy": 1 - .9 / (epoch + 1),
          "test_accuracy": None if epoch == 2 else 1 - .95 / (epoch + 1),
          "diagnostics": {}
      }
      if run.learner.startswith("lasem") and visit:
        prior = prior * generator.uniform(.5, 2, 16)
        prior /= prior.sum()
        event["diagnostics"] = {"prior": prior.tolist()}
      lines.append(event)
  return lines


def _accuracies(learner: str, order: Sequence[int], num_tasks: int, generator: np.random.Generator):
  level, decay = _QUALITY.get(learner, (.55, .03))
  accuracy = [None] * num_tasks
  rows, peaks = [], []
  for task in order:
    accuracy = [None if value is None else max(value - decay * generator.random(), .05) for value in accuracy]
    accuracy[task] = level + .05 * generator.random()
    rows.append(list(accuracy))
    peaks.append(accuracy[task] + .01 * generator.random())
  return rows, peaks


def write_run(run: Record, folder: pathlib.Path, epochs: int = 4) -> pathlib.Path:
  """Writes a run's folder as `benchmark.run` leaves it; returns the path of the record."""
  path = records.write_record(run, folder / run.identity)
  (path.parent / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events(run, epochs)))
  (path.parent / "requested.gin").write_text("EPOCHS_PER_TASK = 4\n")
  (path.parent /
   "operative.gin").write_text(f"# Parameters of experiment:\nexperiment.batch_size = 10\n# {run.learner}\n")
  return path
