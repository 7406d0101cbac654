"""DARTS: every layer of a new task mixes its two routes, and learns how much of each.

Liu, Simonyan, Yang: "DARTS: Differentiable architecture search" (ICLR 2019), over the two routes of a layer as in Lee,
Behpour, Eaton: "Sharing Less is More" (ICML Workshop 2020). As released there is one phase: the mixture trains for all
epochs, and the larger weight of every layer is its choice, for evaluation at any time and for good at the end.

As published, DARTS gives the mixing weights an optimiser and a rate of their own, unrolls the step that the weights
really take, and trains the chosen network alone from the start before it is judged: options of `Differentiable`. Others
of its options keep adopted layers as they are while it searches, as `held_out` does, which is in neither paper.
"""

import dataclasses
from collections.abc import Sequence

import gin
import keras
import tensorflow as tf

from lasem_tf.nn import layers, mixture, optimizers, workload
from lasem_tf.selection import base, unrolled
from lasem_tf.selection.adopted import AdoptedLayers

TRAINING, VALIDATION = "training", "validation"
# A share of the shared route outside .5 +- this is a choice; inside, it is the sign of noise.
NOISE = 0.05
_RETRAIN = "retrain"


@dataclasses.dataclass(frozen=True)
class Rules:
  """How mixing weights are learned; the options of `Differentiable`, fitted to a run.

  Attributes:
    order: 1 or 2.
    batch: 'training' or 'validation'.
    as_released: the released second-order rule.
    rate: of the mixing weights, as a multiple of that of the weights.
    optimizer: class of their optimiser.
    unrolls_optimizer: whether the unrolled step is that of the weights' optimiser.
    retrain_share: share of a task's epochs that trains the chosen network alone; 1: the search comes on top of them.
    freeze_adopted: see `AdoptedLayers.freeze`.
    share_unadopted: see `AdoptedLayers.share_others`.
  """

  order: int
  batch: str
  as_released: bool = False
  rate: float = 1.0
  optimizer: type = optimizers.RMSProp
  unrolls_optimizer: bool = False
  retrain_share: float = 0.0
  freeze_adopted: bool = False
  share_unadopted: bool = False

  @property
  def search_share(self) -> float:
    """Epochs of the search in those of a task: what retraining leaves, or as many again where it takes all."""
    return 1.0 - self.retrain_share if self.retrain_share < 1.0 else 1.0

  def epochs(self, num_epochs: int) -> tuple[int, int]:
    """Of the search and of retraining, where a task is to be trained for `num_epochs`."""
    if self.retrain_share == 1.0:
      return num_epochs, num_epochs
    retrained = min(round(self.retrain_share * num_epochs), num_epochs - 1)
    return num_epochs - retrained, retrained


