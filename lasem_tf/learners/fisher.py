"""Diagonal Fisher information of a trunk, squared example by example.

Squaring the gradient of a batch mean is wrong by up to the batch size, and one backward pass per example is slow. The
gradient of one example's loss with respect to a layer's weights is a product of the layer's inputs and the gradient at
its outputs, so a chunk of examples needs one backward pass to the layers' outputs; what follows per layer is a matrix
product (dense) or one small product per example over the positions of its image (convolution).
"""

from collections.abc import Callable

import tensorflow as tf

from lasem_tf.learners import trunk as trunks
from lasem_tf.nn import normalisation, weights

KINDS = ("true", "sampled", "empirical")
# Unfolded inputs of the largest backbone's convolutions take 40 MB an example.
CHUNK_SIZE = 8
# Gradients side by side in one product: the unfolded inputs are read once for all, and narrow products are slow.
_CLASSES_AT_ONCE = 5


def fisher_information(trunk: trunks.SharedTrunk, head: weights.DenseHead, images: tf.Tensor, labels: tf.Tensor,
                       kind: str, seed: tuple[int, int], chunk_size: int = CHUNK_SIZE,
                       normalise: normalisation.Normalise | None = None) -> dict[str, tf.Tensor]:
  """Mean over examples of the squared gradient of log p(class | image), dropout off.

  Args:
    trunk: whose weights are asked about.
    head: of the task.
    images: `[n, height, width, channels]`.
    labels: int32 `[n]`.
    kind: 'true': expectation over the classes as the network predicts them, summed exactly; 'sampled': one class drawn
      from the prediction for every example; 'empirical': the label.
    seed: of the draws of 'sampled'.
    chunk_size: examples per pass; memory grows with it, the result does not depend on it.
    normalise: of the task, by its statistics, so that examples do not depend on each other; None without normalisation.

  Returns:
    One tensor for every variable of the trunk, by stable name.
  """
  totals = {name: tf.zeros_like(variable) for name, variable in trunk.named_variables.items()}
  num_examples = labels.shape[0]

  # Compiled here, being part of no step: a graph leaves out the gradients of the kernels, which halves the time.
  @tf.function(autograph=False, input_signature=(tf.TensorSpec([None, *images.shape[1:]], images.dtype),
                                                 tf.TensorSpec([None], labels.dtype), tf.TensorSpec([2], tf.int32)))
  def sums_of(chunk_images, chunk_labels, chunk_seed):
    return _squared_gradient_sums(trunk, head, chunk_images, chunk_labels, kind, chunk_seed, normalise)

  for start in range(0, num_examples, chunk_size):
    stop = min(start + chunk_size, num_examples)
    sums = sums_of(images[start:stop], labels[start:stop], tf.random.experimental.stateless_fold_in(seed, start))
    totals = {name: total + sums[name] for name, total in totals.items()}
  return {name: total / num_examples for name, total in totals.items()}


def output_gradients(logits: tf.Tensor, labels: tf.Tensor, kind: str, seed: tf.Tensor) -> list[tf.Tensor]:
  """Gradients of log p(c) at the logits, `[n, classes]`, each times the root of the weight its square shall have."""
  probabilities = tf.nn.softmax(logits)
  num_classes = logits.shape[-1]

  def gradient(classes: tf.Tensor) -> tf.Tensor:
    return tf.one_hot(classes, num_classes, dtype=logits.dtype) - probabilities

  if kind == "true":
    return [tf.sqrt(probabilities[:, c:c + 1]) * gradient(tf.fill(tf.shape(logits)[:1], c)) for c in range(num_classes)]
  if kind == "sampled":
    labels = tf.random.stateless_categorical(logits, 1, seed)[:, 0]
  return [gradient(labels)]


def _squared_gradient_sums(trunk, head, images, labels, kind, seed, normalise):
  """Sum over the examples of one chunk."""
  observed = []
  with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:

    def observe(group, inputs, outputs):
      tape.watch(outputs)
      observed.append((group, inputs, outputs))

    logits = head(trunk(images, observe=observe, normalise=normalise))
  sums = {name: 0.0 for name in trunk.named_variables}
  columns = [columns_of(group, inputs, trunk.spec.padding) for group, inputs, _ in observed]
  at_logits = output_gradients(logits, labels, kind, seed)
  for first in range(0, len(at_logits), _CLASSES_AT_ONCE):
    by_class = [tape.gradient(logits, [outputs for _, _, outputs in observed], output_gradients=gradient)
                for gradient in at_logits[first:first + _CLASSES_AT_ONCE]]
    for (group, _, _), inputs, gradients in zip(observed, columns, zip(*by_class)):
      kernel, bias = layer_sums(inputs, tf.concat(gradients, axis=-1))
      for name, total in (("kernel", kernel), ("bias", bias)):
        if f"{group.prefix}/{name}" in sums:  # A normalised convolution has no bias.
          of_classes = tf.reshape(total, [-1, len(gradients), gradients[0].shape[-1]])
          sums[f"{group.prefix}/{name}"] += tf.reshape(tf.reduce_sum(of_classes, axis=1), group[name].shape)
  return sums


def columns_of(group: weights.WeightGroup, inputs: tf.Tensor, padding: str) -> tf.Tensor:
  """What multiplies the kernel: `[n, in]` of a dense layer, `[n, positions, height * width * in]` of a convolution."""
  if inputs.shape.rank == 2:
    return inputs
  height, width = group["kernel"].shape[:2]
  patches = tf.image.extract_patches(inputs, [1, height, width, 1], [1] * 4, [1] * 4, padding.upper())
  return tf.reshape(patches, [tf.shape(inputs)[0], -1, patches.shape[-1]])


def layer_sums(columns: tf.Tensor, gradient: tf.Tensor,
               measure: Callable[[tf.Tensor], tf.Tensor] = tf.square) -> tuple[tf.Tensor, tf.Tensor]:
  """Sums over examples of a measure of each example's gradient.

  Args:
    columns: what multiplied the kernel, see `columns_of`.
    gradient: at the layer's outputs, before ReLU.
    measure: elementwise, of a product the product of the measures: `tf.square` or `tf.abs`.

  Returns:
    Those of the flattened kernel `[in, out]` and of the bias `[out]`.
  """
  if columns.shape.rank == 2:
    measured = measure(gradient)
    return tf.matmul(measure(columns), measured, transpose_a=True), tf.reduce_sum(measured, axis=0)
  gradient = tf.reshape(gradient, [tf.shape(columns)[0], -1, gradient.shape[-1]])
  kernels = tf.matmul(columns, gradient, transpose_a=True)
  biases = tf.reduce_sum(gradient, axis=1)
  return tf.reduce_sum(measure(kernels), axis=0), tf.reduce_sum(measure(biases), axis=0)
