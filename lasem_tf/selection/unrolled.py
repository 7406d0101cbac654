"""Second-order gradients of mixing weights: how they act on a loss through the weights that learn from them."""

from collections.abc import Callable, Mapping, Sequence

import tensorflow as tf

from lasem_tf.nn import optimizers, replacement


def unrolled_gradient(training_loss: Callable[[], tf.Tensor], validation_loss: Callable[[], tf.Tensor],
                      weights: Mapping[str, tf.Variable], alphas: Sequence[tf.Variable],
                      learning_rate: tf.Tensor, optimizer: optimizers.RMSProp | None = None
                      ) -> tuple[tf.Tensor, list[tf.Tensor]]:
  """Total derivative of L_val(w - r dL_train/dw (w, a), a) for the mixing weights a.

  Eq. 6 of Liu, Simonyan, Yang: "DARTS: Differentiable architecture search" (ICLR 2019). The paper then replaces the
  product with the Hessian by a finite difference (Eq. 8); here it is differentiated exactly.

  Args:
    training_loss: the loss on a training batch, at the weights in force.
    validation_loss: the loss on a validation batch, likewise.
    weights: w, by name.
    alphas: a.
    learning_rate: r, of the one unrolled step (plain gradient descent, as in the paper).
    optimizer: takes the weights' real steps; given, the unrolled step is what it would do next, slots included.

  Returns:
    The training loss before the step, and a gradient for each of the alphas.
  """
  with tf.GradientTape(watch_accessed_variables=False) as tape:
    tape.watch(alphas)
    loss, stepped = _descend(training_loss, weights, learning_rate, optimizer)
    with replacement.replaced(weights, stepped):
      unrolled = validation_loss()
  return loss, tape.gradient(unrolled, alphas)


def released_gradient(loss: Callable[[], tf.Tensor], weights: Mapping[str, tf.Variable], alphas: Sequence[tf.Variable],
                      learning_rate: float) -> tuple[tf.Tensor, list[tf.Tensor]]:
  """What the 2020 release computes in place of the second-order rule; only to compare with it.

  One loss serves for both batches. Its total derivative at the unrolled weights w' is there already, and then a
  finite difference of total derivatives around w' (the paper: around w) is taken off. The size of the difference's step
  belongs to a weight tensor, and layer l takes that of the l-th tensor.

  Args:
    loss: on the training batch.
    weights: w, in the release's order.
    alphas: one for each layer.
    learning_rate: undecayed.

  Returns:
    As `unrolled_gradient`.
  """
  with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
    tape.watch(alphas)
    value, stepped = _descend(loss, weights, learning_rate)
    with tf.GradientTape(watch_accessed_variables=False) as inner:
      inner.watch(list(stepped.values()))
      with replacement.replaced(weights, stepped):
        unrolled = loss()
    directions = {name: gradient for name, gradient in zip(stepped, inner.gradient(unrolled, list(stepped.values())))
                  if gradient is not None}
    sizes = {name: 0.01 / tf.norm(direction) for name, direction in directions.items()}
    sides = []
    for sign in (1.0, -1.0):
      shifted = {name: stepped[name] + sign * sizes[name] * direction for name, direction in directions.items()}
      with replacement.replaced(weights, {**stepped, **shifted}):
        sides.append(loss())
  at_step, above, below = (tape.gradient(target, alphas) for target in (unrolled, *sides))
  del tape
  return value, [first - learning_rate * (plus - minus) / (2.0 * size)
                 for first, plus, minus, size in zip(at_step, above, below, sizes.values())]


def _descend(loss: Callable[[], tf.Tensor], weights: Mapping[str, tf.Variable],
             learning_rate: tf.Tensor | float, optimizer: optimizers.RMSProp | None = None
             ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
  """A loss, and the weights after one step of gradient descent (or of an optimiser), where it has a gradient."""
  with tf.GradientTape() as tape:
    value = loss()
  gradients = optimizers.gradients_by_name(tape, value, weights)
  if optimizer is not None:
    return value, optimizer.stepped(gradients, learning_rate)
  return value, {name: weights[name] - learning_rate * gradient for name, gradient in gradients.items()
                 if gradient is not None}
