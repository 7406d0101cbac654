"""Additive parameter decomposition: masked shared kernels plus sparse own parts that follow when the shared ones move.

Yoon, Kim, Yang and Hwang, "Scalable and order-robust continual learning with additive parameter decomposition" (ICLR
2020). The paper and its code move earlier tasks' adaptive parts by gradient steps together with everything else. For a
given shared kernel their best value has a closed form, which is the default here: nothing to tune, and an element of an
old kernel moves by at most sparsity_weight / retention_weight in a visit.
"""

from collections.abc import Sequence

import gin
import keras
import numpy as np
import tensorflow as tf

from lasem_tf.learners import base, checks, consolidation, descent, promise, snapshot
from lasem_tf.learners.additive import layers as additive_layers
from lasem_tf.nn import architecture, layers, networks, optimizers, proximal, weights, workload

MODES = ("closed_form", "gradient", "exact")
STARTS = ("zero", "shared")


class AdditiveNetwork(keras.Model):
  """The network of one task, from the kernels it is given."""

  def __init__(self, spec: architecture.ConvNetSpec, head: weights.DenseHead, name: str):
    super().__init__(name=name)
    self.spec, self.head = spec, head
    self.built = True

  def call(self, images: tf.Tensor, kernels: Sequence[tuple[tf.Tensor, tf.Tensor]],
           dropout_seed: tf.Tensor | None = None) -> tf.Tensor:
    """`[n, height, width, channels]`, (kernel, bias) of every layer before the head -> logits `[n, classes]`."""
    hidden = networks.convolutional_features(self.spec, kernels[:self.spec.depth], images)
    hidden = layers.dropout(hidden, self.spec.dropout_keep_probability, dropout_seed)
    for kernel, bias in kernels[self.spec.depth:]:
      hidden = tf.nn.relu(tf.matmul(hidden, kernel) + bias)
    return self.head(hidden)


