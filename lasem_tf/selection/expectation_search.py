"""The search of LASEM: posterior over configurations (E-step), weighted update (M-step), prior, for one new task."""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from lasem_tf.nn import layers, optimizers, prefix_tree
from lasem_tf.selection import base
from lasem_tf.selection.configuration import enumerate_configurations

# The prior has learned something where its largest entry is so many times what all had at first.
LEARNED = 1.5


@dataclasses.dataclass(frozen=True)
class Rules:
  """How a search by expectation proceeds; the options of `Expectation`, fitted to a network.

  Attributes:
    likelihood: 'product' or 'mean'.
    prior: 'count' or 'mean'.
    initial_count: what every count starts from.
    reset_each_epoch: whether the prior starts again from uniform at every epoch.
    groups: sizes of groups of consecutive layers; their sum is the depth.
    fixed_weights: constant weight of every configuration, in the order of their index; None: the posterior.
    commit_threshold: of early commitment, or None.
    commit_epochs: of early commitment.
    dropped_mass: posterior mass that an update may leave out.
    audit_every: evaluate everything every so many mini-batches, and fail if more mass was left out; 0: never.
  """

  likelihood: str
  prior: str
  initial_count: float
  reset_each_epoch: bool
  groups: tuple[int, ...]
  fixed_weights: tuple[float, ...] | None = None
  commit_threshold: float | None = None
  commit_epochs: int = 5
  dropped_mass: float = 0.0
  audit_every: int = 0


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


