"""The transfer atlas: what a task gains from one task learned before it, by the layers that the two share.

Runs of an atlas are variants that visit a source and then a target (`suite.sweep` of `experiment.task_order`, see
gin/suites/atlas_*.gin). STL on the same two tasks and seed is what they are paired with, and counts as the
configuration that shares no layer: a static learner with that one has the same accuracies. No TensorFlow here.
"""

import ast
import collections
import dataclasses
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from benchmark.results import comparison, measures, selection_quality
from benchmark.results.records import Record
from benchmark.suites.identity import split_variant
from lasem_tf.metrics import statistics, transfer_atlas

BASELINE = "stl"
_ORDER = "experiment.task_order"
# Of a pair, forward transfer is the target's and backward transfer the source's.
GAIN, SOURCE_CHANGE = measures.FORWARD_TRANSFER, measures.BACKWARD_TRANSFER
MEASURES = (GAIN, SOURCE_CHANGE)


@dataclasses.dataclass(frozen=True)
class Transfer:
  """One configuration of a pair of tasks; estimates are over seeds, in fractions.

  Attributes:
    configuration: bits of the layers from the input side, 1 = shared.
    estimates: by name of a measure: the target's accuracy right after learning less STL's on the same seed; the
      source's accuracy after the target less its accuracy before.
  """

  configuration: str
  estimates: Mapping[str, statistics.Estimate]


@dataclasses.dataclass(frozen=True)
class Pair:
  """A source and a target on one stream, under one kind of shared knowledge.

  Attributes:
    stream: name of the stream's configuration.
    scale: name of the scale's configuration.
    knowledge: of the learners, such as 'hps'.
    source: the task that is learned first.
    target: the task that is learned next.
    panel: the learners without their order of tasks, compared as those of other suites.
    transfers: of every configuration, those that share fewer layers first; STL's, which is zero, is not among them.
    layers: by name of a measure, what sharing each layer adds (`metrics.transfer_atlas`), over seeds with runs of all
      configurations; empty where these do not tell the layers apart.
    best: the target's configuration that the stream declares best, if it does and the source is what fills the bank.
  """

  stream: str
  scale: str
  knowledge: str
  source: int
  target: int
  panel: comparison.Panel
  transfers: tuple[Transfer, ...]
  layers: Mapping[str, tuple[statistics.Estimate, ...]]
  best: str | None

  @property
  def leader(self) -> Transfer | None:
    """The configuration of the highest mean gain, of equals the one that shares fewer layers; None without gains."""
    known = [each for each in self.transfers if each.estimates[GAIN.name].mean is not None]
    return max(known, key=lambda each: each.estimates[GAIN.name].mean or 0.0, default=None)

  def transfer(self, configuration: str | None) -> Transfer | None:
    """That of a configuration; None where it was not measured."""
    return next((each for each in self.transfers if each.configuration == configuration), None)


def source_and_target(learner: str, bindings: Mapping[str, str] | None) -> tuple[int, int] | None:
  """The two tasks of a run of an atlas; None for other runs.

  Args:
    learner: name of the learner, STL or static; or a variant's.
    bindings: of the variant, as gin writes them; None of no variant.
  """
  method = split_variant(learner)[0]
  if _ORDER not in (bindings or {}) or not (method == BASELINE or selection_quality.is_static(method)):
    return None
  try:
    order = ast.literal_eval((bindings or {})[_ORDER])
  except (ValueError, SyntaxError, MemoryError, RecursionError):  # Another of gin's values, or a stranger's text.
    return None
  is_pair = (isinstance(order, (tuple, list)) and len(order) == 2 and all(type(task) is int for task in order)
             and order[0] != order[1])
  return (order[0], order[1]) if is_pair else None


def split(records: Iterable[Record]) -> tuple[list[Record], list[Record]]:
  """The runs of atlases among records, and the others, which tables compare.

  An atlas is on streams and scales that have runs of both STL and static learners on pairs of tasks.
  """
  records = list(records)
  methods: dict[tuple[str, str], set[bool]] = collections.defaultdict(set)
  for record in records:
    if _tasks(record) is not None:
      methods[record.stream, record.scale].add(record.named.method == BASELINE)
  found: tuple[list[Record], list[Record]] = ([], [])
  for record in records:
    is_of_atlas = _tasks(record) is not None and len(methods[record.stream, record.scale]) == 2
    found[not is_of_atlas].append(record)
  return found


