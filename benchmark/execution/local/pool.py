"""Executes the runs of a suite on this machine: one worker process for every core or GPU."""

import collections
import contextlib
import dataclasses
import signal
import socket
import time
from collections.abc import Iterable, Sequence
from multiprocessing import connection as connection_lib

from benchmark.execution import process as process_lib, stopping
from benchmark.execution.display import Display
from benchmark.execution.local import start_method, worker as worker_lib
from benchmark.execution.local.channel import Channel
from benchmark.execution.outcome import Outcome
from benchmark.execution.settings import Settings
from benchmark.results.status import Status
from benchmark.suites import suite

RUNS_PER_WORKER = 8  # A worker is replaced after so many runs, so that memory stays flat.
MAX_ATTEMPTS = 2  # A run whose worker dies (killed, out of memory) is tried once more, from its checkpoint.
MAX_FAILED_STARTS = 3  # When so many workers in a row could not start, no more are tried.
_SECONDS_TO_WAKE = 1.0  # To look at signals.
_SECONDS_TO_STOP = 60.0  # For a worker that is asked for a checkpoint; it may be blocked where it never looks.
_SECONDS_TO_END = 60.0  # For a worker to write a checkpoint, if it is left by an exception, and end.


class _Worker:
  """A worker process.

  Attributes:
    channel: to it.
    run: what it executes, or None.
    num_runs: how many it has been given.
    is_ready: whether it has started TensorFlow.
    asked_to_stop: when it was, on the monotonic clock; None if it was not.
    is_overdue: whether it was killed because it did not stop.
    obstacle: why it could not start, or ''; as it says itself, or because it ended by itself before it was ready.
  """

  def __init__(self, settings: Settings, place: process_lib.Place):
    """Starts the process.

    Raises:
      OSError: the system allows no further process.
    """
    ours, theirs = socket.socketpair()
    self.channel = Channel(ours)
    self.run: suite.Run | None = None
    self.num_runs = 0
    self.is_ready = self.is_overdue = False
    self.asked_to_stop: float | None = None
    self.obstacle = ""
    try:
      self._process = start_method.start(worker_lib.main, theirs, dataclasses.asdict(settings), place)
    except OSError:
      ours.close()
      raise
    finally:
      theirs.close()

  def is_alive(self) -> bool:
    """Whether the process has not ended."""
    return self._process.is_alive()

  def give(self, run: suite.Run) -> None:
    """Sends a run; if the process is gone, that is found out when its messages are read."""
    self.run = run
    self.num_runs += 1
    self._send({"run": run.to_json()})

  def ask_to_stop(self) -> None:
    """Asks for a checkpoint and an end of the run in progress; when asked again after a grace period, kills."""
    if self.asked_to_stop is None:
      self.asked_to_stop = time.monotonic()
      self._send({"stop": True})
    elif time.monotonic() - self.asked_to_stop > _SECONDS_TO_STOP:
      self.is_overdue = True
      self.kill()

  def ask_to_end(self) -> None:
    """Asks the process to end after its run, if it has one."""
    self._send({"end": True})

  def kill(self) -> None:
    """Ends the process at once."""
    self._process.kill()

  def bury(self) -> str:
    """Waits for the end of the process, which the closed channel asks for; returns how it ended, as half a sentence."""
    self.channel.close()
    self._process.join(_SECONDS_TO_END)
    self.kill()
    self._process.join()
    code = self._process.exitcode or 0
    if code >= 0 and not self.is_ready:
      self.obstacle = self.obstacle or f"exit code {code}; its messages are above"
      return f"could not start ({self.obstacle})"
    if code >= 0:
      return f"ended with exit code {code}"
    hint = " by somebody, or by the system because memory ran out" if code == -signal.SIGKILL else ""
    return f"was ended by signal {signal.Signals(-code).name}{hint}"

  def _send(self, message: dict) -> None:
    with contextlib.suppress(OSError):
      self.channel.send(message)