class ExpectationSearch(base.Search):
  """LASEM for one task. Variables: 'task{t}/selection/evidence' `[configurations]` and '.../num_batches'.

  Attributes:
    rules: how the search proceeds.
    configurations: all configurations, in the order of their index.
    sharing_table: the same, boolean `[configurations, depth]`.
  """

  def __init__(self, task_id: int, rules: Rules):
    """Begins with a uniform prior."""
    self.rules = rules
    self.configurations = enumerate_configurations(rules.groups)
    self.sharing_table = np.array([c.bits for c in self.configurations])
    self.prefix = f"task{task_id}/selection"
    dtype = keras.config.floatx()
    # Evidence: counts of led batches, or the sum of posteriors; the prior is its normalised form.
    self._evidence = tf.Variable(tf.zeros([len(self.configurations)], dtype))
    self._num_batches = tf.Variable(tf.zeros([], dtype))
    self._leader: int | None = None
    self._epochs_led = 0
    self._committed_after: int | None = None
    self._reset()

  def _reset(self) -> None:
    self._evidence.assign(tf.fill(self._evidence.shape, tf.cast(
        self.rules.initial_count if self.rules.prior == "count" else 0.0, self._evidence.dtype)))
    self._num_batches.assign(0.0)

  def prior(self) -> tf.Tensor:
    """The current prior over configurations, `[configurations]`; uniform before the first update."""
    if self.rules.fixed_weights is not None:
      return tf.constant(self.rules.fixed_weights, self._evidence.dtype)
    if self.rules.prior == "count":
      return self._evidence / tf.reduce_sum(self._evidence)
    uniform = tf.fill(self._evidence.shape, tf.constant(1.0 / len(self.configurations), self._evidence.dtype))
    return tf.where(self._num_batches > 0, tf.math.divide_no_nan(self._evidence, self._num_batches), uniform)

  def update_prior(self, weights: tf.Tensor) -> None:
    """Takes one mini-batch's posterior into the prior."""
    if self.rules.prior == "count":
      weights = tf.one_hot(tf.argmax(weights), len(self.configurations), dtype=weights.dtype)
    self._evidence.assign_add(weights)
    self._num_batches.assign_add(1.0)

  def choice(self):
    return self.configurations[int(tf.argmax(self.prior()))]

  def sharing(self):
    return tf.gather(tf.constant(self.sharing_table), tf.argmax(self.prior()))

  def expected_sharing(self, weights: tf.Tensor) -> tf.Tensor:
    """`[depth]`: the total weight of the configurations that share each layer."""
    return tf.linalg.matvec(tf.cast(self.sharing_table.T, weights.dtype), weights)

  def step(self, problem):
    optimizer = optimizers.RMSProp(problem.weights)

    def run(images, labels, learning_rate, seed, validation_images=None, validation_labels=None):
      del validation_images, validation_labels
      with tf.GradientTape() as tape:
        losses, features = self.configuration_losses(problem, images, labels, seed)
        weights = self.weights_of(problem, features, labels)
        loss = tf.reduce_sum(weights * losses)
        # A layer's term counts as much as the configurations that share the layer.
        penalty = problem.penalty(self.expected_sharing(weights))
        total = loss if penalty is None else loss + penalty
      optimizer.apply(optimizers.gradients_by_name(tape, total, problem.weights), learning_rate)
      self.update_prior(weights)
      return loss, {"posterior_maximum": tf.reduce_max(weights)}

    return base.SearchStep(run, optimizer.slots)

  def configuration_losses(self, problem, images, labels, seed) -> tuple[tf.Tensor, tf.Tensor]:
    """Mean cross-entropy `[configurations]` with dropout, and the features `[configurations * batch, features]`."""
    features = prefix_tree.all_configuration_features(
        problem.network.spec, problem.network.layer_weights(), images, self.rules.groups,
        normalise=problem.network.normalisation.by_batch(images))
    logits = problem.network.head(features, dropout_seed=seed)
    return tf.reduce_mean(self._cross_entropy(logits, labels), axis=1), features

  def weights_of(self, problem, features, labels) -> tf.Tensor:
    """The posterior `[configurations]`, a constant for the gradient; dropout off, weights and prior as they are."""
    if self.rules.fixed_weights is not None:
      return self.prior()
    logits = problem.network.head(tf.stop_gradient(features))
    likelihoods = log_likelihood(self._cross_entropy(logits, labels), self.rules.likelihood)
    return tf.stop_gradient(posterior(self.prior(), likelihoods))

  def _cross_entropy(self, logits, labels):
    """`[configurations * batch, classes]`, `[batch]` -> `[configurations, batch]`."""
    return layers.cross_entropy_of_blocks(logits, labels, len(self.configurations))

  def next_phase(self, num_completed, num_epochs):
    if num_completed == 0:
      return base.SelectionPhase("search", num_epochs)
    if num_completed == 1 and self._committed_after is not None and self._committed_after < num_epochs:
      return base.SelectionPhase("committed", num_epochs - self._committed_after, self.choice())
    return None

  def begin_epoch(self, epoch):
    # Once committed, the prior holds the choice.
    if self.rules.reset_each_epoch and self._committed_after is None:
      self._reset()

  def end_epoch(self, epoch, validation_accuracy):
    if self.rules.commit_threshold is None or self._committed_after is not None:
      return False
    leader = self.choice().index
    certain = float(tf.reduce_max(self.prior())) > self.rules.commit_threshold
    self._epochs_led = 0 if not certain else self._epochs_led + 1 if leader == self._leader else 1
    self._leader = leader
    if self._epochs_led >= self.rules.commit_epochs:
      self._committed_after = epoch + 1
    return self._committed_after is not None

  def named_variables(self):
    return {f"{self.prefix}/evidence": self._evidence, f"{self.prefix}/num_batches": self._num_batches}

  def summary(self):
    share, uniform = float(tf.reduce_max(self.prior())), 1.0 / len(self.configurations)
    learned = self.rules.fixed_weights is None and share >= LEARNED * uniform
    return base.SearchSummary(details={"choice_prior": share, "mechanism_acted": learned})

  def diagnostics(self):
    return {"prior": [float(value) for value in self.prior().numpy()], **super().diagnostics()}

  def structure(self):
    return {"leader": self._leader, "epochs_led": self._epochs_led, "committed_after": self._committed_after}

  def restore_structure(self, structure):
    self._leader, self._epochs_led = structure["leader"], structure["epochs_led"]
    self._committed_after = structure["committed_after"]
