"""`planning` in a process of its own: to construct runs takes TensorFlow, to decide what becomes of them does not."""

import functools
import pickle
from collections.abc import Sequence
from multiprocessing import connection, process as process_lib
from typing import Any

from benchmark.execution import process, stopping
from benchmark.execution.local import start_method
from benchmark.execution.plan import Plan
from benchmark.execution.settings import Settings
from benchmark.results.record_schema import RecordError
from benchmark.suites import suite
from benchmark.suites.gin_files import ConfigurationError, without_call
from lasem_tf.data.stream import DataError

_SENT = (ConfigurationError, DataError, RecordError, OSError)


class Planner:
  """The functions of `planning`, which raise here what they raise there.

  The process begins with the first question, and again after a `rest`. When the context is left, it is ended at once.
  """

  def __init__(self) -> None:
    """Starts no process yet."""
    self._started: tuple[process_lib.BaseProcess, connection.Connection] | None = None

  def __enter__(self) -> "Planner":
    return self

  def __exit__(self, *_) -> None:
    self.rest()

  def visible_gpus(self) -> list[str]:
    """See `process.visible_gpus`."""
    return self._ask("visible_gpus")

  def plan(self, runs: Sequence[suite.Run], settings: Settings, needs_data: bool = True) -> list[Plan]:
    """See `planning.plan`."""
    return self._ask("plan", list(runs), settings, needs_data) if runs else []

  def stream_facts(self, runs: Sequence[suite.Run], settings: Settings) -> list[dict]:
    """See `planning.stream_facts`."""
    return self._ask("stream_facts", list(runs), settings) if runs else []

  def check_parents(self, runs: Sequence[suite.Run], settings: Settings) -> None:
    """See `planning.check_parents`."""
    if settings.grow is not None:
      self._ask("check_parents", list(runs), settings)

  def rest(self) -> None:
    """Ends the process, which holds memory, until there is another question."""
    if self._started is not None:
      started, end = self._started
      end.close()
      started.kill()
      started.join()
      self._started = None

  def _ask(self, name: str, *args) -> Any:
    """The answer of the process.

    Raises:
      ConfigurationError, DataError, RecordError, OSError: as the function.
      ChildProcessError: the process ended.
    """
    self._started = self._started or start_method.start_connected(_serve)
    started, end = self._started
    try:
      end.send((name, args))
      value, error = end.recv()
    except (EOFError, ConnectionError) as error:
      started.join()
      raise ChildProcessError(f"The process that constructs networks ended with exit code {started.exitcode}; its "
                              "messages, if it left any, are above") from error
    if error is not None:
      raise error
    return value


def _serve(end: connection.Connection) -> None:
  """Answers until the parent is gone."""
  stopping.leave_to_parent()
  process.prepare_process()
  while True:
    try:
      name, args = end.recv()
    except (EOFError, ConnectionError):
      return
    answer = error = None
    try:
      answer = _answer(name, args)
    except _SENT as caught:
      error = _sendable(caught)
    end.send((answer, error))


def _sendable(error: Exception) -> Exception:
  """The error, or one of its kind where it cannot be pickled, as those of classes that gin makes on the spot."""
  try:
    pickle.loads(pickle.dumps(error))
    return error
  except Exception:  # Which it is depends on the class.
    return next(kind for kind in _SENT if isinstance(error, kind))(without_call(error))


def _answer(name: str, args: Sequence) -> Any:
  gpus = _hidden_gpus()
  if name == "visible_gpus":
    return gpus
  from benchmark.execution import planning  # noqa: PLC0415  after TensorFlow, as it was asked to be

  functions = {function.__name__: function for function in (
      planning.plan, planning.stream_facts, planning.check_parents)}
  return functions[name](*args)


@functools.cache
def _hidden_gpus() -> list[str]:
  process.import_tensorflow()
  return process.visible_gpus()
