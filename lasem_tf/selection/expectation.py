"""LASEM: expectation-maximisation over all transfer configurations.

Every mini-batch: the posterior over configurations (E-step, dropout off), one update with the gradients of all
configurations weighted by it (M-step, dropout on), then the prior. Lee, Behpour, Eaton: "Sharing Less is More" (ICML
Workshop 2020; ICML 2021). The two papers' releases differ: the first multiplies the likelihoods of a mini-batch and
counts the best configuration of every batch, the second averages the likelihoods and the posteriors.
"""

import gin
import keras
import numpy as np
import tensorflow as tf

from lasem_tf.nn import layers, optimizers, prefix_tree
from lasem_tf.selection import base, configuration


def log_likelihood(cross_entropy: tf.Tensor, kind: str) -> tf.Tensor:
  """Log-likelihood of a mini-batch under every configuration.

  Args:
    cross_entropy: `[configurations, batch]`, -log p(y | x).
    kind: 'product' over the batch (2020) or 'mean' over it (2021).

  Returns:
    `[configurations]`.
  """
  if kind == "product":
    return -tf.reduce_sum(cross_entropy, axis=1)
  size = tf.cast(tf.shape(cross_entropy)[1], cross_entropy.dtype)
  return tf.reduce_logsumexp(-cross_entropy, axis=1) - tf.math.log(size)


def posterior(prior: tf.Tensor, log_likelihoods: tf.Tensor) -> tf.Tensor:
  """Normalised prior times likelihood, in log space: sums to one however small the likelihoods are."""
  return tf.nn.softmax(tf.math.log(prior) + log_likelihoods)


