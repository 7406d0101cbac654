"""Stand-ins for the NumPy objects of a pickle: they record and check arguments and call nothing."""

import math
import pickle

import numpy as np

MAX_BYTES = 1 << 29  # The largest official file, `train` of CIFAR-100, has 155 MB.
_MAX_DIMENSIONS = 4
_ARRAY_TYPE, _RECONSTRUCT, _DTYPE = "ndarray", "_reconstruct", "dtype"
_ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): _RECONSTRUCT,  # written by NumPy 2
    ("numpy", "ndarray"): _ARRAY_TYPE,
    ("numpy", "dtype"): _DTYPE,
}
_UINT8 = ("u1", "uint8", "|u1")


class Name:
  """A name of the allow-list.

  Attributes:
    name: without its module.
  """

  def __init__(self, name: str):
    self.name = name

  @classmethod
  def find(cls, module: object, name: object) -> "Name":
    """The stand-in for `module.name`.

    Raises:
      UnpicklingError: no official file needs this name.
    """
    kind = _ALLOWED.get((module, name)) if isinstance(module, str) and isinstance(name, str) else None
    if kind is None:
      raise pickle.UnpicklingError(f"it asks for '{shown(module)}.{shown(name)}', which no official file needs and "
                                   "which could execute code")
    return cls(kind)

  def call(self, arguments: tuple) -> "Dtype | Array":
    """Result of a call as the official files make it; any other call is an `UnpicklingError`."""
    first = text(arguments[0]) if arguments else None
    if self.name == _DTYPE:
      if first not in _UINT8:
        raise pickle.UnpicklingError(f"it holds an array of dtype {shown(first)}; only uint8 is accepted")
      return Dtype()
    if self.name == _RECONSTRUCT and isinstance(first, Name) and first.name == _ARRAY_TYPE:
      return Array()
    raise pickle.UnpicklingError(f"it calls numpy's {self.name} in a way that no official file does")


class Dtype:
  """The uint8 dtype; its state (byte order, alignment) says nothing for single bytes."""

  def build(self, state: object) -> None:
    """Checks the state."""
    if not isinstance(state, tuple) or any(entry not in (None, 0, -1, 3, b"|", "|", False) for entry in state):
      raise pickle.UnpicklingError("its uint8 dtype has an unknown state")


class Array:
  """Shape and bytes of an array, checked against each other."""

  array: np.ndarray | None = None

  def build(self, state: object) -> None:
    """Takes (version, shape, dtype, Fortran order, bytes)."""
    if not isinstance(state, tuple) or len(state) != 5:
      raise pickle.UnpicklingError("its array has an unknown state")
    _, shape, dtype, fortran_order, content = state
    if isinstance(content, str):
      content = content.encode("latin1")
    if not isinstance(dtype, Dtype) or not isinstance(content, bytes):
      raise pickle.UnpicklingError("its array is not made of plain uint8 bytes")
    if not isinstance(shape, tuple) or len(shape) > _MAX_DIMENSIONS or not all(
        type(size) is int and 0 <= size <= MAX_BYTES for size in shape):
      raise pickle.UnpicklingError("its array has an impossible shape")
    if math.prod(shape) != len(content):
      raise pickle.UnpicklingError(f"its array of shape {shape} has {len(content)} bytes")
    self.array = np.frombuffer(content, np.uint8).reshape(shape, order="F" if fortran_order else "C")


def shown(value: object, length: int = 60) -> str:
  """A text, at most `length` characters of it; of anything else the type only, because its `repr` may have no end."""
  found = str(value) if isinstance(value, Exception) else text(value)
  if not isinstance(found, str):
    return f"a {type(value).__name__}"
  return found[:length] + "..." * (len(found) > length)


def text(value: object) -> object:
  """Bytes as text, anything else as it is."""
  return value.decode("latin1") if isinstance(value, bytes) else value
