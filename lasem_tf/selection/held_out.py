"""A search that judges configurations on images it does not train on. Not in the papers.

LASEM's E-step takes the likelihood of the mini-batch that the M-step fits, so it rewards the route that fits soonest;
its counts settle on a configuration before the weights have learned anything; and nothing in it knows what sharing
costs earlier tasks. Here

  * the E-step reads validation images;
  * for the first epochs all configurations weigh the same;
  * evidence is that of the last epochs, since the weights behind older evidence are gone;
  * while it searches, shared weights that an earlier task relies on keep still: what is useful as it is costs that task
    nothing;
  * shared weights that no task relies on are free to take, so that such a layer is always shared;
  * the choice is trained from the weights the task began with, as a static configuration would be.

Each of these is an option.
"""

import math
from collections.abc import Sequence

import gin
import keras
import numpy as np
import tensorflow as tf

from lasem_tf.nn import layers, optimizers, prefix_tree, workload
from lasem_tf.selection import base
from lasem_tf.selection.adopted import AdoptedLayers
from lasem_tf.selection.configuration import enumerate_configurations
from lasem_tf.selection.expectation_search import posterior

_SEARCH, _CHOSEN = "search", "chosen"


class HeldOutSearch(base.Search):
  """The search for one task.

  Variables: 'task{t}/selection/prior' `[configurations]`, '.../evidence' `[configurations]`, the log-likelihood per
  validation image summed over the batches of an epoch and what is kept of earlier ones, '.../weight', of how many
  batches, and '.../is_uniform'.

  Attributes:
    configurations: all configurations, in the order of their index.
    admissible: boolean `[configurations]`.
  """

  def __init__(self, task_id: int, options: "HeldOut", adopted: Sequence[bool]):
    """Begins with a uniform prior over the admissible configurations."""
    depth = options.depth
    self._options = options
    self._layers = AdoptedLayers.of(adopted, depth, options.freeze_adopted, options.share_unadopted)
    self.configurations = enumerate_configurations((1,) * depth)
    self._sharing_table = np.array([c.bits for c in self.configurations])
    self.admissible = (self._sharing_table >= self._layers.shared_always).all(axis=1)
    self._prefix, dtype = f"task{task_id}/selection", keras.config.floatx()
    self._prior = tf.Variable(tf.constant(self.admissible / self.admissible.sum(), dtype))
    self._evidence = tf.Variable(tf.zeros([len(self.configurations)], dtype))
    self._weight = tf.Variable(tf.zeros([], dtype))
    self._is_uniform = tf.Variable(True)
    self._is_searching = False

  def sharing(self):
    return tf.gather(tf.constant(self._sharing_table), tf.argmax(self._prior))

  def choice(self):
    return self.configurations[int(tf.argmax(self._prior))]

  def next_phase(self, num_completed, num_epochs):
    options = self._options
    self._is_searching = num_completed == 0
    if self.admissible.sum() == 1:
      return base.SelectionPhase(_CHOSEN, num_epochs, self.choice()) if num_completed == 0 else None
    if num_completed == 0:
      return base.SelectionPhase(_SEARCH, options.epochs_of_search(num_epochs), restart=options.retrain,
                                 needs_validation_batch=options.held_out)
    if num_completed == 1 and options.retrain:
      return base.SelectionPhase(_CHOSEN, num_epochs, self.choice(), restart=True)
    return None

  def step(self, problem):
    trained = self._layers.trained(problem)
    optimizer = optimizers.RMSProp(trained)
    uniform = tf.constant(self.admissible / self.admissible.sum(), self._prior.dtype)

    def run(images, labels, learning_rate, seed, validation_images=None, validation_labels=None):
      held_out = (validation_images, validation_labels) if self._options.held_out else (images, labels)
      with tf.GradientTape() as tape:
        with tape.stop_recording():
          likelihoods = -tf.reduce_mean(self._cross_entropy(problem, *held_out), axis=1)
          judged = posterior(self._prior, likelihoods * self._strength(held_out[0]))
          weights = tf.where(self._is_uniform, uniform, judged)
        losses = tf.reduce_mean(self._cross_entropy(problem, images, labels, seed), axis=1)
        loss = tf.reduce_sum(weights * losses)
        penalty = problem.penalty(tf.linalg.matvec(tf.cast(self._sharing_table.T, weights.dtype), weights))
        total = loss if penalty is None else loss + penalty
      optimizer.apply(optimizers.gradients_by_name(tape, total, trained), learning_rate)
      self._evidence.assign_add(likelihoods)
      self._weight.assign_add(1.0)
      return loss, {"posterior_maximum": tf.reduce_max(weights)}

    return base.SearchStep(run, optimizer.slots)

  def _strength(self, images: tf.Tensor) -> tf.Tensor:
    """What a mean log-likelihood per image counts: the number of images over the temperature."""
    return tf.cast(tf.shape(images)[0], self._prior.dtype) / self._options.temperature

  def _cross_entropy(self, problem, images, labels, seed=None) -> tf.Tensor:
    """`[configurations, batch]`."""
    network = problem.network
    features = prefix_tree.all_configuration_features(network.spec, network.layer_weights(), images,
                                                      (1,) * self._options.depth,
                                                      normalise=network.normalisation.by_batch(images))
    logits = network.head(features, dropout_seed=seed)
    return layers.cross_entropy_of_blocks(logits, labels, len(self.configurations))

  def begin_epoch(self, epoch):
    if not self._is_searching:
      return
    self._is_uniform.assign(epoch < self._options.uniform_epochs)
    self._evidence.assign(self._options.kept_evidence * self._evidence)
    self._weight.assign(self._options.kept_evidence * self._weight)

  def end_epoch(self, epoch, validation_accuracy):
    if self._is_searching and self.admissible.sum() > 1:
      mean = self._evidence / self._weight
      strength = self._options.evidence_images / self._options.temperature
      self._prior.assign(posterior(tf.constant(self.admissible / self.admissible.sum(), mean.dtype), mean * strength))
    return False

  def summary(self):
    return base.SearchSummary(peak_phase=_CHOSEN if self._options.retrain or self.admissible.sum() == 1 else None)

  def diagnostics(self):
    return {"prior": [float(value) for value in self._prior.numpy()], **super().diagnostics()}

  def named_variables(self):
    return {f"{self._prefix}/prior": self._prior, f"{self._prefix}/evidence": self._evidence,
            f"{self._prefix}/weight": self._weight, f"{self._prefix}/is_uniform": self._is_uniform}


