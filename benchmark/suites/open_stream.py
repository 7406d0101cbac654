"""Streams by the name of their gin file, without a suite around them."""

from collections.abc import Callable, Sequence

import gin

from benchmark.suites import bindings as bindings_lib, catalogue, own_code
from benchmark.suites.gin_files import ConfigurationError, without_call
from benchmark.suites.gin_text import GinText, Reader
from lasem_tf.data import stream
from lasem_tf.nn import architecture

_STREAM, _NETWORK = f"{bindings_lib.ROOT}.stream", f"{bindings_lib.ROOT}.network"
_FIRST_TASKS = f"{bindings_lib.ROOT}.first_tasks"


def read(name: str, bindings: Sequence[str] = ()) -> GinText:
  """The text of a stream file, checked without importing what it names.

  Args:
    name: name of a file in `gin/streams`, or the path of another stream file.
    bindings: 'name.parameter = value' strings, which win over the file.

  Raises:
    ConfigurationError: no such file, a wrong binding, or a binding that the stream does not use.
  """
  reader = Reader()
  text = reader.read([name if name.endswith(".gin") else f"streams/{name}.gin"], bindings)
  if not isinstance(text.values.get(_STREAM), bindings_lib.Reference):
    raise ConfigurationError(f"Stream file {name!r} does not bind {_STREAM} to a class, such as @CIFAR100.")
  known = catalogue.of_modules(tuple(text.modules))
  bindings_lib.check_names(text.values, text.origins, known, is_complete=not text.modules)
  used = bindings_lib.reachable(text.values)
  bindings_lib.check_types(text.values, used, known)
  for bound in reader.read((), bindings).values:
    if bound not in used:
      raise ConfigurationError(bindings_lib.unused_message(bound, used))
  return text


def stream_class(name: str, bindings: Sequence[str] = ()) -> Callable[[stream.StreamContext], stream.TaskStream]:
  """What a stream file binds to `experiment.stream`, in gin's global state with all its parameters.

  Args:
    name: as `read`.
    bindings: as `read`.

  Returns:
    The class, to be called with a `StreamContext`.

  Raises:
    ConfigurationError: as `read`, or a module that the file imports fails.
  """
  text = read(name, bindings)
  bindings_lib.parse(text.render(), f"stream {name}")
  return gin.get_configurable(text.values[_STREAM].name)


def network(name: str, bindings: Sequence[str] = ()) -> architecture.ConvNetSpec | None:
  """The backbone that a stream's file binds; None where it binds none.

  Raises:
    ConfigurationError: as `stream_class`, or the network cannot be made.
  """
  stream_class(name, bindings)
  bound = bindings_lib.bound_values(gin.config_str()).get(_NETWORK)
  if not isinstance(bound, bindings_lib.Reference):
    return None
  try:
    with own_code.located():
      return gin.get_configurable(bound.name)()
  except (ValueError, TypeError, RuntimeError) as error:
    raise ConfigurationError(without_call(error)) from error


def load_stream(name: str, context: stream.StreamContext, bindings: Sequence[str] = ()) -> stream.TaskStream:
  """Opens a stream by name, with the first tasks that `experiment.first_tasks` leaves it.

  Args:
    name: as `stream_class`.
    context: seeds and folders.
    bindings: as `stream_class`.

  Raises:
    ConfigurationError: as `stream_class`, or a binding has a value that it cannot take.
    DataError: the raw data are missing, damaged or not what the configuration expects.
  """
  make = stream_class(name, bindings)
  bound = bindings_lib.bound_values(gin.config_str())
  try:
    with own_code.located():
      opened = make(context)
      opened.keep_first(bindings_lib.expand_macros(bound.get(_FIRST_TASKS), bound), _FIRST_TASKS)
    return opened
  except stream.DataError as error:
    raise stream.DataError(without_call(error)) from error
  except (ValueError, TypeError) as error:
    raise ConfigurationError(without_call(error)) from error
