"""Options of the backbone that not every learner can follow."""

from lasem_tf.nn import architecture, precision


def check(learner: type, spec: architecture.ConvNetSpec, computes_mixed: bool, takes_augmented: bool,
          normalises: bool) -> None:
  """Refuses, by the learner's name, what it cannot follow.

  Args:
    learner: its class.
    spec: the backbone.
    computes_mixed: see `base.Learner`.
    takes_augmented: see `base.Learner`.
    normalises: see `base.Learner`.

  Raises:
    ValueError: names the binding.
  """
  if spec.precision != "float32":
    if not computes_mixed:
      raise ValueError(f"{learner.__name__} computes in float32 only: remove the binding ConvNetSpec.precision = "
                       f"{spec.precision!r}.")
    precision.warn_where_slower()
  if spec.augmentation != "none" and not takes_augmented:
    raise ValueError(f"{learner.__name__} keeps images, or answers to them, as they are in the training split, so that "
                     "augmented ones would not fit: remove the binding ConvNetSpec.augmentation = "
                     f"{spec.augmentation!r}.")
  if spec.normalisation != "none" and not normalises:
    raise ValueError(f"{learner.__name__} keeps no statistics of activations by task: remove the binding "
                     f"ConvNetSpec.normalisation = {spec.normalisation!r}.")
