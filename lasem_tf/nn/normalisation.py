"""Batch normalisation for lifelong learning: everything that it adds belongs to one task.

Ioffe and Szegedy, "Batch normalization" (ICML 2015). With `ConvNetSpec.normalisation = 'batch'` the output z of every
convolution becomes scale (z - mean) / sqrt(variance + EPSILON) + shift before its ReLU, channel by channel. It stands
where the bias was, so these convolutions have none. Dense layers are as before.

Training takes mean and variance of the mini-batch. Answers take the task's *statistics*: those of up to
`MOST_IMAGES` of its own training images, measured anew when its steps have ended and accuracies are about to be
measured (the paper's Algorithm 2; no moving average). So

  * a step changes no statistics, whichever task its images come from and however many networks it evaluates;
  * they fit the very weights and the very configuration that answer, also in the midst of a search, which needs no
    statistics for each of its configurations: there every network is normalised by the mini-batch;
  * nothing of a task's is measured in another task's visit, whose images would spoil it.

Scale and shift are the task's as well, like its head. Shared ones would be one more way to forget: a later task that
moves them rescales all channels of the earlier ones. A single network without heads has one scale and shift for all
tasks, and statistics for each.
"""

import math
from collections.abc import Callable, Collection, Mapping

import keras
import tensorflow as tf

from lasem_tf.nn import architecture, weights

EPSILON = 1e-5
MOST_IMAGES = 1024
_CHUNK_IMAGES, _CHUNK_BYTES = 256, 64 * 2**20

# (layer, output of its convolution `[n, height, width, channels]`) -> the same, normalised.
Normalise = Callable[[int, tf.Tensor], tf.Tensor]


def keep(layer: int, outputs: tf.Tensor) -> tf.Tensor:
  """Of a network without normalisation: the outputs as they are."""
  del layer
  return outputs


