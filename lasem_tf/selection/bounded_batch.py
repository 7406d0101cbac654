"""One mini-batch of a search that may leave out a bounded posterior mass.

The update takes one of three forms, all in one graph:

  alone   the leader of the prior alone, where a bound certifies that all others have too little posterior mass;
  sparse  every configuration is evaluated, as few as the allowed mass permits are trained;
  exact   every configuration is evaluated and trained, where leaving some out would cost more than it saves.
"""

import contextlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import tensorflow as tf

from lasem_tf.nn import layers, networks, prefix_tree, pruned_tree
from lasem_tf.selection import bounds
from lasem_tf.selection.expectation_search import ExpectationSearch, posterior

ALONE, SPARSE, EXACT = range(3)

# Images of the mini-batch on which all configurations are evaluated where the prior alone does not certify the leader.
SCREEN_IMAGES = 2
# Where the bound without images misses by more nats than this, images are not asked. A matter of cost alone.
SCREEN_REACH = 8.0
# What rounding may do to the log-likelihood of a mini-batch, in nats: its images in another order, or in other kernels.
MARGINS = {"float32": 1e-3, "mixed_bfloat16": 0.25}


class Outcome(NamedTuple):
  """What a mini-batch gives.

  Attributes:
    form: ALONE, SPARSE or EXACT.
    loss: scalar, weighted by the weights.
    weights: `[configurations]`, of the update; zero for those left out, their sum is one.
    posterior: `[configurations]`, for the prior; where the leader is alone, its weights.
    dropped: scalar, posterior mass left out, or an upper bound of it.
    leader_loss: scalar, sum of the cross-entropies of the prior's leader, dropout off.
    kernel_gradients: of the flat list of kernels and biases.
    head_gradients: of the head's variables.
  """

  form: tf.Tensor
  loss: tf.Tensor
  weights: tf.Tensor
  posterior: tf.Tensor
  dropped: tf.Tensor
  leader_loss: tf.Tensor
  kernel_gradients: list[tf.Tensor]
  head_gradients: list[tf.Tensor]


