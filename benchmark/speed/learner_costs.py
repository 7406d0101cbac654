"""What a visit of a learner costs beside its arithmetic, in units of what the plain network's training costs.

The overhead of a visit is its CPU seconds, compilation apart, over its multiply-accumulate operations, divided by the
same of single-task learning on the same network: 1.0 means that an operation costs what it costs in a plain step.
"""

import dataclasses
import pathlib
import tempfile
import time
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from benchmark.speed.bars import Bar
from benchmark.suites import experiment as experiment_lib, suite
from lasem_tf import types
from lasem_tf.learners import base
from lasem_tf.training import steps

PLAIN = "stl"
LEARNERS = (PLAIN, "snn", "hps_all", "tf_all", "dfcnn_all", "lasem_hps", "lasem_tf", "lasem_dfcnn", "darts_hps",
            "prognn", "den", "channel_gated", "channel_gated_soft", "apd", "ewc", "ewc_separate", "lwf", "replay",
            "a_gem")
TASKS = (1, 5, 10, 20)  # Counted from 1.
GROWTH = 1.15           # Later tasks are measured where the fifth costs so many times the first.
LIMITS = dict.fromkeys(("ewc", "ewc_separate", "lwf", "replay"), 1.1)  # Of the overhead.
_EPOCHS = 10            # Of a visit: enough that every phase of a learner has some.
_STEPS = 4              # Of an epoch.


@dataclasses.dataclass(frozen=True)
class VisitCost:
  """Cost of one visit.

  Attributes:
    learner: name of its configuration.
    task: counted from 1.
    seconds: CPU seconds of its steps and of what the learner does between epochs.
    compile_seconds: CPU seconds of compiling its phases, and of their first steps.
    gmacs: billions of multiply-accumulate operations of its steps, as the learner counts them.
  """

  learner: str
  task: int
  seconds: float
  compile_seconds: float
  gmacs: float

  def overhead(self, plain: "VisitCost") -> float:
    """See the module; `plain` is the first visit of single-task learning."""
    return (self.seconds / self.gmacs) / (plain.seconds / plain.gmacs)


def measure(stream: str, learners: Sequence[str] = LEARNERS, tasks: Sequence[int] = TASKS) -> list[VisitCost]:
  """Trains every learner on random images of a stream's network, one task after another.

  Args:
    stream: name of the stream's file, which sets the network and the batch size.
    learners: names; `PLAIN` is measured first whether or not it is among them.
    tasks: those that are reported, ascending and counted from 1; the third and later ones where costs grow.
  """
  names = (PLAIN, *(name for name in learners if name != PLAIN))
  with tempfile.TemporaryDirectory() as folder:
    file = pathlib.Path(folder, "speed.gin")
    file.write_text(f"suite.streams = ({stream!r},)\nsuite.learners = {names!r}\nsuite.scale = 'paper'\n"
                    "suite.seeds = (0,)\n", encoding="utf-8")
    _, runs = suite.load([str(file)])
  return [cost for run in runs for cost in _measure_learner(run, tasks)]


def figures(costs: Sequence[VisitCost]) -> list[Bar]:
  """Overheads that have a bar; the first cost is that of the plain network's first visit."""
  return [Bar(f"{cost.learner}, task {cost.task}: overhead", cost.overhead(costs[0]), LIMITS[cost.learner])
          for cost in costs if cost.learner in LIMITS]


def _measure_learner(run: suite.Run, tasks: Sequence[int]) -> list[VisitCost]:
  run.parse()
  experiment = dataclasses.replace(experiment_lib.Experiment(), epochs_per_task=_EPOCHS)
  num_classes = 10
  data = [_random_task(task_id, experiment, num_classes) for task_id in range(max(tasks))]

  def examples(task_id, rows):
    images, labels = data[task_id].train
    return images.numpy()[rows], labels.numpy()[rows]

  learner = experiment.learner(experiment.learner_context((num_classes,) * len(data), run.seed, examples))
  costs: list[VisitCost] = []
  for task in data:
    number = task.info.task_id + 1
    if number not in tasks:
      _pass_through(learner, task, experiment.batch_size)
      continue
    costs.append(_visit(run.learner, learner, task, experiment.batch_size))
    if number == max(tasks[:2]) and costs[-1].seconds < GROWTH * costs[0].seconds:
      break
  return costs


def _visit(name: str, learner: base.Learner, task: base.TaskData, batch_size: int) -> VisitCost:
  """Takes a learner through a visit as the trainer does, without evaluation."""
  task_id = task.info.task_id
  start = time.process_time()
  learner.begin_visit(task, task_id)
  rows = np.arange(_STEPS * batch_size, dtype=np.int32).reshape(_STEPS, batch_size)
  compile_seconds, num_completed = 0.0, 0
  while (phase := learner.next_phase(num_completed)) is not None:
    num_completed += 1
    if not phase.num_epochs:
      continue
    compile_start = time.process_time()
    compiled = steps.CompiledPhase(phase, task, batch_size, steps.prefers_loop(learner, task_id, batch_size))
    validation = rows if phase.needs_validation_batch else None
    take = lambda compiled=compiled, validation=validation: compiled.run(
        rows, np.arange(2 * _STEPS, dtype=np.int32).reshape(_STEPS, 2), validation, 1e-5)
    take()  # What only the first call costs is compilation's.
    compile_seconds += time.process_time() - compile_start
    for epoch in range(phase.num_epochs):
      learner.begin_epoch(epoch)
      take()
      if learner.end_epoch(epoch, 0.5):
        break
  gmacs = learner.training_macs_per_image(task_id) * batch_size * _STEPS * _EPOCHS / 1e9
  learner.end_visit()
  return VisitCost(name, task_id + 1, time.process_time() - start - compile_seconds, compile_seconds, gmacs)


def _pass_through(learner: base.Learner, task: base.TaskData, batch_size: int) -> None:
  """A visit that is not measured: a step of every phase, not compiled, for what later visits find."""
  task_id, rows = task.info.task_id, tf.range(batch_size)
  learner.begin_visit(task, task_id)
  images, labels = (tf.gather(values, rows) for values in task.train)
  batch = base.Batch(images, labels, rows)
  num_completed = 0
  while (phase := learner.next_phase(num_completed)) is not None:
    num_completed += 1
    for epoch in range(phase.num_epochs):
      learner.begin_epoch(epoch)
      if epoch == 0:
        phase.step(batch, base.StepContext(tf.constant(1e-5), tf.constant([task_id, num_completed]), batch))
      if learner.end_epoch(epoch, 0.5):
        break
  learner.end_visit()


def _random_task(task_id: int, experiment: experiment_lib.Experiment, num_classes: int) -> base.TaskData:
  num_examples = _STEPS * experiment.batch_size
  images = tf.random.stateless_normal([num_examples, *experiment.network.image_shape], [task_id, 3])
  labels = tf.range(num_examples) % num_classes
  info = types.TaskInfo(task_id, num_classes, tuple(map(str, range(num_classes))))
  return base.TaskData(info, (images, labels), (images, labels))
