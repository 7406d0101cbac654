"""What a visit and a run measured: the only list of a result's fields. No TensorFlow.

The checks of records and their JSON Schema are derived from the annotations here (`benchmark.results.json_types`): a
field with a default came later than the format, so that older records lack it.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal


@dataclasses.dataclass(frozen=True)
class Limits:
  """Of a number, or of the length of a text."""

  least: float
  most: float


@dataclasses.dataclass(frozen=True)
class Pattern:
  """Regular expression that the whole of a text matches."""

  expression: str


@dataclasses.dataclass(frozen=True)
class Entries:
  """Length of a list in a completed run.

  Attributes:
    each: of what the list has one entry.
    padded: None stands for a visit that did not end, so that the list of a completed run holds none.
  """

  each: Literal["visit", "task"]
  padded: bool = False


Status = Literal["completed", "diverged", "failed"]
Scenario = Literal["task_incremental", "class_incremental"]
Text = Annotated[str, Limits(0, 10_000)]
Bits = Annotated[str, Pattern("[01]+")]
# Sums and squares of such numbers are finite, and 64 bits hold such integers.
Count = Annotated[int, Limits(0, 10**18)]
Amount = Annotated[float, Limits(0, 1e18)]
Fraction = Annotated[float, Limits(0, 1)]
Row = Annotated[list[Fraction | None], Entries("task")]


@dataclasses.dataclass(frozen=True, kw_only=True)
class VisitResult:
  """What a visit that has ended measured; JSON-able.

  Attributes:
    accuracies: test accuracy of every task after the commit, None for tasks not learned yet.
    before_commit: the same before it; None where the commit changed no weights.
    at_best_validation: test accuracy at the visit's first epoch of the best validation accuracy.
    configuration: chosen transfer configuration as bits; None without one.
    parameters: of the committed model.
    super_network: during a search; None without one.
    training_macs_per_image: multiply-accumulate operations of one image of one epoch's training.
    learner_summary: details of the learner.
    seconds: wall time of this visit: {'training', 'evaluation', 'other'}.
    validation_accuracies: as `accuracies`, of the validation examples; None in checkpoints of older versions.
    over_all_heads: as `accuracies`, in the class-incremental scenario; None in the other.
  """

  accuracies: list[float | None]
  before_commit: list[float | None] | None
  at_best_validation: float
  configuration: str | None
  parameters: int
  super_network: int | None
  training_macs_per_image: float
  learner_summary: dict[str, Any]
  seconds: dict[str, float]
  validation_accuracies: list[float | None] | None = None
  over_all_heads: list[float | None] | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class StreamFacts:
  """The stream that was learned.

  Attributes:
    name: of its configuration.
    display_name: for people; says where data are unofficial.
    protocol: what the stream tells of how its tasks were made; null where the run failed before it was known.
    design_fingerprint: of what all trials share.
    data_fingerprint: of the examples.
    task_order: task of every visit.
    counts: examples of every task, by split.
    num_classes: of every task.
  """

  name: Text
  display_name: Annotated[str, Limits(1, 200)]
  protocol: dict[str, Any] | None
  design_fingerprint: Text
  data_fingerprint: Text
  task_order: list[Count]
  counts: dict[str, list[Count]]
  num_classes: list[Count]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Accuracies:
  """Test accuracies as fractions.

  Attributes:
    after_visit: of every task after every visit's commit; null for tasks not learned yet.
    before_commit: the same before the commit; null for visits where it changed no weights, and if it never did.
    at_best_validation: of every visit's task, at the first epoch of the best validation accuracy.
  """

  after_visit: Annotated[list[Row], Entries("visit")]
  before_commit: Annotated[list[Row | None], Entries("visit")] | None
  at_best_validation: Annotated[list[Fraction | None], Entries("visit", padded=True)]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Parameters:
  """Numbers of parameters.

  Attributes:
    after_visit: of the committed model after every visit.
    super_network: the largest number during a search; null without one.
  """

  after_visit: Annotated[list[Count | None], Entries("visit", padded=True)]
  super_network: Count | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Measured:
  """What a lifetime measured: equal bit for bit whenever the run is repeated on the same kind of machine; JSON-able.

  Attributes:
    status: how the run ended; of a diverged run, entries of visits that did not end are null.
    reason: why it did not complete; null if it did.
    accuracy: test accuracies.
    configurations: chosen transfer configuration of every task as bits; null without one.
    parameters: numbers of parameters.
    forward_macs_committed: multiply-accumulate operations of one image's forward pass, by task.
    training_macs_per_image: the same for one image of one epoch's training, by visit.
    learner_summary: details of the learner, by visit.
    validation_accuracy: as `accuracy.after_visit`, of the validation examples; null or missing where an older version
      trained some visit.
    over_all_heads: as `accuracy.after_visit`, by the largest logit over the heads of all tasks learned so far; null or
      missing in the task-incremental scenario.
  """

  status: Status
  reason: Text | None
  accuracy: Accuracies
  configurations: Annotated[list[Bits | None], Entries("task")]
  parameters: Parameters
  forward_macs_committed: Annotated[list[Amount | None], Entries("task", padded=True)]
  training_macs_per_image: Annotated[list[Amount | None], Entries("visit", padded=True)]
  learner_summary: Annotated[list[dict[str, Any] | None], Entries("visit", padded=True)]
  validation_accuracy: Annotated[list[Row], Entries("visit")] | None = None
  over_all_heads: Annotated[list[Row], Entries("visit")] | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tuning:
  """How the hyper-parameters of a method were chosen, or are to be; equal for trials and for what was chosen by them.

  Attributes:
    protocol: 'first_tasks' of other seeds, 'own_stream' for another stream, or 'end_of_stream', which is optimistic.
    num_trials: variants that were tried for the method, each with every seed.
    variants: their names, in the grid's order; with a sampler as they were suggested, in the record of a trial those of
      its round and the rounds before.
    seeds: of the trials.
    num_tasks: that a trial visits, the first ones; null for all.
    stream: of the trials, where it is another one; else null.
    margin: trials whose mean validation accuracy right after learning is so near to the best are told apart by their
      final validation accuracy.
    sampler: name of what suggested the variants; null or missing where they are a grid.
    sampler_seed: of it; null or missing for a grid.
    round_size: how many it suggested at once, before it was told their scores; null or missing for a grid.
    space: what it drew from: values or a range by binding, as gin writes them; null or missing for a grid.
  """

  protocol: Literal["first_tasks", "own_stream", "end_of_stream"]
  num_trials: Count
  variants: list[Text]
  seeds: list[int]
  num_tasks: Count | None
  stream: Text | None
  margin: Fraction
  sampler: Text | None = None
  sampler_seed: Count | None = None
  round_size: Count | None = None
  space: dict[str, Text] | None = None

  @classmethod
  def from_json(cls, values: Mapping[str, Any] | None) -> "Tuning | None":
    """What a record or a plan says; entries that this version does not know are left out."""
    known = {field.name for field in dataclasses.fields(cls)}
    return cls(**{name: value for name, value in values.items() if name in known}) if values else None


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunResult(Measured):
  """The `result` of a run's record.

  Attributes:
    stream: what was learned.
    learner: name of the learner's configuration.
    scale: name of the scale's configuration.
    seed: the trial.
    configuration_hash: of everything that decides the result, seed aside.
    variant: values by binding, as gin writes them, in which the learner differs from the one it is a variant of; null
      or missing where it is none.
    tuning: how hyper-parameters were chosen; null or missing where they were not.
    scenario: 'task_incremental': the task of every test image is known, and each task has a head of its own; so it is
      in older records, which lack the field. 'class_incremental': `over_all_heads` was measured besides.
    precision: what convolutions were computed in, where it was not float32; else null or missing.
  """

  stream: StreamFacts
  learner: Text
  scale: Text
  seed: int
  configuration_hash: Text
  variant: dict[str, Text] | None = None
  tuning: Tuning | None = None
  scenario: Scenario | None = None
  precision: Literal["mixed_bfloat16"] | None = None


def summarize(visits: Sequence[VisitResult], task_order: Sequence[int], forward_macs: Sequence[int | None],
              status: Status = "completed", reason: str | None = None) -> Measured:
  """Turns visits into a run's lists.

  Args:
    visits: those that ended.
    task_order: task of every visit of the run.
    forward_macs: of every task; None where it was not learned.
    status: see `Measured`.
    reason: see `Measured`.
  """
  num_missing, num_tasks = len(task_order) - len(visits), len(forward_macs)

  def column(name: str, missing: Any = None) -> list:
    return [getattr(visit, name) for visit in visits] + [missing] * num_missing

  unmeasured: list[float | None] = [None] * num_tasks
  is_validated = all(visit.validation_accuracies is not None for visit in visits)
  configurations: list[str | None] = [None] * num_tasks
  searched = [visit.super_network for visit in visits if visit.super_network is not None]
  for task_id, visit in zip(task_order, visits):
    configurations[task_id] = visit.configuration
  return Measured(
      status=status, reason=reason, configurations=configurations, forward_macs_committed=list(forward_macs),
      accuracy=Accuracies(
          after_visit=column("accuracies", unmeasured),
          before_commit=column("before_commit") if any(visit.before_commit for visit in visits) else None,
          at_best_validation=column("at_best_validation")),
      parameters=Parameters(after_visit=column("parameters"), super_network=max(searched, default=None)),
      training_macs_per_image=column("training_macs_per_image"), learner_summary=column("learner_summary"),
      validation_accuracy=column("validation_accuracies", unmeasured) if is_validated else None,
      over_all_heads=column("over_all_heads", unmeasured) if any(visit.over_all_heads for visit in visits) else None)
