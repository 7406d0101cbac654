"""Executes the runs of a suite as tasks of a Ray cluster whose nodes share the output and the data folders.

Ray places every run where its CPUs or GPU are free and starts it again when its worker or node is lost; the run goes on
from its checkpoint in the shared folder. Only the driver decides what is trained, so no run is trained twice.
"""

import contextlib
import dataclasses
import logging
import os
import pathlib
import time
from collections.abc import Callable, Sequence

from benchmark.execution import process
from benchmark.execution.display import Display
from benchmark.execution.outcome import Outcome
from benchmark.execution.pool import RUNS_PER_WORKER, StopFlag, StopRequest
from benchmark.execution.ray import watch as watch_lib
from benchmark.execution.settings import Settings
from benchmark.suites import suite

MAX_RETRIES = 8            # A run is started again so often after its worker or node was lost.
_SECONDS_TO_STOP = 60.0    # For tasks to write their checkpoints, before they are ended.
_SECONDS_TO_POLL = 1.0
_SECONDS_FOR_LOCK = 120.0  # A lost node's task may live on for a while, until it notices.


class RayExecutor:
  """The runs as tasks of a cluster."""

  def __init__(self, settings: Settings, address: str, jobs: int | None, runs_per_gpu: int, display: Display):
    """Connects to nothing yet.

    Args:
      settings: see there.
      address: 'auto', 'local' or 'host:port', for which `ray_address.check` found a cluster.
      jobs: runs at a time; None: as many as the cluster has CPUs or shares of GPUs for.
      runs_per_gpu: how many runs share a GPU where the cluster has any.
      display: told of everything.
    """
    folders = {"output_dir": _absolute(settings.output_dir), "data_dirs": tuple(map(_absolute, settings.data_dirs)),
               "cache_dir": settings.cache_dir and _absolute(settings.cache_dir), "lock_seconds": _SECONDS_FOR_LOCK}
    self._settings = dataclasses.replace(settings, **folders)
    self._address, self._jobs, self._runs_per_gpu, self._display = address, jobs, runs_per_gpu, display

  def run(self, runs: Sequence[suite.Run]) -> tuple[dict[str, Outcome], int | None]:
    """Executes the runs; see `pool.LocalExecutor.run`."""
    if not runs:
      return {}, None
    with _connected(self._address, self._jobs), StopRequest(StopFlag()) as stop:
      return self._run(runs, stop), stop.signal_number

  def _run(self, runs: Sequence[suite.Run], stop: StopRequest) -> dict[str, Outcome]:
    import ray  # pylint: disable=import-outside-toplevel

    stop_file = pathlib.Path(self._settings.output_dir, f".stop_{os.getpid()}_{time.time_ns()}")
    train = ray.remote(**self._demand())(_train)
    waiting, tasks, outcomes = list(runs), {}, {}
    watch = watch_lib.Watch(self._settings, self._display)
    most = self._jobs or len(runs)
    try:
      while waiting or tasks:
        if stop.signal_number is not None and not stop_file.exists():
          waiting.clear()
          stop_file.touch()
          deadline = time.monotonic() + _SECONDS_TO_STOP
          for task, run in tasks.items():
            if not watch.has_begun(run):
              ray.cancel(task)
        while waiting and len(tasks) < most:
          run = waiting.pop(0)
          values = run.to_json()
          tasks[train.remote(values, dataclasses.asdict(self._settings), str(stop_file))] = run
          watch.add(run)
        ended, _ = ray.wait(list(tasks), timeout=_SECONDS_TO_POLL) if tasks else ([], None)
        watch.look()
        for task in ended:
          run = tasks.pop(task)
          outcomes[run.identity] = self._outcome(task, run)
          watch.remove(run, *outcomes[run.identity])
        if stop_file.exists() and time.monotonic() > deadline:
          for task in tasks:
            ray.cancel(task, force=True)
    finally:
      stop_file.unlink(missing_ok=True)
    return outcomes

  def _demand(self) -> dict:
    """What a task asks the cluster for, and how often it is started again."""
    import ray  # pylint: disable=import-outside-toplevel

    demand = {"num_cpus": self._settings.threads, "max_retries": MAX_RETRIES, "max_calls": RUNS_PER_WORKER}
    if ray.cluster_resources().get("GPU", 0):
      demand["num_gpus"] = 1.0 / self._runs_per_gpu
    return demand

  def _outcome(self, task, run: suite.Run) -> Outcome:
    import ray  # pylint: disable=import-outside-toplevel

    from benchmark.execution import attempt  # pylint: disable=import-outside-toplevel

    try:
      return Outcome(*ray.get(task))
    except (ray.exceptions.TaskCancelledError, KeyboardInterrupt):
      return Outcome("interrupted")
    except ray.exceptions.RayError as error:
      reason = f"Its Ray task was lost {MAX_RETRIES + 1} times or could not run: {' '.join(str(error).split())[:300]}"
      return Outcome("failed", attempt.record_failure(run, self._settings, reason))


@contextlib.contextmanager
def _connected(address: str, jobs: int | None):
  import ray  # pylint: disable=import-outside-toplevel

  os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
  own = {"num_cpus": jobs or len(process.usable_cores()), "include_dashboard": False} if address == "local" else {}
  # What goes wrong reaches the outcomes; Ray's own account of a lost node is many screens long.
  ray.init(address=address, log_to_driver=False, logging_level=logging.CRITICAL, **own)
  try:
    yield
  finally:
    ray.shutdown()


def _train(values: dict, settings_values: dict, stop_file: str) -> Outcome:
  """The task: one run, on whichever node. Returns status and reason."""
  process.prepare_process(settings_values["threads"])
  process.start_tensorflow(settings_values["threads"], settings_values["deterministic"])
  from benchmark.execution import attempt  # pylint: disable=import-outside-toplevel
  from benchmark.suites import bindings, suite  # pylint: disable=import-outside-toplevel

  bindings.register_configurables()
  return attempt.attempt(suite.Run.from_json(values), Settings(**settings_values), lambda event: None,
                         _stop_when(stop_file))


def _stop_when(stop_file: str) -> Callable[[], bool]:
  """Whether the file exists; looks once a second at most, as it lies in a folder that many machines share."""
  looked, found = -_SECONDS_TO_POLL, False

  def should_stop() -> bool:
    nonlocal looked, found
    if not found and time.monotonic() - looked >= _SECONDS_TO_POLL:
      looked, found = time.monotonic(), os.path.exists(stop_file)
    return found

  return should_stop


def _absolute(path: str) -> str:
  return os.path.abspath(path)
