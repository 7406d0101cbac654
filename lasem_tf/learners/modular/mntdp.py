"""MNTDP: each task's network is a path of modules; a new task reuses the lower part of an old path, frozen, or none.

Veniat, Denoyer, Ranzato, "Efficient continual learning with modular networks and task-driven priors" (ICLR 2021), the
deterministic form MNTDP-D. A module is one layer of the trunk. For a new task:
  1. prior: for every old path, the accuracy on validation images of a k-nearest-neighbour classifier of training images
     in the features that the path's head reads; the path of the highest accuracy is the donor (the earliest of equals);
  2. candidates k = L..0: the donor's lowest k modules, frozen, below L - k new ones and a new head; each is trained for
     every learning rate and weight decay of a grid;
  3. the candidate and epoch with the highest validation accuracy stay (of equals the candidate that reuses most, for it
     adds least); its new modules join the library, where nothing is trained again: no answer for an earlier task moves.
Simplified here: modules are single layers and not blocks of a residual network; every candidate trains for all epochs
of a visit, where the authors stop early; the number of neighbours (5) and the plain Euclidean distance are ours.
"""

import itertools
from collections.abc import Iterable

import gin
import numpy as np
import tensorflow as tf

from lasem_tf.learners import base, descent, promise, snapshot
from lasem_tf.learners.modular import library
from lasem_tf.nn import layers, optimizers, workload

_EVALUATION_BATCH = 256


def neighbour_accuracy(train: tuple[np.ndarray, np.ndarray], validation: tuple[np.ndarray, np.ndarray],
                       neighbours: int) -> float:
  """Accuracy of a k-nearest-neighbour classifier; the smallest label of those with most votes wins.

  Args:
    train: features `[n, d]` and labels `[n]`.
    validation: features `[m, d]` and labels `[m]`.
    neighbours: k, at most n of them vote.
  """
  (features, labels), (queries, expected) = train, validation
  distances = np.sum(queries**2, axis=1)[:, np.newaxis] - 2.0 * queries @ features.T + np.sum(features**2, axis=1)
  nearest = labels[np.argsort(distances, axis=1, kind="stable")[:, :neighbours]]
  return float(np.mean([np.argmax(np.bincount(votes)) == label for votes, label in zip(nearest, expected)]))


