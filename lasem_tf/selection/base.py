"""What selection is: the decision which layers of a new task's network use shared knowledge."""

import abc
import dataclasses
from collections.abc import Callable, Mapping

import tensorflow as tf

from lasem_tf import types
from lasem_tf.nn import networks
from lasem_tf.selection.configuration import TransferConfiguration


@dataclasses.dataclass(frozen=True)
class SelectionPhase:
  """One stretch of training a new task, as the selection wants it.

  Attributes:
    name: for events and checkpoints.
    num_epochs: upper bound; `end_epoch` may end it sooner.
    configuration: train this configuration alone; None: take search steps over both routes.
    restart: begin from the weights the task began with; what the phase ends with is kept if `Selection.leads` says so.
    needs_validation_batch: the search step reads a validation batch.
  """

  name: str
  num_epochs: int
  configuration: TransferConfiguration | None = None
  restart: bool = False
  needs_validation_batch: bool = False


@dataclasses.dataclass(frozen=True)
class SearchProblem:
  """What a search step works on: one new task's network with both routes in every layer.

  Attributes:
    network: the network.
    weights: the trainable weights by name, in a fixed order.
    penalty: function sharing `[depth]` -> scalar or None, what the knowledge adds to the loss.
    learning_rate: the undecayed learning rate (DARTS' unrolled step as released uses it).
  """

  network: networks.RoutedNetwork
  weights: Mapping[str, tf.Variable]
  penalty: Callable[[tf.Tensor], tf.Tensor | None]
  learning_rate: float


@dataclasses.dataclass(frozen=True)
class SearchStep:
  """A compiled-able search step and what it must keep between steps.

  Attributes:
    run: function (images, labels, learning_rate, seed int32 [2], validation images, validation labels) -> (loss,
      metrics); computes and applies its updates. The validation pair is None unless the phase asks for it.
    state: variables by name that a resume needs, beside the weights and the selection's own variables (slots).
  """

  run: Callable
  state: Mapping[str, tf.Variable]


class Selection(abc.ABC):
  """Chooses a transfer configuration for every new task. One instance serves one run.

  Attributes:
    searches: whether a new task has both routes in every layer while it is learned.
    searches_first_task: whether this holds for the first task, too; if not, that task waits for the second one's
      choice.
    restarts: whether phases restart.
    lists_shared_twice_at_revisit: see `ReferenceBehaviour.darts_double_update_at_revisit`.
  """

  searches = True
  searches_first_task = True
  restarts = False
  lists_shared_twice_at_revisit = False

  def bind(self, depth: int, reference: types.ReferenceBehaviour, seed: int = 0) -> None:
    """Fits the selection to a network; raises ValueError where it does not fit. The seed is that of its own draws."""
    self.depth, self.reference, self.seed = depth, reference, seed
    self._check()

  def _check(self) -> None:
    """Raises ValueError if the options do not fit the depth."""

  def check_cost(self, num_tasks: int, epochs_per_task: int) -> None:
    """Raises ValueError if a run would cost more than the options allow."""
    del num_tasks, epochs_per_task

  def search_epochs(self, num_epochs: int) -> int:
    """Epochs of all phases of one new task, at most, where a task is to be trained for `num_epochs`."""
    return num_epochs

  @abc.abstractmethod
  def begin_task(self, task_id: int, num_epochs: int) -> None:
    """A new task begins: forget the last choice, create this task's variables."""

  @abc.abstractmethod
  def choice(self) -> TransferConfiguration:
    """The configuration chosen so far for the task being learned."""

  def sharing(self) -> tf.Tensor:
    """The same as a boolean tensor `[depth]`, readable inside a graph that must follow the choice."""
    return tf.constant(self.choice().bits)

  def next_phase(self, num_completed: int, num_epochs: int) -> SelectionPhase | None:
    """The phase after `num_completed` ended ones, or None; a function of state only, so that it can be asked again."""
    return SelectionPhase("search", num_epochs) if num_completed == 0 else None

  def search_step(self, problem: SearchProblem) -> SearchStep:
    """Makes the step of a search phase."""
    raise ValueError(f"{type(self).__name__} does not search.")

  def begin_epoch(self, epoch: int) -> None:
    """Called before the first step of every epoch of a search phase (0-based within the phase)."""

  def end_epoch(self, epoch: int, validation_accuracy: float) -> bool:
    """Called after an epoch and its validation; true ends the phase."""
    del epoch, validation_accuracy
    return False

  def leads(self) -> bool:
    """Asked at the end of a phase that restarted: whether its weights are the best so far and must be kept."""
    return False

  def peak_phase(self) -> str | None:
    """The only phase whose epochs count for the peak accuracy of the task just learned, or None: all of them."""
    return None

  def named_variables(self) -> dict[str, tf.Variable]:
    """Variables of the task being learned that a resume needs."""
    return {}

  def diagnostics(self) -> dict:
    """JSON-able state of the search, for the events of an epoch."""
    return {}

  def structure(self) -> dict:
    """JSON-able decisions that a resume needs before variables are rebuilt."""
    return {}

  def restore_structure(self, structure: dict) -> None:
    """Takes up what `structure` gave; called after `begin_task`."""

  def training_macs(self, layer_macs: list[int], generation_macs: list[float], dense_macs: int) -> float:
    """Multiply-accumulate operations per image and epoch of learning a new task.

    Args:
      layer_macs: of one image's forward pass through every convolution.
      generation_macs: of making every layer's shared kernel, spread over the images of a mini-batch.
      dense_macs: of one image's forward pass through all dense layers.
    """
    return 3.0 * (sum(layer_macs) + sum(generation_macs) + dense_macs) - layer_macs[0]
