"""Stands in for `worker.main` in tests of the pool: trains nothing, and ends as its run's learner is called."""

import os
import signal
import socket
import sys
import time

from benchmark.execution import process
from benchmark.execution.local import channel as channel_lib

NUM_EPOCHS = 5


def main(end: socket.socket, settings_values: dict, place: process.Place) -> None:
  """Serves runs as the real worker does."""
  del settings_values, place
  for number in (signal.SIGINT, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
  channel = channel_lib.Channel(end)
  is_ready = False
  try:
    while "run" in (message := channel.receive()):
      learner = message["run"]["learner"]
      if learner == "exits":
        sys.exit(3)
      if learner == "unable":
        channel.send({"unable": "MemoryError: no room"})
        sys.exit(1)
      if not is_ready:
        channel.send({"ready": True})
        is_ready = True
      channel.send({"status": _serve(learner, channel), "reason": None})
      if learner == "dies_idle":
        os.kill(os.getpid(), signal.SIGKILL)
  except (EOFError, ConnectionError):
    return


def _serve(learner: str, channel: channel_lib.Channel) -> str:
  for epoch in range(NUM_EPOCHS):
    channel.send({"event": {"event": "epoch", "epoch": epoch, "pid": os.getpid()}})
    if learner == "dies" and epoch == 2:
      channel._socket.send(b'{"event": "' + b"x" * 20_000)  # More than the 16 kB that once went out at once.
      os.kill(os.getpid(), signal.SIGKILL)
    if learner == "crashes":
      os.kill(os.getpid(), signal.SIGSEGV)
    if learner == "waits" and epoch == 2:
      while not channel.is_ready():
        time.sleep(0.01)
      return "interrupted"
    if learner == "blocked" and epoch == 2:
      time.sleep(600)
    if learner == "polls":
      for _ in range(2000):
        if channel.is_ready():
          return "interrupted"
  return "completed"
