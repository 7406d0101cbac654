"""A stream of one's own: is a noisy stripe horizontal or vertical? Each task at another brightness."""

import gin
import numpy as np

from lasem_tf import seeding, types
from lasem_tf.data import stream


@gin.register
class Stripes(stream.TaskStream):
  """Three tasks of two classes, 8x8x1."""

  name = display_name = "stripes"
  image_shape = (8, 8, 1)
  protocol = {}

  def __init__(self, context: stream.StreamContext):
    self.context = context
    self.tasks = tuple(types.TaskInfo(t, 2, ("horizontal", "vertical"), details={"brightness": 1 + t})
                       for t in range(3))

  def _source_indices(self, task_id, split):
    return np.arange(40) + 1000 * types.SPLITS.index(split)

  def _load(self, task_id, split):
    indices = self._source_indices(task_id, split)
    generator = seeding.generator(self.context.seed, "stripes", task_id, split)
    images = generator.normal(0, 0.5, (40, 8, 8, 1)).astype(np.float32)
    labels = (indices % 2).astype(np.int32)
    images[labels == 0, 4] += 1 + task_id
    images[labels == 1, :, 4] += 1 + task_id
    return types.TaskSplit(images, labels, indices)

  def _data_seed(self):
    return self.context.seed
