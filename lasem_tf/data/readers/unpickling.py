"""Reads the pickles of the CIFAR archives without running them.

A pickle is a program, and Python's unpickler executes it: it allocates memory before reading, hashes nested keys in
exponential time, and calls any function that is named. The official files need about thirty opcodes and three names to
rebuild one uint8 array. This module interprets only these: lengths are compared with the bytes that are left, keys are
texts, and the three names stand for objects that record their arguments, so no function of NumPy is called.
"""

import pickle
import pickletools
import struct
from collections.abc import Callable

from lasem_tf.data import sources, stream
from lasem_tf.data.readers import pickled_arrays

MAX_OPERATIONS = 5_000_000  # `train` of CIFAR-100 takes about 350,000.
_PROTOCOLS = ("A set of your own must be written by pickle.dump with protocol=4 (Python 3) or protocol=2 (Python 2) "
              "and hold texts, integers, lists and uint8 arrays only.")


class _Interpreter:
  """Interprets the opcodes of the allow-list, in time and memory linear in the number of bytes."""

  def __init__(self, content: bytes):
    self._content = content
    self._position = 0
    self._stack: list = []
    self._marks: list[int] = []
    self._memo: dict[int, object] = {}

  def run(self) -> object:
    """What the pickle holds.

    Raises:
      UnpicklingError, ValueError, LookupError: the pickle is damaged, or does what no official file does.
    """
    for _ in range(MAX_OPERATIONS):
      opcode = self._take(1)
      if opcode == pickle.STOP:
        return self._pop()
      operation = _OPERATIONS.get(opcode)
      if operation is None:
        raise pickle.UnpicklingError(_description(opcode))
      operation(self)
    raise pickle.UnpicklingError(f"it takes more than {MAX_OPERATIONS} operations")

  def _take(self, size: int) -> bytes:
    end = self._position + size
    if size < 0 or end > len(self._content):
      raise pickle.UnpicklingError(f"it ends at byte {len(self._content)}, inside a value")
    taken = self._content[self._position:end]
    self._position = end
    return taken

  def _number(self, layout: str):
    return struct.unpack(layout, self._take(struct.calcsize(layout)))[0]

  def _line(self) -> str:
    end = self._content.index(b"\n", self._position)
    return self._take(end + 1 - self._position)[:-1].decode()

  def _pop(self) -> object:
    if len(self._stack) <= (self._marks[-1] if self._marks else 0):
      raise pickle.UnpicklingError("it takes a value that it has not stored")
    return self._stack.pop()

  def _pop_to_mark(self) -> list:
    if not self._marks:
      raise pickle.UnpicklingError("it ends a sequence that it has not begun")
    start = self._marks.pop()
    values = self._stack[start:]
    del self._stack[start:]
    return values

  def _top(self, kind: type):
    if not self._stack or not isinstance(self._stack[-1], kind):
      raise pickle.UnpicklingError(f"it adds to something that is no {kind.__name__}")
    return self._stack[-1]

  # One method for each kind of opcode.

  def push(self, value: object) -> None:
    """Stores a value."""
    self._stack.append(value)

  def push_number(self, layout: str) -> None:
    """Stores a number of this layout (see `struct`)."""
    self.push(self._number(layout))

  def push_long(self) -> None:
    """Stores an integer of up to 255 bytes."""
    self.push(int.from_bytes(self._take(self._number("<B")), "little", signed=True))

  def push_bytes(self, layout: str) -> None:
    """Stores bytes, whose number comes first in this layout."""
    self.push(self._take(self._number(layout)))

  def push_text(self, layout: str) -> None:
    """Stores a text, whose number of bytes comes first in this layout."""
    self.push(self._take(self._number(layout)).decode("utf8", "surrogatepass"))

  def push_tuple(self, size: int | None) -> None:
    """Makes the last values a tuple: `size` of them, or those since the mark."""
    self.push(tuple(self._pop_to_mark() if size is None else reversed([self._pop() for _ in range(size)])))

  def mark(self) -> None:
    """Remembers where a sequence of values begins."""
    self._marks.append(len(self._stack))

  def append(self, is_many: bool) -> None:
    """Adds the last value, or those since the mark, to the list below."""
    values = self._pop_to_mark() if is_many else [self._pop()]
    self._top(list).extend(values)

  def set_items(self, is_many: bool) -> None:
    """Adds the last key and value, or those since the mark, to the dictionary below."""
    values = self._pop_to_mark() if is_many else [self._pop(), self._pop()][::-1]
    keys = values[::2]
    if len(values) % 2 or not all(isinstance(key, (str, bytes)) for key in keys):
      raise pickle.UnpicklingError("it holds a dictionary whose keys are not texts")
    self._top(dict).update(zip(keys, values[1::2]))

  def push_name(self, on_stack: bool) -> None:
    """Stores what stands for a name of the allow-list."""
    name, module = (self._pop(), self._pop()) if on_stack else (self._line(), self._line())[::-1]
    self.push(pickled_arrays.Name.find(module, name))

  def call(self) -> None:
    """Calls the name below with the tuple on top."""
    arguments, name = self._pop(), self._pop()
    if not isinstance(name, pickled_arrays.Name) or not isinstance(arguments, tuple):
      raise pickle.UnpicklingError(f"it calls a {type(name).__name__}, which is not callable")
    self.push(name.call(arguments))

  def build(self) -> None:
    """Gives the last value as state to the array or dtype below."""
    state = self._pop()
    target = self._pop()
    if not isinstance(target, (pickled_arrays.Dtype, pickled_arrays.Array)):
      raise pickle.UnpicklingError("it sets attributes of something that is no array")
    target.build(state)
    self.push(target)

  def push_remembered(self, layout: str) -> None:
    """Stores a value again."""
    self.push(self._memo[self._number(layout)])

  def remember(self, layout: str | None) -> None:
    """Notes the last value under a number, or under the next one."""
    self._memo[len(self._memo) if layout is None else self._number(layout)] = self._top(object)

  def skip(self, size: int) -> None:
    """Passes over what only a streaming reader needs."""
    self._take(size)


