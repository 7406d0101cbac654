"""Bounds of bindings, so that a wrong one is refused before anything is trained."""


def refuse_negative(owner: str, **values: float | None) -> None:
  """Raises ValueError, which names the binding, for a number below zero; None stands for no number.

  Args:
    owner: the configurable.
    **values: by name of its parameter.
  """
  for name, value in values.items():
    if value is not None and value < 0:
      raise ValueError(f"{owner}.{name} must not be negative, not {value}.")