class TaskNormalisation:
  """Scale, shift and statistics of one task, for every convolution; nothing where the backbone has no normalisation.

  Attributes:
    affine: 'scale' (ones at first) and 'shift' (zeros), groups `prefix/norm{l}`; trained.
    statistics: 'mean' and 'variance', groups 'task{t}/statistics{l}'; measured.
  """

  def __init__(self, task_id: int, spec: architecture.ConvNetSpec, affine: "Affine | None" = None):
    """Creates the groups.

    Args:
      task_id: of the task.
      spec: the backbone.
      affine: scale and shift; default: the task's own, 'task{t}/norm{l}'.
    """
    self._spec = spec
    self.affine = make_affine(f"task{task_id}", spec) if affine is None else affine
    self.statistics = _groups(f"task{task_id}/statistics", spec, mean=tf.zeros, variance=tf.ones)

  @property
  def groups(self) -> list[weights.WeightGroup]:
    """All of it, as a task's own."""
    return [*self.affine, *self.statistics]

  def by_statistics(self) -> Normalise:
    """As answers are given: a fixed scale and shift of every channel, whatever else is in the batch."""
    if not self.statistics:
      return keep

    def normalise(layer: int, outputs: tf.Tensor) -> tf.Tensor:
      statistics = self.statistics[layer]
      return self._transform(layer, outputs, statistics["mean"], statistics["variance"])

    return normalise

  def by_batch(self, images: tf.Tensor, measured: list[tuple[tf.Tensor, tf.Tensor]] | None = None) -> Normalise:
    """As the task trains: by mean and variance of the mini-batch.

    Args:
      images: `[n, height, width, channels]`. The outputs may be blocks of n rows, each of which is normalised for
        itself, and their channels a multiple of the backbone's: a prefix tree stacks its nodes like this.
      measured: gets mean and variance `[channels]` of every layer in turn, where there is one block.
    """
    if not self.statistics:
      return keep

    def normalise(layer: int, outputs: tf.Tensor) -> tf.Tensor:
      height, width, channels = outputs.shape[1:]
      blocks = tf.reshape(self._widened(outputs), [-1, tf.shape(images)[0] * height * width, channels])
      mean, variance = tf.nn.moments(blocks, axes=[1], keepdims=True)
      if measured is not None:
        measured.append((mean[0, 0], variance[0, 0]))
      normalised = self._transform(layer, blocks, mean, variance)
      return tf.cast(tf.reshape(normalised, tf.shape(outputs)), outputs.dtype)

    return normalise

  def measure(self, forward: Callable[[tf.Tensor, Normalise], object], images: tf.Tensor) -> None:
    """Measures the statistics.

    Args:
      forward: function (images, normalise) that runs the network's convolutions once.
      images: of the task's training split; evenly spaced ones of many.
    """
    if not self.statistics:
      return
    num_images = min(len(images), MOST_IMAGES)
    num_chunks = math.ceil(num_images / self._chunk_size())
    found: list[list[tuple[tf.Tensor, tf.Tensor]]] = [[] for _ in range(num_chunks)]
    shares = []
    for chunk, measured in enumerate(found):
      # Every chunk is spread over the split, which may be sorted by class.
      rows = [place * len(images) // num_images for place in range(chunk, num_images, num_chunks)]
      part = tf.gather(images, rows)
      forward(part, self.by_batch(part, measured))
      shares.append([len(rows) / num_images])
    for group, of_chunks in zip(self.statistics, zip(*found)):
      means, variances = (tf.stack(values) for values in zip(*of_chunks))
      mean = tf.reduce_sum(shares * means, axis=0)
      group["mean"].assign(mean)
      group["variance"].assign(tf.reduce_sum(shares * (variances + tf.square(means - mean)), axis=0))

  def _chunk_size(self) -> int:
    """Images whose largest activation fits; a function of the backbone alone."""
    largest = max(math.prod(self._spec.convolved_shape(layer)) for layer in range(self._spec.depth))
    return max(16, min(_CHUNK_IMAGES, _CHUNK_BYTES // (4 * largest)))

  def _widened(self, outputs: tf.Tensor) -> tf.Tensor:
    """Sums over a bfloat16 batch would lose what small values add."""
    return tf.cast(outputs, keras.config.floatx())

  def _transform(self, layer: int, outputs: tf.Tensor, mean: tf.Tensor, variance: tf.Tensor) -> tf.Tensor:
    """Normalises in the type of the statistics; gives the type of the outputs."""
    repeats = outputs.shape[-1] // self._spec.channels[layer]
    scale, shift = (tf.tile(self.affine[layer][name], [repeats]) if repeats > 1 else self.affine[layer][name]
                    for name in ("scale", "shift"))
    factor = scale * tf.math.rsqrt(variance + EPSILON)
    return tf.cast((self._widened(outputs) - mean) * factor + shift, outputs.dtype)


Affine = tuple[weights.WeightGroup, ...]


def make_affine(prefix: str, spec: architecture.ConvNetSpec) -> Affine:
  """Scale and shift of every convolution, `prefix/norm{l}`."""
  return _groups(f"{prefix}/norm", spec, scale=tf.ones, shift=tf.zeros)


def by_tasks(normalisations: Mapping[int, TaskNormalisation], task_ids: tf.Tensor,
             training: Collection[int]) -> Normalise:
  """For a mini-batch of several tasks: every row is normalised as its own task's.

  Args:
    normalisations: by task.
    task_ids: int32 `[n]`, of every row.
    training: rows of these tasks are normalised by mean and variance of the task's rows in the batch, the others by
      their task's statistics.
  """
  tasks = list(normalisations)
  if not normalisations[tasks[0]].statistics:
    return keep
  owners = tf.argmax(task_ids[:, tf.newaxis] == tf.constant(tasks, task_ids.dtype), axis=1, output_type=tf.int32)
  is_training = tf.constant([[task_id in training] for task_id in tasks])

  def normalise(layer: int, outputs: tf.Tensor) -> tf.Tensor:
    values = tf.cast(outputs, keras.config.floatx())

    def stacked(kind: str, name: str) -> tf.Tensor:
      return tf.stack([tf.convert_to_tensor(getattr(normalisations[task_id], kind)[layer][name]) for task_id in tasks])

    def of_rows(by_task: tf.Tensor) -> tf.Tensor:
      return tf.gather(by_task, owners)[:, tf.newaxis, tf.newaxis]

    def means(of_values: tf.Tensor) -> tf.Tensor:
      return tf.math.unsorted_segment_mean(tf.reduce_mean(of_values, axis=[1, 2]), owners, len(tasks))

    mean = tf.where(is_training, means(values), stacked("statistics", "mean"))
    centred = values - of_rows(mean)
    variance = tf.where(is_training, means(tf.square(centred)), stacked("statistics", "variance"))
    factor = stacked("affine", "scale") * tf.math.rsqrt(variance + EPSILON)
    return tf.cast(centred * of_rows(factor) + of_rows(stacked("affine", "shift")), outputs.dtype)

  return normalise


def _groups(prefix: str, spec: architecture.ConvNetSpec, **make: Callable) -> Affine:
  if spec.normalisation == "none":
    return ()
  return tuple(weights.WeightGroup(f"{prefix}{layer}", {name: values([channels], keras.config.floatx())
                                                        for name, values in make.items()})
               for layer, channels in enumerate(spec.channels))
