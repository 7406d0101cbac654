"""Pure layer functions: tensors in, tensors out, weights as arguments."""

import tensorflow as tf

from lasem_tf.nn import architecture


def convolution(inputs: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor, padding: str) -> tf.Tensor:
  """Convolution with stride 1 and bias: `[n, h, w, in]` -> `[n, h', w', out]`."""
  return tf.nn.bias_add(tf.nn.conv2d(inputs, kernel, 1, padding.upper()), bias)


def max_pool(inputs: tf.Tensor, size: int, padding: str) -> tf.Tensor:
  """Max-pool with window = stride = `size`; the identity for 1."""
  return inputs if size == 1 else tf.nn.max_pool2d(inputs, size, size, padding.upper())


def dropout(inputs: tf.Tensor, keep_probability: float, seed: tf.Tensor | None) -> tf.Tensor:
  """Keeps entries with the given probability and rescales them; the identity without a seed or for probability 1."""
  if seed is None or keep_probability == 1.0:
    return inputs
  keep = tf.random.stateless_uniform(tf.shape(inputs), seed, dtype=inputs.dtype) < keep_probability
  return tf.where(keep, inputs / keep_probability, tf.zeros_like(inputs))


def convolve_stack(spec: architecture.ConvNetSpec, images: tf.Tensor, activate, branch=None,
                   rectify: bool = False) -> tf.Tensor:
  """Runs the layers of a backbone, skip connections and pools included.

  Args:
    spec: the backbone.
    images: `[n, height, width, channels]`.
    activate: function (layer, inputs) -> activated outputs before the pool. It may multiply the batch or the channels
      by a whole number, block after block (the prefix tree does); skip connections then repeat what they carry.
    branch: function (layer, outputs) -> outputs, applied after the pool; None: the outputs stay as they are.
    rectify: apply ReLU to what `activate` gives. It commutes with the maximum, bit for bit and in the gradient, and
      is cheaper after the pool; only where a skip connection ends must it come first.

  Returns:
    Flattened features `[n', spec.num_features]`.
  """
  outputs = images
  carried = {}
  for layer in range(spec.depth):
    carried[layer] = outputs
    outputs = activate(layer, outputs)
    rectify_late = rectify and spec.pool_sizes[layer] > 1 and all(target != layer for _, target in spec.skips)
    if rectify and not rectify_late:
      outputs = tf.nn.relu(outputs)
    for source, target in spec.skips:
      if target == layer:
        repeats = tf.shape(outputs)[0] // tf.shape(carried[source])[0]
        outputs += tf.tile(carried[source], [repeats, 1, 1, outputs.shape[3] // carried[source].shape[3]])
    outputs = max_pool(outputs, spec.pool_sizes[layer], spec.padding)
    if rectify_late:
      outputs = tf.nn.relu(outputs)
    if branch is not None:
      outputs = branch(layer, outputs)
  return tf.reshape(outputs, [-1, spec.num_features])


def cross_entropy(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
  """Softmax cross-entropy of every example: `[n, classes]`, `[n]` -> `[n]`."""
  return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)


def mean_cross_entropy(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
  """Mean softmax cross-entropy over the batch, a scalar."""
  return tf.reduce_mean(cross_entropy(logits, labels))
