"""How processes begin that use TensorFlow: on Linux as copies of one that has imported it and started nothing.

A copy costs a tenth of a second, importing TensorFlow four seconds of CPU time. The copied process, Python's fork
server, begins with the first process that is asked for, as a child of this one, and ends with this one.
"""

import glob
import multiprocessing
import multiprocessing.context
import os
import signal
import sys
from collections.abc import Callable
from multiprocessing import connection, forkserver, process as process_lib

_PRELOADED = "benchmark.execution.local.preloaded"
# Whether importing TensorFlow touches a driver, which does not survive being copied, is not known for every version.
_GPU_DRIVERS = ("/dev/nvidia*", "/dev/nvhost*", "/dev/kfd", "/dev/dxg")


def start(target: Callable[..., None], *args) -> process_lib.BaseProcess:
  """Starts a process that is terminated when this one ends.

  It has this process's environment variables and working folder. What its libraries read while they were imported,
  such as OPENBLAS_NUM_THREADS, is as it was when the first process was started.

  Args:
    target: a function of a module.
    *args: pickled for it; sockets and connections too.

  Raises:
    OSError: the system allows no further process.
  """
  process = _context().Process(target=_begin, args=(dict(os.environ), target, *args), daemon=True)  # type: ignore[attr-defined]
  try:
    process.start()
  except EOFError as error:  # The fork server is gone, most often because it was allowed no further process.
    raise OSError(None, "the process that starts workers ended") from error
  return process


def start_connected(target: Callable[[connection.Connection], None]
                    ) -> tuple[process_lib.BaseProcess, connection.Connection]:
  """As `start`, for a target that takes one end of a pipe; returns the process and the other end."""
  ours, theirs = connection.Pipe()
  with theirs:
    try:
      return start(target, theirs), ours
    except OSError:
      ours.close()
      raise


def _context() -> multiprocessing.context.BaseContext:
  everything_anew = multiprocessing.get_context("spawn")
  if sys.platform != "linux" or any(map(glob.glob, _GPU_DRIVERS)):
    return everything_anew
  context = multiprocessing.get_context("forkserver")
  context.set_forkserver_preload([_PRELOADED])
  try:
    forkserver.ensure_running()
  except OSError:  # Its socket lies in the temporary folder, whose path may be too long or whose file system has none.
    return everything_anew
  return context


def _begin(environment: dict[str, str], target: Callable[..., None], *args) -> None:
  os.environ.clear()
  os.environ.update(environment)
  # The server ignores them.
  signal.signal(signal.SIGINT, signal.default_int_handler)
  signal.signal(signal.SIGTERM, signal.SIG_DFL)
  target(*args)
