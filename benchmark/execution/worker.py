"""A worker process: executes the runs it is sent, one after another, and tells what happens.

Nothing here imports TensorFlow before threads and pinning are set.
"""

import os
import signal

from benchmark.execution import process
from benchmark.execution.settings import Settings


def main(connection, stop, settings_values: dict, place: process.Place) -> None:
  """Serves runs until the connection sends None or closes.

  Args:
    connection: to the parent. Receives `Run.to_json()` dictionaries; sends ('event', identity, event dictionary) and
      ('finished', identity, status, reason) with a status of `attempt.attempt`.
    stop: event that asks for a checkpoint and an end.
    settings_values: fields of `Settings`.
    place: what this process may use.
  """
  # Ctrl-C in a terminal reaches the whole process group; only the parent decides what it means.
  signal.signal(signal.SIGINT, signal.SIG_IGN)
  signal.signal(signal.SIGTERM, lambda *_: stop.set())
  parent = os.getppid()
  process.prepare_process(settings_values["threads"], place)
  process.start_tensorflow(settings_values["threads"], settings_values["deterministic"])
  from benchmark.execution import attempt  # pylint: disable=import-outside-toplevel
  from benchmark.suites import bindings, suite  # pylint: disable=import-outside-toplevel

  bindings.register_configurables()
  settings = Settings(**settings_values)
  should_stop = lambda: stop.is_set() or os.getppid() != parent
  try:
    while (values := connection.recv()) is not None:
      run = suite.Run.from_json(values)
      report = lambda event, identity=run.identity: connection.send(("event", identity, event.to_json()))
      connection.send(("finished", run.identity, *attempt.attempt(run, settings, report, should_stop)))
  except (EOFError, ConnectionError):
    return  # The parent is gone; every run so far is checkpointed or recorded.
