"""Elastic weight consolidation: a quadratic penalty on moving weights that earlier tasks' Fisher information marks.

Kirkpatrick et al., "Overcoming catastrophic forgetting in neural networks" (PNAS 2017), with one penalty per task, and
the online form of Schwarz et al., "Progress & Compress" (ICML 2018), with one running sum and the last weights as its
only anchor (Huszar, PNAS 2018).
"""

from collections.abc import Mapping

import gin
import tensorflow as tf

from lasem_tf import seeding
from lasem_tf.learners import base, checks, fisher, trunk
from lasem_tf.nn import workload

FORMS = ("online", "separate")
# At the end of a visit, in nats beside a loss of the order of one; less than this is fine-tuning.
SMALLEST_PENALTY = 1e-3
# What an operation of the Fisher information costs beside one of a step, measured in CIFAR-100's format.
_FISHER_COST = 2.8


def quadratic_penalty(variables: Mapping[str, tf.Tensor], anchor: Mapping[str, tf.Tensor],
                      importance: Mapping[str, tf.Tensor]) -> tf.Tensor:
  """1/2 sum_i F_i (theta_i - theta*_i)^2 over all variables, a scalar; its gradient is for the variables alone."""
  return tf.add_n([_half_weighted_square(tf.convert_to_tensor(variable), anchor[name], importance[name])
                   for name, variable in variables.items()])


@tf.custom_gradient
def _half_weighted_square(variable: tf.Tensor, anchor: tf.Tensor, importance: tf.Tensor):
  """One variable's part. Value and gradient share their product: half the passes over all weights, for every anchor."""
  moved = variable - anchor
  force = importance * moved
  return 0.5 * tf.reduce_sum(force * moved), lambda upstream: (upstream * force, None, None)


def merge_importance(old: Mapping[str, tf.Tensor] | None, new: Mapping[str, tf.Tensor],
                     gamma: float) -> dict[str, tf.Tensor]:
  """gamma * old + new, the running importance of the online form."""
  return dict(new) if old is None else {name: gamma * old[name] + value for name, value in new.items()}


@gin.register
class ElasticWeightConsolidation(trunk.TrunkLearner):
  """EWC on the shared trunk; heads of other tasks have no gradient and stay as they are.

  Beside the trunk and the heads it keeps 'fisher/{key}/...' and 'anchor/{key}/...', where the key is 'task{t}' in the
  separate form and 'all' in the online form.
  """

  def __init__(self, context: base.LearnerContext, strength: float = gin.REQUIRED, form: str = "online",
               gamma: float = 1.0, fisher_kind: str = "true", head_depth: str = "last"):
    """Creates the trunk.

    Args:
      context: of the run.
      strength: lambda, factor of the penalty; 0 is fine-tuning.
      form: 'online' or 'separate'.
      gamma: how much of the old importance a new task leaves, online form only.
      fisher_kind: 'true', 'sampled' or 'empirical'; see `fisher.fisher_information`.
      head_depth: see `TrunkLearner`.
    """
    super().__init__(context, head_depth)
    for option, value, choices in (("form", form, FORMS), ("fisher_kind", fisher_kind, fisher.KINDS)):
      if value not in choices:
        raise ValueError(f"ElasticWeightConsolidation.{option} must be one of {choices}, not {value!r}.")
    checks.refuse_negative("ElasticWeightConsolidation", strength=strength, gamma=gamma)
    self._strength, self._form, self._gamma, self._fisher_kind = strength, form, gamma, fisher_kind
    self._importance: dict[str, dict[str, tf.Variable]] = {}
    self._anchors: dict[str, dict[str, tf.Variable]] = {}

  def _objective(self, batch, context):
    loss, penalty = self._cross_entropy(batch, context.seed), self._penalty()
    return trunk.Objective(loss, penalty, {} if penalty is None else {"penalty": penalty})

  def _penalty(self) -> tf.Tensor | None:
    """What it costs to have moved, or None where nothing is held."""
    current = f"task{self.task.info.task_id}"
    # A task visited again is not held to what it was.
    penalties = [quadratic_penalty(self.trunk.named_variables, self._anchors[key], importance)
                 for key, importance in self._importance.items() if key != current]
    return self._strength * tf.add_n(penalties) if penalties and self._strength else None

  def _end_visit(self):
    task_id = self.task.info.task_id
    seed = seeding.stateless_seed(self.context.seed, "fisher", task_id, self.visit)
    new = fisher.fisher_information(self.trunk, self.heads[task_id], *self.task.train, self._fisher_kind, seed,
                                    normalise=self.normalisations[task_id].by_statistics())
    penalty = self._penalty()
    paid = 0.0 if penalty is None else float(penalty)
    key = "all" if self._form == "online" else f"task{task_id}"
    merged = merge_importance(self._importance.get(key) if self._form == "online" else None, new, self._gamma)
    self._create_memory(key)
    for name, variable in self.trunk.named_variables.items():
      self._importance[key][name].assign(merged[name])
      self._anchors[key][name].assign(variable)
    return base.TaskSummary(details={"retention_floats": self._retained(), "final_penalty": paid,
                                     "mechanism_acted": paid > SMALLEST_PENALTY})

  def _create_memory(self, key: str) -> None:
    """Variables for one importance and its anchor, unless they are there."""
    for memory in (self._importance, self._anchors):
      if key not in memory:
        memory[key] = {name: tf.Variable(tf.zeros_like(variable), trainable=False)
                       for name, variable in self.trunk.named_variables.items()}

  def _retained(self) -> int:
    return 2 * self.trunk.num_parameters * len(self._importance)

  def memory_floats(self):
    return float(self._retained())

  def variables(self):
    retained = {f"{kind}/{key}/{name}": variable
                for kind, memory in (("fisher", self._importance), ("anchor", self._anchors))
                for key, values in memory.items() for name, variable in values.items()}
    return {**super().variables(), **retained}

  def training_macs_per_image(self, task_id):
    passes = 1 + 2 * (self.context.num_classes[task_id] if self._fisher_kind == "true" else 1)
    return super().training_macs_per_image(task_id) + passes * self.forward_macs(task_id) / self.context.epochs_per_task

  def workload(self, task_id):
    num_anchors = task_id if self._form == "separate" else min(task_id, 1)
    # Outside a graph the passes of the Fisher information also compute gradients of kernels, which nobody reads.
    plain, counted = super().training_macs_per_image(task_id), self.training_macs_per_image(task_id)
    share = (plain + _FISHER_COST * (counted - plain)) / counted
    return workload.Workload(macs_share=share, weight_operations=6.0 * num_anchors)

  def _structure(self):
    return {"consolidated": list(self._importance)}

  def _restore_structure(self, structure):
    super()._restore_structure(structure)
    for key in structure["consolidated"]:
      self._create_memory(key)
