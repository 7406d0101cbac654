"""What every learner promises the trainer, checked on one short life of the learner.

A life is four visits on a tiny stream: the first task; the second task, with kills in its phases; the first task again;
the third task. The visits are shared by all checks and, one apart, not compiled, because making graphs and taking steps
is what costs.
"""

import dataclasses
import json
from collections.abc import Callable

import gin
import numpy as np
import tensorflow as tf

from benchmark.suites import bindings as bindings_lib, gin_text, learner_names
from lasem_tf.learners import base
from lasem_tf.nn import layers
from lasem_tf.training import steps
from tests import tiny_stream

# Learners that promise something about the answers for earlier tasks: how far a new task may move these.
ANSWERS_MOVE_AT_MOST = {"SingleTask": 0.0, "ProgressiveNetwork": 0.0, "ChannelGated": 0.0,
                        "PackNet": 0.0, "WinningSubnetworks": 0.0, "Supermasks": 0.0, "ModularNetwork": 0.0,
                        "AdditiveDecomposition": 1e-3}
# Files of such learners that give the promise up: APD that drops small adaptive weights.
PROMISES_NOTHING = ("apd_faithful",)
# Learners that go on training what belongs to earlier tasks alone: heads, or adaptive parts that follow shared ones.
TRAINS_OLD_PARTS = ("LearningWithoutForgetting", "ExperienceReplay", "AveragedGradientEpisodicMemory",
                    "AdditiveDecomposition", "Joint", "DarkExperienceReplay")

_NETWORK = (
    "experiment.stream = @Synthetic", "experiment.network = @ConvNetSpec()", "ConvNetSpec.image_shape = (8, 8, 3)",
    "ConvNetSpec.kernel_sizes = (3, 3, 3)", "ConvNetSpec.channels = (8, 8, 8)", "ConvNetSpec.pool_sizes = (1, 2, 2)",
    "ConvNetSpec.dense_sizes = (16,)", "ConvNetSpec.dropout_keep_probability = 0.8", "experiment.batch_size = 4",
    "experiment.epochs_per_task = 4", "experiment.learning_rate = 0.01")
# Macros that a stream's file binds.
_MACROS = (
    "DENSE_SIZES = (16,)", "TENSOR_FACTORS_DENSE_SIZES = (16,)", "PROTOCOL = 'clean'", "LAYER_GROUPS = (2, 1)",
    "DECONVOLUTION_SIZES = ((2, 3, 3, 5), (2, 4, 3, 4), (2, 3, 3, 5))", "EXPANSION_UNITS = 2")
# Learners whose initial weights keep the size of their inputs, which are large here: they err with confidence.
_CONFIDENT_AT_FIRST = ("Supermasks",)
# A grid of two shows what one of six does.
_SMALLER = {"mntdp": ("WEIGHT_DECAYS = (1e-4,)",)}
_STEPS_PER_EPOCH = 2
_OVERFITTING_STEPS = 200
# Rates of the check that a batch can be learned: that of RMSProp, and those of learners with another optimiser.
_OVERFITTING_RATE = 0.01
_OWN_OVERFITTING_RATES = {"HardAttention": 0.2, "DarkExperienceReplay": 0.2, "GradientProjection": 0.2}


@dataclasses.dataclass(frozen=True)
class Subject:
  """A learner's configuration on a tiny network.

  Attributes:
    name: of the learner.
    make: function (keyword arguments of `LearnerContext`) -> a fresh learner; needs gin's state as `load` left it.
    stream: what it learns.
    limit: how far a new task may move answers for earlier ones; None: anywhere.
  """

  name: str
  make: Callable[..., base.Learner]
  stream: tiny_stream.TinyStream
  limit: float | None = None


def load(name: str, bindings: tuple[str, ...] = ()) -> Subject:
  """Parses a learner's files, and replaces stream and network by tiny ones; further bindings void its promise."""
  source = learner_names.resolve(name)
  text = gin_text.Reader().read(source.files, (*source.bindings, *_NETWORK, *_SMALLER.get(name, ()), *bindings))
  bindings_lib.parse(text.render(), name)
  missing = [binding for binding in _MACROS if binding.split(" ")[0] not in text.values]
  gin.parse_config(missing)
  experiment = gin.get_configurable(bindings_lib.ROOT)()
  learner = experiment.learner.__name__
  stream = tiny_stream.TinyStream((3, 3, 3) if learner == "SingleNetwork" else (3, 2, 4), num_validation=12)

  def make(**overrides):
    context = experiment.learner_context(stream.num_classes, seed=0, examples=stream.examples,
                                         declared=("111", "011", "101"))
    # One phase, or one for each of many candidates: two epochs show all there is.
    if learner in ("Composed", "ModularNetwork"):
      context = dataclasses.replace(context, epochs_per_task=2)
    return experiment.learner(dataclasses.replace(context, **overrides))

  limit = None if bindings or name in PROMISES_NOTHING else ANSWERS_MOVE_AT_MOST.get(learner)
  return Subject(name, make, stream, limit)


