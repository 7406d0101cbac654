"""A worker process: executes the runs it is sent, one after another, and reports what happens.

No TensorFlow is imported here before streams, surroundings and threads are set.
"""

import contextlib
import signal
import socket
import sys

from benchmark.execution import process, stopping
from benchmark.execution.local import channel as channel_lib
from benchmark.execution.settings import Settings
from benchmark.suites import bindings, suite

# What a display shows of an epoch; the rest can be long.
_SHOWN = ("event", "visit", "task", "phase", "epoch", "global_epoch", "total_epochs", "loss", "validation_accuracy")


def main(end: socket.socket, settings_values: dict, place: process.Place) -> None:
  """Serves runs until it is told to end or the parent is gone.

  Messages from the parent: {"run": `Run.to_json()`}, {"stop": true} and {"end": true}. While a run is in progress any
  message, and the end of the stream, asks for a checkpoint and an end: nothing is shared by the workers of a suite.
  Messages to the parent: {"ready": true} once TensorFlow has started, else {"unable": reason}; {"event": epoch}; and
  {"status": status, "reason": reason or null} when a run has ended.

  Args:
    end: of a socket pair whose other end is the parent's.
    settings_values: fields of `Settings`.
    place: what this process may use.
  """
  stopping.leave_to_parent()
  terminated = []
  signal.signal(signal.SIGTERM, lambda number, frame: terminated.append(number))
  channel = channel_lib.Channel(end)
  try:
    settings = _start(settings_values, place, channel)
    from benchmark.execution import attempt  # noqa: PLC0415  imports TensorFlow, which `_start` prepares

    while "run" in (message := channel.receive()):
      outcome = attempt.attempt(suite.Run.from_json(message["run"]), settings, lambda event: _report(event, channel),
                                lambda: bool(terminated) or channel.is_ready())
      channel.send({"status": outcome.status, "reason": outcome.reason})
  except (EOFError, ConnectionError):
    return  # The parent is gone; every run so far is checkpointed or recorded.


def _start(settings_values: dict, place: process.Place, channel: channel_lib.Channel) -> Settings:
  """Starts TensorFlow; ends the process, with the reason for the parent, where that fails."""
  try:
    settings = Settings(**{**settings_values, "data_dirs": tuple(settings_values["data_dirs"])})
    process.prepare_process(settings.threads, place)
    process.start_tensorflow(settings.threads, settings.deterministic)
    bindings.register_configurables()
  except Exception as error:  # Whatever it is, the parent must name it.
    channel.send({"unable": f"{type(error).__name__}: {' '.join(str(error).split())[:400]}"})
    sys.exit(1)
  channel.send({"ready": True})
  return settings


def _report(event, channel: channel_lib.Channel) -> None:
  """Sends what a display shows: epochs, without their diagnostics."""
  values = event.to_json()
  if values["event"] == "epoch":
    with contextlib.suppress(OSError):  # The parent is gone: the run is stopped, with a checkpoint, when it next asks.
      channel.send({"event": {name: values[name] for name in _SHOWN}})
