"""The pool when workers die, at any moment, or cannot start; nothing here imports TensorFlow unless a run is lost."""

import collections
import contextlib
import multiprocessing
import os
import random
import signal
import threading

import pytest

from benchmark.execution import process as process_lib
from benchmark.execution.local import pool
from benchmark.execution.settings import Settings
from benchmark.results import records
from benchmark.results.status import Status
from benchmark.suites import suite
from tests.benchmark.execution.local import fake_worker


class _Display:
  """Counts what it is told; may act on an event."""

  def __init__(self, on_event=lambda identity, event: None):
    self.told: collections.Counter = collections.Counter()
    self.ends, self._on_event = [], on_event

  def begin(self, identity):
    self.told["begin", identity] += 1

  def event(self, identity, event):
    self.told["event", identity] += 1
    self._on_event(identity, event)

  def end(self, identity, status, reason):
    self.told["end", identity] += 1
    self.ends.append((identity, status, reason))


def _runs(*learners: str) -> list[suite.Run]:
  return [suite.Run("synthetic", learner, "smoke", seed, 0, "", "abc") for seed, learner in enumerate(learners)]


@pytest.fixture(name="execute")
def _execute(tmp_path, monkeypatch):
  monkeypatch.setattr(pool.worker_lib, "main", fake_worker.main)

  def execute(runs, num_workers=1, display=None):
    executor = pool.LocalExecutor(Settings(str(tmp_path)), [process_lib.Place()] * num_workers, display or _Display())
    return executor.run(runs)

  return execute


def test_every_run_ends_once(execute):
  display = _Display()
  runs = _runs(*["good"] * (pool.RUNS_PER_WORKER + 3))  # One worker is replaced.
  outcomes, number = execute(runs, 1, display)
  assert outcomes == {run.identity: (Status.COMPLETED, None) for run in runs} and number is None
  assert all(display.told[kind, run.identity] == count for run in runs
             for kind, count in (("begin", 1), ("event", fake_worker.NUM_EPOCHS), ("end", 1)))


def test_a_worker_killed_in_the_middle_of_a_long_message_costs_its_run_alone(execute, tmp_path):
  display = _Display()
  runs = _runs("good", "dies", "good")
  outcomes, _ = execute(runs, 2, display)
  assert [outcomes[run.identity].status for run in runs] == ["completed", "failed", "completed"]
  lost = outcomes[runs[1].identity].reason
  assert "ended by signal SIGKILL" in lost and "memory ran out" in lost
  assert display.told["begin", runs[1].identity] == pool.MAX_ATTEMPTS == display.told["end", runs[1].identity]
  record = records.read_record(tmp_path / runs[1].identity)
  assert record.status == "failed" and record.result["reason"] == lost


def test_a_signal_other_than_kill_is_no_lack_of_memory(execute):
  (outcome,) = execute(_runs("crashes"))[0].values()
  assert outcome.reason == "Its process was ended by signal SIGSEGV."


def test_a_dead_idle_worker_is_replaced(execute):
  runs = _runs("dies_idle", "good", "dies_idle", "dies_idle", "good")
  outcomes, _ = execute(runs)
  assert {outcome.status for outcome in outcomes.values()} == {"completed"} and len(outcomes) == 5


@pytest.mark.parametrize("learner, reason", [
    ("unable", "could not start (MemoryError: no room)"), ("exits", "could not start (exit code 3; its messages are")])
def test_workers_that_cannot_start_say_why_and_are_given_up(execute, learner, reason):
  outcomes, _ = execute(_runs(*[learner] * 20))
  assert len(outcomes) == 20 and {outcome.status for outcome in outcomes.values()} == {"failed"}
  reasons = [outcome.reason for outcome in outcomes.values()]
  assert all(reason in text and "killed" not in text for text in reasons)
  assert sum("It was not tried" in text for text in reasons) == 20 - 2


