"""DARTS: every layer of a new task mixes its two routes, and learns how much of each.

Liu, Simonyan, Yang: "DARTS: Differentiable architecture search" (ICLR 2019), over the two routes of a layer as in Lee,
Behpour, Eaton: "Sharing Less is More" (ICML Workshop 2020). There is one phase: the mixture trains for all epochs, and
the larger weight of every layer is its choice, for evaluation at any time and for good at the end.
"""

import gin
import keras
import tensorflow as tf

from lasem_tf.nn import layers, mixture, optimizers
from lasem_tf.selection import base, unrolled

TRAINING, VALIDATION = "training", "validation"


class MixingWeights(base.Search):
  """Mixing weights a: the shared route of layer l has the share softmax(a_l)[1], the task's own the rest.

  Every step updates the mixing weights first, then the weights, each by an RMSProp of its own with the same learning
  rate and a dropout mask of its own. Variables: 'task{t}/alpha{l}', `[2]`, [own, shared], starting at zero.
  """

  def __init__(self, task_id: int, depth: int, order: int, batch: str, as_released: bool):
    """See `Differentiable`; as_released: the released second-order rule."""
    self._order, self._batch, self._as_released = order, batch, as_released
    self._alphas = {f"task{task_id}/alpha{layer}": tf.Variable(tf.zeros([2], keras.config.floatx()))
                    for layer in range(depth)}

  def shares(self) -> tf.Tensor:
    """The share of the shared route in every layer, `[depth]`."""
    return tf.nn.softmax(tf.stack(list(self._alphas.values())))[:, 1]

  def sharing(self):
    alphas = tf.stack(list(self._alphas.values()))
    # A tie stays with the task.
    return alphas[:, 1] > alphas[:, 0]

  def next_phase(self, num_completed, num_epochs):
    if num_completed:
      return None
    return base.SelectionPhase("search", num_epochs, needs_validation_batch=self._batch == VALIDATION)

  def step(self, problem):
    weight_optimizer, alpha_optimizer = optimizers.RMSProp(problem.weights), optimizers.RMSProp(self._alphas)

    def run(images, labels, learning_rate, seed, validation_images=None, validation_labels=None):
      alpha_batch = (images, labels) if self._batch == TRAINING else (validation_images, validation_labels)
      alpha_seed = tf.random.experimental.stateless_fold_in(seed, 1)
      with tf.GradientTape() as tape:
        kernels = problem.network.layer_weights()
        with tape.stop_recording():
          loss, gradients = self._alpha_gradients(problem, kernels, (images, labels), alpha_batch, learning_rate,
                                                  alpha_seed)
          alpha_optimizer.apply(dict(zip(self._alphas, gradients)), learning_rate)
        cross_entropy = self._cross_entropy(problem, kernels, images, labels, seed)
        penalty = problem.penalty(self.shares())
        total = cross_entropy if penalty is None else cross_entropy + penalty
      weight_optimizer.apply(optimizers.gradients_by_name(tape, total, problem.weights), learning_rate)
      return cross_entropy if loss is None else loss, {}

    return base.SearchStep(run, {**weight_optimizer.slots, **alpha_optimizer.slots})

  def _alpha_gradients(self, problem, kernels, batch, alpha_batch, learning_rate, seed):
    """The training loss before the step, where it is known, and a gradient for every mixing weight."""
    alphas = list(self._alphas.values())
    if self._order == 1:
      with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(alphas)
        loss = self._cross_entropy(problem, kernels, *alpha_batch, seed)
      return loss if self._batch == TRAINING else None, tape.gradient(loss, alphas)

    def cross_entropy(images, labels):
      return self._cross_entropy(problem, problem.network.layer_weights(), images, labels, seed)

    def training_loss():
      penalty = problem.penalty(self.shares())
      value = cross_entropy(*batch)
      return value if penalty is None else value + penalty

    if self._as_released:
      return unrolled.released_gradient(lambda: cross_entropy(*batch), problem.weights, alphas, problem.learning_rate)
    return unrolled.unrolled_gradient(training_loss, lambda: cross_entropy(*alpha_batch), problem.weights, alphas,
                                      learning_rate)

  def _cross_entropy(self, problem, kernels, images, labels, seed):
    features = mixture.mixed_features(problem.network.spec, kernels, images, self.shares())
    return layers.mean_cross_entropy(problem.network.head(features, dropout_seed=seed), labels)

  def named_variables(self):
    return dict(self._alphas)

  def diagnostics(self):
    return {"alpha": [[float(value) for value in alpha.numpy()] for alpha in self._alphas.values()],
            **super().diagnostics()}


@gin.register
class Differentiable(base.Selection):
  """DARTS over the two routes of every layer (see `MixingWeights`)."""

  lists_shared_twice_at_revisit = True

  def __init__(self, order: int = 1, architecture_batch: str | None = None):
    """Sets the rule for the mixing weights.

    Args:
      order: 1: the gradient at the present weights; 2: through one step of the weights (see `unrolled`).
      architecture_batch: where the mixing weights' loss is taken: 'training', the same mini-batch as the weights' (the
        releases, and the default of order 1), or 'validation' (DARTS proper, and the only one for order 2).
    """
    if order not in (1, 2):
      raise ValueError(f"Differentiable.order must be 1 or 2, not {order!r}.")
    if architecture_batch not in (None, TRAINING, VALIDATION):
      raise ValueError("Differentiable.architecture_batch must be 'training' or 'validation', not "
                       f"{architecture_batch!r}.")
    self._order, self._batch = order, architecture_batch

  def _check(self, num_tasks, epochs_per_task):
    self._as_released = self._order == 2 and self.reference.darts_second_order_as_released
    if self._batch is None:
      self._batch = VALIDATION if self._order == 2 and not self._as_released else TRAINING
    if self._order == 2 and (self._batch == VALIDATION) == self._as_released:
      raise ValueError(
          "The released second-order rule (darts_second_order_as_released) knows the training batch only: remove "
          "Differentiable.architecture_batch." if self._as_released else
          "Differentiable.order = 2 needs Differentiable.architecture_batch = 'validation': with both losses on one "
          "batch it is no second-order rule.")

  def begin_search(self, task_id, num_epochs, adopted=()):
    return MixingWeights(task_id, self.depth, self._order, self._batch, self._as_released)

  def training_macs(self, layer_macs, generation_macs, dense_macs):
    forward, first, generation = 2.0 * sum(layer_macs) + dense_macs, 2.0 * layer_macs[0], 3.0 * sum(generation_macs)
    weight_step = 3.0 * forward - first + generation
    if self._order == 1:
      # The mixing weights need the gradients of the layers' inputs, not of their kernels.
      return weight_step + 2.0 * forward - first
    # A forward and backward pass on each batch, and the backward pass through the backward pass.
    return weight_step + 2.0 * (3.0 * forward - first + generation) + 3.0 * forward - first
