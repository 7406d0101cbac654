"""A tiny stream in memory, and short ways to run learners on it."""

import numpy as np

from lasem_tf import seeding, types
from lasem_tf.data import stream as stream_lib
from lasem_tf.knowledge import hard_sharing
from lasem_tf.learners import base, composed, single_network, single_task
from lasem_tf.nn import architecture
from lasem_tf.selection import expectation, static
from lasem_tf.training import lifetime, splits

SPEC = architecture.ConvNetSpec(image_shape=(8, 8, 3), kernel_sizes=(3, 3), channels=(4, 6), pool_sizes=(2, 2),
                                dense_sizes=(8,))


class TinyStream(stream_lib.TaskStream):
  """Random images; class k of task t is a bump at a place of its own under a lot of noise."""

  def __init__(self, num_tasks=3, sizes=(11, 5, 8), num_classes=3, seed=0, noise=1.0):
    self.name, self.display_name, self.image_shape = "tiny", "Tiny", SPEC.image_shape
    self.tasks = tuple(types.TaskInfo(task_id, num_classes, tuple(f"class {label}" for label in range(num_classes)))
                       for task_id in range(num_tasks))
    self.protocol, self.context = {}, stream_lib.StreamContext(seed=seed)
    self._sizes, self._noise = dict(zip(types.SPLITS, sizes)), noise
    self.loads = []

  def _load(self, task_id, split):
    self.loads.append((task_id, split))
    size, num_classes = self._sizes[split], self.tasks[task_id].num_classes
    centres = seeding.generator("centres", task_id).normal(size=(num_classes, *self.image_shape))
    labels = np.arange(size) % num_classes
    noise = seeding.generator("noise", self.context.seed, task_id, split).normal(size=(size, *self.image_shape))
    images = 8.0 * (centres[labels] + self._noise * noise)  # Initial weights are small.
    return types.TaskSplit(images.astype(np.float32), labels.astype(np.int32), self._source_indices(task_id, split))

  def _source_indices(self, task_id, split):
    start = 100 * task_id + 1000 * types.SPLITS.index(split)
    return np.arange(start, start + self._sizes[split])


def options(**overrides):
  return lifetime.TrainingOptions(**{"batch_size": 4, "epochs_per_task": 3, "learning_rate": 0.02,
                                     "learning_rate_decay": 0.1, **overrides})


def learner_context(data, training_options, reference=types.ReferenceBehaviour()):
  return base.LearnerContext(SPEC, tuple(task.num_classes for task in data.stream.tasks), seed=0,
                             epochs_per_task=training_options.epochs_per_task, batch_size=training_options.batch_size,
                             learning_rate=training_options.learning_rate, reference=reference,
                             examples=data.training_examples)


LEARNERS = {
    "stl": single_task.SingleTask,
    "snn": single_network.SingleNetwork,
    "hps": lambda context: composed.Composed(context, hard_sharing.HardSharing(), static.Static("01")),
    "lasem": lambda context: composed.Composed(context, hard_sharing.HardSharing(), expectation.Expectation()),
    "bounded": lambda context: composed.Composed(context, hard_sharing.HardSharing(),
                                                 expectation.Expectation(dropped_mass=0.05)),
}


def life(learner="stl", stream=None, training_options=None, reference=types.ReferenceBehaviour(), **arguments):
  """A lifetime of one of `LEARNERS`, or of a learner class, on a tiny stream."""
  training_options = training_options or options()
  data = splits.SplitCache(stream or TinyStream())
  made = LEARNERS.get(learner, learner)(learner_context(data, training_options, reference))
  return lifetime.Lifetime(made, data, training_options, **arguments)


class Clock:
  """Seconds that pass by a fixed amount whenever somebody looks.

  With a whole second, every compiled call seems long and takes a single step; without any, calls grow.
  """

  def __init__(self, seconds_per_look):
    self._seconds, self._step = 0.0, seconds_per_look

  def __call__(self):
    self._seconds += self._step
    return self._seconds