class MixingWeights(base.Search):
  """Mixing weights a: the shared route of layer l has the share softmax(a_l)[1], the task's own the rest.

  Every step updates the mixing weights first, then the weights, each by an optimiser of its own and with a dropout mask
  of its own. Variables: 'task{t}/alpha{l}', `[2]`, [own, shared], starting at zero.
  """

  def __init__(self, task_id: int, depth: int, rules: Rules, num_epochs: int = 1, adopted: Sequence[bool] = ()):
    """Begins with equal shares; the task is to be trained for so many epochs (`adopted`: see `Selection`)."""
    self._rules, (_, self._retrained) = rules, rules.epochs(num_epochs)
    self._layers = AdoptedLayers.of(adopted, depth, rules.freeze_adopted, rules.share_unadopted)
    self._alphas = {f"task{task_id}/alpha{layer}": tf.Variable(tf.zeros([2], keras.config.floatx()))
                    for layer in range(depth)}

  def shares(self) -> tf.Tensor:
    """The share of the shared route in every layer, `[depth]`."""
    learned = tf.nn.softmax(tf.stack(list(self._alphas.values())))[:, 1]
    return tf.where(self._layers.shared_always, tf.ones_like(learned), learned)

  def sharing(self):
    alphas = tf.stack(list(self._alphas.values()))
    # A tie stays with the task.
    return (alphas[:, 1] > alphas[:, 0]) | self._layers.shared_always

  def next_phase(self, num_completed, num_epochs):
    if all(self._layers.shared_always):
      return base.SelectionPhase(_RETRAIN, num_epochs, self.choice()) if num_completed == 0 else None
    if num_completed == 0:
      return base.SelectionPhase("search", self._rules.epochs(num_epochs)[0], restart=self._retrained > 0,
                                 needs_validation_batch=self._rules.batch == VALIDATION)
    if num_completed == 1 and self._retrained:
      return base.SelectionPhase(_RETRAIN, self._retrained, self.choice(), restart=True)
    return None

  def step(self, problem):
    rules, trained = self._rules, self._layers.trained(problem)
    weight_optimizer, alpha_optimizer = optimizers.RMSProp(trained), rules.optimizer(self._alphas)

    def run(images, labels, learning_rate, seed, validation_images=None, validation_labels=None):
      alpha_batch = (images, labels) if rules.batch == TRAINING else (validation_images, validation_labels)
      alpha_seed = tf.random.experimental.stateless_fold_in(seed, 1)
      with tf.GradientTape() as tape:
        kernels = problem.network.layer_weights()
        with tape.stop_recording():
          loss, gradients = self._alpha_gradients(problem, trained, kernels, (images, labels), alpha_batch,
                                                  learning_rate, alpha_seed, weight_optimizer)
          alpha_optimizer.apply(dict(zip(self._alphas, gradients)), rules.rate * learning_rate)
        cross_entropy = self._cross_entropy(problem, kernels, images, labels, seed)
        penalty = problem.penalty(self.shares())
        total = cross_entropy if penalty is None else cross_entropy + penalty
      weight_optimizer.apply(optimizers.gradients_by_name(tape, total, trained), learning_rate)
      return cross_entropy if loss is None else loss, {}

    return base.SearchStep(run, {**weight_optimizer.slots, **alpha_optimizer.slots})

  def _alpha_gradients(self, problem, trained, kernels, batch, alpha_batch, learning_rate, seed, optimizer):
    """The training loss before the step, where it is known, and a gradient for every mixing weight."""
    alphas = list(self._alphas.values())
    if self._rules.order == 1:
      with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(alphas)
        images, labels = alpha_batch
        loss = self._cross_entropy(problem, kernels, images, labels, seed)
      return loss if self._rules.batch == TRAINING else None, tape.gradient(loss, alphas)

    def cross_entropy(images, labels):
      return self._cross_entropy(problem, problem.network.layer_weights(), images, labels, seed)

    def training_loss():
      penalty = problem.penalty(self.shares())
      value = cross_entropy(*batch)
      return value if penalty is None else value + penalty

    if self._rules.as_released:
      return unrolled.released_gradient(lambda: cross_entropy(*batch), trained, alphas, problem.learning_rate)
    return unrolled.unrolled_gradient(training_loss, lambda: cross_entropy(*alpha_batch), trained, alphas,
                                      learning_rate, optimizer if self._rules.unrolls_optimizer else None)

  def _cross_entropy(self, problem, kernels, images, labels, seed):
    network = problem.network
    features = mixture.mixed_features(network.spec, kernels, images, self.shares(),
                                      network.normalisation.by_batch(images))
    return layers.mean_cross_entropy(network.head(features, dropout_seed=seed), labels)

  def named_variables(self):
    return dict(self._alphas)

  def summary(self):
    shares = [float(share) for share in self.shares().numpy()]
    decided = [share for share, is_fixed in zip(shares, self._layers.shared_always) if not is_fixed]
    return base.SearchSummary(_RETRAIN if self._retrained else None, {
        "shared_shares": shares, "mechanism_acted": any(abs(share - 0.5) > NOISE for share in decided)})

  def diagnostics(self):
    return {"alpha": [[float(value) for value in alpha.numpy()] for alpha in self._alphas.values()],
            **super().diagnostics()}


