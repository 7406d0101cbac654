"""Learners whose tasks share a trunk and keep a head each: the base of EWC, LwF, replay and A-GEM.

The trunk is all convolutions and the hidden dense layers, a head the last dense layer of one task. Trained without any
of those methods' remedies, this is plain fine-tuning, and each method is what it adds to it.
"""

from collections.abc import Callable, Iterable, Mapping

import keras
import tensorflow as tf

from lasem_tf.learners import base, descent
from lasem_tf.nn import architecture, initializers, layers, normalisation as normalisation_lib, optimizers, weights

HEAD_DEPTHS = ("last", "all_dense")
Objective = descent.Objective


class SharedTrunk(keras.Model):
  """Images -> what the heads read."""

  def __init__(self, spec: architecture.ConvNetSpec, num_dense: int, initializer: initializers.Initializer):
    """Creates 'shared/conv{l}' and the first `num_dense` dense layers, 'shared/dense{i}'."""
    super().__init__(name="shared_trunk")
    self.spec = spec
    self.groups = [weights.plain_convolution(f"shared/conv{layer}", spec, layer, initializer)
                   for layer in range(spec.depth)]
    self.groups += [weights.dense_layer(f"shared/dense{i}", shape, initializer)
                    for i, shape in enumerate(spec.dense_shapes(1)[:num_dense])]
    self.built = True

  def call(self, images: tf.Tensor, dropout_seed: tf.Tensor | None = None,
           observe: Callable[[weights.WeightGroup, tf.Tensor, tf.Tensor], None] | None = None,
           normalise: normalisation_lib.Normalise | None = None) -> tf.Tensor:
    """Runs the trunk.

    Args:
      images: `[n, height, width, channels]`.
      dropout_seed: int32 `[2]`, or None for no dropout on the flattened features.
      observe: called with (weights, inputs, outputs before normalisation and ReLU) of every layer in turn.
      normalise: of the convolutions' outputs; None where the backbone has no normalisation.

    Returns:
      `[n, width of the last shared layer]`.
    """
    if normalise is None and self.spec.normalisation != "none":
      raise ValueError(f"ConvNetSpec.normalisation = {self.spec.normalisation!r}: the trunk must be told whose it is.")
    observe = observe or (lambda group, inputs, outputs: None)

    def activate(layer: int, inputs: tf.Tensor) -> tf.Tensor:
      outputs = layers.convolution(inputs, *self.groups[layer].kernel_and_bias(), self.spec.padding)
      observe(self.groups[layer], inputs, outputs)
      return tf.nn.relu(outputs if normalise is None else normalise(layer, outputs))

    hidden = layers.convolve_stack(self.spec, images, activate)
    hidden = layers.dropout(hidden, self.spec.dropout_keep_probability, dropout_seed)
    for group in self.groups[self.spec.depth:]:
      outputs = tf.matmul(hidden, group["kernel"]) + group["bias"]
      observe(group, hidden, outputs)
      hidden = tf.nn.relu(outputs)
    return hidden

  @property
  def named_variables(self) -> dict[str, tf.Variable]:
    """Variables of all layers by their stable full name."""
    return weights.merge_variables(self.groups)

  @property
  def num_parameters(self) -> int:
    """Number of scalars."""
    return sum(group.num_parameters for group in self.groups)


