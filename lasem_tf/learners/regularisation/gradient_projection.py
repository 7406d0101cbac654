"""GPM: the trunk learns only in directions orthogonal to what earlier tasks' inputs of each layer span.

Saha, Garg, Roy, "Gradient projection memory for continual learning" (ICLR 2021). A layer's weight gradient lies in the
span of its inputs, so weights that move orthogonally to the inputs of an old task answer it as before. After a task,
with R the matrix of a layer's inputs (columns; for a convolution all patches) and M the orthonormal basis so far,

  R^ = R - M M^T R,  add the first k left singular vectors u of R^ to M, k the least with
  ||M M^T R||^2 + sum_(i <= k) s_i^2 >= epsilon ||R||^2                                               (Eqs. 8, 9)

and from the second task on the gradient of a kernel, as a matrix [inputs, outputs], becomes g - M M^T g (Eq. 7). The
threshold is epsilon = threshold + increment t for the t-th task, at most 1. The paper's networks have no biases; here
those of the trunk are trained by the first task and fixed after it. Heads are each task's own and not projected. So is
batch normalisation: an old task's answers take its statistics, which stay, so that a layer whose outputs for old inputs
stay answers as before; R is what its layers read in answers.
"""

from collections.abc import Iterable, Sequence

import gin
import numpy as np
import tensorflow as tf

from lasem_tf import seeding
from lasem_tf.learners import base, fisher, trunk
from lasem_tf.nn import optimizers, weights

_RECORDING_BATCH = 25


def compressed(rows: Sequence[np.ndarray]) -> np.ndarray:
  """A matrix `[d, at most d]` with the singular values and left singular vectors of R, given as chunks of R^T.

  From R R^T, a quarter of the cost of a factorisation of R; it loses singular values below some 1e-8 of the largest.

  Args:
    rows: float64 `[n, d]`, several.
  """
  if sum(map(len, rows)) <= rows[0].shape[1]:
    return np.concatenate(rows).T
  values, vectors = np.linalg.eigh(sum(chunk.T @ chunk for chunk in rows))
  return vectors * np.sqrt(np.maximum(values, 0.0))


def extended_basis(basis: np.ndarray, representation: np.ndarray, threshold: float) -> np.ndarray:
  """The basis that holds a share of the squared norm of a representation (Eqs. 8, 9).

  Args:
    basis: M, `[d, k]` with orthonormal columns, k may be 0.
    representation: R, `[d, n]`.
    threshold: epsilon, the share.

  Returns:
    `[d, k']` with k <= k' <= d; its first columns are the basis.
  """
  residual = representation - basis @ (basis.T @ representation)
  total, missing = np.sum(representation**2), np.sum(residual**2)
  if total - missing >= threshold * total:
    return basis
  directions, values, _ = np.linalg.svd(residual, full_matrices=False)
  held = total - missing + np.cumsum(values**2)
  # With a threshold of 1 rounding may leave the sum below it: then everything of any length is needed.
  enough = np.flatnonzero(held >= threshold * total)
  rank = np.count_nonzero(values > 1e-7 * values[0])
  count = min(int(enough[0]) + 1 if len(enough) else rank, rank, len(basis) - basis.shape[1])
  return np.concatenate([basis, directions[:, :count]], axis=1)