def pairs(records: Sequence[Record]) -> list[Pair]:
  """The atlas, by stream, scale, knowledge, source and target.

  Args:
    records: runs of atlases, from `split`.

  Raises:
    comparison.MixedDataError: runs of a pair were measured on different data, or of a learner with other settings.
  """
  single: dict[tuple, list[Record]] = collections.defaultdict(list)
  static: dict[tuple, list[Record]] = collections.defaultdict(list)
  for record in records:
    place = record.stream, record.scale, *(_tasks(record) or ())
    knowledge = selection_quality.knowledge(record.named.method)
    if knowledge is None:
      single[place].append(_without_order(record))
    else:
      static[(*place, knowledge)].append(_without_order(record))
  found = [_pair(key, [*single[key[:-1]], *runs]) for key, runs in static.items()]
  return sorted(found, key=lambda pair: (pair.stream, pair.scale, pair.knowledge, pair.source, pair.target))


def _pair(key: tuple, runs: Sequence[Record]) -> Pair:
  stream, scale, source, target, knowledge = key
  (panel,) = comparison.panels(runs, comparison.expected_identities(runs))
  # All pairs are of the same data; which tasks a pair has, its line says.
  panel = dataclasses.replace(panel, title=runs[0].result["stream"]["display_name"])
  completed = [run for run in runs if run.is_completed]
  configurations = {run.learner: bits for run in completed
                    if run.learner != BASELINE and (bits := run.result["configurations"][target]) is not None}
  estimates = {row.learner: row.estimates for row in panel.rows}
  transfers = tuple(Transfer(bits, {measure.name: estimates[learner][measure.name] for measure in MEASURES})
                    for learner, bits in sorted(configurations.items(), key=lambda each: (each[1].count("1"), each[1])))
  declared = selection_quality.best_configurations(completed[0]) if completed else None
  texts = () if declared is None else selection_quality.texts_of(declared)
  # Declared for a network of so many layers, of which nothing is known for another.
  fits = bool(texts) and {len(texts[0])} == set(map(len, configurations.values()))
  fills_bank = fits and "0" not in texts[source]
  return Pair(stream, scale, knowledge, source, target, panel, transfers, _layers(completed, configurations),
              texts[target] if fills_bank else None)


def _layers(completed: Sequence[Record],
            configurations: Mapping[str, str]) -> dict[str, tuple[statistics.Estimate, ...]]:
  """What sharing each layer adds to each measure, over the seeds that have every configuration."""
  frame, found = measures.runs_frame(completed), {}
  learners = [BASELINE, *configurations]
  depth = len(next(iter(configurations.values()), ""))
  if any(len(text) != depth for text in configurations.values()):
    return {}
  bits = [[False] * depth, *([bit == "1" for bit in text] for text in configurations.values())]
  for measure in MEASURES:
    values = frame.pivot(index="seed", columns="learner", values=measure.name).reindex(columns=learners).dropna()
    effects = [transfer_atlas.layer_effects(bits, row) for row in values.to_numpy()]
    known = np.array([effect for effect in effects if effect is not None])
    if known.size:
      found[measure.name] = tuple(map(statistics.estimate, known.T))
  return found


def _tasks(record: Record) -> tuple[int, int] | None:
  """The two tasks of a run of an atlas that visited them, if it visited any."""
  found, order = source_and_target(record.learner, record.result.get("variant")), record.result["stream"]["task_order"]
  return found if found is None or order in ([], list(found)) else None


def _without_order(record: Record) -> Record:
  """The run under the name that its learner has without the order of tasks."""
  method, variant = split_variant(record.learner)
  order = tuple(f"{name}=" for name in (_ORDER, _ORDER.rpartition(".")[2]))
  kept = [part for part in variant.split(",") if not part.startswith(order)]
  return record.called(f"{method}[{','.join(kept)}]" if kept else method)
