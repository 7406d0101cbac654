"""One layer's weights under additive parameter decomposition, for all tasks."""

import tensorflow as tf

from lasem_tf.nn import initializers, proximal, weights

# Logit of the initial mask: sigmoid(2) = 0.88 of the shared kernel passes.
INITIAL_MASK = 2.0
# Share of non-zero adaptive weights, of all tasks together, from which on the parts are no longer sparse.
DENSE = 0.5


def retention(residual: tf.Tensor, sparsity_weight: float, retention_weight: float) -> tf.Tensor:
  """Least cost of keeping an old kernel, a scalar: min over tau of l1 ||tau||_1 + l2/2 ||residual - tau||^2.

  A Huber function: l2/2 r^2 up to |r| = l1/l2, linear beyond. Its gradient in r is l2 clip(r, -l1/l2, l1/l2).

  Args:
    residual: what the old kernel has beyond the masked shared one.
    sparsity_weight: l1.
    retention_weight: l2.
  """
  # With c the clipped residual, c r - c^2 / 2 is r^2 / 2 inside and linear beyond, and its gradient is c on both sides:
  # few passes over the weights of every earlier task, none of which branches.
  bound = sparsity_weight / retention_weight
  clipped = tf.stop_gradient(tf.clip_by_value(residual, -bound, bound))
  return retention_weight * tf.reduce_sum(clipped * (residual - 0.5 * clipped))


class AdditiveLayer:
  """kernel of task t = shared * sigmoid(mask of t) + adaptive part of t + what t shares with its group; its own bias.

  Masks have one value for every output channel or unit. The kernel is that of a convolution or a dense matrix.

  Attributes:
    name: 'conv{l}' or 'dense{i}'.
    shared: the group 'shared/{name}', a kernel without bias.
    own: by task, the group 'task{t}/{name}' of mask, adaptive part and bias.
    groups: by number, (members, the group 'group{g}/{name}' that they share).
  """

  def __init__(self, name: str, shape: tuple[int, ...], initializer: initializers.Initializer):
    self.name = name
    self._initializer = initializer
    kernel = initializer.truncated_normal(f"shared/{name}/kernel", tuple(shape))
    self.shared = weights.WeightGroup(f"shared/{name}", {"kernel": kernel})
    self.own: dict[int, weights.WeightGroup] = {}
    self.groups: list[tuple[list[int], weights.WeightGroup]] = []

  @property
  def kernel(self) -> tf.Variable:
    """The shared kernel."""
    return self.shared["kernel"]

  def create_task(self, task_id: int) -> None:
    """Creates a task's own part: masks nearly open, no adaptive weights."""
    num_outputs = self.kernel.shape[-1]
    self.own[task_id] = weights.WeightGroup(f"task{task_id}/{self.name}", {
        "mask": tf.fill([num_outputs], tf.constant(INITIAL_MASK, self.kernel.dtype)),
        "adaptive": tf.zeros_like(self.kernel), "bias": self._initializer.bias(num_outputs)})

  def create_groups(self, members: list[list[int]]) -> None:
    """Creates one shared adaptive part for each list of tasks, in place of those there were."""
    zeros = tf.zeros_like(self.kernel)
    self.groups = [(list(tasks), weights.WeightGroup(f"group{number}/{self.name}", {"kernel": zeros}))
                   for number, tasks in enumerate(members)]

  def masked(self, task_id: int, kernel: tf.Tensor) -> tf.Tensor:
    """A kernel under a task's mask."""
    return kernel * tf.sigmoid(self.own[task_id]["mask"])

  def group_part(self, task_id: int) -> tf.Tensor | None:
    """What a task shares with its group, or None."""
    for tasks, group in self.groups:
      if task_id in tasks:
        return group["kernel"]
    return None

  def unshared(self, task_id: int, adaptive: tf.Tensor | None = None) -> tf.Tensor:
    """The adaptive part of a task, or another one in its place, together with its group's."""
    adaptive = self.own[task_id]["adaptive"] if adaptive is None else adaptive
    part = self.group_part(task_id)
    return tf.convert_to_tensor(adaptive) if part is None else adaptive + part

  def task_kernel(self, task_id: int, adaptive: tf.Tensor | None = None) -> tf.Tensor:
    """The kernel of a task, with another adaptive part if one is given."""
    return self.masked(task_id, self.kernel) + self.unshared(task_id, adaptive)

  def residual(self, task_id: int, old_kernel: tf.Tensor, old_adaptive: tf.Tensor) -> tf.Tensor:
    """What a task's kernel of before (under this mask, with this adaptive part) has beyond the present shared one."""
    return self.masked(task_id, old_kernel - self.kernel) + old_adaptive

  def follow(self, task_id: int, old_kernel: tf.Tensor, threshold: float) -> tf.Tensor:
    """The best adaptive part for the present shared kernel; no element of the task's kernel moves by more."""
    return proximal.soft_threshold(self.residual(task_id, old_kernel, self.own[task_id]["adaptive"]), threshold)

  def weight_groups(self) -> list[weights.WeightGroup]:
    """All groups: shared, of groups of tasks, of tasks."""
    return [self.shared, *(group for _, group in self.groups), *self.own.values()]
