"""Pure layer functions: tensors in, tensors out, weights as arguments."""

from collections.abc import Callable

import tensorflow as tf

from lasem_tf.nn import architecture


def convolution(inputs: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor | None, padding: str) -> tf.Tensor:
  """Convolution with stride 1 and bias, if any, in the type of the inputs: `[n, h, w, in]` -> `[n, h', w', out]`."""
  outputs = tf.nn.conv2d(inputs, tf.cast(kernel, inputs.dtype), 1, padding.upper())
  return outputs if bias is None else tf.nn.bias_add(outputs, tf.cast(bias, inputs.dtype))


def max_pool(inputs: tf.Tensor, size: int, padding: str) -> tf.Tensor:
  """Max-pool with window = stride = `size`; the identity for 1."""
  return inputs if size == 1 else tf.nn.max_pool2d(inputs, size, size, padding.upper())


def max_pool_apart(inputs: tf.Tensor, size: int, padding: str) -> tf.Tensor:
  """`max_pool` whose gradient pools again, for gradients that are taken in another branch of a condition.

  oneDNN's gradient of a pool, some fifty times as fast as the other, wants to see the pool in its own graph.
  """
  if size == 1:
    return inputs

  @tf.custom_gradient
  def pool(values):
    def gradient(upstream):
      with tf.GradientTape() as tape:
        tape.watch(values)
        pooled = max_pool(values, size, padding)
      return tape.gradient(pooled, values, output_gradients=upstream)

    return max_pool(values, size, padding), gradient

  return pool(inputs)


def dropout(inputs: tf.Tensor, keep_probability: float, seed: tf.Tensor | None,
            blocks: tf.Tensor | None = None) -> tf.Tensor:
  """Keeps entries with the given probability and rescales them; the identity without a seed or for probability 1.

  Args:
    inputs: `[n, features]`.
    keep_probability: of an entry.
    seed: int32 `[2]`, or None.
    blocks: int32 `[k]`: the inputs are these blocks, of n / k rows each, of a larger batch, and are treated as they
      would be there. None: they are the whole batch.
  """
  if seed is None or keep_probability == 1.0:
    return inputs
  if blocks is None:
    uniform = tf.random.stateless_uniform(tf.shape(inputs), seed, dtype=inputs.dtype)
  else:
    size = tf.size(inputs) // tf.size(blocks)
    if blocks.shape == [1]:
      uniform = _uniform_block(seed, blocks[0], size, inputs.dtype)
    else:
      uniform = tf.map_fn(lambda block: _uniform_block(seed, block, size, inputs.dtype), blocks,
                          fn_output_signature=tf.TensorSpec([None], inputs.dtype))
    uniform = tf.reshape(uniform, tf.shape(inputs))
  return tf.where(uniform < keep_probability, inputs / keep_probability, tf.zeros_like(inputs))


def _uniform_block(seed: tf.Tensor, block: tf.Tensor, size: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
  """Numbers [block * size, (block + 1) * size) of what `tf.random.stateless_uniform` draws, without those before.

  The generator, Philox, makes 128 bits for every value of a counter.
  """
  per_count = 16 // dtype.size
  start, size = tf.cast(block, tf.int64) * tf.cast(size, tf.int64), tf.cast(size, tf.int64)
  key, counter = tf.raw_ops.StatelessRandomGetKeyCounter(seed=seed)
  offset = tf.stack([start // per_count, tf.constant(0, tf.int64)])
  counter = tf.bitcast(tf.bitcast(counter, tf.int64) + offset, tf.uint64)
  drawn = tf.raw_ops.StatelessRandomUniformV2(shape=[size + per_count], key=key, counter=counter,
                                              alg=tf.random.Algorithm.PHILOX.value, dtype=dtype)
  return tf.slice(drawn, [start % per_count], [size])


def convolve_stack(spec: architecture.ConvNetSpec, images: tf.Tensor, activate: Callable,
                   branch: Callable | None = None, rectify: bool = False, align: Callable | None = None,
                   pool: Callable = max_pool) -> tf.Tensor:
  """Runs the layers of a backbone, skip connections and pools included.

  Args:
    spec: the backbone.
    images: `[n, height, width, channels]`.
    activate: function (layer, inputs) -> activated outputs before the pool. It may multiply the batch or the channels
      by a whole number, block after block (the prefix tree does); skip connections then repeat what they carry.
    branch: function (layer, outputs) -> outputs, applied after the pool; None: the outputs stay as they are.
    rectify: apply ReLU to what `activate` gives. It commutes with the maximum, bit for bit and in the gradient, and
      is cheaper after the pool; only where a skip connection ends must it come first.
    align: function (source layer, target layer, what the skip connection carries) -> the same, row by row for the
      target's outputs; None: repeat it.
    pool: `max_pool` or `max_pool_apart`.

  Returns:
    Flattened features `[n', spec.num_features]`, in the type of the images whatever the backbone computes in.
  """
  outputs = tf.cast(images, tf.bfloat16) if spec.precision == "mixed_bfloat16" else images
  carried = {}
  for layer in range(spec.depth):
    carried[layer] = outputs
    outputs = activate(layer, outputs)
    rectify_late = rectify and spec.pool_sizes[layer] > 1 and all(target != layer for _, target in spec.skips)
    if rectify and not rectify_late:
      outputs = tf.nn.relu(outputs)
    for source, target in spec.skips:
      if target == layer and align is not None:
        outputs += align(source, target, carried[source])
      elif target == layer:
        repeats = tf.shape(outputs)[0] // tf.shape(carried[source])[0]
        outputs += tf.tile(carried[source], [repeats, 1, 1, outputs.shape[3] // carried[source].shape[3]])
    outputs = pool(outputs, spec.pool_sizes[layer], spec.padding)
    if rectify_late:
      outputs = tf.nn.relu(outputs)
    if branch is not None:
      outputs = branch(layer, outputs)
  return tf.cast(tf.reshape(outputs, [-1, spec.num_features]), images.dtype)


def cross_entropy(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
  """Softmax cross-entropy of every example: `[n, classes]`, `[n]` -> `[n]`."""
  return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)


def cross_entropy_of_blocks(logits: tf.Tensor, labels: tf.Tensor, blocks: int | tf.Tensor) -> tf.Tensor:
  """The same of several answers to the same examples: `[blocks * n, classes]`, `[n]` -> `[blocks, n]`."""
  return tf.reshape(cross_entropy(logits, tf.tile(labels, [blocks])), [blocks, -1])


def mean_cross_entropy(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
  """Mean softmax cross-entropy over the batch, a scalar."""
  return tf.reduce_mean(cross_entropy(logits, labels))
