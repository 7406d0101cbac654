"""The plain step and the LASEM step the way TensorFlow 1 ran them: graph, session, placeholders, towers.

Written here on `tf.compat.v1` only to be measured against. The LASEM step builds 2^L towers with their own losses and
gradients and calls the session three times a mini-batch: posterior, update, prior.
"""

import numpy as np
import tensorflow as tf

from lasem_tf.nn import architecture

v1 = tf.compat.v1


class _RMSProp(v1.train.RMSPropOptimizer):  # type: ignore[name-defined]  # mypy knows no member of an alias
  """The optimizer with the same slots, made without an argument that TensorFlow warns of."""

  def _create_slots(self, var_list):
    for variable in var_list:
      self._get_or_make_slot(variable, tf.ones(variable.shape, variable.dtype.base_dtype), "rms", self._name)
      self._zeros_slot(variable, "momentum", self._name)


class GraphModeStep:
  """A feed-dict training step of one network.

  Attributes:
    session: with initialised variables.
    variables: trainable variables by name: 'own{l}_kernel', 'dense{i}_bias', ...; 'shared{l}_kernel' of a search.
  """

  def __init__(self, spec: architecture.ConvNetSpec, num_classes: int, batch_size: int, learning_rate: float = 1e-5):
    """Builds the graph."""
    self._spec, self._num_classes = spec, num_classes
    with tf.Graph().as_default():
      self._images = v1.placeholder(tf.float32, [batch_size, *spec.image_shape])
      self._labels = v1.placeholder(tf.float32, [batch_size])
      self._keep = v1.placeholder(tf.float32, [])
      self._learning_rate = v1.placeholder(tf.float32, [])
      self._rate = learning_rate
      self._build()
      self.variables = {variable.op.name: variable for variable in v1.trainable_variables()}
      self.session = v1.Session(config=v1.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1))
      self.session.run(v1.global_variables_initializer())

  def step(self, images: np.ndarray, labels: np.ndarray) -> None:
    """One mini-batch: `[batch, height, width, channels]`, `[batch]`."""
    self.session.run(self._update, self._feed(images, labels, self._spec.dropout_keep_probability))

  def assign(self, values: dict[str, np.ndarray]) -> None:
    """Sets trainable variables by name."""
    for name, value in values.items():
      # A variable is initialised again, with another value in place of its initial one.
      assignment = self.variables[name].initializer
      self.session.run(assignment, {assignment.inputs[1]: value})

  def _feed(self, images, labels, keep) -> dict:
    return {self._images: images, self._labels: labels, self._keep: keep, self._learning_rate: self._rate}

  def _build(self) -> None:
    weights = [self._convolution(f"own{layer}", layer) for layer in range(self._spec.depth)]
    head = self._head()
    loss = tf.reduce_mean(self._losses(self._tower(weights, head)))
    self._update = _RMSProp(self._learning_rate).minimize(loss)

  def _variable(self, name, shape):
    return v1.get_variable(name, shape, initializer=v1.truncated_normal_initializer(stddev=0.05), use_resource=False)

  def _convolution(self, name, layer):
    return (self._variable(f"{name}_kernel", self._spec.kernel_shape(layer)),
            self._variable(f"{name}_bias", [self._spec.channels[layer]]))

  def _head(self):
    return [(self._variable(f"dense{i}_kernel", shape), self._variable(f"dense{i}_bias", shape[1:]))
            for i, shape in enumerate(self._spec.dense_shapes(self._num_classes))]

  def _tower(self, weights, head):
    """Logits of one network."""
    outputs = self._images
    padding = self._spec.padding.upper()
    for (kernel, bias), pool in zip(weights, self._spec.pool_sizes):
      outputs = tf.nn.relu(tf.nn.conv2d(outputs, kernel, 1, padding) + bias)
      if pool > 1:
        outputs = tf.nn.max_pool2d(outputs, pool, pool, padding)
    outputs = v1.nn.dropout(tf.reshape(outputs, [-1, self._spec.num_features]), rate=1.0 - self._keep)
    for kernel, bias in head[:-1]:
      outputs = tf.nn.relu(tf.matmul(outputs, kernel) + bias)
    return tf.matmul(outputs, head[-1][0]) + head[-1][1]

  def _losses(self, logits):
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=tf.cast(self._labels, tf.int32), logits=logits)


class GraphModeSearchStep(GraphModeStep):
  """The LASEM step with hard parameter sharing, in the original's structure."""

  def posterior(self, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """`[2**depth]`, for one mini-batch."""
    return self.session.run(self._posterior, {**self._feed(images, labels, 1.0),
                                              self._prior: self._counted / self._counted.sum()})

  def _build(self):
    depth = self._spec.depth
    shared = [self._convolution(f"shared{layer}", layer) for layer in range(depth)]
    own = [self._convolution(f"own{layer}", layer) for layer in range(depth)]
    head = self._head()
    variables = v1.trainable_variables()
    losses, gradients = [], []
    for index in range(2**depth):
      bits = [not index >> layer & 1 for layer in range(depth)]
      used = [shared[layer] if bit else own[layer] for layer, bit in enumerate(bits)]
      per_example = self._losses(self._tower(used, head))
      losses.append(per_example)
      gradients.append(tf.gradients(tf.reduce_mean(per_example), variables))
    self._prior = v1.placeholder(tf.float32, [2**depth])
    self._posterior_fed = v1.placeholder(tf.float32, [2**depth])
    likelihood = tf.reduce_prod(tf.exp(-tf.stack(losses)), axis=1)
    self._posterior = self._prior * likelihood / (tf.reduce_sum(self._prior * likelihood) + 1e-30)
    weighted = [tf.add_n([self._posterior_fed[index] * gradient[position] for index, gradient in enumerate(gradients)
                          if gradient[position] is not None]) for position in range(len(variables))]
    self._update = _RMSProp(self._learning_rate).apply_gradients(zip(weighted, variables))
    self._counts = v1.get_variable("counts", [2**depth], initializer=v1.ones_initializer(), trainable=False,
                                   use_resource=False)
    self._count = v1.assign_add(self._counts, tf.one_hot(tf.argmax(self._posterior_fed), 2**depth))
    self._counted = np.ones(2**depth, np.float32)

  def step(self, images, labels):
    posterior = self.posterior(images, labels)
    keep = self._spec.dropout_keep_probability
    self.session.run(self._update, {**self._feed(images, labels, keep), self._posterior_fed: posterior})
    self._counted = self.session.run(self._count, {self._posterior_fed: posterior})
