"""Whether searches chose well: `metrics.selection_quality` on the records of a suite. No TensorFlow here."""

import collections
import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from benchmark.results import certificates
from benchmark.results.records import Record
from benchmark.results.run_details import RunDetails
from benchmark.suites.identity import split_variant
from lasem_tf import types
from lasem_tf.metrics import lifelong, selection_quality, statistics

_KNOWLEDGE = ("hps", "tf", "dfcnn")
RANDOM, PLANTED, EXHAUSTIVE = "random", "planted", "exhaustive"


@dataclasses.dataclass(frozen=True)
class Declared:
  """What a stream declares of the tasks that a run visited.

  Attributes:
    best: boolean `[tasks, layers]`, the best configurations.
    decided: boolean, which of these bits are certified for the learner's knowledge.
  """

  best: np.ndarray
  decided: np.ndarray

  @property
  def kinds(self) -> list[str]:
    """What a task is like, by task: its best configuration."""
    return list(texts_of(self.best))

  @property
  def always_share(self) -> float:
    """The recovery of sharing every layer."""
    return selection_quality.always_share(self.best, self.decided)


@dataclasses.dataclass(frozen=True)
class Quality:
  """How one learner chose on one stream.

  Attributes:
    stream: name of the stream's configuration.
    scale: name of the scale's configuration.
    learner: name of the learner's configuration.
    num_runs: completed runs.
    recovery: over seeds; None where no configurations are certified.
    regret: final accuracy of the planted configurations less the learner's, paired by seed; None without such runs.
    skill: see `metrics.selection_quality.skill`; None where it is not known.
    reference: the learner that has a skill of one; empty without a skill.
    agreement: of seeds; None where it is not known.
    decision_epoch: mean over tasks and seeds of the epoch of the decision; None without a recorded prior.
    decision_mass: mean of the prior's mass of the leader then.
  """

  stream: str
  scale: str
  learner: str
  num_runs: int
  recovery: statistics.Estimate | None
  regret: statistics.Estimate | None
  skill: selection_quality.Ratio | None
  reference: str
  agreement: float | None
  decision_epoch: float | None
  decision_mass: float | None


def best_configurations(record: Record) -> np.ndarray | None:
  """Boolean `[tasks, layers]`: what the record's stream declares best, certified or not; None if it declares none."""
  found = (record.result["stream"]["protocol"] or {}).get(types.BEST_CONFIGURATION)
  return None if found is None else bits_of(found)


def declared(record: Record) -> Declared | None:
  """What the record's stream declares, where that is certified for the learner's knowledge and as many layers."""
  best = best_configurations(record)
  decided = certificates.decided(record.result["stream"]["design_fingerprint"], knowledge(record.learner))
  if best is None or decided is None:
    return None
  scored, depths = bits_of(decided), {len(bits) for bits in record.result["configurations"] if bits is not None}
  visited = _visited(record)
  return Declared(best[visited], scored[visited]) if best.shape == scored.shape and depths <= {best.shape[1]} else None


def searched(record: Record) -> bool:
  """Whether a completed run chose configurations: its network held both routes, or it drew them."""
  chooses = record.result["parameters"].get("super_network") is not None or record.learner.startswith(f"{RANDOM}_")
  return record.is_completed and chooses and all(record.result["configurations"][task] for task in _visited(record))


def knowledge(learner: str) -> str | None:
  """The knowledge of a composed learner or a variant of it, such as 'hps'; None for another learner."""
  return next((word for word in split_variant(learner)[0].split("_") if word in _KNOWLEDGE), None)


def is_static(learner: str) -> bool:
  """Whether a composed learner has one configuration for all tasks: its name begins with the knowledge."""
  return learner.partition("_")[0] in _KNOWLEDGE


def qualities(records: Sequence[Record], details: Mapping[str, RunDetails]) -> list[Quality]:
  """One entry per stream, scale and learner that chose, in the order of the records."""
  groups: dict[tuple[str, str], dict[str, list[Record]]] = collections.defaultdict(dict)
  for record in records:
    if record.is_completed:
      groups[record.stream, record.scale].setdefault(record.learner, []).append(record)
  return [_quality(runs, learners, details) for learners in groups.values() for runs in learners.values()
          if all(map(searched, runs))]


def hit_shares(runs: Sequence[Record]) -> dict[tuple[str, int], float]:
  """Recovery of some completed runs of one stream by (kind of task, layer); only where a decision is scored."""
  found = collections.defaultdict(list)
  for record in runs:
    truth = declared(record)
    if truth is not None:
      scored = selection_quality.hits(_choices(record), truth.best, truth.decided)
      for task, kind in enumerate(truth.kinds):
        for layer in np.flatnonzero(truth.decided[task]):
          found[kind, int(layer)].append(scored[task, layer])
  return {key: float(np.mean(values)) for key, values in found.items()}