@gin.register
class HeldOut(base.Selection):
  """See the module and `HeldOutSearch`. The attributes are the constructor's arguments."""

  def __init__(self, held_out: bool = True, uniform_epochs: int = 1000, kept_evidence: float = 0.5,
               temperature: float = 1.0, evidence_images: int = 40, freeze_adopted: bool = True,
               share_unadopted: bool = True, retrain: bool = True, search_share: float = 1.0):
    """Sets the variant.

    Args:
      held_out: whether the E-step reads validation images; else the mini-batch.
      uniform_epochs: for so many epochs all admissible configurations weigh the same in an update.
      kept_evidence: share of the evidence of an epoch that the next one begins with.
      temperature: what log-likelihoods are divided by.
      evidence_images: for how many independent images the evidence of an epoch counts.
      freeze_adopted: search steps leave shared weights that an earlier task relies on as they are.
      share_unadopted: layers that no earlier task relies on are shared.
      retrain: the choice begins again from the weights the task began with, for all of its epochs.
      search_share: epochs of the search in those of a task; they come on top where the choice is trained again.
    """
    for name, value, fits, expected in (
        ("uniform_epochs", uniform_epochs, uniform_epochs >= 0, "not negative"),
        ("kept_evidence", kept_evidence, 0.0 <= kept_evidence < 1.0, "in [0, 1)"),
        ("temperature", temperature, 0.0 < temperature < math.inf, "positive and finite"),
        ("evidence_images", evidence_images, evidence_images >= 1, "at least 1"),
        ("search_share", search_share, 0.0 < search_share <= 1.0, "in (0, 1]")):
      if not fits:
        raise ValueError(f"HeldOut.{name} must be {expected}, not {value!r}.")
    if freeze_adopted and not retrain:
      raise ValueError("HeldOut.freeze_adopted = True needs HeldOut.retrain = True: shared weights that never learn "
                       "from a task are another method. Change one of the bindings.")
    if search_share < 1.0 and not retrain:
      raise ValueError("HeldOut.search_share < 1 needs HeldOut.retrain = True, or a task is not trained to its end.")
    self.held_out, self.uniform_epochs, self.kept_evidence = held_out, uniform_epochs, kept_evidence
    self.temperature, self.evidence_images, self.freeze_adopted = temperature, evidence_images, freeze_adopted
    self.share_unadopted, self.retrain, self.search_share = share_unadopted, retrain, search_share

  def begin_search(self, task_id, num_epochs, adopted=()):
    return HeldOutSearch(task_id, self, adopted)

  def epochs_of_search(self, num_epochs: int) -> int:
    """Epochs of the search alone."""
    return max(1, round(self.search_share * num_epochs))

  def search_epochs(self, num_epochs):
    return self.epochs_of_search(num_epochs) + (num_epochs if self.retrain else 0)

  def workload(self, num_epochs):
    return workload.Workload(phases=2.0 if self.retrain else 1.0, graph=prefix_tree.GRAPH)

  def training_macs(self, layer_macs, generation_macs, dense_macs):
    tree = prefix_tree.forward_macs(layer_macs, (1,) * self.depth) + 2.0**self.depth * dense_macs
    # A forward pass on the images that judge comes to that of training; every layer is shared in half of the choices.
    searched = 3.0 * (tree + sum(generation_macs)) + tree - 2.0 * layer_macs[0]
    chosen = super().training_macs(layer_macs, [macs / 2 for macs in generation_macs], dense_macs)
    return self.search_share * searched + (chosen if self.retrain else 0.0)
