"""Suites on a Ray cluster; one of its three nodes is killed while it trains."""

import importlib.util
import json
import pathlib
import socket
import subprocess
import sys

import pytest

from benchmark.execution.outcome import Outcome
from benchmark.execution.ray import address as address_lib, executor as executor_lib, watch as watch_lib
from benchmark.execution.settings import Settings
from benchmark.results.status import Status
from benchmark.suites import suite
from benchmark.suites.bindings import ConfigurationError
from tests.benchmark import small_suite

needs_ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is missing: pip install '.[ray]'")
_DEMONSTRATION = pathlib.Path(__file__).resolve().parents[4] / "examples" / "ray_demo.py"


@needs_ray
def test_a_suite_that_loses_a_node_gives_the_results_of_one_machine(tmp_path):
  """`make ray-demo` with a small suite, against local execution."""
  small = small_suite.write(tmp_path, learners=("stl",), seeds=(0, 1), epochs=80)
  command = [sys.executable, str(_DEMONSTRATION), f"--gin_file={small}", f"--output_dir={tmp_path / 'ray'}"]
  demonstration = subprocess.run(command, capture_output=True, text=True, timeout=1200, check=False)
  assert demonstration.returncode == 0, demonstration.stdout + demonstration.stderr
  assert "Killing the node that trains synthetic/" in demonstration.stdout
  assert "The cluster is shut down." in demonstration.stdout
  records = small_suite.records(tmp_path / "ray")
  assert len(records) == 2 and {record["result"]["status"] for record in records} == {"completed"}
  assert sum(record["provenance"]["resumptions"] for record in records) >= 1
  small_suite.complete(small, tmp_path / "local", "--jobs=2")
  assert small_suite.results(tmp_path / "ray") == small_suite.results(tmp_path / "local")


def test_ray_that_is_not_installed_is_named_with_its_extra(monkeypatch):
  monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
  with pytest.raises(ConfigurationError, match=r"pip install 'lasem-tf\[ray\]'"):
    address_lib.check("local")


@needs_ray
@pytest.mark.parametrize("address", ["nowhere", "host:", "host:99999", "host:0", "http://host:6379"])
def test_addresses_of_the_wrong_form_are_refused(address):
  with pytest.raises(ConfigurationError, match="is not 'auto', 'local' or host:port"):
    address_lib.check(address)


@needs_ray
def test_an_address_where_nothing_listens_fails_at_once():
  with socket.socket() as reserved:
    reserved.bind(("127.0.0.1", 0))
    with pytest.raises(ConfigurationError, match="No Ray cluster answers at .*ray start --head"):
      address_lib.check(f"127.0.0.1:{reserved.getsockname()[1]}")


@needs_ray
def test_an_address_where_something_else_listens_is_given_up(monkeypatch):
  monkeypatch.setattr(address_lib, "_SECONDS_TO_ANSWER", 1.0)
  with socket.create_server(("127.0.0.1", 0)) as mute, pytest.raises(
      ConfigurationError, match="No Ray cluster answers at .*ray start --head"):
    address_lib.check(f"127.0.0.1:{mute.getsockname()[1]}")


class _Display:
  """Notes what it is told."""

  def __init__(self):
    self.told = []

  def begin(self, identity):
    self.told.append(("begin", identity))

  def event(self, identity, event):
    self.told.append(("event", identity, event["epoch"]))

  def end(self, identity, status, reason):
    self.told.append(("end", identity, status))


def test_progress_is_read_from_the_shared_folder(tmp_path):
  run = suite.Run("synthetic", "stl", "smoke", 0, 0, "", "")
  settings, display = Settings(output_dir=str(tmp_path), command="test"), _Display()
  path = settings.run_dir(run) / "events.jsonl"
  path.parent.mkdir(parents=True)
  path.write_text(json.dumps({"event": "epoch", "epoch": 0}) + "\n")
  watch = watch_lib.Watch(settings, display)
  watch.add(run)
  watch.look()
  assert not display.told and not watch.has_begun(run)  # Written by an earlier process.
  with path.open("a") as file:
    file.write(json.dumps({"event": "epoch", "epoch": 1}) + "\n" + json.dumps({"event": "visit"}) + '\n{"event": "epo')
  watch.look()
  watch.look()
  watch.remove(run, "completed", None)
  name = run.identity
  assert display.told == [("begin", name), ("event", name, 1), ("end", name, "completed")]


def _executor(tmp_path) -> executor_lib.RayExecutor:
  return executor_lib.RayExecutor(Settings(output_dir=str(tmp_path), command="test"), "auto", None, 1, _Display())


def test_a_node_that_does_not_share_the_folder_is_named_with_it(tmp_path):
  run = suite.Run("synthetic", "stl", "smoke", 0, 0, "")
  executor = _executor(tmp_path)
  status, reason = executor._check_shared(run, None, "node7", is_stopping=False)
  assert status == "failed" and "node7" in reason and str(tmp_path) in reason and "all nodes share" in reason
  assert executor._check_shared(run, None, "node7", is_stopping=True) == ("interrupted", None)


def test_a_run_that_left_no_record_here_is_not_completed(tmp_path):
  run = suite.Run("synthetic", "stl", "smoke", 0, 0, "")
  executor, completed = _executor(tmp_path), Outcome(Status.COMPLETED)
  status, reason = executor._check_shared(run, completed, "node7", is_stopping=False)
  assert status == "failed" and "node7" in reason and str(tmp_path / run.identity) in reason
  record = tmp_path / run.identity / "record.json"
  record.parent.mkdir(parents=True)
  record.touch()
  assert executor._check_shared(run, completed, "node7", is_stopping=False) == completed
  failed = Outcome(Status.FAILED, "an error")
  record.unlink()
  assert executor._check_shared(run, failed, "node7", is_stopping=False) == failed


def test_tasks_look_for_the_drivers_marker(tmp_path, monkeypatch):
  """Its presence tells that the folder is shared, its absence later that they must stop."""
  monkeypatch.setattr(executor_lib, "_SECONDS_TO_APPEAR", 0.0)
  monkeypatch.setattr(executor_lib, "_SECONDS_TO_POLL", 0.0)
  marker = tmp_path / "marker"
  assert not executor_lib._appears(str(marker))
  marker.touch()
  assert executor_lib._appears(str(marker))
  should_stop = executor_lib._stop_without(str(marker))
  assert not should_stop()
  marker.unlink()
  assert should_stop()