class Saved:
  """What a checkpoint holds of a learner."""

  def __init__(self, learner: base.Learner, phase: base.Phase | None = None, phase_number: int = 0):
    self.structure = json.loads(json.dumps(learner.structure()))
    self.values = tiny_stream.values(learner.variables())
    self.state = tiny_stream.values(phase.state) if phase is not None else None
    self.phase_number = phase_number
    self.task, self.visit = learner.task, learner.visit

  def restore(self, learner: base.Learner) -> base.Phase | None:
    """Brings a fresh learner to where this was taken, in the trainer's order; returns the interrupted phase."""
    learner.restore_structure(self.structure)
    _assign(learner.variables(), self.values)
    learner.attach(self.task, self.visit)
    if self.state is None:
      return None
    phase = learner.next_phase(self.phase_number)
    _assign({**learner.variables()}, self.values)
    _assign(phase.state, self.state)
    return phase


def _assign(variables, arrays):
  assert sorted(variables) == sorted(arrays)
  for name, variable in variables.items():
    assert tuple(variable.shape) == arrays[name].shape and variable.dtype.as_numpy_dtype == arrays[name].dtype, name
    variable.assign(arrays[name])


class Life:
  """One learner, and what each check does with it. The checks are to be called in order."""

  def __init__(self, subject: Subject):
    self.subject, self.stream = subject, subject.stream
    self.learner = subject.make()
    self.class_name = type(self.learner).__name__

  # --- a first task ---------------------------------------------------------------------------------------------------

  def starts_at_chance(self) -> None:
    """An untrained learner knows nothing of its first task."""
    learner, task = self.subject.make(), self.stream.tasks[0]
    learner.begin_visit(task, 0)
    images, labels = (tf.concat(parts, axis=0) for parts in zip(task.train, task.validation))
    logits = learner.logits(images, 0)
    assert logits.shape == (24, 3)
    accuracy = np.mean(np.argmax(logits.numpy(), axis=1) == labels.numpy())
    assert accuracy <= 0.67
    if self.class_name not in _CONFIDENT_AT_FIRST:
      assert abs(float(layers.mean_cross_entropy(logits, labels)) - np.log(3)) < 0.7

  def overfits_one_batch(self) -> None:
    """Compiled as by the trainer, the phases together learn the only batch there is; the commit does not lose it."""
    task, rows = self.stream.tasks[0], np.arange(4)
    batch = tiny_stream.batch_of(task, [0, 1, 2, 4])
    task = dataclasses.replace(task, train=(batch.images, batch.labels))
    without_dropout = dataclasses.replace(self.learner.context.spec, dropout_keep_probability=1.0)
    learner = self.subject.make(spec=without_dropout, epochs_per_task=_OVERFITTING_STEPS)
    learner.begin_visit(task, 0)
    for number, phase in enumerate(tiny_stream.phases(learner)):
      learner.begin_epoch(0)
      before = tiny_stream.values(learner.variables())
      compiled = steps.CompiledPhase(phase, task, len(rows), loop=False)
      tiled = np.tile(rows, (phase.num_epochs, 1))
      seeds = np.stack([np.arange(phase.num_epochs), np.full(phase.num_epochs, number)], axis=1)
      results = compiled.run(tiled, seeds, tiled if phase.needs_validation_batch else None,
                             _OWN_OVERFITTING_RATES.get(self.class_name, _OVERFITTING_RATE))
      assert compiled.num_traces == 1
      assert np.isfinite(results["loss"]).all()
      _changed_only_what_was_declared(learner, phase, before)
      learner.end_epoch(phase.num_epochs - 1, 0.5)
    json.dumps(dict(learner.end_visit().details))
    predicted = np.argmax(learner.logits(batch.images, 0).numpy(), axis=1)
    np.testing.assert_array_equal(predicted, batch.labels.numpy())

  # --- checkpoints ----------------------------------------------------------------------------------------------------

  def checkpoint_is_complete(self) -> None:
    """Structure and variables alone give the same learner: names, shapes, answers, counts."""
    saved = Saved(self.learner)
    other = self.subject.make()
    saved.restore(other)
    assert other.structure() == self.learner.structure()
    assert other.learned_tasks == self.learner.learned_tasks
    assert other.num_parameters() == self.learner.num_parameters()
    self._same_answers(other)

  def _same_answers(self, other: base.Learner) -> None:
    for task_id in self.learner.learned_tasks:
      images = self.stream.tasks[task_id].validation[0]
      np.testing.assert_array_equal(self.learner.logits(images, task_id).numpy(), other.logits(images, task_id).numpy())

  # --- visits ---------------------------------------------------------------------------------------------------------

  def visit(self, task_id: int, number: int, kill: bool) -> None:
    """A whole visit: promises about earlier tasks hold and phases keep to what they declare.

    With `kill`, a run killed in the first or in the last phase goes on bit for bit.
    """
    learner = self.learner
    is_new = task_id not in learner.learned_tasks
    others = [other for other in learner.learned_tasks if other != task_id]
    images = {other: self.stream.tasks[other].validation[0] for other in others}
    answers = {other: learner.logits(images[other], other).numpy() for other in others}
    own_parts = self._own_parts(others)
    names = set(learner.variables())

    learner.begin_visit(self.stream.tasks[task_id], number)
    killed = self._train_to_the_end(learner, kill)
    json.dumps(learner.diagnostics())
    summary = learner.end_visit()
    json.dumps(dict(summary.details))
    assert isinstance(summary.details.get("mechanism_acted", False), bool)

    for other in others:
      if is_new and self.subject.limit is not None:
        np.testing.assert_allclose(learner.logits(images[other], other).numpy(), answers[other], rtol=0,
                                   atol=self.subject.limit)
    if self.class_name not in TRAINS_OLD_PARTS:
      for name, value in own_parts.items():
        if name in learner.variables():
          _same_prefix(learner.variables()[name].numpy(), value, name)
    assert is_new or set(learner.variables()) >= names
    for saved in killed:
      self._resumes(saved)

  def _own_parts(self, task_ids) -> dict[str, np.ndarray]:
    """Weights that belong to these tasks alone."""
    prefixes = tuple(f"task{task_id}/" for task_id in task_ids)
    return {name: value for name, value in tiny_stream.values(self.learner.variables()).items()
            if prefixes and name.startswith(prefixes)}

  def _train_to_the_end(self, learner, kill: bool, phase=None, number: int = 0, step: int = 0) -> list[Saved]:
    """All phases from step `step` of phase `number` on; returns what a kill in each of them would have left behind."""
    killed = []
    phase = phase or learner.next_phase(number)
    while phase is not None:
      total = phase.num_epochs * _STEPS_PER_EPOCH
      # In the middle of an epoch, and of the phase.
      stop_after = min(total - 1, (phase.num_epochs // 2) * _STEPS_PER_EPOCH + 1)
      while step < total:
        epoch, position = divmod(step, _STEPS_PER_EPOCH)
        if position == 0:
          learner.begin_epoch(epoch)
        before = tiny_stream.values(learner.variables())
        result = self._step(learner, phase, number, step)
        assert np.isfinite(float(result.loss))
        _changed_only_what_was_declared(learner, phase, before)
        step += 1
        if kill and step == stop_after:
          killed.append(Saved(learner, phase, number))
        if position == _STEPS_PER_EPOCH - 1 and learner.end_epoch(epoch, 0.1 * ((7 * number + epoch) % 10)):
          break
      number, step = number + 1, 0
      phase = learner.next_phase(number)
    return killed if len(killed) <= 2 or len(killed) == 4 else [killed[0], killed[-1]]

  def _step(self, learner, phase, number, step):
    rows = [(5 * number + 3 * step + i) % len(learner.task.train[1]) for i in range(4)]
    return phase.step(tiny_stream.batch_of(learner.task, rows),
                      tiny_stream.step_context(learner, 100 * number + step, phase=phase))

  def _resumes(self, saved: Saved) -> None:
    """A fresh learner, brought to where the run was killed, ends where the run ended."""
    other = self.subject.make()
    phase = saved.restore(other)
    step = min(phase.num_epochs * _STEPS_PER_EPOCH - 1, (phase.num_epochs // 2) * _STEPS_PER_EPOCH + 1)
    self._train_to_the_end(other, False, phase, saved.phase_number, step)
    other.end_visit()
    tiny_stream.assert_same(dict(sorted(tiny_stream.values(self.learner.variables()).items())),
                            dict(sorted(tiny_stream.values(other.variables()).items())))
    assert other.structure() == self.learner.structure()
    self._same_answers(other)

  def counts_grow_with_what_is_there(self) -> None:
    """Parameters are counted without copies; costs are positive."""
    learner = self.learner
    assert 0 < learner.num_parameters() <= sum(value.size for value in tiny_stream.values(learner.variables()).values())
    for task_id in range(3):
      assert learner.forward_macs(task_id) > 0
      assert learner.training_macs_per_image(task_id) > learner.forward_macs(task_id)
    assert learner.super_network_parameters() is None


def _changed_only_what_was_declared(learner, phase, before) -> None:
  declared = set(phase.trained) | set(phase.state)
  after = tiny_stream.values(learner.variables())
  changed = {name for name, value in before.items()
             if name in after and not (value.shape == after[name].shape and np.array_equal(value, after[name]))}
  assert changed <= declared, f"phase {phase.name} changed {sorted(changed - declared)}"


def _same_prefix(after: np.ndarray, before: np.ndarray, name: str) -> None:
  """Equal, apart from what was appended by growth."""
  assert all(new >= old for new, old in zip(after.shape, before.shape)), name
  np.testing.assert_array_equal(after[tuple(slice(size) for size in before.shape)], before, err_msg=name)
