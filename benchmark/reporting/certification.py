"""Whether a stream's declared configurations are the better ones: the certificate's numbers, from records alone.

A stream is certified for a knowledge if over enough seeds (a) using the declared configurations ends significantly more
accurate than STL, sharing all layers and drawn configurations, each; (b) the opposite of a bit costs accuracy, the
task's own right after learning or that of earlier tasks at the end, significantly, and does not raise the final
accuracy of all tasks: such bits are decided, and every layer has one; the others, and those whose opposite was not
measured on enough seeds, are never scored; (c) the configurations differ, and one is neither a prefix nor a suffix.
"""

import collections
import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from benchmark.results import selection_quality
from benchmark.results.record_schema import RecordError
from benchmark.results.records import Record
from lasem_tf.metrics import lifelong, paired, power, statistics

_Runs = Mapping[int, Record]  # Of one learner, by seed.

LEAST_SEEDS = 10
LEVEL = power.LEVEL


@dataclasses.dataclass(frozen=True)
class Comparison:
  """One paired comparison with the planted configurations.

  Attributes:
    name: what the planted configurations are compared with.
    difference: planted less the other, in accuracy; over seeds.
    p_value: two-sided, Holm-corrected over the comparisons of its kind; None where no test can be made.
  """

  name: str
  difference: statistics.Estimate
  p_value: float | None

  @property
  def is_gain(self) -> bool:
    """Whether the planted configurations are significantly better."""
    return bool(self.p_value is not None and self.p_value < LEVEL and (self.difference.mean or 0.0) > 0)


@dataclasses.dataclass(frozen=True)
class Bit:
  """What flipping one bit costs.

  Attributes:
    task: whose bit, from 0.
    layer: from 0, nearest the input.
    is_shared: the declared bit.
    own: accuracy of the task right after learning.
    earlier: mean final accuracy of the tasks before it.
    final: mean final accuracy of all tasks.
  """

  task: int
  layer: int
  is_shared: bool
  own: Comparison
  earlier: Comparison
  final: Comparison

  @property
  def holds(self) -> bool:
    """Condition (b): the bit is decided."""
    loses = self.own.is_gain or self.earlier.is_gain
    return self.num_seeds >= LEAST_SEEDS and loses and (self.final.difference.mean or 0.0) >= 0

  @property
  def num_seeds(self) -> int:
    """Seeds with both runs."""
    return self.own.difference.n


@dataclasses.dataclass(frozen=True)
class Certificate:
  """The numbers behind a verdict.

  Attributes:
    stream: name of the stream's configuration.
    design_fingerprint: of the stream that was measured.
    knowledge: 'hps', 'tf' or 'dfcnn'.
    seeds: that the comparisons of learners have.
    best: declared configurations, by task.
    finals: mean final accuracy by learner.
    learners: condition (a).
    bits: condition (b), every bit whose opposite was measured.
  """

  stream: str
  design_fingerprint: str
  knowledge: str
  seeds: tuple[int, ...]
  best: tuple[str, ...]
  finals: Mapping[str, statistics.Estimate]
  learners: tuple[Comparison, ...]
  bits: tuple[Bit, ...]

  @property
  def decided(self) -> tuple[str, ...]:
    """Which bits are scored, by task."""
    held = np.zeros((len(self.best), len(self.best[0])), dtype=bool)
    for bit in self.bits:
      held[bit.task, bit.layer] = bit.holds
    return selection_quality.texts_of(held)

  @property
  def patterns_vary(self) -> bool:
    """Condition (c)."""
    ordered = [sorted(bits) for bits in self.best]
    neither = any(list(bits) not in (up, up[::-1]) for bits, up in zip(self.best, ordered))
    return len(set(self.best)) > 1 and neither

  @property
  def problems(self) -> list[str]:
    """Why the stream is not certified; empty if it is."""
    found = [] if len(self.seeds) >= LEAST_SEEDS else [f"{len(self.seeds)} seeds, fewer than {LEAST_SEEDS}"]
    found += [f"not significantly better than {each.name}" for each in self.learners if not each.is_gain]
    decided = {bit.layer for bit in self.bits if bit.holds}
    found += [f"layer {layer + 1} has no decided bit" for layer in range(len(self.best[0])) if layer not in decided]
    return found + ([] if self.patterns_vary else ["all configurations are equal, or prefixes or suffixes"])


def flipped_learner(knowledge: str, task: int, layer: int) -> str:
  """The learner that uses the planted configurations but for one bit."""
  return f"planted_{knowledge}_flip_{task}_{layer}"


