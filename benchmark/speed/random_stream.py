"""A stream of random images of a network's size, for what does not depend on the pixels. Drawn in single precision.

The built-in stream renders in double precision, which at large sizes needs more memory than training does.
"""

import numpy as np

from benchmark.speed.networks import Network
from lasem_tf import seeding, types
from lasem_tf.data import stream


class RandomImages(stream.TaskStream):
  """Tasks with the network's classes and its numbers of validation and test images."""

  name = "random"
  display_name = "Random images"

  def __init__(self, network: Network, num_tasks: int, num_train: int):
    """Sets the sizes; images are drawn by `load`."""
    self.context, self.protocol = stream.StreamContext(), {"protocol": "clean"}
    self.image_shape = network.spec.image_shape
    self._sizes = dict(zip(types.SPLITS, (num_train, *network.examples[1:])))
    names = tuple(map(str, range(network.num_classes)))
    self.tasks = tuple(types.TaskInfo(task_id, network.num_classes, names) for task_id in range(num_tasks))

  def _source_indices(self, task_id, split):
    return np.arange(self._sizes[split], dtype=np.int64)

  def _load(self, task_id, split):
    size = self._sizes[split]
    generator = seeding.generator("random_images", task_id, split)
    images = generator.standard_normal((size, *self.image_shape), np.float32)
    labels = np.arange(size, dtype=np.int32) % self.tasks[task_id].num_classes
    return types.TaskSplit(images, labels, self._source_indices(task_id, split))
