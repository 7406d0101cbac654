"""Executes the runs of a suite on this machine: one worker process for every core or GPU."""

import collections
import dataclasses
import multiprocessing
import signal
from collections.abc import Sequence
from multiprocessing import connection as connection_lib

from benchmark.execution import process as process_lib, worker
from benchmark.execution.display import Display
from benchmark.execution.outcome import Outcome, Status
from benchmark.execution.settings import Settings
from benchmark.suites import suite

RUNS_PER_WORKER = 8  # A worker is replaced after so many runs, so that memory stays flat.
MAX_ATTEMPTS = 2     # A run whose worker dies (killed, out of memory) is tried once more, from its checkpoint.


@dataclasses.dataclass
class _Slot:
  """A place for one worker process.

  Attributes:
    place: what the worker may use.
    process: the worker, or None.
    connection: to it.
    run: what it executes, or None.
    num_runs: how many it has been given.
  """

  place: process_lib.Place
  process: multiprocessing.process.BaseProcess | None = None
  connection: connection_lib.Connection | None = None
  run: suite.Run | None = None
  num_runs: int = 0


class StopFlag:
  """An event for a `StopRequest` that no other process looks at."""

  def __init__(self):
    self.is_set = False

  def set(self) -> None:
    """See `multiprocessing.Event`."""
    self.is_set = True


class StopRequest:
  """Turns SIGINT and SIGTERM into a request to checkpoint and end; a second signal ends at once.

  Attributes:
    signal_number: of the first signal, or None.
    event: set when there was one.
  """

  def __init__(self, event):
    """Takes the signals over when entered.

    Args:
      event: a `multiprocessing.Event` that workers look at, or a `StopFlag`.
    """
    self.signal_number: int | None = None
    self.event = event
    self._previous = {}

  def __enter__(self) -> "StopRequest":
    for number in (signal.SIGINT, signal.SIGTERM):
      self._previous[number] = signal.signal(number, self._handle)
    return self

  def __exit__(self, *_) -> None:
    for number, handler in self._previous.items():
      signal.signal(number, handler)

  def _handle(self, number, frame) -> None:
    del frame
    if self.signal_number is not None:
      raise KeyboardInterrupt
    self.signal_number = number
    self.event.set()


class LocalExecutor:
  """A pool of worker processes."""

  def __init__(self, settings: Settings, places: Sequence[process_lib.Place], display: Display):
    """Prepares the pool.

    Args:
      settings: see there.
      places: one entry for each worker.
      display: told of everything.
    """
    self._settings, self._display = settings, display
    self._slots = [_Slot(place) for place in places]
    self._context = multiprocessing.get_context("spawn")

  def run(self, runs: Sequence[suite.Run]) -> tuple[dict[str, Outcome], int | None]:
    """Executes the runs, first come first served.

    Args:
      runs: the longest first.

    Returns:
      Outcome by identity of every run that ended, and the number of the signal that stopped the suite, if any.
    """
    waiting = collections.deque(runs)
    attempts: collections.Counter = collections.Counter()
    outcomes: dict[str, Outcome] = {}
    with StopRequest(self._context.Event()) as stop:
      try:
        while waiting or any(slot.run for slot in self._slots):
          if stop.signal_number is not None:
            waiting.clear()
          for slot in self._slots:
            if slot.run is None and waiting:
              self._give(slot, waiting.popleft(), stop, attempts)
          self._wait(waiting, attempts, outcomes)
      finally:
        self._close(stop)
      return outcomes, stop.signal_number

  def _give(self, slot: _Slot, run: suite.Run, stop: StopRequest, attempts: collections.Counter) -> None:
    if slot.process is not None and slot.num_runs >= RUNS_PER_WORKER:
      self._retire(slot)
    if slot.process is None:
      slot.connection, theirs = self._context.Pipe()
      slot.process = self._context.Process(
          target=worker.main, args=(theirs, stop.event, dataclasses.asdict(self._settings), slot.place), daemon=True)
      slot.process.start()
      theirs.close()
      slot.num_runs = 0
    slot.run, slot.num_runs = run, slot.num_runs + 1
    attempts[run.identity] += 1
    self._display.begin(run.identity)
    slot.connection.send(run.to_json())

  def _wait(self, waiting, attempts, outcomes) -> None:
    """Takes what busy workers have to say; wakes after a second to look at signals."""
    busy = {slot.connection: slot for slot in self._slots if slot.run is not None}
    for ready in connection_lib.wait(list(busy), timeout=1.0):
      slot = busy[ready]
      try:
        message = ready.recv()
      except (EOFError, ConnectionResetError):
        self._worker_died(slot, waiting, attempts, outcomes)
        continue
      if message[0] == "event":
        self._display.event(message[1], message[2])
      else:
        self._end(slot, message[2], message[3], outcomes)

  def _worker_died(self, slot: _Slot, waiting, attempts, outcomes) -> None:
    run = slot.run
    slot.process.join()
    reason = f"its process ended with exit code {slot.process.exitcode} (killed, or out of memory)"
    slot.process = slot.connection = None
    if attempts[run.identity] < MAX_ATTEMPTS:
      slot.run = None
      waiting.appendleft(run)
      return
    from benchmark.execution import attempt  # pylint: disable=import-outside-toplevel

    self._end(slot, "failed", attempt.record_failure(run, self._settings, reason), outcomes)

  def _end(self, slot: _Slot, status: Status, reason: str | None, outcomes) -> None:
    outcomes[slot.run.identity] = Outcome(status, reason)
    self._display.end(slot.run.identity, status, reason)
    slot.run = None

  def _retire(self, slot: _Slot) -> None:
    slot.connection.send(None)
    slot.process.join()
    slot.connection.close()
    slot.process = slot.connection = None

  def _close(self, stop: StopRequest) -> None:
    if any(slot.run for slot in self._slots):
      stop.event.set()  # Left by an exception: let workers checkpoint rather than train on.
    for slot in self._slots:
      if slot.process is not None and slot.process.is_alive():
        try:
          self._retire(slot)
        except (BrokenPipeError, ConnectionResetError):
          slot.process.join()
