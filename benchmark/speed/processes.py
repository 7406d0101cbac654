"""What is measured in processes of its own: peak memory, retraces, and how several processes scale.

No TensorFlow is imported here before a process has its threads and its core.
"""

import concurrent.futures
import dataclasses
import multiprocessing
import statistics
import time
from collections.abc import Callable

from benchmark.execution import process
from benchmark.speed.bars import Bar
from lasem_tf import cores

MEMORY_LIMITS = {"cifar100": 1.2, "stl10": 1.6}  # 1e9 bytes of one LASEM run.
SCALING_LIMIT = 1.3
_PROBE_TASKS, _PROBE_EPOCHS, _PROBE_STEPS = 2, 2, 6


@dataclasses.dataclass(frozen=True)
class Probe:
  """What a short LASEM run needed.

  Attributes:
    peak_bytes: largest resident size of its process.
    num_retraces: compilations of something compiled before.
  """

  peak_bytes: int
  num_retraces: int


def probe(name: str) -> Probe:
  """Trains LASEM on random images of a network's sizes in a process of its own."""
  with _executor(None) as executor:
    return executor.submit(_probe, name).result()


def probe_figures(name: str, measured: Probe) -> list[Bar]:
  """Retraces and peak memory with their bars."""
  return [Bar("retraces after the first epoch of a task, LASEM run of two tasks", measured.num_retraces, 0),
          Bar("peak memory of a LASEM run, 1e9 bytes", measured.peak_bytes / 1e9, MEMORY_LIMITS.get(name))]


def scaling(name: str, repeats: int, seconds: float) -> Bar:
  """Plain steps per second of two processes, one pinned core each, over those of one; wall time, medians of repeats.

  Args:
    name: of the network.
    repeats: measurements of either, in turn.
    seconds: wall time that one measurement of one process should take.
  """
  label, usable = "plain steps per second of two processes over one, wall time", cores.usable()
  if cores.num_usable() < 2:
    return Bar(label, None, SCALING_LIMIT, at_least=True, note="one core here")
  with _executor(usable[0]) as first, _executor(usable[1]) as second:
    num_steps = max(4, round(seconds / max(f.submit(_calibrate, name).result() for f in (first, second))))
    one, two = [], []
    for _ in range(repeats):
      one.append(_wall([first], num_steps))
      two.append(_wall([first, second], num_steps))
  return Bar(label, 2 * statistics.median(one) / statistics.median(two), SCALING_LIMIT, at_least=True)


def _executor(core: int | None) -> concurrent.futures.ProcessPoolExecutor:
  """One fresh process, which lives as long as the executor."""
  return concurrent.futures.ProcessPoolExecutor(
      1, multiprocessing.get_context("spawn"), initializer=_prepare, initargs=(core,))


def _prepare(core: int | None) -> None:
  process.prepare_process(place=process.Place(core=core))
  process.start_tensorflow()


def _wall(executors, num_steps: int) -> float:
  start = time.perf_counter()
  concurrent.futures.wait([executor.submit(_take_steps, num_steps) for executor in executors])
  return time.perf_counter() - start


_step: Callable[[], object] = lambda: None  # Of this worker process.


def _calibrate(name: str) -> float:
  """Makes this process's plain step; wall seconds of one."""
  global _step
  from benchmark.speed import comparisons, networks  # noqa: PLC0415  import TensorFlow, which `_prepare` prepares

  _step = comparisons.Comparison().train("plain", comparisons.plain, networks.NETWORKS[name]).step_arm("plain").call
  _step()
  start = time.perf_counter()
  for _ in range(3):
    _step()
  return (time.perf_counter() - start) / 3


def _take_steps(num_steps: int) -> None:
  for _ in range(num_steps):
    _step()


def _probe(name: str) -> Probe:
  # These import TensorFlow, which `_prepare` prepares.
  from benchmark.speed import comparisons, networks, random_stream  # noqa: PLC0415
  from lasem_tf.learners import base  # noqa: PLC0415
  from lasem_tf.training import lifetime, splits  # noqa: PLC0415

  network = networks.NETWORKS[name]
  images = random_stream.RandomImages(network, _PROBE_TASKS, _PROBE_STEPS * network.batch_size)
  options = lifetime.TrainingOptions(network.batch_size, _PROBE_EPOCHS, 1e-5)
  data = splits.SplitCache(images)
  learner = comparisons.lasem(base.LearnerContext(
      network.spec, (network.num_classes,) * _PROBE_TASKS, 0, _PROBE_EPOCHS, network.batch_size, 1e-5,
      examples=data.training_examples))
  result = lifetime.Lifetime(learner, data, options).run()
  return Probe(process.peak_memory_bytes(), result.num_retraces)
