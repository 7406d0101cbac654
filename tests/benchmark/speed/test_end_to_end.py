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
