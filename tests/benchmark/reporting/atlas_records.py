"""Invented runs of a transfer atlas, with numbers that can be worked out by hand."""

import dataclasses
from collections.abc import Sequence

from benchmark.results.records import Record
from tests.benchmark import synthetic_records

# Of target 1 after source 0, by seed: STL's accuracy, and the gains of the configurations over it.
STL = (.50, .52, .54)
GAINS = {"hps_10": (.10, .12, .14), "hps_01": (-.02, -.02, -.02), "hps_11": (.12, .12, .12)}
BEST = ("11", "10", "01")


def record(learner: str, seed: int, target_accuracy: float, tasks: tuple[int, int] = (0, 1), after: float = .9,
           best: Sequence[str] = BEST, bits: str | None = None, **options) -> Record:
  """A run that learns one task to 0.9, then the other, after which the first has the accuracy `after`."""
  source, target = tasks
  first, second = [None] * 3, [None] * 3
  first[source], second[source], second[target] = .9, after, target_accuracy
  name = f"{learner}[task_order={source}+{target}]"
  made = synthetic_records.record("invented", name, seed, "paper", rows=[first, second], peaks=[.9, target_accuracy],
                                  task_order=list(tasks), **options)
  configurations: list[str | None] = [None] * 3
  if learner != "stl" and made.is_completed:
    configurations[source] = configurations[target] = bits or learner.rpartition("_")[2]
  protocol = {"protocol": "clean", "best_configuration": list(best)} if best else {"protocol": "clean"}
  return dataclasses.replace(made, result={
      **made.result, "stream": {**made.result["stream"], "protocol": protocol}, "configurations": configurations,
      "variant": {"experiment.task_order": str(tasks)}})


def atlas() -> list[Record]:
  """Three seeds of all configurations of two layers on tasks 0 and 1; sharing the first layer costs task 0 a tenth."""
  found = [record("stl", seed, accuracy) for seed, accuracy in enumerate(STL)]
  return found + [record(learner, seed, STL[seed] + gain, after=.8 if learner[4] == "1" else .9)
                  for learner, gains in GAINS.items() for seed, gain in enumerate(gains)]
