"""Shows a suite's progress: a live display on a terminal, plain lines elsewhere."""

import contextlib
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Protocol

import rich.console
import rich.progress

from benchmark.results.status import RECORDED, Status

_SECONDS_BETWEEN_LINES = 15.0
# A person waits for less than a log, which should not say on a busy machine what it does not on an idle one.
_SECONDS_OF_SILENCE, _SECONDS_OF_A_SILENT_LOG = 3.0, 20.0
_FIRST_ESTIMATE = 0.03  # Share of the suite; before it, starting processes and tracing take most of the time.


class Display(Protocol):
  """Shows the progress of a suite."""

  def begin(self, identity: str) -> None:
    """A run starts or continues."""

  def event(self, identity: str, event: Mapping) -> None:
    """Something happened in a run."""

  def end(self, identity: str, status: str, reason: str | None) -> None:
    """A run ended: 'completed', 'diverged', 'failed', 'interrupted' or 'locked'."""


def make_display(costs: Mapping[str, float], num_finished: int):
  """The display that fits standard error.

  Args:
    costs: estimated cost of every run that is still to be trained, by identity, in any unit.
    num_finished: runs of the suite that needed no training.

  Returns:
    A context manager that is a `Display`.
  """
  return (TerminalDisplay if sys.stderr.isatty() else LineDisplay)(costs, num_finished)


@contextlib.contextmanager
def patience(sentence: str, seconds: float | None = None) -> Iterator[None]:
  """Prints a sentence on standard error if the block takes longer than that: else a program seems to hang."""
  if seconds is None:
    seconds = _SECONDS_OF_SILENCE if sys.stderr.isatty() else _SECONDS_OF_A_SILENT_LOG
  timer = threading.Timer(seconds, print, (sentence,), {"file": sys.stderr, "flush": True})
  timer.daemon = True
  timer.start()
  try:
    yield
  finally:
    timer.cancel()


class _Progress:
  """Fraction of the suite's cost that is done, and the time it will take at this pace."""

  def __init__(self, costs: Mapping[str, float]):
    self._costs = dict(costs)
    self._total = sum(costs.values()) or 1.0
    self._done = dict.fromkeys(costs, 0.0)
    self._start = time.monotonic()
    self._at_start: dict[str, float] = {}  # What is first heard of a run that is resumed.

  def update(self, identity: str, fraction: float) -> None:
    self._at_start.setdefault(identity, fraction)
    self._done[identity] = fraction

  @property
  def fraction(self) -> float:
    return sum(self._costs[identity] * done for identity, done in self._done.items()) / self._total

  def remaining(self) -> str:
    """'52 s left'. What a resumed suite had done before it started does not count towards its pace."""
    fraction = self.fraction
    gained = fraction - sum(self._costs[identity] * done for identity, done in self._at_start.items()) / self._total
    if gained < _FIRST_ESTIMATE:
      return "time left not yet known"
    return f"{duration((time.monotonic() - self._start) * (1.0 - fraction) / gained)} left"


def duration(seconds: float) -> str:
  """Seconds as people say them."""
  hours = seconds / 3600.0
  if hours >= 100:
    return f"{hours / 24:.0f} days" if hours < 24 * 365 else f"{hours / (24 * 365.25):.1f} years"
  return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min" if seconds < 6000 else f"{hours:.1f} h"


def describe_epoch(event: Mapping) -> str:
  """One epoch in a few words."""
  trained = f"{event['phase']} epoch {event['epoch'] + 1}, loss {event['loss'] or 0.0:.3f}"
  accuracy = f"validation accuracy {100.0 * event['validation_accuracy']:.1f} %"
  return f"task {event['task']}, {'untrained' if event['loss'] is None else trained}, {accuracy}"


def _runs(count: int) -> str:
  return f"{count} run{'s' * (count != 1)}"


class LineDisplay:
  """Plain lines on standard error, no more than one every few seconds for a run."""

  def __init__(self, costs: Mapping[str, float], num_finished: int):
    self._progress = _Progress(costs)
    self._num_finished, self._num_waiting = num_finished, len(costs)
    self._last: dict[str, float] = {}

  def __enter__(self) -> "LineDisplay":
    if self._num_finished:
      self._print(f"Finished before: {_runs(self._num_finished)}.")
    if self._num_waiting:
      self._print(f"To train: {_runs(self._num_waiting)}, named <stream>/<learner>/<scale>/seed<k>.")
    return self

  def __exit__(self, *_) -> None:
    """Nothing to close."""

  def begin(self, identity: str) -> None:
    self._last[identity] = time.monotonic()
    self._print(f"{identity}: begins")

  def event(self, identity: str, event: Mapping) -> None:
    if event["event"] != "epoch":
      return
    self._progress.update(identity, event["global_epoch"] / event["total_epochs"])
    now = time.monotonic()
    if now - self._last.get(identity, now - _SECONDS_BETWEEN_LINES) >= _SECONDS_BETWEEN_LINES:
      self._last[identity] = now
      self._print(f"{identity}: {describe_epoch(event)} {self._state()}")

  def end(self, identity: str, status: str, reason: str | None) -> None:
    if status in RECORDED:
      self._progress.update(identity, 1.0)
    self._print(f"{identity}: {status}{f' ({reason})' if reason else ''} {self._state()}")

  def _state(self) -> str:
    return f"[{100.0 * self._progress.fraction:.0f} % of the suite, {self._progress.remaining()}]"

  def _print(self, text: str) -> None:
    print(text, file=sys.stderr, flush=True)


class TerminalDisplay:
  """One live bar for the suite and one for every run in progress."""

  def __init__(self, costs: Mapping[str, float], num_finished: int):
    self._progress = _Progress(costs)
    self._bars = rich.progress.Progress(
        # Names of variants have brackets, which Rich would take for markup.
        rich.progress.TextColumn("{task.description}", markup=False), rich.progress.BarColumn(),
        rich.progress.TaskProgressColumn(), rich.progress.TextColumn("{task.fields[note]}", markup=False),
        console=rich.console.Console(stderr=True))
    note = f"finished before: {_runs(num_finished)}" if num_finished else ""
    self._suite = self._bars.add_task("suite", total=1.0, note=note)
    self._runs: dict[str, rich.progress.TaskID] = {}

  def __enter__(self) -> "TerminalDisplay":
    self._bars.start()
    return self

  def __exit__(self, *_) -> None:
    self._bars.stop()

  def begin(self, identity: str) -> None:
    self._runs[identity] = self._bars.add_task(identity, total=1.0, note="begins")

  def event(self, identity: str, event: Mapping) -> None:
    if event["event"] == "epoch":
      fraction = event["global_epoch"] / event["total_epochs"]
      self._progress.update(identity, fraction)
      self._bars.update(self._runs[identity], completed=fraction, note=describe_epoch(event))
      self._bars.update(self._suite, completed=self._progress.fraction, note=self._progress.remaining())

  def end(self, identity: str, status: str, reason: str | None) -> None:
    self._bars.remove_task(self._runs.pop(identity))
    if status != Status.COMPLETED:
      self._bars.console.print(f"{identity}: {status}{f' ({reason})' if reason else ''}", markup=False, highlight=False,
                               soft_wrap=True)
    if status in RECORDED:
      self._progress.update(identity, 1.0)
      self._bars.update(self._suite, completed=self._progress.fraction)
