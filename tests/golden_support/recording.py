"""Watching what a learner hands its optimiser."""

import contextlib

import numpy as np

from lasem_tf.nn import optimizers


@contextlib.contextmanager
def recorded_updates():
  """Yields a list that grows by {name: gradient or None} for every call of `RMSProp.apply` (eager only)."""
  calls = []
  original = optimizers.RMSProp.apply

  def apply(self, gradients, learning_rate):
    calls.append({name: None if gradient is None else np.array(gradient) for name, gradient in gradients.items()})
    return original(self, gradients, learning_rate)

  optimizers.RMSProp.apply = apply
  try:
    yield calls
  finally:
    optimizers.RMSProp.apply = original