@gin.register
class GradientProjection(trunk.TrunkLearner):
  """GPM on the kernels of the shared trunk; 'basis/{conv{l} or dense{i}}' holds M of each layer, `[inputs, rank]`.

  A visit of a task seen before is projected like any other, and adds nothing to the bases.
  """

  def __init__(self, context: base.LearnerContext, threshold: float = 0.97, increment: float = 0.003,
               num_examples: int = 125, optimizer: str = "sgd", head_depth: str = "last"):
    """Creates the trunk and empty bases.

    Args:
      context: of the run.
      threshold: share of a layer's squared input norm that the first task's basis holds.
      increment: added to it for every further task.
      num_examples: training images behind R, at most as many as the task has.
      optimizer: 'rmsprop', 'sgd' or 'adam'; the projection is exact for 'sgd' alone, since the others rescale it.
      head_depth: see `TrunkLearner`.
    """
    super().__init__(context, head_depth)
    if not 0 < threshold <= 1 or increment < 0 or num_examples < 1:
      raise ValueError("GradientProjection needs 0 < threshold <= 1, increment >= 0 and num_examples >= 1, not "
                       f"{threshold}, {increment} and {num_examples}.")
    self._threshold, self._increment, self._num_examples = threshold, increment, num_examples
    self._optimizer = optimizers.by_name(optimizer, "GradientProjection.optimizer")
    self._is_new = False
    self._set_bases([np.zeros([self._num_inputs(group), 0]) for group in self.trunk.groups])

  def _make_optimizer(self, trained):
    return self._optimizer(trained)

  @staticmethod
  def _num_inputs(group: weights.WeightGroup) -> int:
    return int(np.prod(group["kernel"].shape[:-1]))

  def _set_bases(self, values: Iterable[np.ndarray]) -> None:
    self._bases = {group.prefix: tf.Variable(value, trainable=False, dtype=group["kernel"].dtype)
                   for group, value in zip(self.trunk.groups, values)}

  # --- training -------------------------------------------------------------------------------------------------------

  def _begin_visit(self, is_new):
    super()._begin_visit(is_new)
    self._is_new = is_new

  def _trained_variables(self):
    trained = super()._trained_variables()
    if len(self._learned) == 1:
      return trained
    fixed = {f"{group.prefix}/bias" for group in self.trunk.groups}
    return {name: variable for name, variable in trained.items() if name not in fixed}

  def _gradients(self, batch, context, trained, objective):
    result, gradients = super()._gradients(batch, context, trained, objective)
    for prefix, basis in self._bases.items():
      name = f"{prefix}/kernel"
      if basis.shape[1] and (gradient := gradients[name]) is not None:
        matrix = tf.reshape(gradient, [basis.shape[0], -1])
        matrix -= tf.matmul(basis, tf.matmul(basis, matrix, transpose_a=True))
        gradients[name] = tf.reshape(matrix, gradient.shape)
    return result, gradients

  # --- bases ----------------------------------------------------------------------------------------------------------

  def _representations(self) -> list[np.ndarray]:
    """R of every layer, compressed, from the current task's training images."""
    images, task_id = self.task.train[0], self.task.info.task_id
    random = seeding.generator(self.context.seed, "representation", task_id)
    rows = np.sort(random.permutation(len(images))[:self._num_examples])
    chunks: dict[str, list[np.ndarray]] = {prefix: [] for prefix in self._bases}

    def observe(group, inputs, outputs):
      del outputs
      columns = fisher.columns_of(group, inputs, self.context.spec.padding).numpy()
      matrix = columns.reshape(-1, self._num_inputs(group)).astype(np.float64)
      chunks[group.prefix] = [compressed([*chunks[group.prefix], matrix]).T]

    for start in range(0, len(rows), _RECORDING_BATCH):
      self.trunk(tf.gather(images, rows[start:start + _RECORDING_BATCH]), observe=observe,
                 normalise=self.normalisations[task_id].by_statistics())
    return [matrix.T for (matrix,) in chunks.values()]

  def _end_visit(self):
    projected = any(basis.shape[1] > 0 for basis in self._bases.values())
    if self._is_new:
      share = min(self._threshold + self._increment * (len(self._learned) - 1), 1.0)
      self._set_bases([extended_basis(basis.numpy().astype(np.float64), representation, share)
                       for basis, representation in zip(self._bases.values(), self._representations())])
    shapes = [basis.shape for basis in self._bases.values()]
    return base.TaskSummary(details={
        "basis_rank": [int(rank) for _, rank in shapes], "occupied_share": [rank / size for size, rank in shapes],
        "retention_floats": self._retained(), "mechanism_acted": projected})

  def _retained(self) -> int:
    return int(sum(basis.shape.num_elements() for basis in self._bases.values()))

  # --- the rest of the contract ---------------------------------------------------------------------------------------

  def memory_floats(self):
    return float(self._retained())

  def variables(self):
    return {**super().variables(), **{f"basis/{prefix}": basis for prefix, basis in self._bases.items()}}

  def _structure(self):
    return {"ranks": [int(basis.shape[1]) for basis in self._bases.values()], "is_new": self._is_new}

  def _restore_structure(self, structure):
    super()._restore_structure(structure)
    self._is_new = structure["is_new"]
    self._set_bases([np.zeros([basis.shape[0], rank])
                     for basis, rank in zip(self._bases.values(), structure["ranks"])])