def _quality(runs: Sequence[Record], learners: Mapping[str, Sequence[Record]],
             details: Mapping[str, RunDetails]) -> Quality:
  first, truths = runs[0], [truth for truth in map(declared, runs) if truth is not None]
  recovered, is_certified = None, len(truths) == len(runs)
  if is_certified:
    recovered = statistics.estimate([selection_quality.recovery(_choices(run), truth.best, truth.decided)
                                     for run, truth in zip(runs, truths)])
  regret = _regret(runs, _control(learners, PLANTED, first.learner))
  skill, reference = _skill(runs, learners, is_certified)
  decisions = [decision for run in runs for decision in _decisions(details.get(run.identity))]
  return Quality(
      first.stream, first.scale, first.learner, len(runs), recovered, regret, skill, reference,
      _agreement(runs),
      float(np.mean([decision.epoch for decision in decisions])) if decisions else None,
      float(np.mean([decision.mass for decision in decisions])) if decisions else None)


def _agreement(runs: Sequence[Record]) -> float | None:
  """Of runs that chose for the same tasks and layers; runs shown in one table may have other settings."""
  choices = [_choices(run) for run in runs]
  if len({(*_visited(run), *each.shape) for run, each in zip(runs, choices)}) > 1:
    return None
  return selection_quality.agreement(choices)


def _regret(runs: Sequence[Record], planted: Sequence[Record]) -> statistics.Estimate | None:
  own, best = _finals(runs), _finals(planted)
  seeds = sorted(own.keys() & best.keys())
  return statistics.estimate([best[seed] - own[seed] for seed in seeds]) if seeds else None


def _skill(runs: Sequence[Record], learners: Mapping[str, Sequence[Record]],
           is_certified: bool) -> tuple[selection_quality.Ratio | None, str]:
  learner, reference = runs[0].learner, PLANTED if is_certified else EXHAUSTIVE
  own, drawn, best = map(_finals, (runs, _control(learners, RANDOM, learner), _control(learners, reference, learner)))
  seeds = sorted(own.keys() & drawn.keys() & best.keys())
  found = selection_quality.skill([own[seed] for seed in seeds], [drawn[seed] for seed in seeds],
                                  [best[seed] for seed in seeds])
  return found, f"{reference}_{knowledge(learner)}" if found is not None else ""


def _control(learners: Mapping[str, Sequence[Record]], selection: str, learner: str) -> Sequence[Record]:
  """Runs of a selection over the learner's knowledge; a tuned suite has them as a variant, of which it shows one."""
  method = f"{selection}_{knowledge(learner)}"
  variants = [runs for name, runs in learners.items() if split_variant(name)[0] == method]
  return learners.get(method) or (variants[0] if len(variants) == 1 else ())


def _finals(runs: Sequence[Record]) -> dict[int, float]:
  """Final accuracy by seed."""
  return {run.seed: lifelong.summarise(run.matrix).final for run in runs}


def _decisions(found: RunDetails | None) -> list[selection_quality.Decision]:
  """One for every visit of a run whose prior was recorded."""
  if found is None:
    return []
  priors, epochs = collections.defaultdict(list), collections.defaultdict(list)
  for visit, epoch, prior in zip(*(found.epochs[name] for name in ("visit", "global_epoch", "prior"))):
    if prior is not None:
      priors[visit].append(prior)
      epochs[visit].append(epoch)
  decisions = []
  for visit, rows in priors.items():
    decision = selection_quality.decision_time(np.array(rows))
    # Details keep the first epoch of a visit, and may leave out others.
    epoch = epochs[visit][decision.epoch - 1] - epochs[visit][0] + 1
    decisions.append(dataclasses.replace(decision, epoch=epoch))
  return decisions


def _visited(record: Record) -> list[int]:
  """The tasks that a run visits, ascending."""
  return sorted(set(record.result["stream"]["task_order"]))


def _choices(record: Record) -> np.ndarray:
  """Boolean `[visited tasks, layers]`."""
  return bits_of([record.result["configurations"][task] for task in _visited(record)])


def texts_of(bits: np.ndarray) -> tuple[str, ...]:
  """Boolean `[rows, bits]` to a text of 0 and 1 a row."""
  return tuple("".join("01"[bit] for bit in row) for row in bits.astype(int))


def bits_of(texts: Sequence[str]) -> np.ndarray:
  """Texts of one length each to boolean `[texts, length]`."""
  return np.array([[character == "1" for character in text] for text in texts], dtype=bool)
