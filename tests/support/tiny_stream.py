"""The tiny stream that learners are tried on, and further helpers for tests of learners."""

import numpy as np

from benchmark.inspection.tiny_stream import batch_of, phases, SPEC, step_context, TinyStream, values

__all__ = ["SPEC", "TinyStream", "accuracy", "assert_same", "batch_of", "phases", "run_phase", "run_visit",
           "step_context", "values"]


def run_phase(learner, phase, steps_per_epoch=1, learning_rate=0.01, first_step=0):
  """Takes every step of a phase, uncompiled, and returns their results."""
  results = []
  size = learner.context.batch_size
  for epoch in range(phase.num_epochs):
    learner.begin_epoch(epoch)
    for step in range(steps_per_epoch):
      number = first_step + epoch * steps_per_epoch + step
      rows = [(number * size + i) % len(learner.task.train[1]) for i in range(size)]
      results.append(phase.step(batch_of(learner.task, rows), step_context(learner, number, learning_rate, phase)))
    learner.measure_statistics()
    if learner.end_epoch(epoch, 0.5):
      break
  return results


def run_visit(learner, task, visit, steps_per_epoch=1, learning_rate=0.01):
  """A whole visit; returns (its results, the summary)."""
  learner.begin_visit(task, visit)
  results = []
  for phase in phases(learner):
    results += run_phase(learner, phase, steps_per_epoch, learning_rate)
  return results, learner.end_visit()


def assert_same(first, second):
  """Two dictionaries of arrays are equal bit for bit."""
  assert list(first) == list(second)
  for name, value in first.items():
    np.testing.assert_array_equal(value, second[name], err_msg=name)


def accuracy(learner, task, split="train"):
  """Share of right answers on a split of a task."""
  images, labels = getattr(task, split)
  return float(np.mean(np.argmax(learner.logits(images, task.info.task_id).numpy(), axis=1) == labels.numpy()))
