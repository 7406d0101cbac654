"""Tiny streams, real backbones and a small trainer for the learners that grow."""

import json

import numpy as np
import tensorflow as tf

from lasem_tf import types
from lasem_tf.learners import base
from lasem_tf.nn import architecture

CIFAR100 = architecture.ConvNetSpec((32, 32, 3), (3, 3, 3, 3), (32, 32, 64, 64), (1, 2, 1, 2), (64,))
CIFAR100_6 = architecture.ConvNetSpec((32, 32, 3), (3,) * 6, (32, 32, 64, 64, 128, 128), (1, 2) * 3, (64,))
CIFAR100_8 = architecture.ConvNetSpec((32, 32, 3), (3,) * 8, (32, 32, 64, 64, 128, 128, 128, 128), (1, 2) * 4, (64,))
OFFICE_HOME = architecture.ConvNetSpec((128, 128, 3), (11, 5, 3, 3), (64, 256, 256, 256), (3, 3, 2, 2), (256, 64))
STL10 = architecture.ConvNetSpec((96, 96, 3), (3,) * 6, (32, 32, 64, 64, 128, 128), (1, 3) * 3, (128, 16))
STREAMS = {"cifar100": (CIFAR100, 10, 10), "cifar100_6": (CIFAR100_6, 10, 10), "cifar100_8": (CIFAR100_8, 10, 10),
           "office_home": (OFFICE_HOME, 13, 10), "stl10": (STL10, 3, 20)}


def tiny_spec(**changes) -> architecture.ConvNetSpec:
  """Two convolutions and one hidden dense layer on 6 x 6 images."""
  settings = dict(image_shape=(6, 6, 2), kernel_sizes=(3, 3), channels=(4, 5), pool_sizes=(1, 2), dense_sizes=(6,),
                  dropout_keep_probability=1.0)
  return architecture.ConvNetSpec(**{**settings, **changes})


def make_context(spec=None, num_tasks=3, num_classes=3, epochs_per_task=4, batch_size=6, learning_rate=0.01, **options):
  """A run's context, tiny by default."""
  return base.LearnerContext(spec or tiny_spec(), (num_classes,) * num_tasks, 7, epochs_per_task, batch_size,
                             learning_rate, **options)


def context_of_stream(name: str) -> base.LearnerContext:
  """The context of a real stream's network, without data."""
  spec, num_classes, num_tasks = STREAMS[name]
  return base.LearnerContext(spec, (num_classes,) * num_tasks, 0, 20, 10, 1e-4)


def make_task(learner: base.Learner, task_id: int, num_examples: int = 18) -> base.TaskData:
  """Random images whose mean colour tells the class."""
  generator = np.random.default_rng(task_id)
  num_classes = learner.context.num_classes[task_id]
  labels = np.arange(num_examples, dtype=np.int32) % num_classes
  images = generator.normal(size=(num_examples, *learner.context.spec.image_shape))
  means = generator.normal(size=(num_classes, learner.context.spec.image_shape[-1]))
  images = (images + 2 * means[labels][:, np.newaxis, np.newaxis]).astype("float32")
  info = types.TaskInfo(task_id, num_classes, tuple(str(label) for label in range(num_classes)))
  split = num_examples - num_examples // 3
  return base.TaskData(info, (tf.constant(images[:split]), tf.constant(labels[:split])),
                       (tf.constant(images[split:]), tf.constant(labels[split:])))


def run_phase(learner: base.Learner, phase: base.Phase, first_epoch: int = 0, last_epoch: int | None = None,
              compiled: bool = False) -> None:
  """Trains a phase on whole batches of the training split in stored order; for so few steps tracing does not pay."""
  images, labels = learner.task.train
  size = min(learner.context.batch_size, len(labels))
  step = tf.function(phase.step) if compiled else phase.step
  for epoch in range(first_epoch, phase.num_epochs if last_epoch is None else last_epoch):
    learner.begin_epoch(epoch)
    for start in range(0, len(labels) - size + 1, size):
      rows = tf.range(start, start + size)
      step(base.Batch(tf.gather(images, rows), tf.gather(labels, rows), rows),
           base.StepContext(tf.constant(learner.context.learning_rate), tf.constant([epoch, start])))
    learner.end_epoch(epoch, 0.0)


def run_visit(learner: base.Learner, task_id: int, visit: int) -> base.TaskSummary:
  """One whole visit of a task."""
  learner.begin_visit(make_task(learner, task_id), visit)
  completed = 0
  while (phase := learner.next_phase(completed)) is not None:
    run_phase(learner, phase)
    completed += 1
  return learner.end_visit()


def values(learner: base.Learner) -> dict[str, np.ndarray]:
  """Copies of all variables."""
  return {name: variable.numpy() for name, variable in learner.variables().items()}


def logits_of(learner: base.Learner, task_id: int) -> np.ndarray:
  """Logits of a task's own images."""
  return learner.logits(make_task(learner, task_id).train[0], task_id).numpy()


def rebuilt(learner: base.Learner, fresh: base.Learner, phase: base.Phase | None = None, num_completed: int = 0):
  """A fresh learner in the state of another one, as a resume makes it, with the interrupted phase."""
  fresh.restore_structure(json.loads(json.dumps(learner.structure())))
  saved = values(learner)
  assert set(fresh.variables()) == set(saved)
  for name, variable in fresh.variables().items():
    variable.assign(saved[name])
  if phase is None:
    return fresh, None
  fresh.attach(learner.task, learner.visit)
  same = fresh.next_phase(num_completed)
  assert (same.name, same.num_epochs, set(same.trained), set(same.state)) == (
      phase.name, phase.num_epochs, set(phase.trained), set(phase.state))
  for name, variable in same.state.items():
    variable.assign(phase.state[name])
  return fresh, same


def check_resume(make_learner, task_id: int, prepare) -> None:
  """Interrupts every phase of a visit after one epoch; the resumed learner must end bit-identical.

  Args:
    make_learner: creates a fresh learner.
    task_id: the task whose visit is interrupted.
    prepare: function learner -> None that learns the tasks before.
  """
  expected = make_learner()
  prepare(expected)
  run_visit(expected, task_id, 9)
  learner = make_learner()
  prepare(learner)
  learner.begin_visit(make_task(learner, task_id), 9)
  completed = 0
  while (phase := learner.next_phase(completed)) is not None:
    middle = min(1, phase.num_epochs)
    run_phase(learner, phase, 0, middle)
    learner, phase = rebuilt(learner, make_learner(), phase, completed)
    run_phase(learner, phase, middle)
    completed += 1
  learner.end_visit()
  learner, _ = rebuilt(learner, make_learner())
  final = values(expected)
  assert set(values(learner)) == set(final)
  for name, value in values(learner).items():
    np.testing.assert_array_equal(value, final[name], err_msg=name)
  for known in expected.learned_tasks:
    np.testing.assert_array_equal(logits_of(learner, known), logits_of(expected, known))


def check_touches_only_declared(learner: base.Learner, phase: base.Phase) -> None:
  """One epoch of a phase changes every variable it declares and no other."""
  before = values(learner)
  run_phase(learner, phase, 0, 1)
  for name, value in values(learner).items():
    if name not in phase.trained:
      np.testing.assert_array_equal(value, before[name], err_msg=name)
  changed = {name for name, value in values(learner).items() if np.any(value != before[name])}
  assert changed == set(phase.trained)
