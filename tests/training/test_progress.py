"""Where a run is, through JSON and back; and the times it took."""

import dataclasses
import json

import numpy as np

from lasem_tf.metrics import run_result
from lasem_tf.training import progress as progress_lib

RESULT = run_result.VisitResult(
    accuracies=[0.5, None], before_commit=None, at_best_validation=0.25, configuration="01", parameters=3,
    super_network=None, training_macs_per_image=2.0, learner_summary={"width": 4}, seconds={"training": 1.5})


def test_progress_comes_back_from_a_checkpoint():
  progress = progress_lib.Progress(visits=[RESULT], num_epochs=4, resumptions=2)
  current = progress.current
  current.stage, current.loop, current.phase_ended = progress_lib.Stage.COMMITTED, True, True
  current.totals = {"loss": 1.0}
  current.committed = dataclasses.replace(RESULT, accuracies=[], seconds={})
  current.end_epoch()
  current.best.record("train", 0.5, 5, {"weight": np.ones(2)})
  again = progress_lib.Progress.from_json(json.loads(json.dumps(progress.to_json())), current.best.weights)
  assert again == progress and again.current.stage is progress_lib.Stage.COMMITTED
  assert (again.visit, again.global_epoch, again.current.totals) == (1, 5, {})


def test_a_visit_that_ends_makes_room_for_the_next():
  progress = progress_lib.Progress()
  for _ in range(3):
    progress.current.end_epoch()
  progress.current.end_phase()
  assert (progress.current.phase, progress.current.epoch, progress.current.num_epochs) == (1, 0, 3)
  progress.end_visit(RESULT)
  assert (progress.visit, progress.global_epoch, progress.current) == (1, 3, progress_lib.VisitProgress())


def test_times_are_split_by_kind_and_go_on_after_a_resumption(monkeypatch):
  wall = iter([0.0, 1.0, 3.0, 6.0, 10.0, 15.0])
  monkeypatch.setattr(progress_lib.time, "perf_counter", lambda: next(wall))
  monkeypatch.setattr(progress_lib.time, "process_time", lambda: 0.0)
  stopwatch = progress_lib.Stopwatch({"training": 100.0}, cpu_seconds=7.0)
  with stopwatch.spend("training"), stopwatch.spend("evaluation"):
    pass
  assert stopwatch.end_visit() == {"training": 106.0, "evaluation": 3.0, "other": 6.0}
  assert stopwatch.cpu_seconds == 7.0
