"""What selection is: the decision which layers of a new task's network use shared knowledge.

A `Selection` serves a whole run and holds no state of a task. It either names one configuration for all tasks or begins
a `Search` for every new one, which holds all that is decided while the task is learned.
"""

import abc
import dataclasses
from collections.abc import Callable, Mapping, Sequence

import tensorflow as tf

from lasem_tf import types
from lasem_tf.nn import networks, workload
from lasem_tf.selection.configuration import TransferConfiguration


@dataclasses.dataclass(frozen=True)
class SelectionPhase:
  """One stretch of training a new task, as its search wants it.

  Attributes:
    name: for events and checkpoints.
    num_epochs: upper bound; `Search.end_epoch` may end it sooner.
    configuration: train this configuration alone; None: take search steps over both routes.
    restart: begin from the weights the task began with. What such a phase ends with is kept while its configuration is
      the choice. The first phase of a search restarts if any does.
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
    shared: names of the shared weights by layer, among those of `weights`.
  """

  network: networks.RoutedNetwork
  weights: Mapping[str, tf.Variable]
  penalty: Callable[[tf.Tensor], tf.Tensor | None]
  learning_rate: float
  shared: Mapping[int, Sequence[str]] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class SearchStep:
  """A compiled-able search step and what it must keep between steps.

  Attributes:
    run: function (images, labels, learning_rate, seed int32 [2], validation images, validation labels) -> (loss,
      metrics); computes and applies its updates. The validation pair is None unless the phase asks for it.
    state: variables by name that a resume needs, beside the weights and the search's own variables (slots).
  """

  run: Callable
  state: Mapping[str, tf.Variable]


@dataclasses.dataclass(frozen=True)
class SearchSummary:
  """What a search says about itself at its end, beside its choice.

  Attributes:
    peak_phase: the only phase whose epochs count for the peak accuracy of the task; None: all of them.
    details: JSON-able facts for the record.
  """

  peak_phase: str | None = None
  details: Mapping[str, object] = dataclasses.field(default_factory=dict)


class Search(abc.ABC):
  """The search for one new task's configuration. Everything it decides is in its variables and its structure."""

  @abc.abstractmethod
  def sharing(self) -> tf.Tensor:
    """The configuration to evaluate now, boolean `[depth]`, readable inside a graph that must follow it."""

  def choice(self) -> TransferConfiguration:
    """The configuration chosen so far."""
    return TransferConfiguration(tuple(self.sharing().numpy()))

  def next_phase(self, num_completed: int, num_epochs: int) -> SelectionPhase | None:
    """The phase after `num_completed` ended ones, or None; a function of state only, so that it can be asked again."""
    return SelectionPhase("search", num_epochs) if num_completed == 0 else None

  def step(self, problem: SearchProblem) -> SearchStep:
    """Makes the step of a phase that takes search steps."""
    raise NotImplementedError(f"{type(self).__name__} has no phase with search steps.")

  def begin_epoch(self, epoch: int) -> None:
    """Called before the first step of every epoch (0-based within the phase)."""
    del epoch

  def end_epoch(self, epoch: int, validation_accuracy: float) -> bool:
    """Called after an epoch and its validation; true ends the phase."""
    del epoch, validation_accuracy
    return False

  def summary(self) -> SearchSummary:
    """Asked once, when all phases have ended."""
    return SearchSummary()

  def diagnostics(self) -> dict:
    """JSON-able state of the search, for the events of an epoch."""
    return {"choice": str(self.choice())}

  def named_variables(self) -> dict[str, tf.Variable]:
    """Variables that a resume needs."""
    return {}

  def structure(self) -> dict:
    """JSON-able decisions that variables do not hold."""
    return {}

  def restore_structure(self, structure: dict) -> None:
    """Takes up what `structure` gave."""
    del structure


class Selection:
  """Chooses a transfer configuration for every new task. One instance serves one run.

  Attributes:
    searches: whether every new task is searched; if not, `configuration_of` tells.
    first_task_waits: the first task trains without a search, and the second one's search decides for both.
    lists_shared_twice_at_revisit: see `ReferenceBehaviour.darts_double_update_at_revisit`.
  """

  searches = True
  first_task_waits = False
  lists_shared_twice_at_revisit = False

  def bind(self, depth: int, reference: types.ReferenceBehaviour, num_tasks: int = 1, epochs_per_task: int = 1,
           seed: int = 0, learning_rate: float = 1.0, declared: tuple[str | None, ...] = ()) -> None:
    """Fits the selection to a run.

    Args:
      depth: number of convolutions of the network.
      reference: which released behaviour to reproduce.
      num_tasks: of the run.
      epochs_per_task: of training.
      seed: of the run, for draws of the selection's own.
      learning_rate: of the run, undecayed.
      declared: for every task the configuration that its stream declares best, as bits, or None.

    Raises:
      ValueError: the options do not fit the network, or the run would cost more than they allow.
    """
    self.depth, self.reference, self.seed, self.declared = depth, reference, seed, declared
    self.learning_rate = learning_rate
    self._check(num_tasks, epochs_per_task)

  def _check(self, num_tasks: int, epochs_per_task: int) -> None:
    """See `bind`; everything but the numbers of tasks and epochs is set."""
    del num_tasks, epochs_per_task

  def refuses_normalisation(self) -> str | None:
    """Why a network of it cannot have batch normalisation, as a sentence; None: it can."""
    return None

  def configuration_of(self, task_id: int) -> TransferConfiguration:
    """The configuration of a task that is not searched."""
    raise NotImplementedError(f"{type(self).__name__} searches.")

  def begin_search(self, task_id: int, num_epochs: int, adopted: Sequence[bool] = ()) -> Search:
    """A search for a new task.

    Args:
      task_id: of the task.
      num_epochs: that the task is to be trained for.
      adopted: for every layer, whether an earlier task relies on its shared weights; the others hold nothing learned.
    """
    raise NotImplementedError(f"{type(self).__name__} does not search.")

  def search_epochs(self, num_epochs: int) -> int:
    """Epochs of all phases of one search, at most, where a task is to be trained for `num_epochs`."""
    return num_epochs

  def training_macs(self, layer_macs: list[int], generation_macs: list[float], dense_macs: int) -> float:
    """Multiply-accumulate operations per image and epoch of learning a new task.

    Args:
      layer_macs: of one image's forward pass through every convolution.
      generation_macs: of making every layer's shared kernel, spread over the images of a mini-batch.
      dense_macs: of one image's forward pass through all dense layers.
    """
    return 3.0 * (sum(layer_macs) + sum(generation_macs) + dense_macs) - layer_macs[0]

  def workload(self, num_epochs: int) -> workload.Workload:
    """What learning a new task takes beside these operations.

    Args:
      num_epochs: that the task is to be trained for.
    """
    del num_epochs
    return workload.Workload()
