"""Executes the runs of a suite as tasks of a Ray cluster whose nodes share the output and the data folders.

Ray places every run where its CPUs or GPU are free and starts it again when its worker or node is lost; the run goes on
from its checkpoint in the shared folder. Only the driver decides what is trained, so no run is trained twice.
"""

import collections
import contextlib
import dataclasses
import logging
import os
import pathlib
import platform
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from benchmark.execution import process, stopping
from benchmark.execution.display import Display
from benchmark.execution.local.pool import RUNS_PER_WORKER
from benchmark.execution.outcome import Outcome
from benchmark.execution.ray import watch as watch_lib
from benchmark.execution.settings import Settings
from benchmark.results import run_files
from benchmark.results.status import Status
from benchmark.suites import bindings, suite
from lasem_tf import cores

MAX_RETRIES = 8            # A run is started again so often after its worker or node was lost.
_SECONDS_TO_STOP = 60.0    # For tasks to write their checkpoints, before they are ended.
_SECONDS_TO_POLL = 1.0
_SECONDS_TO_APPEAR = 15.0  # For the driver's marker, on a node that shares the output folder.
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
    self._settings = dataclasses.replace(
        settings, output_dir=os.path.abspath(settings.output_dir),
        data_dirs=tuple(map(os.path.abspath, settings.data_dirs)),
        cache_dir=settings.cache_dir and os.path.abspath(settings.cache_dir), lock_seconds=_SECONDS_FOR_LOCK)
    self._address, self._jobs, self._runs_per_gpu, self._display = address, jobs, runs_per_gpu, display

  def run(self, runs: Sequence[suite.Run]) -> tuple[dict[str, Outcome], int | None]:
    """Executes the runs; see `pool.LocalExecutor.run`."""
    if not runs:
      return {}, None
    with _connected(self._address, self._jobs), stopping.StopRequest() as stop:
      # Its presence in the output folder tells the nodes that they share it; its absence later, that they must stop.
      marker = pathlib.Path(self._settings.output_dir, f".cluster-{secrets.token_hex(8)}")
      marker.touch(exist_ok=False)
      try:
        return self._run(runs, stop, marker), stop.signal_number
      finally:
        marker.unlink(missing_ok=True)

  def _run(self, runs: Sequence[suite.Run], stop: stopping.StopRequest, marker: pathlib.Path) -> dict[str, Outcome]:
    import ray  # noqa: PLC0415  optional

    train = ray.remote(**self._demand())(_train)
    waiting = collections.deque(runs)
    tasks: dict[Any, suite.Run] = {}
    outcomes: dict[str, Outcome] = {}
    watch = watch_lib.Watch(self._settings, self._display)
    deadline: float | None = None
    while waiting or tasks:
      if stop.signal_number is not None and deadline is None:
        waiting.clear()
        marker.unlink(missing_ok=True)
        deadline = time.monotonic() + _SECONDS_TO_STOP
        for task, run in tasks.items():
          if not watch.has_begun(run):
            ray.cancel(task)
      while waiting and len(tasks) < (self._jobs or len(runs)):
        run = waiting.popleft()
        tasks[train.remote(run.to_json(), dataclasses.asdict(self._settings), str(marker))] = run
        watch.add(run)
      ended, _ = ray.wait(list(tasks), timeout=_SECONDS_TO_POLL) if tasks else ([], None)
      watch.look()
      for task in ended:
        run = tasks.pop(task)
        outcomes[run.identity] = self._outcome(task, run, is_stopping=deadline is not None)
        watch.remove(run, *outcomes[run.identity])
      if deadline is not None and time.monotonic() > deadline:
        for task in tasks:
          ray.cancel(task, force=True)
    return outcomes

  def _demand(self) -> dict:
    """What a task asks the cluster for, and how often it is started again."""
    import ray  # noqa: PLC0415  optional

    demand: dict[str, float] = {"num_cpus": self._settings.threads, "max_retries": MAX_RETRIES,
                                "max_calls": RUNS_PER_WORKER}
    if ray.cluster_resources().get("GPU", 0):
      demand["num_gpus"] = 1.0 / self._runs_per_gpu
    return demand

  def _outcome(self, task, run: suite.Run, is_stopping: bool) -> Outcome:
    import ray  # noqa: PLC0415  optional

    try:
      outcome, node = ray.get(task)
    except (ray.exceptions.TaskCancelledError, KeyboardInterrupt):
      return Outcome(Status.INTERRUPTED)
    except ray.exceptions.RayError as error:
      from benchmark.execution import attempt  # noqa: PLC0415  imports TensorFlow, which few suites need here

      reason = f"Its Ray task was lost {MAX_RETRIES + 1} times or could not run: {' '.join(str(error).split())[:300]}"
      return attempt.record_loss(run, self._settings, reason)
    return self._check_shared(run, outcome, node, is_stopping)

  def _check_shared(self, run: suite.Run, outcome: Outcome | None, node: str, is_stopping: bool) -> Outcome:
    """What a node says, if the output folder that it used is this machine's; None says that it found none."""
    if outcome is None and is_stopping:
      return Outcome(Status.INTERRUPTED)
    folder = self._settings.run_dir(run)
    if outcome is None:
      return Outcome(Status.FAILED, f"Nothing was trained: node {node} does not share the folder "
                     f"{self._settings.output_dir} with this machine. Name an --output_dir that all nodes share.")
    if outcome.status in (Status.COMPLETED, Status.DIVERGED) and not (folder / run_files.RECORD_FILE).is_file():
      return Outcome(Status.FAILED, f"Node {node} {outcome.status} the run, but its record is not in {folder} on this "
                     "machine. Name an --output_dir that all nodes share.")
    return outcome


@contextlib.contextmanager
def _connected(address: str, jobs: int | None) -> Iterator[None]:
  import ray  # noqa: PLC0415  optional

  os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
  own: dict[str, Any] = {}
  if address == "local":
    own = {"num_cpus": jobs or cores.num_usable(), "include_dashboard": False}
  # What goes wrong reaches the outcomes; Ray's own account of a lost node is many screens long.
  ray.init(address=address, log_to_driver=False, logging_level=logging.CRITICAL, **own)
  try:
    yield
  finally:
    ray.shutdown()


def _train(values: dict, settings_values: dict, marker: str) -> tuple[Outcome | None, str]:
  """The task: one run, on whichever node. Returns its outcome (None: the marker is missing) and the node's name."""
  process.prepare_process(settings_values["threads"])
  process.start_tensorflow(settings_values["threads"], settings_values["deterministic"])
  from benchmark.execution import attempt  # noqa: PLC0415  imports TensorFlow, which the lines above prepare

  if not _appears(marker):
    return None, platform.node()
  bindings.register_configurables()
  outcome = attempt.attempt(suite.Run.from_json(values), Settings(**settings_values), lambda event: None,
                            _stop_without(marker))
  return outcome, platform.node()


def _appears(marker: str) -> bool:
  """Whether the file is there, or will soon be: network file systems show a new file after a while."""
  deadline = time.monotonic() + _SECONDS_TO_APPEAR
  while not (found := os.path.exists(marker)) and time.monotonic() < deadline:
    time.sleep(0.1)
  return found


def _stop_without(marker: str) -> Callable[[], bool]:
  """Whether the file is gone; looks once a second at most, as it lies in a folder that many machines share."""
  looked, found = -_SECONDS_TO_POLL, True

  def should_stop() -> bool:
    nonlocal looked, found
    if found and time.monotonic() - looked >= _SECONDS_TO_POLL:
      looked, found = time.monotonic(), os.path.exists(marker)
    return not found

  return should_stop