@gin.register
class Expectation(base.Selection):
  """LASEM, and LASEM-G with groups of layers that share or do not share together."""

  def __init__(self, likelihood: str = "product", prior: str = "count", prior_initial_count: float = 1.0,
               reset_prior_each_epoch: bool = False, layer_groups: tuple[int, ...] = (),
               fixed_configuration: str | None = None, fixed_probability: float = 0.9,
               commit_threshold: float | None = None, commit_epochs: int = 5):
    """Sets the variant; the defaults are the 2020 paper's.

    Args:
      likelihood: 'product' or 'mean' of a mini-batch's true-class probabilities.
      prior: 'count' of the batches whose posterior a configuration led, or 'mean' of the posteriors so far.
      prior_initial_count: what every count starts from.
      reset_prior_each_epoch: whether the prior starts again from uniform at every epoch.
      layer_groups: sizes of groups of consecutive layers (LASEM-G); empty: every layer alone.
      fixed_configuration: analysis mode: this configuration has a constant weight, the others share the rest.
      fixed_probability: that weight.
      commit_threshold: early commitment (not in the papers): once the prior's largest entry has stayed at one
        configuration and above this for `commit_epochs` epochs, train that configuration alone. None: never.
      commit_epochs: see above.
    """
    for name, value, allowed in (("likelihood", likelihood, ("product", "mean")), ("prior", prior, ("count", "mean"))):
      if value not in allowed:
        raise ValueError(f"Expectation.{name} must be one of {', '.join(allowed)}, not {value!r}.")
    if prior_initial_count <= 0:
      raise ValueError(f"Expectation.prior_initial_count must be positive, not {prior_initial_count}.")
    if not 0.0 < fixed_probability <= 1.0:
      raise ValueError(f"Expectation.fixed_probability must lie in (0, 1], not {fixed_probability}.")
    if commit_threshold is not None and not 0.0 < commit_threshold < 1.0:
      raise ValueError(f"Expectation.commit_threshold must lie in (0, 1), not {commit_threshold}.")
    if commit_epochs < 1:
      raise ValueError(f"Expectation.commit_epochs must be at least 1, not {commit_epochs}.")
    self._likelihood, self._prior_kind, self._initial_count = likelihood, prior, prior_initial_count
    self._reset_each_epoch, self._groups = reset_prior_each_epoch, tuple(layer_groups)
    self._fixed_name, self._fixed_probability = fixed_configuration, fixed_probability
    self._commit_threshold, self._commit_epochs = commit_threshold, commit_epochs

  def _check(self):
    self._groups = configuration.check_groups(self._groups, self.depth)
    self.configurations = configuration.enumerate_configurations(self._groups)
    self._sharing_table = np.array([c.bits for c in self.configurations])
    self._fixed_weights = None
    if self._fixed_name is not None:
      fixed = configuration.TransferConfiguration.parse(self._fixed_name, self.depth)
      if fixed not in self.configurations:
        raise ValueError(f"Expectation.fixed_configuration {fixed} is not constant inside the groups {self._groups}.")
      rest = (1.0 - self._fixed_probability) / (len(self.configurations) - 1)
      self._fixed_weights = np.where([c == fixed for c in self.configurations], self._fixed_probability, rest)

  def begin_task(self, task_id, num_epochs):
    size = len(self.configurations)
    dtype = keras.config.floatx()
    # Evidence: counts of led batches, or the sum of posteriors; the prior is its normalised form.
    self._evidence = tf.Variable(tf.zeros([size], dtype))
    self._num_batches = tf.Variable(tf.zeros([], dtype))
    self._prefix = f"task{task_id}/selection"
    self._num_epochs = num_epochs
    self._leader, self._epochs_led, self._committed_after = None, 0, None
    self._reset()

  def _reset(self):
    self._evidence.assign(tf.fill(self._evidence.shape, tf.cast(
        self._initial_count if self._prior_kind == "count" else 0.0, self._evidence.dtype)))
    self._num_batches.assign(0.0)

  def prior(self) -> tf.Tensor:
    """The current prior over configurations, `[configurations]`; uniform before the first update."""
    if self._fixed_weights is not None:
      return tf.constant(self._fixed_weights, self._evidence.dtype)
    if self._prior_kind == "count":
      return self._evidence / tf.reduce_sum(self._evidence)
    uniform = tf.fill(self._evidence.shape, tf.constant(1.0 / len(self.configurations), self._evidence.dtype))
    return tf.where(self._num_batches > 0, tf.math.divide_no_nan(self._evidence, self._num_batches), uniform)

  def update_prior(self, weights: tf.Tensor) -> None:
    """Takes one mini-batch's posterior into the prior."""
    if self._prior_kind == "count":
      weights = tf.one_hot(tf.argmax(weights), len(self.configurations), dtype=weights.dtype)
    self._evidence.assign_add(weights)
    self._num_batches.assign_add(1.0)

  def choice(self):
    return self.configurations[int(tf.argmax(self.prior()))]

  def sharing(self):
    return tf.gather(tf.constant(self._sharing_table), tf.argmax(self.prior()))

  def search_step(self, problem):
    optimizer = optimizers.RMSProp(problem.weights)

    def run(images, labels, learning_rate, seed, validation_images=None, validation_labels=None):
      del validation_images, validation_labels
      with tf.GradientTape() as tape:
        losses, features = self.configuration_losses(problem, images, labels, seed)
        weights = self.weights_of(problem, features, labels)
        loss = tf.reduce_sum(weights * losses)
        # A layer's term counts as much as the configurations that share the layer.
        sharing = tf.linalg.matvec(tf.cast(self._sharing_table.T, weights.dtype), weights)
        penalty = problem.penalty(sharing)
        total = loss if penalty is None else loss + penalty
      optimizer.apply(optimizers.gradients_by_name(tape, total, problem.weights), learning_rate)
      self.update_prior(weights)
      return loss, {"posterior_maximum": tf.reduce_max(weights)}

    return base.SearchStep(run, optimizer.slots)

  def configuration_losses(self, problem, images, labels, seed) -> tuple[tf.Tensor, tf.Tensor]:
    """Mean cross-entropy `[configurations]` with dropout, and the features `[configurations * batch, features]`."""
    features = prefix_tree.all_configuration_features(
        problem.network.spec, problem.network.layer_weights(), images, self._groups)
    logits = problem.network.head(features, dropout_seed=seed)
    return tf.reduce_mean(self._cross_entropy(logits, labels), axis=1), features

  def weights_of(self, problem, features, labels) -> tf.Tensor:
    """The posterior `[configurations]`, a constant for the gradient; dropout off, weights and prior as they are."""
    if self._fixed_weights is not None:
      return self.prior()
    logits = problem.network.head(tf.stop_gradient(features))
    likelihoods = log_likelihood(self._cross_entropy(logits, labels), self._likelihood)
    return tf.stop_gradient(posterior(self.prior(), likelihoods))

  def _cross_entropy(self, logits, labels):
    """`[configurations * batch, classes]`, `[batch]` -> `[configurations, batch]`."""
    size = len(self.configurations)
    return tf.reshape(layers.cross_entropy(logits, tf.tile(labels, [size])), [size, -1])

  def next_phase(self, num_completed, num_epochs):
    if num_completed == 0:
      return base.SelectionPhase("search", num_epochs)
    if num_completed == 1 and self._committed_after is not None and self._committed_after < num_epochs:
      return base.SelectionPhase("committed", num_epochs - self._committed_after, self.choice())
    return None

  def begin_epoch(self, epoch):
    # Once committed, the prior holds the choice.
    if self._reset_each_epoch and self._committed_after is None:
      self._reset()

  def end_epoch(self, epoch, validation_accuracy):
    if self._commit_threshold is None or self._committed_after is not None:
      return False
    leader = self.choice().index
    certain = float(tf.reduce_max(self.prior())) > self._commit_threshold
    self._epochs_led = 0 if not certain else self._epochs_led + 1 if leader == self._leader else 1
    self._leader = leader
    if self._epochs_led >= self._commit_epochs:
      self._committed_after = epoch + 1
    return self._committed_after is not None

  def named_variables(self):
    return {f"{self._prefix}/evidence": self._evidence, f"{self._prefix}/num_batches": self._num_batches}

  def diagnostics(self):
    return {"prior": [float(value) for value in self.prior().numpy()], "choice": str(self.choice())}

  def structure(self):
    return {"leader": self._leader, "epochs_led": self._epochs_led, "committed_after": self._committed_after}

  def restore_structure(self, structure):
    self._leader, self._epochs_led = structure["leader"], structure["epochs_led"]
    self._committed_after = structure["committed_after"]

  def training_macs(self, layer_macs, generation_macs, dense_macs):
    branches = np.cumsum(np.isin(np.arange(self.depth), np.cumsum((0,) + self._groups[:-1])))
    heads = 2.0 ** len(self._groups) * dense_macs
    tree = sum(macs * 2.0 ** count for macs, count in zip(layer_macs, branches)) + heads
    # The posterior takes one more forward pass, of the heads alone.
    return float(3.0 * (tree + sum(generation_macs)) + heads - 2.0 * layer_macs[0])