_OPERATIONS: dict[bytes, Callable[[_Interpreter], None]] = {
    pickle.PROTO: lambda machine: machine.skip(1),
    pickle.FRAME: lambda machine: machine.skip(8),
    pickle.NONE: lambda machine: machine.push(None),
    pickle.NEWTRUE: lambda machine: machine.push(True),
    pickle.NEWFALSE: lambda machine: machine.push(False),
    pickle.BININT: lambda machine: machine.push_number("<i"),
    pickle.BININT1: lambda machine: machine.push_number("<B"),
    pickle.BININT2: lambda machine: machine.push_number("<H"),
    pickle.BINFLOAT: lambda machine: machine.push_number(">d"),
    pickle.LONG1: lambda machine: machine.push_long(),
    pickle.BINSTRING: lambda machine: machine.push_bytes("<i"),
    pickle.SHORT_BINSTRING: lambda machine: machine.push_bytes("<B"),
    pickle.BINBYTES: lambda machine: machine.push_bytes("<I"),
    pickle.SHORT_BINBYTES: lambda machine: machine.push_bytes("<B"),
    pickle.BINUNICODE: lambda machine: machine.push_text("<I"),
    pickle.SHORT_BINUNICODE: lambda machine: machine.push_text("<B"),
    pickle.EMPTY_DICT: lambda machine: machine.push({}),
    pickle.EMPTY_LIST: lambda machine: machine.push([]),
    pickle.EMPTY_TUPLE: lambda machine: machine.push(()),
    pickle.MARK: lambda machine: machine.mark(),
    pickle.TUPLE: lambda machine: machine.push_tuple(None),
    pickle.TUPLE1: lambda machine: machine.push_tuple(1),
    pickle.TUPLE2: lambda machine: machine.push_tuple(2),
    pickle.TUPLE3: lambda machine: machine.push_tuple(3),
    pickle.APPEND: lambda machine: machine.append(is_many=False),
    pickle.APPENDS: lambda machine: machine.append(is_many=True),
    pickle.SETITEM: lambda machine: machine.set_items(is_many=False),
    pickle.SETITEMS: lambda machine: machine.set_items(is_many=True),
    pickle.GLOBAL: lambda machine: machine.push_name(on_stack=False),
    pickle.STACK_GLOBAL: lambda machine: machine.push_name(on_stack=True),
    pickle.REDUCE: lambda machine: machine.call(),
    pickle.BUILD: lambda machine: machine.build(),
    pickle.BINGET: lambda machine: machine.push_remembered("<B"),
    pickle.LONG_BINGET: lambda machine: machine.push_remembered("<I"),
    pickle.BINPUT: lambda machine: machine.remember("<B"),
    pickle.LONG_BINPUT: lambda machine: machine.remember("<I"),
    pickle.MEMOIZE: lambda machine: machine.remember(None),
}


def load_pickled_dictionary(path: str, remedy: str) -> dict[str, object]:
  """Reads a pickled dictionary of numbers, texts, lists and uint8 arrays.

  Args:
    path: the file.
    remedy: what the user should do about a bad file; ends every message.

  Returns:
    The dictionary with `str` keys; Python-2 strings in it are `bytes`; arrays are read-only uint8.

  Raises:
    DataError: the file cannot be read, is too large, truncated or damaged, is not a dictionary, or asks for an opcode,
      name or dtype outside the allow-list, which is then named.
  """
  content = sources.read_bytes(path, pickled_arrays.MAX_BYTES, remedy)
  try:
    loaded = _Interpreter(content).run()
  except (pickle.UnpicklingError, ValueError, LookupError) as error:
    # Damaged bytes surface as any of these, depending on the opcode they happen to form.
    reason = pickled_arrays.shown(error, 300)
    raise stream.DataError(
        f"Refused to unpickle {path} ({len(content)} bytes): {reason}. {remedy} {_PROTOCOLS}") from error
  if not isinstance(loaded, dict):
    raise stream.DataError(f"{path} holds a {type(loaded).__name__}, not a dictionary. {remedy}")
  result = {}
  for key, value in loaded.items():
    name = key.decode("latin1") if isinstance(key, bytes) else key
    if isinstance(value, pickled_arrays.Array):
      if value.array is None:
        raise stream.DataError(f"{path}: the array under {pickled_arrays.shown(name)!r} has no content. {remedy}")
      value = value.array
    result[name] = value
  return result


def _description(opcode: bytes) -> str:
  """Why an opcode is refused, in the words of Python's own table."""
  known = next((found for found in pickletools.opcodes if found.code.encode("latin1") == opcode), None)
  if known is None:
    return f"byte {opcode.hex()} is no opcode"
  return f"it holds the opcode {known.name} ({known.doc.strip().splitlines()[0]}), which no official file needs"
