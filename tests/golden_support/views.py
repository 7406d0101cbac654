"""How to look at a task while it is learned: a plain network, LASEM's configurations, or DARTS' mixture."""

import numpy as np
import tensorflow as tf

from lasem_tf.nn import layers, mixture, optimizers
from lasem_tf.selection import expectation_search
from tests.golden_support import comparison, regularisation


class Plain:
  """A network whose route through the layers is fixed."""

  def __init__(self, fixture, built, stage_name, check):
    self.fixture, self.built, self.stage_name, self.check = fixture, built, stage_name, check
    self.learner = built.learner

  def begin(self, task_id):
    """Called before the phase is made."""
    self.task_id = task_id
    self.penalties = regularisation.watch(self.built.knowledge)

  def finish(self):
    """Called after the last step."""
    regularisation.unwatch(self.built.knowledge)

  def current_logits(self, images, task_id):
    """What was recorded as the logits of the task being learned."""
    return self.learner.logits(images, task_id)

  def before_step(self, step, images, labels):
    """Compares what was recorded before a step."""
    if step:
      return
    logits = self.learner.logits(images, self.task_id)
    self.close("step0/logits", logits, comparison.VALUE)
    self.close("step0/cross_entropy", layers.mean_cross_entropy(logits, labels), comparison.VALUE)
    for layer in range(self.learner.context.spec.depth):
      if self.recorded(f"step0/gate{layer}") is not None:
        self.close(f"step0/gate{layer}", self.learner.gates(images, self.task_id)[layer], comparison.VALUE)
    self.regularisation()

  def regularisation(self):
    """Compares the terms of a deconvolution's regulariser at the weights in force, where they were recorded."""
    regularisation.check(self)

  def loss_of(self, result):
    """What was recorded as the loss before an update."""
    return result.loss

  def first_update(self, updates):
    """Compares the gradients that the optimiser got in the first step."""
    first, *again = updates
    self.gradients("step0/grad", first)
    released = self.learner.context.reference.darts_double_update_at_revisit
    for gradients in again:
      self.check.true(f"{self.stage_name}: a second update", released)
      for name, gradient in gradients.items():
        self.check.close(f"{self.stage_name}: second update of {name}", gradient, first[name], comparison.EXACT)
    regularisation.check_penalty(self)

  # --- helpers ---

  def recorded(self, name):
    """A recorded array of this stage, or None."""
    return self.fixture.arrays.get(f"{self.stage_name}/{name}")

  def close(self, name, actual, tolerance):
    """Compares with a recorded array of this stage."""
    self.check.close(f"{self.stage_name}/{name}", actual, self.recorded(name), tolerance)

  def gradients(self, group, gradients):
    """Compares gradients by name; one that is None counts as zero and must not be recorded as anything else."""
    recorded = self.fixture.under(f"{self.stage_name}/{group}")
    self.check.same_names(f"{self.stage_name}/{group}", {name for name, g in gradients.items() if g is not None},
                          recorded)
    for name, expected in recorded.items():
      gradient = gradients.get(name)
      tolerance = comparison.MIXING_GRADIENT if "/alpha" in name else comparison.GRADIENT
      self.check.close(f"{self.stage_name}/{group}/{name}", np.zeros_like(expected) if gradient is None else gradient,
                       expected, tolerance)


class Search(Plain):
  """A search: gets hold of the problem that the learner poses to it."""

  def begin(self, task_id):
    super().begin(task_id)
    self.search = self.learner.search
    original = self.search.step

    def step(problem):
      self.problem = problem
      return original(problem)

    self.search.step = step

  def all_logits(self, images, task_id):
    """Logits of every configuration `[configurations, n, classes]`, one network after the other."""
    del task_id
    return np.stack([self.problem.network(images, sharing=tf.constant(flags, tf.bool)) for flags in self.flags()])

  def flags(self):
    """The configurations in recorded order."""
    raise ValueError("A search has configurations.")


