"""Measures this machine for a `CostModel`, in a few seconds and a process of its own."""

import time

from benchmark.execution import process as process_lib
from benchmark.execution.cost_model import CostModel, fit
from benchmark.execution.local import start_method

_SECONDS_PER_NETWORK = 1.0
_SECONDS_OF_WEIGHTS = 0.3
_BATCH_SIZE = 10
# A network is compiled for evaluation when its task begins and when it is committed, at a third of a step's cost each.
_WITH_EVALUATION = 1.6


def measure() -> CostModel:
  """Trains two networks for about a second each, in a process of its own with one thread."""
  process, end = start_method.start_connected(_measure)
  try:
    return end.recv()
  except EOFError as error:
    raise RuntimeError("Measuring this machine's speed failed; its messages are above.") from error
  finally:
    process.join()
    end.close()


def _measure(sender) -> None:
  process_lib.prepare_process()
  process_lib.start_tensorflow()
  from lasem_tf.nn import architecture  # noqa: PLC0415  as in `_time_training`

  small = architecture.ConvNetSpec((16, 16, 3), (3, 3), (8, 16), (2, 2), (16,))
  large = architecture.ConvNetSpec((32, 32, 3), (3, 3, 3, 3), (32, 32, 64, 64), (1, 2, 1, 2), (64,))
  _time_training(small)  # What only the first compilation of a process costs is not a visit's.
  compile_small, cost_small = _time_training(small)
  compile_large, cost_large = _time_training(large)
  sender.send(fit((compile_small + compile_large) / 2.0, cost_small, cost_large, _time_weight_operations()))


def _time_weight_operations() -> float:
  """Billions of operations a second on single weights, of a penalty and its gradient on as many as a network has."""
  import tensorflow as tf  # noqa: PLC0415  as in `_time_training`

  num_weights, num_operations = 2**19, 8
  weights, anchor, importance = (tf.Variable(tf.random.stateless_normal([num_weights], [0, seed])) for seed in range(3))

  def step():
    with tf.GradientTape() as tape:
      penalty = tf.reduce_sum(importance * tf.square(weights - anchor))
    weights.assign_sub(1e-3 * tape.gradient(penalty, weights))

  step()
  start, num_calls = time.process_time(), 0
  while time.process_time() - start < _SECONDS_OF_WEIGHTS:
    step()
    num_calls += 1
  return num_calls * num_weights * num_operations / (time.process_time() - start) / 1e9


def _time_training(spec) -> tuple[float, tuple[float, float]]:
  """Of plain training: CPU seconds to compile for a task, evaluation included, and (CPU seconds, GMACs) of a step."""
  # The process that executes this sets threads before TensorFlow and NumPy are imported.
  import numpy as np  # noqa: PLC0415
  import tensorflow as tf  # noqa: PLC0415

  from lasem_tf import types  # noqa: PLC0415
  from lasem_tf.learners import base, single_task  # noqa: PLC0415
  from lasem_tf.training import steps  # noqa: PLC0415

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
  compile_seconds = _WITH_EVALUATION * (time.process_time() - start)
  start, num_calls = time.process_time(), 0
  while time.process_time() - start < _SECONDS_PER_NETWORK:
    take_steps()
    num_calls += 1
  seconds = (time.process_time() - start) / (num_calls * num_steps)
  return compile_seconds, (seconds, learner.training_macs_per_image(0) * _BATCH_SIZE / 1e9)
