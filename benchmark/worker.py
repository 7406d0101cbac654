"""A worker process: executes the runs it is sent, one after another, and tells what happens.

Nothing here imports TensorFlow before threads and pinning are set.
"""

import os
import signal
import traceback

from benchmark import environment


def main(connection, stop, settings_values: dict, core: int | None) -> None:
  """Serves runs until the connection sends None or closes.

  Args:
    connection: to the parent. Receives `Run.to_json()` dictionaries; sends ('event', identity, event dictionary),
      ('finished', identity, status, reason) and ('interrupted', identity).
    stop: event that asks for a checkpoint and an end.
    settings_values: fields of `execution.Settings`.
    core: to pin this process to, or None.
  """
  # Ctrl-C in a terminal reaches the whole process group; only the parent decides what it means.
  signal.signal(signal.SIGINT, signal.SIG_IGN)
  signal.signal(signal.SIGTERM, lambda *_: stop.set())
  parent = os.getppid()
  environment.prepare_process(settings_values["threads"], core)
  environment.start_tensorflow(settings_values["threads"], settings_values["deterministic"])
  from benchmark import configuration, execution, suite  # pylint: disable=import-outside-toplevel

  configuration.register_configurables()
  settings = execution.Settings(**settings_values)
  should_stop = lambda: stop.is_set() or os.getppid() != parent
  try:
    while (values := connection.recv()) is not None:
      _serve(suite.Run.from_json(values), settings, connection, should_stop)
  except (EOFError, BrokenPipeError):
    return  # The parent is gone; every run so far is checkpointed or recorded.


def _serve(run, settings, connection, should_stop) -> None:
  import filelock  # pylint: disable=import-outside-toplevel

  from benchmark import execution  # pylint: disable=import-outside-toplevel
  from lasem_tf.training import lifetime  # pylint: disable=import-outside-toplevel

  report = lambda event: connection.send(("event", run.identity, event.to_json()))
  try:
    record = execution.execute(run, settings, report, should_stop)
    connection.send(("finished", run.identity, record.status, record.result["reason"]))
  except lifetime.Interrupted:
    connection.send(("interrupted", run.identity))
  except filelock.Timeout:
    connection.send(("locked", run.identity))
  except (EOFError, BrokenPipeError):
    raise
  except Exception as error:  # pylint: disable=broad-except
    # One run's failure must not end the suite: it is recorded, shown in the table, and tried again next time.
    reason = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
    (settings.run_dir(run) / "failure.txt").write_text(traceback.format_exc(), encoding="utf-8")
    execution.failed_record(run, settings, reason)
    connection.send(("finished", run.identity, "failed", reason))