def certify(records: Sequence[Record], stream: str, knowledge: str) -> Certificate:
  """Computes a certificate.

  Args:
    records: of any suite that holds the learners needed; of one scale.
    stream: name of the stream's configuration.
    knowledge: whose learners count.

  Raises:
    RecordError: runs are missing or were measured on different streams; the message says which.
  """
  runs: dict[str, dict[int, Record]] = collections.defaultdict(dict)
  for record in records:
    if record.stream == stream and record.is_completed:
      runs[record.learner][record.seed] = record
  planted = runs.get(f"planted_{knowledge}", {})
  if not planted:
    raise RecordError(f"There is no completed run of planted_{knowledge} on {stream}; train it first, see "
                      "gin/suites/certificate_*.gin.")
  first = next(iter(planted.values()))
  best = selection_quality.best_configurations(first)
  if best is None:
    raise RecordError(f"Stream {stream} declares no best configurations.")
  fingerprints = {run.result["stream"]["design_fingerprint"] for by_seed in runs.values() for run in by_seed.values()}
  if len(fingerprints) > 1:
    raise RecordError(f"Runs on {stream} are of {len(fingerprints)} different designs: "
                      f"{', '.join(sorted(fingerprints))}.")
  others = ["stl", f"{knowledge}_all", f"random_{knowledge}"]
  bits = [bit for bit in np.ndindex(*best.shape) if runs.get(flipped_learner(knowledge, *bit))]
  seeds = sorted(planted.keys() & set.intersection(*(set(runs[name]) for name in others)))
  if not seeds:
    short = [name for name in others if not planted.keys() & runs[name].keys()]
    raise RecordError(f"The certificate of {stream} needs runs of {', '.join(short)}.")
  return Certificate(
      stream, fingerprints.pop(), knowledge, tuple(seeds), selection_quality.texts_of(best),
      {name: statistics.estimate([_final(runs[name][seed]) for seed in seeds])
       for name in (*others, f"planted_{knowledge}")},
      tuple(_compare(planted, {name: runs[name] for name in others}, seeds)),
      tuple(_bits(planted, runs, best, knowledge, bits)))


def _bits(planted: _Runs, runs: Mapping[str, _Runs], best: np.ndarray, knowledge: str,
          bits: Sequence[tuple[int, int]]) -> list[Bit]:
  """Condition (b), each bit on the seeds that it has; Holm over the two tests of every bit."""
  own, earlier, final = [], [], []
  for task, layer in bits:
    other = runs[flipped_learner(knowledge, task, layer)]
    seeds = sorted(planted.keys() & other.keys())
    own.append(_paired(planted, other, seeds, functools.partial(_own, task)))
    earlier.append(_paired(planted, other, seeds if task else (), functools.partial(_earlier, task)))
    final.append(_paired(planted, other, seeds, _final))
  adjusted = statistics.holm([p_value for _, p_value in own + earlier])
  finals = statistics.holm([p_value for _, p_value in final])
  names = [f"task {task}, layer {layer}" for task, layer in bits]
  return [Bit(task, layer, bool(best[task, layer]), Comparison(name, mine[0], adjusted[index]),
              Comparison(name, before[0], adjusted[len(bits) + index]), Comparison(name, whole[0], finals[index]))
          for index, ((task, layer), name, mine, before, whole) in enumerate(zip(bits, names, own, earlier, final))]


def _compare(planted: _Runs, others: Mapping[str, _Runs], seeds: Sequence[int]) -> list[Comparison]:
  found = [_paired(planted, runs, seeds, _final) for runs in others.values()]
  return [Comparison(name, difference, p_value) for name, (difference, _), p_value in
          zip(others, found, statistics.holm([p_value for _, p_value in found]))]


def _paired(planted: _Runs, other: _Runs, seeds: Sequence[int],
            measure: Callable[[Record], float]) -> tuple[statistics.Estimate, float | None]:
  best, rest = ({seed: measure(runs[seed]) for seed in seeds} for runs in (planted, other))
  found = paired.paired_difference(best, rest, margin=1.0)  # Equivalence is not asked for.
  return statistics.Estimate(found.n, found.difference, found.deviation, found.half_width), found.p_value


def _own(task: int, run: Record) -> float:
  return float(run.matrix.after_own_visit()[task])


def _earlier(task: int, run: Record) -> float:
  return float(run.matrix.after_visit[-1, :task].mean())


def _final(run: Record) -> float:
  return lifelong.summarise(run.matrix).final