class Expectation(Search):
  """LASEM: every quantity per configuration, prior and posterior of every step."""

  def flags(self):
    return self.fixture.arrays[f"{self.stage_name}/step0/config_flags"].astype(bool)

  def current_logits(self, images, task_id):
    logits = self.all_logits(images, task_id)
    chosen = self.search.choice()
    position = self.search.configurations.index(chosen)
    self.check.close(f"{self.stage_name}: logits of the choice", self.learner.logits(images, task_id), logits[position],
                     comparison.VALUE)
    return logits

  def before_step(self, step, images, labels):
    search, problem = self.search, self.problem
    losses, features = search.configuration_losses(problem, images, labels, None)
    posterior = search.weights_of(problem, features, labels)
    tolerance = comparison.VALUE if step <= 1 else comparison.LATER_VALUE
    self.close(f"step{step}/prior", search.prior(), tolerance)
    self.close(f"step{step}/posterior", posterior, tolerance)
    self._losses, self._posterior = np.array(losses), np.array(posterior)
    if step == 0:
      self._first_step(images, labels, features)

  def _first_step(self, images, labels, features):
    search, problem = self.search, self.problem
    self.check.equal(f"{self.stage_name}/step0/config_flags", self.flags().tolist(),
                     [list(c.bits) for c in search.configurations])
    size, batch = len(self.flags()), len(labels)
    logits = tf.reshape(problem.network.head(features), [size, batch, -1])
    self.close("step0/logits", logits, comparison.VALUE)
    self.close("step0/cross_entropy_per_config", self._losses, comparison.VALUE)
    kind = self.fixture.manifest["method"]["likelihood"]
    cross_entropy = tf.stack([layers.cross_entropy(logits[index], labels) for index in range(size)])
    likelihoods = tf.exp(expectation_search.log_likelihood(cross_entropy, kind))
    self.close("step0/likelihood_per_config", likelihoods, comparison.VALUE)
    self.regularisation()
    self._gradients_per_configuration(images, labels)

  def _gradients_per_configuration(self, images, labels):
    """Gradients of every configuration's own loss and penalty, through the prefix tree."""
    names, variables = list(self.problem.weights), list(self.problem.weights.values())
    with tf.GradientTape(persistent=True) as tape:
      losses, _ = self.search.configuration_losses(self.problem, images, labels, None)
      totals = []
      for loss, flags in zip(tf.unstack(losses), self.flags()):
        penalty = self.problem.penalty(tf.constant(flags, loss.dtype))
        totals.append(loss if penalty is None else loss + penalty)
    gradients = [tape.gradient(total, variables, unconnected_gradients="zero") for total in totals]
    self._weighted = {}
    for index, name in enumerate(names):
      stacked = np.stack([gradient[index] for gradient in gradients])
      self.close(f"step0/grad_per_config/{name}", stacked, comparison.GRADIENT)
      self._weighted[name] = np.tensordot(self._posterior, self.recorded(f"step0/grad_per_config/{name}"), 1)

  def loss_of(self, result):
    self.check.close(f"{self.stage_name}: loss of the step", result.loss, np.dot(self._posterior, self._losses),
                     comparison.VALUE)
    return self._losses

  def first_update(self, updates):
    (gradients,) = updates
    self.check.same_names(f"{self.stage_name}: updated", gradients, self._weighted)
    for name, expected in self._weighted.items():
      self.check.close(f"{self.stage_name}: gradient of {name}", gradients[name], expected, comparison.GRADIENT)
    regularisation.check_penalty(self)

  def finish(self):
    super().finish()
    self.close("final_prior", self.search.prior(), comparison.LATER_VALUE)


class Differentiable(Search):
  """DARTS: the mixture, every discretised network, and both updates."""

  def flags(self):
    (stage,) = (stage for stage in self.fixture.manifest["stages"] if stage["stage"] == self.stage_name)
    return np.array(stage["eval_config_flags"], bool)

  def current_logits(self, images, task_id):
    kernels = self.problem.network.layer_weights()
    return self.problem.network.head(mixture.mixed_features(
        self.problem.network.spec, kernels, images, self.search.shares()))

  def all_logits(self, images, task_id):
    logits = super().all_logits(images, task_id)
    # DARTS counts from what shares nothing, LASEM from what shares everything.
    self.check.close(f"{self.stage_name}: logits of the choice", self.learner.logits(images, task_id),
                     logits[-1 - self.search.choice().index], comparison.VALUE)
    return logits

  def before_step(self, step, images, labels):
    if step:
      return
    with tf.GradientTape() as tape:
      logits = self.current_logits(images, self.task_id)
      loss = layers.mean_cross_entropy(logits, labels)
      penalty = self.problem.penalty(self.search.shares())
      total = loss if penalty is None else loss + penalty
    self.close("step0/logits", logits, comparison.VALUE)
    self.close("step0/cross_entropy", loss, comparison.VALUE)
    self.regularisation()
    self._gradients = optimizers.gradients_by_name(tape, total, self.problem.weights)

  def first_update(self, updates):
    alphas, weights = updates
    self.gradients("step0/grad", {**self._gradients, **alphas})
    self.gradients("step0/grad_after_alpha_update", weights)
    regularisation.check_penalty(self)


VIEWS = {"expectation": Expectation, "differentiable": Differentiable}


def make(fixture, built, stage_name, check) -> Search:
  """The view of a task that is searched."""
  return VIEWS[fixture.manifest["method"]["selection"]](fixture, built, stage_name, check)
