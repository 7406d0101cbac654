"""LASEM: expectation-maximisation over all transfer configurations.

Every mini-batch: the posterior over configurations (E-step, dropout off), one update with the gradients of all
configurations weighted by it (M-step, dropout on), then the prior. Lee, Behpour, Eaton: "Sharing Less is More" (ICML
Workshop 2020; ICML 2021). The two papers' releases differ: the first multiplies the likelihoods of a mini-batch and
counts the best configuration of every batch, the second averages the likelihoods and the posteriors.
"""

import functools
from typing import Literal

import gin

from lasem_tf.nn import prefix_tree, workload
from lasem_tf.selection import base, configuration
from lasem_tf.selection.bounded_search import BoundedSearch
from lasem_tf.selection.expectation_search import ExpectationSearch, Rules

_MOST_GROUPS = 13
# For estimates, with a bounded posterior mass: what a step costs beside one that trains all, until which epoch, as
# measured in CIFAR-100's format; later the leader is alone in nearly all steps.
_SETTLING = ((30, 0.8), (110, 0.42))


@gin.register
class Expectation(base.Selection):
  """LASEM, and LASEM-G with groups of layers that share or do not share together."""

  def __init__(self, likelihood: Literal["product", "mean"] = "product", prior: Literal["count", "mean"] = "count",
               prior_initial_count: float = 1.0, reset_prior_each_epoch: bool = False,
               layer_groups: tuple[int, ...] = (), fixed_configuration: str | None = None,
               fixed_probability: float = 0.9, commit_threshold: float | None = None, commit_epochs: int = 5,
               dropped_mass: float = 0.0, audit_every: int = 0):
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
      dropped_mass: total posterior mass that an update may leave out (not in the papers), to save the evaluation and
        the gradients of what hardly counts; at 0 nothing is left out.
      audit_every: every so many mini-batches evaluate all configurations, and fail if more was left out; 0: never.
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
    if not 0.0 <= dropped_mass < 0.5:
      raise ValueError(f"Expectation.dropped_mass must lie in [0, 0.5), not {dropped_mass}.")
    if dropped_mass and likelihood == "mean":
      raise ValueError(f"Expectation.dropped_mass = {dropped_mass} needs Expectation.likelihood = 'product': under the "
                       "mean likelihood of the 2021 rules every configuration keeps its weight. Remove the binding.")
    if dropped_mass and fixed_configuration is not None:
      raise ValueError(f"Expectation.dropped_mass = {dropped_mass} has no meaning with the constant weights of "
                       "Expectation.fixed_configuration. Remove one of the bindings.")
    if audit_every < 0 or (audit_every and not dropped_mass):
      raise ValueError(f"Expectation.audit_every = {audit_every} must not be negative, and needs a positive "
                       "Expectation.dropped_mass.")
    self._make_rules = functools.partial(
        Rules, likelihood, prior, prior_initial_count, reset_prior_each_epoch, commit_threshold=commit_threshold,
        commit_epochs=commit_epochs, dropped_mass=dropped_mass, audit_every=audit_every)
    self._groups = tuple(layer_groups)
    self._fixed_name, self._fixed_probability = fixed_configuration, fixed_probability

  def _check(self, num_tasks, epochs_per_task):
    groups = configuration.check_groups(self._groups, self.depth)
    if len(groups) > _MOST_GROUPS:
      raise ValueError(f"Expectation evaluates each of 2**{len(groups)} configurations on every mini-batch, and more "
                       f"than 2**{_MOST_GROUPS} are out of reach: bind Expectation.layer_groups (LASEM-G) to at most "
                       f"{_MOST_GROUPS} groups of the {self.depth} convolutions.")
    self._rules = self._make_rules(groups=groups, fixed_weights=self._fixed_weights(groups))

  def _fixed_weights(self, groups: tuple[int, ...]) -> tuple[float, ...] | None:
    """Constant weights of all configurations, or None."""
    if self._fixed_name is None:
      return None
    configurations = configuration.enumerate_configurations(groups)
    fixed = configuration.TransferConfiguration.parse(self._fixed_name, self.depth)
    if fixed not in configurations:
      raise ValueError(f"Expectation.fixed_configuration {fixed} is not constant inside the groups {groups}.")
    rest = (1.0 - self._fixed_probability) / (len(configurations) - 1)
    return tuple(self._fixed_probability if c == fixed else rest for c in configurations)

  def refuses_normalisation(self):
    if not self._rules.dropped_mass:
      return None
    return (f"Expectation.dropped_mass = {self._rules.dropped_mass} bounds a mini-batch by a few of its images, which "
            "batch normalisation would treat otherwise than in the whole.")

  def begin_search(self, task_id, num_epochs, adopted=()):
    return (BoundedSearch if self._rules.dropped_mass else ExpectationSearch)(task_id, self._rules)

  def training_macs(self, layer_macs, generation_macs, dense_macs):
    heads = 2.0 ** len(self._rules.groups) * dense_macs
    tree = prefix_tree.forward_macs(layer_macs, self._rules.groups) + heads
    # The posterior takes one more forward pass, of the heads alone. A bounded posterior mass costs at most about this.
    return float(3.0 * (tree + sum(generation_macs)) + heads - 2.0 * layer_macs[0])

  def workload(self, num_epochs):
    if not self._rules.dropped_mass:
      return workload.Workload(graph=prefix_tree.GRAPH)
    # One network in place of a tree of all.
    alone = 1.1 * self.depth / prefix_tree.forward_macs((1,) * self.depth, self._rules.groups)
    total, begin = 0.0, 0
    for end, share in (*_SETTLING, (num_epochs, alone)):
      total += share * max(0, min(end, num_epochs) - begin)
      begin = end
    return workload.Workload(graph=3.0 * prefix_tree.GRAPH, macs_share=total / max(1, num_epochs))
