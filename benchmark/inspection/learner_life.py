"""What every learner promises the trainer, checked on one short life of the learner.

A life is four visits on a tiny stream: the first task; the second task, with kills in its phases; the first task again;
the third task. The visits are shared by all checks and, one apart, not compiled, because making graphs and taking steps
is what costs.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import tensorflow as tf

from benchmark.inspection import tiny_stream
from benchmark.inspection.requirement import ContractBroken, require, through_json
from benchmark.inspection.saved_learner import Saved
from benchmark.results import measures
from lasem_tf.learners import base
from lasem_tf.nn import layers
from lasem_tf.training import steps

_STEPS_PER_EPOCH = 2
_BATCH_ROWS = (0, 1, 2, 4)  # The only batch of the check that a batch can be learned.
_BATCH_STEPS = 150


@dataclasses.dataclass(frozen=True)
class Subject:
  """A learner's configuration on a tiny network.

  Attributes:
    name: of the learner.
    make: function (keyword arguments of `LearnerContext`) -> a fresh learner.
    stream: what it learns.
    learning_rates: of the check that a batch can be learned: one of them must do, for optimisers differ.
    confident_at_first: untrained answers may be wrong by far, as with initial weights that keep their inputs' size.
  """

  name: str
  make: Callable[..., base.Learner]
  stream: tiny_stream.TinyStream
  learning_rates: tuple[float, ...] = (0.01, 0.2, 0.001)
  confident_at_first: bool = False


def guarded(examples: Callable, made: Sequence[base.Learner]) -> Callable:
  """`LearnerContext.examples` for the learner that will be in `made`, which it refuses unless it declares its need."""

  def ask(task_id: int, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    require(not made or made[0].promises.stores_examples, "it asked LearnerContext.examples for training images of "
            f"task {task_id}, but its class does not declare promises.stores_examples")
    return examples(task_id, rows)

  return ask


class Life:
  """One learner, and what each check does with it. The checks are to be called in the order of `checks`."""

  def __init__(self, subject: Subject):
    self.subject, self.stream = subject, subject.stream
    self.learner = subject.make()

  def checks(self) -> Iterator[tuple[str, Callable[[], None]]]:
    """What is checked, in words, with the function that checks it and raises `ContractBroken`."""
    yield "before training the answers are guesses", self.starts_at_chance
    yield "compiled, its phases learn a single batch, and end_visit keeps that", self.learns_one_batch
    yield "a first task", lambda: self.visit(0, 0, kill=False)
    yield "structure() and variables() are a complete checkpoint", self.checkpoint_is_complete
    yield "a second task; a killed run ends where the whole one does", lambda: self.visit(1, 1, kill=True)
    yield "a complete checkpoint of two tasks", self.checkpoint_is_complete
    yield "the first task once more", lambda: self.visit(0, 2, kill=False)
    yield "a third task", lambda: self.visit(2, 3, kill=False)
    yield "a complete checkpoint of three tasks", self.checkpoint_is_complete
    yield "parameters and costs are counted", self.counts_grow_with_what_is_there

  # --- a first task ---------------------------------------------------------------------------------------------------

  def starts_at_chance(self) -> None:
    """An untrained learner knows nothing of its first task."""
    learner, task = self.subject.make(), self.stream.tasks[0]
    learner.begin_visit(task, 0)
    images, labels = (tf.concat(parts, axis=0) for parts in zip(task.train, task.validation))
    logits = learner.logits(images, 0)
    expected = (len(labels), task.info.num_classes)
    require(tuple(logits.shape) == expected, f"logits() has shape {tuple(logits.shape)}, not {expected}: a row for "
            "each image, a column for each class of the task")
    accuracy = np.mean(np.argmax(logits.numpy(), axis=1) == labels.numpy())
    require(accuracy <= 0.67, f"before any step it answers {accuracy:.0%} of {len(labels)} examples of 3 classes "
            "rightly: labels reach it on another way than through steps")
    loss = float(layers.mean_cross_entropy(logits, labels))
    require(self.subject.confident_at_first or abs(loss - np.log(3)) < 0.7,
            f"before any step its loss is {loss:.2f}, far from the ln 3 = 1.10 of a guess: its initial weights are "
            "too large")

  def learns_one_batch(self) -> None:
    """Compiled as by the trainer, the phases together learn the only batch there is; the commit does not lose it."""
    found = []
    for rate in self.subject.learning_rates:
      found.append(self._accuracy_on_one_batch(rate))
      if found[-1] == 1.0:
        return
    raise ContractBroken(f"after {_BATCH_STEPS} steps on the same {len(_BATCH_ROWS)} examples it answers "
                         f"{', '.join(f'{share:.0%}' for share in found)} of them rightly, with learning rates "
                         f"{', '.join(map(str, self.subject.learning_rates))}: steps do not apply their updates, or "
                         "end_visit() takes them back")

  def _accuracy_on_one_batch(self, learning_rate: float) -> float:
    task, rows = self.stream.tasks[0], np.arange(len(_BATCH_ROWS))
    batch = tiny_stream.batch_of(task, _BATCH_ROWS)
    task = dataclasses.replace(task, train=(batch.images, batch.labels))
    without_dropout = dataclasses.replace(self.learner.context.spec, dropout_keep_probability=1.0)
    learner = self.subject.make(spec=without_dropout, epochs_per_task=_BATCH_STEPS)
    learner.begin_visit(task, 0)
    for number, phase in enumerate(tiny_stream.phases(learner)):
      learner.begin_epoch(0)
      before = tiny_stream.values(learner.variables())
      compiled = steps.CompiledPhase(phase, task, len(rows), loop=True)
      tiled = np.tile(rows, (phase.num_epochs, 1))
      seeds = np.stack([np.arange(phase.num_epochs), np.full(phase.num_epochs, number)], axis=1)
      results = compiled.run(tiled, seeds, tiled if phase.needs_validation_batch else None, learning_rate)
      require(bool(np.isfinite(results["loss"]).all()), f"the loss of phase {phase.name!r} is not finite")
      _changed_only_what_was_declared(learner, phase, before)
      learner.measure_statistics()
      learner.end_epoch(phase.num_epochs - 1, 0.5)
    through_json(dict(learner.end_visit().details), "TaskSummary.details")
    return float(np.mean(np.argmax(learner.logits(batch.images, 0).numpy(), axis=1) == batch.labels.numpy()))

  # --- checkpoints ----------------------------------------------------------------------------------------------------

  def checkpoint_is_complete(self) -> None:
    """Structure and variables alone give the same learner: names, shapes, answers, counts."""
    other = self.subject.make()
    Saved(self.learner).restore(other)
    for what in ("structure", "num_parameters", "memory_floats"):
      then, now = getattr(self.learner, what)(), getattr(other, what)()
      require(then == now, f"{what}() is {then}, and {now} after a restore")
    require(other.learned_tasks == self.learner.learned_tasks, "learned_tasks differs after a restore")
    self._same_answers(other, "after a restore of structure() and variables()")

  def _same_answers(self, other: base.Learner, when: str) -> None:
    for task_id in self.learner.learned_tasks:
      images = self.stream.tasks[task_id].validation[0]
      apart = np.abs(self.learner.logits(images, task_id) - other.logits(images, task_id)).max()
      require(apart == 0.0, f"{when} logits of task {task_id} differ by up to {apart:.2g}: something that decides them "
              "is in neither structure() nor variables()")

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
    through_json(learner.diagnostics(), "diagnostics()")
    details = through_json(dict(learner.end_visit().details), "TaskSummary.details")
    acted = details.get("mechanism_acted", False)
    require(isinstance(acted, bool), f"TaskSummary.details['mechanism_acted'] is {acted!r}, neither true nor false")
    _memory_is_told(learner.memory_floats(), details)

    limit = learner.promises.answers_move_at_most
    for other in others if is_new and limit is not None else ():
      apart = np.abs(learner.logits(images[other], other) - answers[other]).max()
      require(apart <= limit, f"task {task_id} moved logits of task {other} by up to {apart:.2g}, but "
              f"promises.answers_move_at_most is {limit}")
    if not learner.promises.trains_old_parts:
      kept(own_parts, learner.variables(), f"task {task_id}")
    lost = set() if is_new else names - set(learner.variables())
    require(not lost, f"a task visited again removed {sorted(lost)} from variables()")
    for saved in killed:
      self._resumes(saved)

  def _own_parts(self, task_ids: list[int]) -> dict[str, np.ndarray]:
    """Weights that belong to these tasks alone."""
    prefixes = tuple(f"task{task_id}/" for task_id in task_ids)
    return {name: value for name, value in tiny_stream.values(self.learner.variables()).items()
            if prefixes and name.startswith(prefixes)}

  def _train_to_the_end(self, learner: base.Learner, kill: bool, phase: base.Phase | None = None, number: int = 0,
                        step: int = 0) -> list[Saved]:
    """All phases from step `step` of phase `number` on; returns what a kill in each of them would have left behind."""
    killed = []
    phase = phase or learner.next_phase(number)
    while phase is not None:
      total, stop_after = phase.num_epochs * _STEPS_PER_EPOCH, _middle(phase)
      while step < total:
        epoch, position = divmod(step, _STEPS_PER_EPOCH)
        if position == 0:
          learner.begin_epoch(epoch)
        looks = step in (0, total - 1)
        before = tiny_stream.values(learner.variables()) if looks else {}
        result = self._step(learner, phase, number, step)
        require(bool(np.isfinite(float(result.loss))), f"the loss of phase {phase.name!r} is not finite")
        _changed_only_what_was_declared(learner, phase, before)
        step += 1
        if kill and step == stop_after:
          killed.append(Saved(learner, phase, number))
        if position < _STEPS_PER_EPOCH - 1:
          continue
        learner.measure_statistics()
        if learner.end_epoch(epoch, 0.1 * ((7 * number + epoch) % 10)):
          break
      number, step = number + 1, 0
      phase = learner.next_phase(number)
    # Of several candidates the first and the last stand for all; phases of a method differ from each other.
    return killed if len(killed) <= 2 or len(killed) == 4 else [killed[0], killed[-1]]

  def _step(self, learner: base.Learner, phase: base.Phase, number: int, step: int) -> base.StepResult:
    rows = [(5 * number + 3 * step + i) % len(learner.task.train[1]) for i in range(4)]
    return phase.step(tiny_stream.batch_of(learner.task, rows),
                      tiny_stream.step_context(learner, 100 * number + step, phase=phase))

  def _resumes(self, saved: Saved) -> None:
    """A fresh learner, brought to where the run was killed, ends where the run ended."""
    other = self.subject.make()
    phase = saved.restore(other)
    assert phase is not None
    self._train_to_the_end(other, False, phase, saved.phase_number, _middle(phase))
    other.end_visit()
    when = f"a run killed in the middle of phase {phase.name!r} and continued"
    whole, continued = (tiny_stream.values(learner.variables()) for learner in (self.learner, other))
    require(set(whole) == set(continued), f"{when} has other variables(): {sorted(set(whole) ^ set(continued))}")
    apart = sorted(name for name, value in whole.items() if not np.array_equal(value, continued[name], equal_nan=True))
    require(not apart, f"{when} ends with other values of {', '.join(apart)}: what its steps depend on, beside the "
            "step's seed, must be in variables(), structure() or the phase's state")
    require(other.structure() == self.learner.structure(), f"{when} ends with another structure()")
    self._same_answers(other, when)

  def counts_grow_with_what_is_there(self) -> None:
    """Parameters are counted without copies; costs are positive."""
    learner = self.learner
    count = learner.num_parameters()
    held = sum(value.size for value in tiny_stream.values(learner.variables()).values())
    require(0 < count <= held, f"num_parameters() is {count}; variables() hold {held} scalars")
    for task_id in range(3):
      forward, training = learner.forward_macs(task_id), learner.training_macs_per_image(task_id)
      require(0 < forward < training, f"forward_macs({task_id}) is {forward} and training_macs_per_image({task_id}) "
              f"{training}; 0 < forward < training must hold")
    require(learner.super_network_parameters() is None, "super_network_parameters() is not None after end_visit()")


def _middle(phase: base.Phase) -> int:
  """Number of steps before a kill: in the middle of an epoch, and of the phase."""
  return min(phase.num_epochs * _STEPS_PER_EPOCH - 1, (phase.num_epochs // 2) * _STEPS_PER_EPOCH + 1)


def _memory_is_told(floats: float, details: Mapping[str, object]) -> None:
  """What is kept beside the model is an amount, and that which the summary names, where it does."""
  require(isinstance(floats, (int, float)) and not isinstance(floats, bool) and 0 <= floats < float("inf"),
          f"memory_floats() is {floats!r}, not a number of floats: 0 where nothing is kept beside the model")
  told = measures.kept_floats(details)
  require(told is None or told == floats, f"memory_floats() is {floats}, and TaskSummary.details name {told}")


def _changed_only_what_was_declared(learner: base.Learner, phase: base.Phase, before: Mapping[str, np.ndarray]) -> None:
  declared = set(phase.trained) | set(phase.state)
  after = learner.variables()
  changed = {name for name, value in before.items()
             if name in after and name not in declared and not np.array_equal(value, after[name].numpy())}
  require(not changed, f"a step of phase {phase.name!r} changed {', '.join(sorted(changed))}, in neither Phase.trained "
          "nor Phase.state")


def kept(before: Mapping[str, np.ndarray], variables: Mapping[str, tf.Variable], visit: str) -> None:
  """Equal, apart from what was appended by growth."""
  for name, value in before.items():
    if name in variables:
      now = variables[name].numpy()
      prefix = now[tuple(slice(size) for size in value.shape)]
      require(prefix.shape == value.shape and np.array_equal(prefix, value), f"{visit} changed {name}, which belongs "
              "to another task; if that is meant, declare promises.trains_old_parts")
