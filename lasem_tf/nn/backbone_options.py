"""Options of the backbone that not every learner can follow."""

from lasem_tf.nn import architecture, precision


class BackboneOptions:
  """What a class of learners can follow; it refuses the rest before anything is trained.

  Attributes:
    computes_mixed: whether it follows `ConvNetSpec.precision`; the others refuse all but float32.
    normalises: whether it keeps what `ConvNetSpec.normalisation` needs of every task; the others refuse all but none.
  """

  computes_mixed = False
  normalises = False

  @classmethod
  def check_backbone(cls, spec: architecture.ConvNetSpec) -> None:
    """Refuses what the learner cannot follow; raises ValueError that names the class and the binding."""
    if spec.precision != "float32":
      if not cls.computes_mixed:
        raise ValueError(f"{cls.__name__} computes in float32 only: remove the binding ConvNetSpec.precision = "
                         f"{spec.precision!r}.")
      precision.warn_where_slower()
    if spec.normalisation != "none" and not cls.normalises:
      raise ValueError(f"{cls.__name__} keeps no statistics of activations by task: remove the binding "
                       f"ConvNetSpec.normalisation = {spec.normalisation!r}.")