@gin.register
class AdditiveDecomposition(base.Learner):
  """APD over all convolutions and hidden dense layers; the last dense layer is each task's own.

  Variables are named 'shared/{layer}/kernel', 'task{t}/{layer}/mask|adaptive|bias', 'task{t}/head/dense{i}/...' and,
  after a consolidation, 'group{g}/{layer}/kernel'; a layer is 'conv{l}' or 'dense{i}'. While a task is learned after
  others, 'snapshot/...' holds the shared kernels as they were.
  """

  def __init__(self, context: base.LearnerContext, sparsity_weight: float = 4e-4, retention_weight: float = 100.0,
               weight_decay: float = 1e-4, mode: str = "closed_form", retention_every: int = 1,
               consolidate_every: int | None = None, consolidation_tolerance: float = 1e-2,
               adaptive_start: str = "zero", cut: float = 0.0):
    """Creates the shared kernels.

    Args:
      context: of the run.
      sparsity_weight: lambda_1, of the L1 norm of adaptive parts; imposed by a proximal step in the optimiser's metric.
      retention_weight: lambda_2, of half the squared change of earlier tasks' kernels.
      weight_decay: of the current task's masks and adaptive parts, and of the shared kernels in the first visit.
      mode: how earlier adaptive parts follow: 'closed_form'; 'gradient': by the optimiser, as in the paper's code;
        'exact': in full, so that old kernels stay as they are up to rounding, and adaptive parts become dense.
      retention_every: steps between two steps that heed retention.
      consolidate_every: after every so many tasks, groups of tasks come to share what they nearly agree on; None:
        never.
      consolidation_tolerance: see `consolidation.shared_part`.
      adaptive_start: what adaptive parts start as: 'zero', or, as in the authors' code, 'shared', copies of the shared
        kernels.
      cut: adaptive weights of at most this size are set to zero when a visit ends; the authors leave them out when they
        test. 0: none.
    """
    super().__init__(context)
    if mode not in MODES:
      raise ValueError(f"AdditiveDecomposition.mode must be one of {MODES}, not {mode!r}.")
    if adaptive_start not in STARTS:
      raise ValueError(f"AdditiveDecomposition.adaptive_start must be one of {STARTS}, not {adaptive_start!r}.")
    checks.refuse_negative("AdditiveDecomposition", cut=cut, weight_decay=weight_decay,
                           consolidation_tolerance=consolidation_tolerance, consolidate_every=consolidate_every)
    self._starts_shared, self._cut = adaptive_start == "shared", cut
    if sparsity_weight < 0 or retention_weight <= 0 or retention_every < 1 or (consolidate_every or 1) < 1:
      raise ValueError("AdditiveDecomposition needs sparsity_weight >= 0, retention_weight > 0, retention_every >= 1 "
                       "and consolidate_every >= 1 or None.")
    self._sparsity_weight, self._retention_weight, self._weight_decay = sparsity_weight, retention_weight, weight_decay
    self._mode, self._retention_every = mode, retention_every
    self._consolidate_every, self._consolidation_tolerance = consolidate_every or 0, consolidation_tolerance
    self._threshold = 0.0 if mode == "exact" else sparsity_weight / retention_weight
    moves_freely = mode == "gradient" or cut or consolidate_every
    self.promises = promise.Promises(trains_old_parts=True, answers_move_at_most=None if moves_freely else 1e-3)
    spec = context.spec
    shapes: dict[str, tuple[int, ...]] = {f"conv{layer}": spec.kernel_shape(layer) for layer in range(spec.depth)}
    shapes.update({f"dense{i}": shape for i, shape in enumerate(spec.dense_shapes(1)[:-1])})
    self._layers = [additive_layers.AdditiveLayer(name, shape, self.initializer) for name, shape in shapes.items()]
    self._networks: dict[int, AdditiveNetwork] = {}
    self._take_snapshot([])
    self._num_consolidated = 0

  # --- variables ------------------------------------------------------------------------------------------------------

  def _create_task(self, task_id: int) -> None:
    for layer in self._layers:
      layer.create_task(task_id)
    shapes = self.context.spec.dense_shapes(self.context.num_classes[task_id])
    head = weights.DenseHead(f"task{task_id}/head", shapes[-1:], 1.0, self.initializer, first=len(shapes) - 1)
    self._networks[task_id] = AdditiveNetwork(self.context.spec, head, f"task{task_id}_network")

  def _take_snapshot(self, following: list[int]) -> None:
    """Keeps what the kernels of these tasks are made of, until the visit ends."""
    self._following = following
    kept = {f"{layer.shared.prefix}/kernel": layer.kernel for layer in self._layers} if following else {}
    if self._mode == "gradient":
      kept.update(self._adaptive(following))
    self._snapshot = snapshot.Snapshot("snapshot", kept)

  def _adaptive(self, task_ids) -> dict[str, tf.Variable]:
    return {f"{layer.own[task_id].prefix}/adaptive": layer.own[task_id]["adaptive"]
            for task_id in task_ids for layer in self._layers}

  def _own_weights(self, task_id: int) -> dict[str, tf.Variable]:
    return weights.merge_variables([*(layer.own[task_id] for layer in self._layers), self._networks[task_id].head])

  def _kernels(self, task_id: int) -> list[tuple[tf.Tensor, tf.Tensor]]:
    """Kernel and bias of every layer for a task; in mid-visit an earlier task's adaptive part follows on the fly."""
    kernels = []
    for layer in self._layers:
      adaptive = None
      if task_id in self._following and self._mode != "gradient":
        adaptive = layer.follow(task_id, self._old_kernel(layer), self._threshold)
      kernels.append((layer.task_kernel(task_id, adaptive), layer.own[task_id]["bias"]))
    return kernels

  def _old_kernel(self, layer: additive_layers.AdditiveLayer) -> tf.Variable:
    return self._snapshot.named_variables[f"snapshot/{layer.shared.prefix}/kernel"]

  # --- training -------------------------------------------------------------------------------------------------------

  def _begin_visit(self, is_new):
    task_id = self.task.info.task_id
    if is_new:
      self._create_task(task_id)
      if self._starts_shared:
        for layer in self._layers:
          layer.own[task_id]["adaptive"].assign(layer.kernel)
    self._take_snapshot([other for other in self._learned if other != task_id])

  def next_phase(self, num_completed):
    if num_completed:
      return None
    task_id = self.task.info.task_id
    shared = weights.merge_variables([layer.shared for layer in self._layers])
    own, adaptive = self._own_weights(task_id), self._adaptive([task_id])
    if self._mode == "gradient":
      adaptive.update(self._adaptive(self._following))
    trained = {**shared, **own, **adaptive}
    decayed = [variable for name, variable in own.items() if name.endswith(("/mask", "/adaptive"))]
    decayed += [] if self._following else list(shared.values())
    optimizer = optimizers.RMSProp(trained)
    counter = {"retention/step": tf.Variable(0, dtype=tf.int64, trainable=False)} if self._retention_every > 1 else {}

    def objective(batch, context):
      logits = self._networks[task_id](batch.images, kernels=self._kernels(task_id), dropout_seed=context.seed)
      loss = layers.mean_cross_entropy(logits, batch.labels)
      decay = 0.5 * self._weight_decay * tf.add_n([tf.reduce_sum(tf.square(variable)) for variable in decayed])
      retention = self._retention(counter.get("retention/step"), loss.dtype)
      return descent.Objective(loss, (decay, retention), {"retention": retention})

    def shrink(context):
      for name, variable in adaptive.items():
        threshold = proximal.diagonal_threshold(self._sparsity_weight, context.learning_rate,
                                                optimizer.slots[f"rms/{name}"])
        variable.assign(proximal.soft_threshold(variable, threshold))

    return descent.make_phase("train", self.context.epochs_per_task, trained, objective, optimizer=optimizer,
                              finish=shrink, state=counter)

  def _retention(self, counter: tf.Variable | None, dtype: tf.DType) -> tf.Tensor:
    """What it costs that earlier tasks' kernels have moved, in the steps that heed it, else zero."""
    if not self._following or self._mode == "exact":
      return tf.zeros([], dtype)
    if counter is None:
      return self._retention_cost()
    counter.assign_add(1)
    return tf.cond(counter % self._retention_every == 0, self._retention_cost, lambda: tf.zeros([], dtype))

  def _retention_cost(self) -> tf.Tensor:
    costs = []
    for layer in self._layers:
      for task_id in self._following:
        own, old_kernel = layer.own[task_id], self._old_kernel(layer)
        if self._mode == "gradient":
          old = self._snapshot.named_variables[f"snapshot/{own.prefix}/adaptive"]
          moved = layer.residual(task_id, old_kernel, old) - own["adaptive"]
          costs.append(0.5 * self._retention_weight * tf.reduce_sum(tf.square(moved)))
        else:
          residual = layer.residual(task_id, old_kernel, own["adaptive"])
          costs.append(additive_layers.retention(residual, self._sparsity_weight, self._retention_weight))
    return tf.add_n(costs)

  # --- end of a visit -------------------------------------------------------------------------------------------------

  @property
  def commit_changes_weights(self):
    return self._consolidation_due() or self._cut > 0

  def _consolidation_due(self) -> bool:
    """After every so many tasks, once."""
    due = self._consolidate_every > 0 and len(self._learned) % self._consolidate_every == 0
    return due and len(self._learned) != self._num_consolidated

  def _end_visit(self):
    if self._mode != "gradient":
      for layer in self._layers:
        for task_id in self._following:
          layer.own[task_id]["adaptive"].assign(layer.follow(task_id, self._old_kernel(layer), self._threshold))
    if self._cut > 0:
      for variable in self._adaptive(self._learned).values():
        variable.assign(tf.where(tf.abs(variable) > self._cut, variable, tf.zeros_like(variable)))
    if self._consolidation_due():
      self._consolidate()
    self._take_snapshot([])
    density = self._density()
    sparse = 0 < sum(density.values()) / len(density) < additive_layers.DENSE
    return base.TaskSummary(details={"adaptive_density": density, "mechanism_acted": sparse})

  def _consolidate(self) -> None:
    """Clusters the tasks anew in every layer, two clusters for every period of tasks."""
    self._num_consolidated = len(self._learned)
    num_clusters = 2 * self._num_consolidated // self._consolidate_every
    for layer in self._layers:
      parts = [layer.unshared(task_id).numpy() for task_id in self._learned]
      clusters = consolidation.cluster(np.stack([part.ravel() for part in parts]), num_clusters)
      groups = [members for members in clusters if len(members) > 1]
      layer.create_groups([[self._learned[member] for member in members] for members in groups])
      for members, (_, group) in zip(groups, layer.groups):
        common, rest = consolidation.shared_part([parts[member] for member in members], self._consolidation_tolerance)
        group["kernel"].assign(common)
        for member, part in zip(members, rest):
          parts[member] = part
      for task_id, part in zip(self._learned, parts):
        layer.own[task_id]["adaptive"].assign(part)

  def _density(self) -> dict[str, float]:
    """Fraction of non-zero adaptive weights of every task."""
    total = sum(layer.kernel.shape.num_elements() for layer in self._layers)
    return {str(task_id): sum(_num_nonzero(variable) for variable in self._adaptive([task_id]).values()) / total
            for task_id in self._learned}

  # --- contract -------------------------------------------------------------------------------------------------------

  def logits(self, images, task_id):
    return self._networks[task_id](images, kernels=self._kernels(task_id))

  def variables(self):
    groups = [group for layer in self._layers for group in layer.weight_groups()]
    heads = [network.head for network in self._networks.values()]
    return {**weights.merge_variables([*groups, *heads]), **self._snapshot.named_variables}

  def num_parameters(self):
    dense = sum(group.num_parameters for layer in self._layers for group in layer.weight_groups())
    sparse = [group["adaptive"] for layer in self._layers for group in layer.own.values()]
    sparse += [group["kernel"] for layer in self._layers for _, group in layer.groups]
    heads = sum(network.head.num_parameters for network in self._networks.values())
    return dense + heads - sum(part.shape.num_elements() - _num_nonzero(part) for part in sparse)

  def workload(self, task_id):
    # Mask, adaptive part, decay and the proximal step; and what it costs to move each earlier task's kernels.
    operations = 20.0 + 12.0 * task_id / self._retention_every * (self._mode != "exact")
    return workload.Workload(graph=2.0 + 0.5 * task_id, weight_operations=operations)

  def _structure(self):
    return {"following": list(self._following), "consolidated": self._num_consolidated,
            "groups": {layer.name: [tasks for tasks, _ in layer.groups] for layer in self._layers}}

  def _restore_structure(self, structure):
    for task_id in self._learned:
      self._create_task(task_id)
    for layer in self._layers:
      layer.create_groups(structure["groups"][layer.name])
    self._num_consolidated = structure["consolidated"]
    self._take_snapshot(list(structure["following"]))


def _num_nonzero(variable: tf.Variable) -> int:
  return int(tf.math.count_nonzero(variable))
