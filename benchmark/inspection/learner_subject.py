"""Learners as gin files configure them, on a tiny network and stream."""

import dataclasses
from collections.abc import Sequence

import gin

from benchmark.inspection import learner_life, tiny_stream
from benchmark.inspection.learner_life import Subject
from benchmark.suites import bindings as bindings_lib, catalogue, learner_names, own_code
from benchmark.suites.bindings import ConfigurationError
from benchmark.suites.gin_text import GinText, Reader
from lasem_tf.learners import base

_LEARNER = f"{bindings_lib.ROOT}.learner"
_NUM_CLASSES, _EQUAL_CLASSES = (3, 2, 4), (3, 3, 3)
_DEPTH, _EPOCHS = 3, 4
_DECONVOLUTION_SIZES = ((2, 3, 3, 5), (2, 4, 3, 4), (2, 3, 3, 5))


def _network(depth: int, epochs: int) -> tuple[str, ...]:
  """Bindings for a network of so many convolutions, which win over those of a learner's files."""
  return (
      "experiment.stream = @Synthetic", "experiment.network = @ConvNetSpec()", "ConvNetSpec.image_shape = (8, 8, 3)",
      f"ConvNetSpec.kernel_sizes = {(3,) * depth}", f"ConvNetSpec.channels = {(8,) * depth}",
      f"ConvNetSpec.pool_sizes = {(1, 2, 2)[-depth:]}", "ConvNetSpec.dense_sizes = (16,)",
      "ConvNetSpec.dropout_keep_probability = 0.8", "experiment.batch_size = 4",
      f"experiment.epochs_per_task = {epochs}", "experiment.learning_rate = 0.01")


def _macros(depth: int) -> dict[str, str]:
  """What a stream's file would bind."""
  return {"DENSE_SIZES": "(16,)", "TENSOR_FACTORS_DENSE_SIZES": "(16,)", "PROTOCOL": "'clean'",
          "LAYER_GROUPS": f"({depth - 1}, 1)", "DECONVOLUTION_SIZES": str(_DECONVOLUTION_SIZES[:depth]),
          "EXPANSION_UNITS": "2"}


def _declared(depth: int) -> tuple[str, ...]:
  """What a stream with planted structure would declare: all layers, all but the first one, all but the last one."""
  return "1" * depth, "0" + "1" * (depth - 1), "1" * (depth - 1) + "0"


def of_name(name: str, bindings: Sequence[str] = (), depth: int = _DEPTH, epochs: int = _EPOCHS) -> Subject:
  """A learner by name; see `learner_names`.

  Args:
    name: of the learner.
    bindings: 'name.parameter = value' strings, which win over its files.
    depth: number of convolutions, 2 or 3.
    epochs: of a visit.

  Raises:
    ConfigurationError: no learner has this name, or a binding is wrong.
  """
  source = learner_names.resolve(name)
  return _subject(name, Reader().read(source.files, (*source.bindings, *_network(depth, epochs), *bindings)), depth)


def of_file(path: str, bindings: Sequence[str] = ()) -> Subject:
  """The learner that a gin file binds to `experiment.learner`; see `of_name`.

  Raises:
    ConfigurationError: the file is not there, binds no learner, or a binding is wrong or unused.
  """
  reader = Reader()
  text = reader.read([path], (*_network(_DEPTH, _EPOCHS), *bindings))
  if not isinstance(text.values.get(_LEARNER), bindings_lib.Reference):
    raise ConfigurationError(f"{path} does not bind {_LEARNER} to a class, such as @FrozenTrunk: name a file of a "
                             "learner, as gin/learners holds them, not a suite or a stream.")
  _check(text, reader.read((), bindings))
  return _subject(path, text, _DEPTH)


def _check(text: GinText, own: GinText) -> None:
  """Refuses names that nothing has, wrong types, and bindings `own` of the command line that nothing uses."""
  known = catalogue.of_modules(tuple(text.modules))
  bindings_lib.check_names(text.values, text.origins, known, is_complete=not text.modules)
  filled = _with_macros(text, _DEPTH)
  used = bindings_lib.reachable(filled.values)
  bindings_lib.check_types(filled.values, used, known)
  for name in own.values:
    if name not in used:
      raise ConfigurationError(bindings_lib.unused_message(name, used))


def _with_macros(text: GinText, depth: int) -> GinText:
  missing = [f"{macro} = {value}" for macro, value in _macros(depth).items() if macro not in text.values]
  return Reader().read((), missing, after=text)


def _subject(name: str, text: GinText, depth: int) -> Subject:
  bindings_lib.parse(_with_macros(text, depth).render(), name)
  with own_code.located(f"{name}: "):
    experiment = gin.get_configurable(bindings_lib.ROOT)()

  def make(**overrides) -> base.Learner:
    made: list[base.Learner] = []
    examples = learner_life.guarded(stream.examples, made)
    context = experiment.learner_context(stream.num_classes, seed=0, examples=examples, declared=_declared(depth))
    made.append(experiment.learner(dataclasses.replace(context, **overrides)))
    return made[0]

  stream = tiny_stream.TinyStream(_EQUAL_CLASSES, num_validation=12)
  with own_code.located(f"{name}: "):
    learner = make()
  if not learner.promises.equal_classes:
    stream = tiny_stream.TinyStream(_NUM_CLASSES, num_validation=12)
  return Subject(name, make, stream)
