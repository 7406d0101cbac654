"""Reads the Python-2 pickles of the CIFAR archives without trusting them.

A pickle is a program. The official files need three names to rebuild one uint8 array; they are matched exactly, and
what they stand for here are inert recorders: no NumPy callable is ever reached, because some of them execute code
(`numpy.testing...runstring`) and some crash the interpreter (an object dtype, a ready-made array state).
"""

import io
import math
import pickle
import struct

import numpy as np

from lasem_tf.data import stream

_RECONSTRUCT = "_reconstruct"
_ARRAY_TYPE = "ndarray"
_DTYPE = "dtype"
_ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): _RECONSTRUCT,  # written by NumPy 2
    ("numpy", "ndarray"): _ARRAY_TYPE,
    ("numpy", "dtype"): _DTYPE,
}


class _Inert:
  """A name of the allow-list. Has no attributes that a pickle could set."""

  __slots__ = ("_name",)

  def __init__(self, name: str):
    self._name = name

  @property
  def is_array_type(self) -> bool:
    """Whether this stands for `numpy.ndarray`."""
    return self._name == _ARRAY_TYPE

  def __setstate__(self, state):
    raise pickle.UnpicklingError(f"it sets attributes of numpy's {self._name}")

  def __call__(self, *arguments):
    if self._name == _DTYPE:
      if not arguments or arguments[0] not in (b"u1", "u1", b"uint8", "uint8", b"|u1", "|u1"):
        raise pickle.UnpicklingError(f"it holds an array of dtype {arguments[:1]!r}; only uint8 is accepted")
      return _PickledDtype()
    if self._name == _RECONSTRUCT and isinstance(arguments[0], _Inert) and arguments[0].is_array_type:
      return _PickledArray()
    raise pickle.UnpicklingError(f"it calls numpy's {self._name} in a way that no official file does")


class _PickledDtype:
  """The uint8 dtype; its state (byte order, alignment) says nothing for single bytes."""

  __slots__ = ()

  def __setstate__(self, state):
    if not isinstance(state, tuple) or any(entry not in (None, 0, -1, 3, b"|", "|", False) for entry in state):
      raise pickle.UnpicklingError(f"its uint8 dtype has the unknown state {state!r}")


class _PickledArray:
  """Shape and bytes of an array, checked against each other."""

  __slots__ = ("array",)

  def __setstate__(self, state):
    try:
      _, shape, dtype, fortran_order, content = state
    except (TypeError, ValueError):
      raise pickle.UnpicklingError("its array has an unknown state") from None
    if isinstance(content, str):
      content = content.encode("latin1")
    if not isinstance(dtype, _PickledDtype) or not isinstance(content, bytes):
      raise pickle.UnpicklingError("its array is not made of plain uint8 bytes")
    if not isinstance(shape, tuple) or not all(type(size) is int and size >= 0 for size in shape):
      raise pickle.UnpicklingError(f"its array has the impossible shape {shape!r}")
    if math.prod(shape) != len(content):
      raise pickle.UnpicklingError(f"its array of shape {shape} has {len(content)} bytes")
    self.array = np.frombuffer(content, np.uint8).reshape(shape, order="F" if fortran_order else "C")


class _RestrictedUnpickler(pickle._Unpickler):  # pylint: disable=protected-access
  """Resolves the allow-list and nothing else.

  This is the unpickler written in Python: the one written in C allocates whatever memory a damaged memo index asks for.
  """

  def find_class(self, module, name):
    kind = _ALLOWED.get((module, name))
    if kind is None:
      raise pickle.UnpicklingError(
          f"it asks for '{module}.{name}', which no official file needs and which could execute code")
    return _Inert(kind)


def load_pickled_dictionary(path: str, remedy: str) -> dict[str, object]:
  """Reads a pickled dictionary of numbers, texts, lists and uint8 arrays.

  Args:
    path: the file.
    remedy: what the user should do about a bad file; ends every message.

  Returns:
    The dictionary with `str` keys; Python-2 strings in it are `bytes`; arrays are read-only uint8.

  Raises:
    DataError: the file cannot be read, is truncated or damaged, is not a dictionary, or asks for any name or dtype
      outside the allow-list, which is then named.
  """
  try:
    with open(path, "rb") as file:
      content = file.read()
  except OSError as error:
    raise stream.DataError(f"Cannot read {path}: {error.strerror}. {remedy}") from error
  try:
    loaded = _RestrictedUnpickler(io.BytesIO(content), encoding="bytes").load()
  except (pickle.UnpicklingError, EOFError, ValueError, TypeError, AttributeError, IndexError, KeyError, ImportError,
          OverflowError, MemoryError, RecursionError, AssertionError, struct.error) as error:
    # Damaged bytes surface as any of these, depending on the opcode they happen to form.
    raise stream.DataError(f"Refused to unpickle {path} ({len(content)} bytes): {error or type(error).__name__}. "
                           f"{remedy}") from error
  if not isinstance(loaded, dict):
    raise stream.DataError(f"{path} holds a {type(loaded).__name__}, not a dictionary. {remedy}")
  result = {}
  for key, value in loaded.items():
    key = key.decode("latin1") if isinstance(key, bytes) else key
    if isinstance(value, _PickledArray):
      if not hasattr(value, "array"):
        raise stream.DataError(f"{path}: the array under {key!r} has no content. {remedy}")
      value = value.array
    result[key] = value
  return result
