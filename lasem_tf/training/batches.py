"""Which examples and which random seeds every training step uses: pure functions of names. No TensorFlow.

Nothing here depends on the method, so all methods of a trial see the same mini-batches, and nothing is remembered, so a
run that was interrupted continues with the same ones.
"""

import dataclasses

import numpy as np

from lasem_tf import seeding
from lasem_tf.data import stream as stream_lib


@dataclasses.dataclass(frozen=True)
class Epoch:
  """Names one training epoch.

  Attributes:
    task_id: the task.
    visit: the visit, 0-based.
    number: epochs of this visit before it, over all its phases.
  """

  task_id: int
  visit: int
  number: int


def training_rows(stream: stream_lib.TaskStream, epoch: Epoch, num_examples: int, batch_size: int) -> np.ndarray:
  """A fresh permutation in full batches, int32 `[num_examples // batch_size, batch_size]`; the rest is dropped."""
  order = _generator(stream, "batch_order", epoch).permutation(num_examples)
  steps = num_examples // batch_size
  return order[:steps * batch_size].reshape(steps, batch_size).astype(np.int32)


def validation_rows(stream: stream_lib.TaskStream, epoch: Epoch, num_examples: int, batch_size: int,
                    steps: int) -> np.ndarray:
  """Batches for phases that read a validation batch in every step, int32 `[steps, min(batch_size, num_examples)]`.

  Permutations follow one another until there are enough full batches.
  """
  size = min(batch_size, num_examples)
  generator = _generator(stream, "validation_order", epoch)
  per_round = num_examples // size
  rounds = [generator.permutation(num_examples)[:per_round * size].reshape(per_round, size)
            for _ in range(-(-steps // per_round))]
  return np.concatenate(rounds)[:steps].astype(np.int32)


def step_seeds(seed: int, epoch: Epoch, steps: int) -> np.ndarray:
  """A seed for every step's dropout and other draws, int32 `[steps, 2]`."""
  generator = seeding.generator(seed, "dropout", epoch.task_id, epoch.visit, epoch.number)
  return generator.integers(0, 2**31, size=(steps, 2), dtype=np.int64).astype(np.int32)


def _generator(stream: stream_lib.TaskStream, purpose: str, epoch: Epoch) -> np.random.Generator:
  context = stream.context
  return seeding.generator(context.design_seed, context.seed, stream.name, purpose, epoch.task_id, epoch.visit,
                           epoch.number)
