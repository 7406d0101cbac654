"""LASEM at a bounded posterior mass: configurations that hardly count are left out of an update.

Every update leaves out a total posterior mass of at most `Expectation.dropped_mass`, so its gradient differs from the
exact one by at most twice that mass times the largest gradient of a configuration. There is no such bound over a run.
"""

import tensorflow as tf

from lasem_tf.nn import optimizers
from lasem_tf.selection import base, bounded_batch
from lasem_tf.selection.expectation_search import ExpectationSearch, Rules

# Before the first mini-batch the leader is not tried alone.
_NEVER = 1e30
# Of a sum of posterior masses, relative.
_ROUNDING = 1e-3


class BoundedSearch(ExpectationSearch):
  """Search steps in the forms of `bounded_batch`.

  Further variables: '.../leader_loss' of the last mini-batch, '.../steps' `[3]` taken in each form, '.../trained' and
  '.../evaluated', sums over the steps of how many configurations were trained, and evaluated on the whole mini-batch,
  and '.../dropped' `[2]`, the largest posterior mass that a step of the epoch, and of the task, left out.
  """

  def __init__(self, task_id: int, rules: Rules):
    super().__init__(task_id, rules)
    dtype = self._evidence.dtype
    self._leader_loss = tf.Variable(tf.constant(_NEVER, dtype))
    self._steps = tf.Variable(tf.zeros([3], tf.int64))
    self._trained, self._evaluated = tf.Variable(tf.zeros([], tf.int64)), tf.Variable(tf.zeros([], tf.int64))
    self._dropped = tf.Variable(tf.zeros([2], dtype))

  def begin_epoch(self, epoch):
    super().begin_epoch(epoch)
    self._dropped.assign([0.0, self._dropped[1]])

  def step(self, problem):
    optimizer = optimizers.RMSProp(problem.weights)

    def run(images, labels, learning_rate, seed, validation_images=None, validation_labels=None):
      del validation_images, validation_labels
      with tf.GradientTape() as tape:
        weights = problem.network.layer_tensors()
        with tape.stop_recording():
          batch = bounded_batch.BoundedBatch(self, problem.network, weights, images, labels, seed)
          outcome = batch.outcome(self._leader_loss)
        penalty = problem.penalty(self.expected_sharing(outcome.weights))
        targets = [tensor for layer in weights for route in layer.both for tensor in route]
      upstream = outcome.kernel_gradients
      if penalty is not None:
        targets, upstream = [*targets, penalty], [*upstream, tf.ones_like(penalty)]
      sources = list(problem.weights.values())
      gradients = dict(zip(problem.weights, tape.gradient(targets, sources, output_gradients=upstream)))
      # The penalty does not depend on the head.
      gradients.update(zip(problem.network.head.named_variables, outcome.head_gradients))
      if self.rules.audit_every:
        self._audit(batch, outcome)
      optimizer.apply(gradients, learning_rate)
      self.update_prior(outcome.posterior)
      return outcome.loss, self._report(outcome)

    return base.SearchStep(run, optimizer.slots)

  def _report(self, outcome: bounded_batch.Outcome) -> dict[str, tf.Tensor]:
    """Takes the mini-batch into the statistics; returns the step's metrics."""
    size = tf.constant(len(self.configurations), tf.int64)
    trained = tf.where(outcome.form == bounded_batch.EXACT, size, tf.math.count_nonzero(outcome.weights))
    evaluated = tf.where(outcome.form == bounded_batch.ALONE, tf.ones_like(size), size)
    self._leader_loss.assign(outcome.leader_loss)
    self._steps.assign_add(tf.one_hot(outcome.form, 3, dtype=tf.int64))
    self._trained.assign_add(trained)
    self._evaluated.assign_add(evaluated)
    self._dropped.assign(tf.maximum(self._dropped, outcome.dropped))
    dtype = outcome.loss.dtype
    return {"posterior_maximum": tf.reduce_max(outcome.posterior),
            "configurations_evaluated": tf.cast(evaluated, dtype), "configurations_trained": tf.cast(trained, dtype)}

  def _audit(self, batch: bounded_batch.BoundedBatch, outcome: bounded_batch.Outcome) -> None:
    """Every so many mini-batches: fails if more posterior mass was left out than allowed."""
    due = tf.reduce_sum(self._steps) % self.rules.audit_every == 0

    def check() -> tf.Tensor:
      dropped = batch.true_mass_left_out(outcome.weights)
      with tf.control_dependencies([tf.debugging.assert_less_equal(
          dropped, tf.cast(self.rules.dropped_mass * (1.0 + _ROUNDING), dropped.dtype),
          "An update left out more posterior mass than Expectation.dropped_mass allows.")]):
        return tf.identity(dropped)

    tf.cond(due, check, lambda: tf.zeros([], outcome.loss.dtype))

  def named_variables(self):
    own = {"leader_loss": self._leader_loss, "steps": self._steps, "trained": self._trained,
           "evaluated": self._evaluated, "dropped": self._dropped}
    return {**super().named_variables(), **{f"{self.prefix}/{name}": variable for name, variable in own.items()}}

  def diagnostics(self):
    return {**super().diagnostics(), "largest_dropped_mass": float(self._dropped[0])}

  def summary(self):
    steps = [int(count) for count in self._steps.numpy()]
    total = max(1, sum(steps))
    return base.SearchSummary(details={
        **super().summary().details, "steps_alone": steps[bounded_batch.ALONE],
        "steps_sparse": steps[bounded_batch.SPARSE],
        "steps_exact": steps[bounded_batch.EXACT], "configurations_evaluated": int(self._evaluated) / total,
        "configurations_trained": int(self._trained) / total, "largest_dropped_mass": float(self._dropped[1])})
