"""Additive parameter decomposition as a later release of the reference has it.

kernel of task t = shared * sigmoid(mask of t) + adaptive part of t, with a mask for every single weight. Its retention
term was meant to hold the shared kernels near what they were and never found their old values; here it has them.
`decomposition` is the method of the paper (Yoon et al., ICLR 2020).
"""

import gin
import numpy as np
import tensorflow as tf

from lasem_tf.learners import base, checks, descent, snapshot
from lasem_tf.learners.additive.layers import DENSE
from lasem_tf.nn import initializers, layers, networks, weights


class MaskedRoute:
  """A shared kernel under one task's mask, plus the task's own part (see `nn.networks.Route`)."""

  def __init__(self, shared: weights.Convolution, task_id: int, layer: int, initializer: initializers.Initializer):
    """Creates 'task{t}/mask{l}' and 'task{t}/adaptive{l}'."""
    self.shared = shared
    names = {part: f"task{task_id}/{part}{layer}" for part in ("mask", "adaptive")}
    self.mask, self.adaptive = (
        weights.WeightGroup(name, {"": initializer.truncated_normal(name, tuple(shared["kernel"].shape))})
        for name in names.values())

  def kernel_and_bias(self) -> tuple[tf.Tensor, tf.Tensor]:
    """`[height, width, in, out]` and `[out]`."""
    kernel, bias = self.shared.kernel_and_bias()
    return kernel * tf.sigmoid(self.mask[""]) + self.adaptive[""], bias


@gin.register
class AdditiveRelease(base.Learner):
  """Shared kernels and biases of all convolutions; masks, adaptive parts and dense layers of each task.

  While a task is learned, 'snapshot/shared/conv{l}/kernel' holds the kernels as they were before.
  """

  def __init__(self, context: base.LearnerContext, sparsity_weight: float = 4e-4, anchor_weight: float = 100.0):
    """Creates the shared layers.

    Args:
      context: of the run; `context.reference.additive_anchor_off` leaves the retention term out, as released.
      sparsity_weight: lambda_1, factor of the mean over layers of the mean absolute adaptive weight.
      anchor_weight: lambda_2, factor of the mean over layers of half the mean squared change of the shared kernel since
        the visit began; none in the first visit.
    """
    super().__init__(context)
    spec = context.spec
    checks.refuse_negative("AdditiveRelease", sparsity_weight=sparsity_weight, anchor_weight=anchor_weight)
    self._sparsity_weight, self._anchor_weight = sparsity_weight, anchor_weight
    self._shared = [weights.plain_convolution(f"shared/conv{layer}", spec, layer, self.initializer)
                    for layer in range(spec.depth)]
    self._routes: dict[int, list[MaskedRoute]] = {}
    self._networks: dict[int, networks.RoutedNetwork] = {}
    self._snapshot: snapshot.Snapshot | None = None

  def _create_task(self, task_id: int) -> None:
    spec = self.context.spec
    self._routes[task_id] = [MaskedRoute(shared, task_id, layer, self.initializer)
                             for layer, shared in enumerate(self._shared)]
    head = weights.DenseHead(f"task{task_id}/head", spec.dense_shapes(self.context.num_classes[task_id]),
                             spec.dropout_keep_probability, self.initializer)
    self._networks[task_id] = networks.RoutedNetwork(spec, self._routes[task_id], [None] * spec.depth, head,
                                                     name=f"task{task_id}_network")

  def _kernels(self) -> dict[str, tf.Variable]:
    return {f"{group.prefix}/kernel": group["kernel"] for group in self._shared}

  def _own_groups(self, task_id: int):
    routes = self._routes[task_id]
    return [*(route.mask for route in routes), *(route.adaptive for route in routes), self._networks[task_id].head]

  def _begin_visit(self, is_new):
    if is_new:
      self._create_task(self.task.info.task_id)
    if len(self._learned) > 1 and not self.context.reference.additive_anchor_off:
      self._snapshot = snapshot.Snapshot("snapshot", self._kernels())

  def next_phase(self, num_completed):
    if num_completed:
      return None
    task_id = self.task.info.task_id
    network, routes = self._networks[task_id], self._routes[task_id]
    trained = weights.merge_variables([*self._shared, *self._own_groups(task_id)])

    def objective(batch, context):
      loss = layers.mean_cross_entropy(network(batch.images, dropout_seed=context.seed), batch.labels)
      sparsity = tf.add_n([tf.reduce_mean(tf.abs(route.adaptive[""])) for route in routes]) / len(routes)
      penalty = self._sparsity_weight * sparsity
      if self._snapshot is not None:
        penalty += self._anchor_weight * self._drift(self._snapshot)
      return descent.Objective(loss, penalty, {"sparsity": sparsity})

    return descent.make_phase("train", self.context.epochs_per_task, trained, objective)

  def _drift(self, since: snapshot.Snapshot) -> tf.Tensor:
    """Mean over layers of half the mean squared change of the shared kernel in this visit, a scalar."""
    copies = since.named_variables
    return 0.5 * tf.add_n([tf.reduce_mean(tf.square(kernel - copies[f"snapshot/{name}"]))
                           for name, kernel in self._kernels().items()]) / len(self._shared)

  def _end_visit(self):
    self._snapshot = None
    # No step sets an adaptive weight to zero: the parts are dense.
    own = [route.adaptive[""].numpy() for route in self._routes[self.task.info.task_id]]
    density = float(sum(np.count_nonzero(part) for part in own) / sum(part.size for part in own))
    return base.TaskSummary(details={"adaptive_density": density, "mechanism_acted": density < DENSE})

  def logits(self, images, task_id):
    return self._networks[task_id](images)

  def _weights(self) -> dict[str, tf.Variable]:
    own = [group for task_id in self._learned for group in self._own_groups(task_id)]
    return weights.merge_variables([*self._shared, *own])

  def variables(self):
    return {**self._weights(), **(self._snapshot.named_variables if self._snapshot is not None else {})}

  def num_parameters(self):
    return sum(variable.shape.num_elements() for variable in self._weights().values())

  def _bump_versions(self):
    self.structure_changed((self.task.info.task_id,))

  def _structure(self):
    return {"snapshot": self._snapshot is not None}

  def _restore_structure(self, structure):
    for task_id in self._learned:
      self._create_task(task_id)
    if structure["snapshot"]:
      self._snapshot = snapshot.Snapshot("snapshot", self._kernels())
