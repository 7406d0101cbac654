"""Where workers run, and the local pool: shards give the unsharded results, dead workers cost one attempt."""

import os
import signal
import time

import pandas
import pytest

from benchmark.execution import process as process_lib
from lasem_tf import cores
from tests.benchmark import small_suite


def test_places_on_cores(monkeypatch):
  monkeypatch.setattr(cores, "num_usable", lambda: 6)
  # None is pinned: two suites side by side would pin to the same cores.
  assert process_lib.places(None, [], 1) == [process_lib.Place(share=1)] * 6
  assert process_lib.places(2, [], 1) == [process_lib.Place(share=3)] * 2
  assert process_lib.places(9, [], 1) == [process_lib.Place(share=1)] * 9


def test_places_on_gpus(monkeypatch):
  monkeypatch.setattr(cores, "num_usable", lambda: 6)
  assert process_lib.places(None, ["0", "3"], 1) == [process_lib.Place(gpu="0", share=3),
                                                     process_lib.Place(gpu="3", share=3)]
  assert [place.gpu for place in process_lib.places(None, ["0", "3"], 2)] == ["0", "3", "0", "3"]
  assert [place.gpu for place in process_lib.places(3, ["0", "3"], 1)] == ["0", "3", "0"]


@pytest.fixture(name="suite", scope="module")
def _suite(tmp_path_factory):
  return small_suite.write(tmp_path_factory.mktemp("suite"), ("stl",), seeds=(0, 1), epochs=40)


@pytest.fixture(name="whole", scope="module")
def _whole(suite, tmp_path_factory):
  folder = tmp_path_factory.mktemp("whole")
  small_suite.complete(suite, folder, "--jobs=1")
  return folder


def test_shards_together_are_the_suite(suite, whole, tmp_path):
  for index in range(2):
    small_suite.complete(suite, tmp_path, "--jobs=1", f"--shard={index}/2")
    assert len(small_suite.records(tmp_path)) == index + 1
  assert small_suite.results(tmp_path) == small_suite.results(whole)
  merged, unsharded = (pandas.read_csv(folder / "table.csv") for folder in (tmp_path, whole))
  timed = [name for name in unsharded if "seconds" in name or "cpu" in name or "latency" in name]
  assert timed and len(unsharded) == 1
  pandas.testing.assert_frame_equal(merged.drop(columns=timed), unsharded.drop(columns=timed))


def test_a_worker_that_dies_costs_one_attempt(suite, whole, tmp_path):
  process = small_suite.start(suite, tmp_path, "--jobs=1")
  logs = []
  while process.poll() is None and not (logs := [log for log in tmp_path.rglob("run.log") if list(
      log.parent.glob("checkpoints/checkpoint-*.json")) and not (log.parent / "record.json").exists()]):
    time.sleep(0.02)
  assert logs, "the suite was over before a worker could be killed"
  os.kill(int(logs[0].read_text().split("process ")[-1]), signal.SIGKILL)
  _, errors = process.communicate(timeout=300)
  assert process.returncode == 0, errors
  assert small_suite.results(tmp_path) == small_suite.results(whole)
