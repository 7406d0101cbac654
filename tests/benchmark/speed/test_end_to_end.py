"""Costs of whole runs."""

import json
import subprocess

import pytest

from benchmark.speed import end_to_end


def test_reads_records_in_the_order_of_the_learners(monkeypatch):
  def run(command, **_):
    folder = next(part for part in command if part.startswith("--output_dir=")).split("=", 1)[1]
    for learner, cpu in (("snn", 2.0), ("stl", 1.0)):
      path = end_to_end.pathlib.Path(folder, learner, "record.json")
      path.parent.mkdir(parents=True)
      path.write_text(json.dumps({"result": {"learner": learner}, "provenance": {"cpu_seconds": cpu, "seconds": [
          {"training": 1.0, "evaluation": 0.25, "other": 0.5}, {"training": 2.0, "evaluation": 0.5, "other": 0.5}]}}))
    return subprocess.CompletedProcess(command, 0, "", "")

  monkeypatch.setattr(subprocess, "run", run)
  assert end_to_end.measure(("stl", "snn")) == [end_to_end.RunCost("stl", 1.0, 3.0, 0.75),
                                                end_to_end.RunCost("snn", 2.0, 3.0, 0.75)]


def test_a_failed_suite_is_an_error(monkeypatch):
  failed = subprocess.CompletedProcess([], 1, "", "no such thing")
  monkeypatch.setattr(subprocess, "run", lambda command, **_: failed)
  with pytest.raises(RuntimeError, match="status 1: no such thing"):
    end_to_end.measure(("stl",))


def test_scaling_divides_the_medians_of_suites_taken_in_turn(monkeypatch):
  seconds = {"--jobs=1": iter([30.0, 90.0, 20.0]), "--jobs=2": iter([15.0, 14.0, 80.0])}
  now, order = [0.0], []

  def run(command, **_):
    jobs = next(part for part in command if part.startswith("--jobs="))
    order.append(jobs)
    now[0] += next(seconds[jobs])
    return subprocess.CompletedProcess(command, 0, "", "")

  monkeypatch.setattr(subprocess, "run", run)
  monkeypatch.setattr(end_to_end.time, "perf_counter", lambda: now[0])
  monkeypatch.setattr(end_to_end.cores, "num_usable", lambda: 2)
  bar = end_to_end.scaling(3)
  assert (bar.value, bar.met, order) == (2.0, True, ["--jobs=1", "--jobs=2"] * 3)
  monkeypatch.setattr(end_to_end.cores, "num_usable", lambda: 1)
  assert end_to_end.scaling(3).note == "one core here"