class BoundedBatch:
  """Chooses the form for one mini-batch and computes its gradients. Changes nothing."""

  def __init__(self, search: ExpectationSearch, network: networks.RoutedNetwork,
               weights: Sequence[networks.LayerWeights], images: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor):
    """Takes what the forms share.

    Args:
      search: whose rules and prior count.
      network: the network.
      weights: both routes of every layer, as tensors.
      images: `[n, height, width, channels]`.
      labels: int32 `[n]`.
      seed: of dropout.
    """
    self._network, self._weights, self._seed = network, weights, seed
    self._images, self._labels = images, labels
    self._groups, self._sharing_table = search.rules.groups, tf.constant(search.sharing_table)
    self._allowed, self._margin = search.rules.dropped_mass, MARGINS[network.spec.precision]
    self._prior = search.prior()
    self._leader = tf.argmax(self._prior, output_type=tf.int32)
    self._size = len(search.configurations)
    self._kernels = [tensor for layer in weights for route in layer.both for tensor in route]
    self._head_variables = list(network.head.named_variables.values())

  def outcome(self, last_leader_loss: tf.Tensor) -> Outcome:
    """Chooses the form and computes.

    Args:
      last_leader_loss: `Outcome.leader_loss` of the mini-batch before; where it is large the leader is not even tried.
    """
    certified, alone = tf.cond(self._excess(last_leader_loss) <= self._reach(), self._try_leader,
                               lambda: (tf.constant(False), self._nothing()))
    return tf.cond(certified, lambda: alone, self._whole)

  def true_mass_left_out(self, weights: tf.Tensor) -> tf.Tensor:
    """Posterior mass of the configurations without weight, from an evaluation of all of them on the whole batch."""
    features = prefix_tree.all_configuration_features(self._network.spec, self._weights, self._images, self._groups)
    weighted = posterior(self._prior, self._log_likelihoods(features, self._labels))
    return tf.reduce_sum(tf.where(weights > 0, tf.zeros_like(weighted), weighted))

  # --- the leader alone ---

  def _excess(self, leader_loss: tf.Tensor, part: tf.Tensor | None = None) -> tf.Tensor:
    """By how many nats the bound of the mass beside the leader exceeds what is allowed; certified if not positive."""
    mass = bounds.log_mass_beside(self._prior, self._leader, -leader_loss, part)
    return mass + self._margin - tf.math.log(tf.constant(self._allowed, mass.dtype))

  def _reach(self) -> tf.Tensor:
    return tf.constant(SCREEN_REACH, self._prior.dtype)

  def _screen_images(self) -> int:
    return min(SCREEN_IMAGES, self._images.shape[0] or SCREEN_IMAGES)

  def _screened(self, leader_loss: tf.Tensor) -> tf.Tensor:
    """`_excess` with the likelihoods of a few images."""
    count = self._screen_images()
    features = prefix_tree.all_configuration_features(self._network.spec, self._weights, self._images[:count],
                                                      self._groups)
    return self._excess(leader_loss, self._log_likelihoods(features, self._labels[:count]))

  def _try_leader(self) -> tuple[tf.Tensor, Outcome]:
    """Whether the leader is certified; if it is, its gradients."""
    bits = tf.gather(self._sharing_table, self._leader)
    with self._recording() as tape:
      kernels = [layer.choose(bits[index]) for index, layer in enumerate(self._weights)]
      features = networks.convolutional_features(self._network.spec, kernels, self._images, layers.max_pool_apart)
      logits = self._network.head(features, self._seed, blocks=self._leader[tf.newaxis])
      loss = layers.mean_cross_entropy(logits, self._labels)
    leader_loss = tf.reduce_sum(layers.cross_entropy(self._network.head(features), self._labels))
    excess = self._excess(leader_loss)
    excess = tf.cond((excess > 0) & (excess <= self._reach()), lambda: self._screened(leader_loss), lambda: excess)

    def alone() -> Outcome:
      weights = tf.one_hot(self._leader, self._size, dtype=loss.dtype)
      dropped = tf.minimum(self._allowed * tf.exp(excess), tf.cast(self._allowed, loss.dtype))
      return Outcome(tf.constant(ALONE), loss, weights, weights, dropped, leader_loss, *self._gradients(tape, loss))

    certified = excess <= 0
    return certified, tf.cond(certified, alone, self._nothing)

  def _nothing(self) -> Outcome:
    zero, zeros = tf.zeros([], self._prior.dtype), tf.zeros_like(self._prior)
    return Outcome(tf.constant(ALONE), zero, zeros, zeros, zero, zero, [tf.zeros_like(k) for k in self._kernels],
                   [tf.zeros(variable.shape, variable.dtype) for variable in self._head_variables])

  # --- all configurations ---

  def _whole(self) -> Outcome:
    """Evaluates everything; trains what is needed, or everything if that is cheaper."""
    with self._recording() as tape:
      features = prefix_tree.all_configuration_features(self._network.spec, self._weights, self._images, self._groups,
                                                        layers.max_pool_apart)
    log_likelihoods = self._log_likelihoods(features, self._labels)
    exact = posterior(self._prior, log_likelihoods)
    leader_loss = -tf.gather(log_likelihoods, self._leader)
    keep = bounds.fewest(exact, self._allowed)
    tree = pruned_tree.PrunedTree(self._network.spec, self._groups, keep)
    everything = pruned_tree.PrunedTree(self._network.spec, self._groups, tf.ones_like(keep))
    # Sparse training repeats the forward pass of what it trains, exact training only goes back.
    is_cheaper = 3.0 * tree.convolution_macs() <= 2.0 * everything.convolution_macs()

    def sparse() -> Outcome:
      kept = tf.where(keep, exact, tf.zeros_like(exact))
      total = tf.reduce_sum(kept)
      chosen = tf.where(keep)[:, 0]
      with self._recording() as pruned_tape:
        loss = self._weighted_loss(tree.features(self._weights, self._images), tf.gather(kept / total, chosen), chosen)
      return Outcome(tf.constant(SPARSE), loss, kept / total, exact, tf.reduce_sum(exact - kept), leader_loss,
                     *self._gradients(pruned_tape, loss))

    def dense() -> Outcome:
      with self._recording() as head_tape:
        head_tape.watch(features)
        loss = self._weighted_loss(features, exact, None)
      upstream, *head_gradients = head_tape.gradient(loss, [features, *self._head_variables])
      return Outcome(tf.constant(EXACT), loss, exact, exact, tf.zeros_like(loss), leader_loss,
                     tape.gradient(features, self._kernels, output_gradients=upstream), head_gradients)

    return tf.cond(is_cheaper, sparse, dense)

  def _weighted_loss(self, features: tf.Tensor, weights: tf.Tensor, blocks: tf.Tensor | None) -> tf.Tensor:
    """Sum of the configurations' mean cross-entropies with dropout, weighted; `features` has a block for each."""
    logits = self._network.head(features, self._seed, blocks=blocks)
    return tf.reduce_sum(weights * tf.reduce_mean(self._cross_entropy(logits, self._labels), axis=1))

  # --- common ---

  @contextlib.contextmanager
  def _recording(self) -> Iterator[tf.GradientTape]:
    """A tape for gradients with respect to kernels, biases and head."""
    with tf.GradientTape(watch_accessed_variables=False) as tape:
      tape.watch([*self._kernels, *self._head_variables])
      yield tape

  def _gradients(self, tape: tf.GradientTape, loss: tf.Tensor) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
    gradients = tape.gradient(loss, [*self._kernels, *self._head_variables],
                              unconnected_gradients=tf.UnconnectedGradients.ZERO)
    return gradients[:len(self._kernels)], gradients[len(self._kernels):]

  def _log_likelihoods(self, features: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Log-likelihood `[configurations]` of some images, dropout off."""
    return -tf.reduce_sum(self._cross_entropy(self._network.head(features), labels), axis=1)

  @staticmethod
  def _cross_entropy(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """`[k * n, classes]`, `[n]` -> `[k, n]`."""
    return layers.cross_entropy_of_blocks(logits, labels, tf.shape(logits)[0] // tf.shape(labels)[0])