class TrunkLearner(base.Learner):
  """Fine-tunes a shared trunk and the current task's head; subclasses add what keeps the trunk from forgetting.

  Variables are named 'shared/conv{l}/...', 'shared/dense{i}/...' and 'task{t}/head/dense{i}/...', where i counts all
  dense layers of the network, so that a head layer starts from the same weights as in hard sharing.

  Attributes:
    trunk: the `SharedTrunk`.
    heads: by task, in the order of first visits.
    normalisations: by task; a subclass that gives the trunk another forward pass must apply them or unset `normalises`.
  """

  normalises = True

  def __init__(self, context: base.LearnerContext, head_depth: str = "last"):
    """Creates the trunk.

    Args:
      context: of the run.
      head_depth: 'last': a head is the last dense layer; 'all_dense': heads keep all dense layers, as in hard sharing.
    """
    super().__init__(context)
    if head_depth not in HEAD_DEPTHS:
      raise ValueError(f"{type(self).__name__}.head_depth must be one of {HEAD_DEPTHS}, not {head_depth!r}.")
    self._num_shared_dense = len(context.spec.dense_sizes) if head_depth == "last" else 0
    self.trunk = SharedTrunk(context.spec, self._num_shared_dense, self.initializer)
    self.heads: dict[int, weights.DenseHead] = {}
    self.normalisations: dict[int, normalisation_lib.TaskNormalisation] = {}

  # --- what subclasses change -----------------------------------------------------------------------------------------

  def _objective(self, batch: base.Batch, context: base.StepContext) -> descent.Objective:
    """Cross-entropy of the current task."""
    return descent.Objective(self._cross_entropy(batch, context.seed))

  def _gradients(self, batch: base.Batch, context: base.StepContext, trained: Mapping[str, tf.Variable],
                 objective: descent.ObjectiveFunction) -> tuple[base.StepResult, descent.Gradients]:
    """What is reported and what the optimiser gets."""
    return descent.follow(batch, context, trained, objective)

  def _trained_variables(self) -> dict[str, tf.Variable]:
    """What a step may change: the trunk and the current task's own part."""
    return weights.merge_variables([self.trunk, *self._own_parts([self.task.info.task_id])])

  def _make_optimizer(self, trained: Mapping[str, tf.Variable]) -> descent.Optimizer:
    return optimizers.RMSProp(trained)

  # --- building blocks ------------------------------------------------------------------------------------------------

  def _cross_entropy(self, batch: base.Batch, dropout_seed: tf.Tensor | None) -> tf.Tensor:
    """Mean cross-entropy of the current task's head."""
    head = self.heads[self.task.info.task_id]
    return layers.mean_cross_entropy(head(self._read_by_head(batch.images, dropout_seed)), batch.labels)

  def _read_by_head(self, images: tf.Tensor, dropout_seed: tf.Tensor | None) -> tf.Tensor:
    """What the current head reads in training."""
    task_id = self.task.info.task_id
    return self._features(images, task_id, self.normalisations[task_id].by_batch(images), dropout_seed)

  def _features(self, images: tf.Tensor, task_id: int, normalise: normalisation_lib.Normalise,
                dropout_seed: tf.Tensor | None = None) -> tf.Tensor:
    """What a task's head reads of images; a method whose tasks see parts of the trunk has its own."""
    del task_id
    return self.trunk(images, dropout_seed=dropout_seed, normalise=normalise)

  def _own_parts(self, task_ids: Iterable[int]) -> list:
    """Heads of these tasks, then scales and shifts: what training changes of a task's own."""
    tasks = list(task_ids)
    return [*(self.heads[task_id] for task_id in tasks),
            *(group for task_id in tasks for group in self.normalisations[task_id].affine)]

  def _training_phase(self, name: str, num_epochs: int, trained: Mapping[str, tf.Variable],
                      objective: descent.ObjectiveFunction | None = None) -> base.Phase:
    """A phase that follows the gradients of an objective (default: `_objective`)."""
    return descent.make_phase(name, num_epochs, trained, objective or self._objective,
                              optimizer=self._make_optimizer(trained), gradients=self._gradients)

  # --- contract -------------------------------------------------------------------------------------------------------

  def _begin_visit(self, is_new):
    if is_new:
      self._create_head(self.task.info.task_id)

  def _create_head(self, task_id: int) -> None:
    shapes = self.context.spec.dense_shapes(self.context.num_classes[task_id])[self._num_shared_dense:]
    self.heads[task_id] = weights.DenseHead(f"task{task_id}/head", shapes, 1.0, self.initializer,
                                            first=self._num_shared_dense)
    self.normalisations[task_id] = normalisation_lib.TaskNormalisation(task_id, self.context.spec)

  def next_phase(self, num_completed):
    if num_completed:
      return None
    return self._training_phase("train", self.context.epochs_per_task, self._trained_variables())

  def _end_visit(self):
    return base.TaskSummary()

  def logits(self, images, task_id):
    return self.heads[task_id](self._features(images, task_id, self.normalisations[task_id].by_statistics()))

  def measure_statistics(self):
    self._measure_statistics_of(self.task.info.task_id, self.task.train[0])

  def _measure_statistics_of(self, task_id: int, images: tf.Tensor) -> None:
    self.normalisations[task_id].measure(lambda part, normalise: self._features(part, task_id, normalise), images)

  def _all_parts(self) -> list:
    """The trunk, and everything of every task's own."""
    statistics = [group for normalisation in self.normalisations.values() for group in normalisation.statistics]
    return [self.trunk, *self._own_parts(self.heads), *statistics]

  def variables(self):
    return weights.merge_variables(self._all_parts())

  def num_parameters(self):
    return sum(group.num_parameters for group in self._all_parts())

  def _bump_versions(self):
    """One trunk for all time, and heads that are never replaced: graphs stay valid."""

  def _restore_structure(self, structure):
    for task_id in self._learned:
      self._create_head(task_id)
