"""How long training takes on this machine, from a measurement of a few seconds."""

import dataclasses
import math
import multiprocessing
import time

from benchmark.execution import process as process_lib

_SECONDS_PER_NETWORK = 1.0
_BATCH_SIZE = 10


@dataclasses.dataclass(frozen=True)
class CostModel:
  """CPU seconds of a run with one thread = visits * a + steps * b + billions of multiply-accumulate operations / c.

  Attributes:
    seconds_per_visit: a, what compiling for a task costs.
    seconds_per_step: b, what a step costs however small the network.
    gmacs_per_second: c.
  """

  seconds_per_visit: float
  seconds_per_step: float
  gmacs_per_second: float

  def seconds(self, num_visits: int, num_steps: int, gmacs: float) -> float:
    """CPU seconds of a run."""
    return num_visits * self.seconds_per_visit + num_steps * self.seconds_per_step + gmacs / self.gmacs_per_second

  def describe(self) -> str:
    """The model in a few words."""
    return (f"measured just now: {self.gmacs_per_second:.0f} GMAC/s and {1000.0 * self.seconds_per_step:.1f} ms a step "
            f"on one thread, {self.seconds_per_visit:.1f} s to compile for a task; expect the truth within about a "
            "factor of two for most methods, up to three and a half times as much for those of many small operations: "
            "ProgNN, APD, DEN")


def fit(compile_seconds: float, small: tuple[float, float], large: tuple[float, float]) -> CostModel:
  """The model that two measured networks agree with.

  Args:
    compile_seconds: of one network's step.
    small: seconds and GMACs of a step.
    large: the same of a step with more work.

  Returns:
    The model; noise never makes a coefficient negative.
  """
  rate = (large[1] - small[1]) / max(large[0] - small[0], 1e-9)
  overhead = small[0] - small[1] / rate
  if not (math.isfinite(rate) and overhead >= 0.0):
    rate, overhead = large[1] / large[0], 0.0
  return CostModel(compile_seconds, overhead, rate)


def measure() -> CostModel:
  """Trains two networks for about a second each, in a process of its own with one thread."""
  context = multiprocessing.get_context("spawn")
  receiver, sender = context.Pipe(duplex=False)
  process = context.Process(target=_measure, args=(sender,), daemon=True)
  process.start()
  sender.close()
  try:
    return receiver.recv()
  except EOFError as error:
    raise RuntimeError("Measuring this machine's speed failed; its messages are above.") from error
  finally:
    process.join()
    receiver.close()


def _measure(sender) -> None:
  process_lib.prepare_process(place=process_lib.Place(core=process_lib.usable_cores()[-1]))
  process_lib.start_tensorflow()
  from lasem_tf.nn import architecture  # pylint: disable=import-outside-toplevel

  small = architecture.ConvNetSpec((16, 16, 3), (3, 3), (8, 16), (2, 2), (16,))
  large = architecture.ConvNetSpec((32, 32, 3), (3, 3, 3, 3), (32, 32, 64, 64), (1, 2, 1, 2), (64,))
  _time_training(small)  # What only the first compilation of a process costs is not a visit's.
  compile_small, *cost_small = _time_training(small)
  compile_large, *cost_large = _time_training(large)
  sender.send(fit((compile_small + compile_large) / 2.0, tuple(cost_small), tuple(cost_large)))


def _time_training(spec) -> tuple[float, float, float]:
  """CPU seconds to compile for a task and to take a step, and GMACs of a step, of plain training."""
  import numpy as np  # pylint: disable=import-outside-toplevel
  import tensorflow as tf  # pylint: disable=import-outside-toplevel

  from lasem_tf import types  # pylint: disable=import-outside-toplevel
  from lasem_tf.learners import base, single_task  # pylint: disable=import-outside-toplevel
  from lasem_tf.training import steps  # pylint: disable=import-outside-toplevel

  num_classes, num_steps = 10, 8
  start = time.process_time()
  learner = single_task.SingleTask(base.LearnerContext(spec, (num_classes,), 0, 1, _BATCH_SIZE, 1e-5))
  images = tf.random.stateless_normal([num_steps * _BATCH_SIZE, *spec.image_shape], [0, 1])
  labels = tf.range(num_steps * _BATCH_SIZE) % num_classes
  info = types.TaskInfo(0, num_classes, tuple(map(str, range(num_classes))))
  task = base.TaskData(info, (images, labels), (images[:_BATCH_SIZE], labels[:_BATCH_SIZE]))
  learner.begin_visit(task, 0)
  compiled = steps.CompiledPhase(learner.next_phase(0), task, _BATCH_SIZE, loop=True)
  rows = np.arange(num_steps * _BATCH_SIZE, dtype=np.int32).reshape(num_steps, _BATCH_SIZE)
  seeds = np.arange(2 * num_steps, dtype=np.int32).reshape(num_steps, 2)
  take_steps = lambda: compiled.run(rows, seeds, None, 1e-5)
  take_steps()
  compile_seconds = time.process_time() - start
  start, num_calls = time.process_time(), 0
  while time.process_time() - start < _SECONDS_PER_NETWORK:
    take_steps()
    num_calls += 1
  seconds = (time.process_time() - start) / (num_calls * num_steps)
  return compile_seconds, seconds, learner.training_macs_per_image(0) * _BATCH_SIZE / 1e9