@gin.register
class ModularNetwork(base.Learner):
  """MNTDP-D over a `ModuleLibrary`. While a task is searched, 'snapshot/...' holds the initial weights of its modules,
  'best/...' those of the best candidate and epoch.

  A task that is visited again trains its head and those of its modules that no other task's path contains.
  """

  promises = promise.Promises(answers_move_at_most=0.0)

  def __init__(self, context: base.LearnerContext, learning_rates: tuple[float, ...] = (1e-2, 1e-3),
               weight_decays: tuple[float, ...] = (0.0, 1e-4, 1e-5), neighbours: int = 5, optimizer: str = "adam"):
    """Sets the search.

    Args:
      context: of the run; its learning rate counts only by its decay.
      learning_rates: the grid's rates.
      weight_decays: the grid's factors of 1/2 ||w||^2 over the trained weights.
      neighbours: k of the classifier behind the prior.
      optimizer: 'rmsprop', 'sgd' or 'adam'.
    """
    super().__init__(context)
    if not learning_rates or not weight_decays or min(learning_rates) <= 0 or min(weight_decays) < 0 or neighbours < 1:
      raise ValueError("ModularNetwork needs positive learning_rates, weight_decays of 0 or more and neighbours >= 1, "
                       f"not {learning_rates}, {weight_decays} and {neighbours}.")
    self._grid = tuple(itertools.product(learning_rates, weight_decays))
    self._neighbours, self._optimizer = neighbours, optimizers.by_name(optimizer, "ModularNetwork.optimizer")
    self._library = library.ModuleLibrary(context, self.initializer)
    self._paths: dict[int, list[int]] = {}  # For every layer the task whose module it is; committed tasks only.
    self._settings: dict[int, tuple[float, float]] = {}  # Chosen rate and weight decay.
    self._prior: dict[int, float] = {}
    self._end_search()

  # --- networks -------------------------------------------------------------------------------------------------------

  def _path(self, task_id: int) -> list[int]:
    """The committed path of a task, or that of the candidate in training."""
    if task_id in self._paths:
      return self._paths[task_id]
    reused = [] if self._donor is None else self._paths[self._donor][:self._reused]
    return reused + [task_id] * (self._library.depth - self._reused)

  def logits(self, images, task_id):
    return self._library.heads[task_id](self._library.features(images, self._path(task_id)))

  # --- search ---------------------------------------------------------------------------------------------------------

  def _begin_visit(self, is_new):
    task_id = self.task.info.task_id
    if not is_new:
      return
    if not len(self.task.validation[1]):
      raise ValueError(f"MNTDP chooses by validation accuracy, but task {task_id} has no validation examples: give the "
                       "stream a validation split.")
    self._prior = {other: self._neighbour_accuracy(other) for other in self._paths}
    self._donor = max(self._prior, key=lambda other: self._prior[other], default=None)
    self._begin_search(task_id)

  def _neighbour_accuracy(self, task_id: int) -> float:
    """The prior of an old task's path for the new task."""

    def described(images: tf.Tensor, labels: tf.Tensor) -> tuple[np.ndarray, np.ndarray]:
      chunks = [self._library.features(images[start:start + _EVALUATION_BATCH], self._paths[task_id])
                for start in range(0, len(images), _EVALUATION_BATCH)]
      return tf.concat(chunks, axis=0).numpy().astype(np.float64), labels.numpy()

    return neighbour_accuracy(described(*self.task.train), described(*self.task.validation), self._neighbours)

  def _begin_search(self, task_id: int) -> None:
    everything = range(self._library.depth)
    self._library.create(task_id, everything)
    own = self._library.variables_of(task_id, everything)
    self._snapshot, self._best = snapshot.Snapshot("snapshot", own), snapshot.Snapshot("best", own)
    self._searching = True

  def _end_search(self) -> None:
    self._searching, self._donor, self._reused = False, None, 0
    self._prior = {}
    self._candidate, self._winner, self._score = 0, 0, -1.0
    self._snapshot, self._best = snapshot.Snapshot("snapshot", {}), snapshot.Snapshot("best", {})

  def _candidates(self) -> list[tuple[int, float, float]]:
    """(k, learning rate, weight decay) of every candidate; a first task has nothing to reuse."""
    most = 0 if self._donor is None else self._library.depth
    return [(reused, *setting) for reused in range(most, -1, -1) for setting in self._grid]

  def _name(self, number: int) -> str:
    return "reuse{}_rate{:g}_decay{:g}".format(*self._candidates()[number])

  def next_phase(self, num_completed):
    task_id = self.task.info.task_id
    if not self._searching:
      reused = {layer for other, path in self._paths.items() if other != task_id
                for layer, owner in enumerate(path) if owner == task_id}
      own = [layer for layer, owner in enumerate(self._paths[task_id]) if owner == task_id and layer not in reused]
      return None if num_completed else self._training_phase("train", own, *self._settings[task_id])
    candidates = self._candidates()
    if num_completed >= len(candidates):
      return None
    self._candidate, (reused, *setting) = num_completed, candidates[num_completed]
    if reused != self._reused:
      self._reused = reused
      self.structure_changed((task_id,))
    return self._training_phase(self._name(num_completed), range(reused, self._library.depth), *setting)

  def _training_phase(self, name: str, of_layers: Iterable[int], rate: float, decay: float) -> base.Phase:
    """Trains the current task's modules of these layers and its head."""
    task_id = self.task.info.task_id
    trained = self._library.variables_of(task_id, of_layers)
    optimizer, path, head = self._optimizer(trained), self._path(task_id), self._library.heads[task_id]

    def objective(batch, context):
      logits = head(self._library.features(batch.images, path, context.seed))
      penalty = decay * tf.add_n([tf.nn.l2_loss(variable) for variable in trained.values()])
      return descent.Objective(layers.mean_cross_entropy(logits, batch.labels), penalty)

    def step(batch, context):
      result, gradients = descent.follow(batch, context, trained, objective)
      # The grid's rate, decayed as the run's.
      optimizer.apply(gradients, rate * context.learning_rate / self.context.learning_rate)
      return result

    return base.Phase(name, self.context.epochs_per_task, step, trained, optimizer.slots)

  def begin_epoch(self, epoch):
    if self._searching and epoch == 0:
      self._snapshot.restore()

  def end_epoch(self, epoch, validation_accuracy):
    if self._searching and validation_accuracy > self._score:
      self._score, self._winner = float(validation_accuracy), self._candidate
      self._best.take()
    return False

  @property
  def commit_changes_weights(self):
    return self._searching

  def _end_visit(self):
    task_id = self.task.info.task_id
    if not self._searching:
      return base.TaskSummary(self._configuration(task_id))
    self._best.restore()
    self._reused, rate, decay = self._candidates()[self._winner]
    details = {"donor": self._donor, "prior": {str(other): accuracy for other, accuracy in self._prior.items()},
               "reused_modules": self._reused, "new_modules": self._library.depth - self._reused,
               "learning_rate": rate, "weight_decay": decay, "candidates": len(self._candidates()),
               "validation_accuracy": self._score, "retention_floats": 0,
               "mechanism_acted": self._reused > 0}
    peak_phase = self._name(self._winner)
    self._paths[task_id], self._settings[task_id] = self._path(task_id), (rate, decay)
    self._library.drop(task_id, range(self._reused))
    self._end_search()
    return base.TaskSummary(self._configuration(task_id), details=details, peak_phase=peak_phase)

  def _configuration(self, task_id: int) -> str:
    """One bit for every convolution: whether it is another task's."""
    return "".join(str(int(owner != task_id)) for owner in self._paths[task_id][:self.context.spec.depth])

  # --- the rest of the contract ---------------------------------------------------------------------------------------

  def variables(self):
    return {**self._library.named_variables, **self._snapshot.named_variables, **self._best.named_variables}

  def num_parameters(self):
    return self._library.num_parameters(self._paths)

  def _bump_versions(self):
    self.structure_changed((self.task.info.task_id,))

  def _structure(self):
    return {"paths": {str(task): path for task, path in self._paths.items()},
            "settings": {str(task): list(setting) for task, setting in self._settings.items()},
            "searching": self._searching, "donor": self._donor, "score": self._score, "winner": self._winner,
            "prior": {str(task): accuracy for task, accuracy in self._prior.items()}}

  def _restore_structure(self, structure):
    self._paths = {int(task): list(path) for task, path in structure["paths"].items()}
    self._settings = {int(task): tuple(setting) for task, setting in structure["settings"].items()}
    for task_id, path in self._paths.items():
      self._library.create(task_id, [layer for layer, owner in enumerate(path) if owner == task_id])
    self._donor, self._score, self._winner = structure["donor"], structure["score"], structure["winner"]
    self._prior = {int(task): accuracy for task, accuracy in structure["prior"].items()}
    if structure["searching"]:
      self._begin_search(self._learned[-1])

  def planned_epochs(self, order):
    num_new, epochs = len(set(order)), self.context.epochs_per_task
    searched = (1 + (num_new - 1) * (self._library.depth + 1)) * len(self._grid)
    return (searched + len(order) - num_new) * epochs

  def workload(self, task_id):
    reuses = self._library.depth + 1 if task_id else 1
    return workload.Workload(phases=float(len(self._grid) * reuses))

  def training_macs_per_image(self, task_id):
    macs = self._library.layer_macs(self.context.num_classes[task_id])
    # All of the forward pass; gradients of weights from the lowest new layer on, of inputs above it.
    costs = [sum(macs) + 2.0 * sum(macs[reused:]) - macs[reused] for reused in range(len(macs))]
    return len(self._grid) * (sum(costs) if task_id else costs[0])