def test_a_system_that_allows_no_process_is_named(execute, monkeypatch):
  def refuse(self):
    raise BlockingIOError(11, "Resource temporarily unavailable")

  monkeypatch.setattr(multiprocessing.process.BaseProcess, "start", refuse)
  outcomes, _ = execute(_runs("good", "good"), 2)
  assert all("could not start (Resource temporarily unavailable)" in outcome.reason for outcome in outcomes.values())


def test_a_signal_stops_busy_workers_and_starts_no_further_run(execute):
  def terminate(identity, event):
    if event["epoch"] == 2:
      os.kill(os.getpid(), signal.SIGTERM)

  runs = _runs("waits", "good", "good")
  outcomes, number = execute(runs, 1, _Display(terminate))
  assert outcomes == {runs[0].identity: (Status.INTERRUPTED, None)} and number == signal.SIGTERM


def test_a_killed_worker_does_not_keep_a_signal_from_ending_the_suite(execute):
  """One of two workers dies while the suite stops."""
  waiting = set()

  def kill_and_terminate(identity, event):
    if event["epoch"] == 2:
      waiting.add(identity)
    if len(waiting) == 2:  # Both have sent their last event: this happens once.
      os.kill(event["pid"], signal.SIGKILL)
      os.kill(os.getpid(), signal.SIGTERM)

  outcomes, number = execute(_runs("waits", "waits", "good"), 2, _Display(kill_and_terminate))
  assert number == signal.SIGTERM and [outcome.status for outcome in outcomes.values()] == ["interrupted"]


def test_a_blocked_worker_does_not_keep_a_stopped_suite_alive(execute, monkeypatch):
  def terminate(identity, event):
    if event["epoch"] == 2:
      os.kill(os.getpid(), signal.SIGTERM)

  monkeypatch.setattr(pool, "_SECONDS_TO_STOP", 0.5)
  runs = _runs("blocked", "good")
  display = _Display(terminate)
  outcomes, number = execute(runs, 1, display)
  assert number == signal.SIGTERM and [outcome.status for outcome in outcomes.values()] == ["interrupted"]
  assert display.ends == [(runs[0].identity, *outcomes[runs[0].identity])]
  assert "did not stop within 0 s and was killed" in outcomes[runs[0].identity].reason
  assert not multiprocessing.active_children()


def test_a_second_signal_ends_workers_at_once(execute):
  def interrupt(identity, event):
    if event["epoch"] == 1:
      for _ in range(2):
        os.kill(os.getpid(), signal.SIGINT)

  with pytest.raises(KeyboardInterrupt):
    execute(_runs("waits"), 1, _Display(interrupt))
  assert not multiprocessing.active_children()


def _survive(execute, monkeypatch, num_kills: int) -> None:
  """Kills workers while they poll and send, then lets the suite finish; every kill meets a worker with a run."""
  monkeypatch.setattr(pool, "MAX_ATTEMPTS", 10 * num_kills)
  generator, killed = random.Random(num_kills), []

  def kill_some(identity, event):
    if len(killed) < num_kills and generator.random() < 0.5:
      killed.append(event["pid"])
      with contextlib.suppress(ProcessLookupError):  # Its last event may arrive after its end.
        os.kill(event["pid"], signal.SIGKILL)

  # Only if the suite hangs: two signals end it.
  alarms = [threading.Timer(120.0 + 10.0 * num_kills + delay, os.kill, (os.getpid(), signal.SIGTERM))
            for delay in (0, 5)]
  for alarm in alarms:
    alarm.start()
  runs = _runs(*["polls"] * num_kills)
  try:
    outcomes, number = execute(runs, 3, _Display(kill_some))
  finally:
    for alarm in alarms:
      alarm.cancel()
  assert number is None and len(killed) == num_kills
  assert outcomes == {run.identity: (Status.COMPLETED, None) for run in runs}


def test_ten_kills(execute, monkeypatch):
  _survive(execute, monkeypatch, 10)


@pytest.mark.slow
def test_five_hundred_kills(execute, monkeypatch):
  _survive(execute, monkeypatch, 500)