class LocalExecutor:
  """A pool of worker processes."""

  def __init__(self, settings: Settings, places: Sequence[process_lib.Place], display: Display):
    """Starts no process yet.

    Args:
      settings: see there.
      places: one entry for each worker.
      display: told of everything.
    """
    self._settings, self._display, self._places = settings, display, places
    self._workers: dict[int, _Worker] = {}  # By the number of the place.
    self._waiting: collections.deque[suite.Run] = collections.deque()
    self._attempts: collections.Counter[str] = collections.Counter()
    self._outcomes: dict[str, Outcome] = {}
    self._num_failed_starts = 0

  def run(self, runs: Iterable[suite.Run]) -> tuple[dict[str, Outcome], int | None]:
    """Executes the runs, first come first served.

    Args:
      runs: the longest first.

    Returns:
      Outcome by identity of every run that ended, and the number of the signal that stopped the suite, if any.
    """
    self._waiting.extend(runs)
    with stopping.StopRequest() as stop:
      try:
        while self._waiting or self._busy():
          if stop.signal_number is not None:
            self._waiting.clear()
            for worker in self._busy():
              worker.ask_to_stop()
          self._hand_out_runs()
          self._process_messages()
      except KeyboardInterrupt:
        for worker in self._workers.values():
          worker.kill()
        raise
      finally:
        for worker in self._workers.values():  # All at once: some take a while. An exception may leave some busy.
          worker.ask_to_end()
        while self._workers:
          self._workers.popitem()[1].bury()
      return self._outcomes, stop.signal_number

  def _busy(self) -> list[_Worker]:
    return [worker for worker in self._workers.values() if worker.run is not None]

  def _hand_out_runs(self) -> None:
    for number, place in enumerate(self._places):
      worker = self._workers.get(number)
      if not self._waiting or (worker is not None and worker.run is not None):
        continue
      if worker is not None and (worker.num_runs >= RUNS_PER_WORKER or not worker.is_alive()):
        worker.ask_to_end()
        self._workers.pop(number).bury()
        worker = None
      run = self._waiting.popleft()
      self._attempts[run.identity] += 1
      self._display.begin(run.identity)
      if worker is None:
        try:
          worker = self._workers[number] = _Worker(self._settings, place)
        except OSError as error:
          self._lost(run, f"could not start ({error.strerror})", could_start=False)
          continue
      worker.give(run)

  def _process_messages(self) -> None:
    """Processes workers' messages; returns after a second if there are none."""
    places = {worker.channel: number for number, worker in self._workers.items() if worker.run is not None}
    for channel in connection_lib.wait(list(places), _SECONDS_TO_WAKE):  # type: ignore[arg-type]  # has `fileno`
      number = places[channel]  # type: ignore[index]
      worker = self._workers[number]
      try:
        messages = worker.channel.receive_all()
      except EOFError:
        if (run := self._workers.pop(number).run) is not None:
          end = worker.bury()
          if worker.is_overdue:
            self._end(run, Outcome(Status.INTERRUPTED, f"it did not stop within {_SECONDS_TO_STOP:.0f} s and was "
                                                       "killed; its last checkpoint is intact"))
            continue
          self._lost(run, end, could_start=not worker.obstacle)
        continue
      for message in messages:
        self._process(worker, message)

  def _process(self, worker: _Worker, message: dict) -> None:
    if "event" in message and worker.run is not None:
      self._display.event(worker.run.identity, message["event"])
    elif "status" in message and worker.run is not None:
      run, worker.run = worker.run, None
      self._end(run, Outcome(Status(message["status"]), message["reason"]))
    elif "ready" in message:
      worker.is_ready, self._num_failed_starts = True, 0
    elif "unable" in message:
      worker.obstacle = message["unable"]

  def _lost(self, run: suite.Run, end: str, could_start: bool) -> None:
    """Tries a run once more whose worker process is gone."""
    self._num_failed_starts += not could_start
    give_up = self._num_failed_starts >= MAX_FAILED_STARTS
    if self._attempts[run.identity] < MAX_ATTEMPTS and not give_up:
      self._waiting.appendleft(run)
      self._display.end(run.identity, Status.INTERRUPTED, f"its process {end}; it is tried once more")
      return
    from benchmark.execution import attempt  # noqa: PLC0415  imports TensorFlow, which few suites need here

    self._end(run, attempt.record_loss(run, self._settings, f"Its process {end}."))
    while give_up and self._waiting:
      skipped = self._waiting.popleft()
      self._outcomes[skipped.identity] = Outcome(Status.FAILED, f"It was not tried, as worker processes {end}.")

  def _end(self, run: suite.Run, outcome: Outcome) -> None:
    self._outcomes[run.identity] = outcome
    self._display.end(run.identity, outcome.status, outcome.reason)