@gin.register
class Differentiable(base.Selection):
  """DARTS over the two routes of every layer (see `MixingWeights`)."""

  lists_shared_twice_at_revisit = True

  def __init__(self, order: int = 1, architecture_batch: str | None = None, retrain_share: float = 0.0,
               alpha_learning_rate: float | None = None, alpha_optimizer: str = "rmsprop",
               unrolled_step: str = "descent", freeze_adopted: bool = False, share_unadopted: bool = False):
    """Sets the rule for the mixing weights; the defaults are the release's.

    Args:
      order: 1: the gradient at the present weights; 2: through one step of the weights (see `unrolled`).
      architecture_batch: where the mixing weights' loss is taken: 'training', the same mini-batch as the weights' (the
        releases, and the default of order 1), or 'validation' (DARTS proper, and the only one for order 2).
      retrain_share: share of a task's epochs, the last ones, that trains the chosen network alone, from the weights
        that the task began with (DARTS proper); 0: what the search leaves is the network; 1: all of them do, and the
        search comes on top, with as many.
      alpha_learning_rate: of the mixing weights, decayed as that of the weights; None: the same.
      alpha_optimizer: of the mixing weights, 'rmsprop', 'sgd' or 'adam' (DARTS proper).
      unrolled_step: of order 2: 'descent', plain gradient descent with the learning rate, which is the paper's, or
        'optimizer', the step that the weights' optimiser would take.
      freeze_adopted: search steps leave shared weights that an earlier task relies on as they are.
      share_unadopted: layers that no earlier task relies on are shared.
    """
    if order not in (1, 2):
      raise ValueError(f"Differentiable.order must be 1 or 2, not {order!r}.")
    if architecture_batch not in (None, TRAINING, VALIDATION):
      raise ValueError("Differentiable.architecture_batch must be 'training' or 'validation', not "
                       f"{architecture_batch!r}.")
    if not 0.0 <= retrain_share <= 1.0:
      raise ValueError(f"Differentiable.retrain_share must lie in [0, 1], not {retrain_share}.")
    if freeze_adopted and not retrain_share:
      raise ValueError("Differentiable.freeze_adopted = True needs Differentiable.retrain_share > 0: shared weights "
                       "that never learn from a task are another method. Change one of the bindings.")
    if alpha_learning_rate is not None and alpha_learning_rate <= 0:
      raise ValueError(f"Differentiable.alpha_learning_rate must be positive or None, not {alpha_learning_rate}.")
    if unrolled_step not in ("descent", "optimizer") or (unrolled_step == "optimizer" and order == 1):
      raise ValueError("Differentiable.unrolled_step must be 'descent' or, with Differentiable.order = 2, 'optimizer', "
                       f"not {unrolled_step!r}.")
    self._rules = Rules(order, architecture_batch or "", optimizer=optimizers.by_name(
        alpha_optimizer, "Differentiable.alpha_optimizer"), unrolls_optimizer=unrolled_step == "optimizer",
        retrain_share=retrain_share, freeze_adopted=freeze_adopted, share_unadopted=share_unadopted)
    self._alpha_rate = alpha_learning_rate

  def _check(self, num_tasks, epochs_per_task):
    order, batch = self._rules.order, self._rules.batch
    # The release has one rule; a step of the optimiser is not it.
    as_released = (order == 2 and self.reference.darts_second_order_as_released
                   and not self._rules.unrolls_optimizer)
    batch = batch or (VALIDATION if order == 2 and not as_released else TRAINING)
    if order == 2 and (batch == VALIDATION) == as_released:
      raise ValueError(
          "The released second-order rule (darts_second_order_as_released) knows the training batch only: remove "
          "Differentiable.architecture_batch." if as_released else
          "Differentiable.order = 2 needs Differentiable.architecture_batch = 'validation': with both losses on one "
          "batch it is no second-order rule.")
    rate = 1.0 if self._alpha_rate is None else self._alpha_rate / self.learning_rate
    self._rules = dataclasses.replace(self._rules, batch=batch, as_released=as_released, rate=rate)

  def begin_search(self, task_id, num_epochs, adopted=()):
    return MixingWeights(task_id, self.depth, self._rules, num_epochs, adopted)

  def search_epochs(self, num_epochs):
    return sum(self._rules.epochs(num_epochs))

  def training_macs(self, layer_macs, generation_macs, dense_macs):
    forward, first, generation = 2.0 * sum(layer_macs) + dense_macs, 2.0 * layer_macs[0], 3.0 * sum(generation_macs)
    search = weight_step = 3.0 * forward - first + generation
    if self._rules.order == 1:
      # The mixing weights need the gradients of the layers' inputs, not of their kernels.
      search += 2.0 * forward - first
    else:
      # A forward and backward pass on each batch, and the backward pass through the backward pass.
      search += 2.0 * weight_step + 3.0 * forward - first
    alone = super().training_macs(layer_macs, generation_macs, dense_macs)
    return self._rules.search_share * search + self._rules.retrain_share * alone

  def workload(self, num_epochs):
    return workload.Workload(phases=2.0 if self._rules.retrain_share else 1.0,
                             graph=1.5 if self._rules.order == 1 else 3.0)
