"""How many seeds a suite needs to find a difference, and what they cost, from the records there are. No TensorFlow."""

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence

import tabulate

from benchmark.execution import cost_model
from benchmark.execution.plan import Plan
from benchmark.results import comparability, records as records_lib, run_files
from benchmark.results.record_schema import NoRecordsError
from benchmark.results.records import Record
from benchmark.suites.bindings import ConfigurationError
from benchmark.suites.identity import split_variant
from lasem_tf.metrics import lifelong, paired, power

_REPORTS = pathlib.Path(__file__).resolve().parents[2] / "reports"
_FEWEST = 2  # Pairs, for a standard deviation.
_Finals = dict[str, dict[int, float]]  # Final accuracy by learner and seed.


@dataclasses.dataclass(frozen=True)
class Source:
  """Records of one stream, of the same data, design, scale and visited tasks.

  Attributes:
    name: where they are, for people.
    finals: mean final accuracy by learner and seed.
    num_tasks: tasks visited; a mean over fewer has another variance.
    same_scale: whether they have the plan's scale.
    is_own: whether they lie in the output folder.
  """

  name: str
  finals: _Finals
  num_tasks: int
  same_scale: bool
  is_own: bool


@dataclasses.dataclass(frozen=True)
class Need:
  """What one method needs beside the baseline.

  Attributes:
    pairs: seeds that the standard deviation comes from.
    deviation: of the paired differences, as a fraction.
    seeds: to find the difference with 80 % power, by number of comparisons at Holm's first step (1: none else).
    intervals: the same for the ends of the deviation's 95 % interval.
    source: where the deviation comes from.
  """

  pairs: int
  deviation: float
  seeds: tuple[int, int]
  intervals: tuple[tuple[int, int], tuple[int, int]]
  source: str


def render(plans: Sequence[Plan], model: cost_model.CostModel, baseline: str | None, points: float,
           output_dir: str) -> str:
  """A table for every stream of the suite.

  Args:
    plans: of all runs of the suite.
    model: of this machine.
    baseline: of the suite.
    points: the difference in final accuracy to detect, in percentage points.
    output_dir: whose records come first.

  Raises:
    ConfigurationError: there is nothing to compare with.
    RecordError: a record is damaged.
  """
  learners = dict.fromkeys(plan.run.learner for plan in plans)
  named = [] if baseline is None else comparability.named(baseline, learners)
  if len(named) > 1:
    raise ConfigurationError(f"--detect compares with one learner, and the suite's baseline {baseline!r} has several "
                             f"variants: bind suite.baseline to one of {', '.join(named)}.")
  if not named:
    raise ConfigurationError("--detect compares with the suite's baseline: bind suite.baseline to one of its learners, "
                             f"such as --gin_param=\"suite.baseline = '{next(iter(learners))}'\".")
  (baseline,) = named
  own, committed = _load(pathlib.Path(output_dir)), _committed()
  parts = [f"Seeds and CPU hours to find a difference of {points:g} percentage points in final accuracy from "
           f"{baseline} with {100 * power.POWER:.0f} % power, paired over seeds, two-sided level {power.LEVEL}; Holm: "
           "at its first step. In brackets: for the ends of the 95 % interval of the standard deviation."]
  for stream, scale in dict.fromkeys((plan.run.stream, plan.run.scale) for plan in plans):
    of_stream = [plan for plan in plans if (plan.run.stream, plan.run.scale) == (stream, scale)]
    sources = [*_sources(own, f"records in {output_dir}", stream, scale, is_own=True),
               *(source for name, found in committed.items()
                 for source in _sources(found, name, stream, scale, is_own=False))]
    parts.append(_table(stream, scale, of_stream, model, baseline, points / 100, sources))
  return "\n\n".join(parts)


def need(treatment: Mapping[int, float], baseline: Mapping[int, float], difference: float, num_comparisons: int,
         source: str) -> Need | None:
  """What a method needs; None where fewer than two seeds are shared.

  Args:
    treatment: final accuracy by seed.
    baseline: the same of the baseline.
    difference: to be found, as a fraction.
    num_comparisons: made with the baseline.
    source: where these come from.
  """
  found = paired.paired_difference(treatment, baseline, margin=difference)
  if found.n < _FEWEST or found.deviation is None:
    return None
  low, high = power.deviation_interval(found.n, found.deviation)
  levels = (power.LEVEL, power.LEVEL / num_comparisons)
  first, second = ((power.seeds_needed(difference, found.deviation, level),
                    (power.seeds_needed(difference, low, level), power.seeds_needed(difference, high, level)))
                   for level in levels)
  return Need(found.n, found.deviation, (first[0], second[0]), (first[1], second[1]), source)


def _table(stream: str, scale: str, plans: Sequence[Plan], model: cost_model.CostModel, baseline: str,
           difference: float, sources: Sequence[Source]) -> str:
  learners = list(dict.fromkeys(plan.run.learner for plan in plans))
  others = [learner for learner in learners if learner != baseline]
  seconds = {learner: [plan.seconds(model) for plan in plans if plan.run.learner == learner] for learner in learners}
  hours = {learner: sum(own) / len(own) / 3600 for learner, own in seconds.items()}
  needs = {learner: _best_need(learner, baseline, difference, len(others), sources, plans[0].num_tasks)
           for learner in others}
  rows = []
  for learner, found in needs.items():
    if found is None:
      rows.append([learner, "", "", "", "", "", "", f"no records of two seeds shared with {baseline}"])
      continue
    line = [learner, str(found.pairs), f"{100 * found.deviation:.2f}"]
    for seeds, interval in zip(found.seeds, found.intervals):
      line += [f"{_count(seeds)} ({_count(interval[0])} to {_count(interval[1])})", f"{seeds * hours[learner]:,.1f}"]
    rows.append([*line, found.source])
  table = tabulate.tabulate(
      rows, ["method", "pairs", "deviation (pp)", "seeds", "CPU h", "seeds, Holm", "CPU h, Holm", "from"],
      disable_numparse=True, colalign=("left", *["right"] * 6, "left") if rows else None)
  return f"{stream}, scale {scale}\n{table}\n{_totals(list(needs.values()), hours, others)}"


def _totals(needs: Sequence[Need | None], hours: Mapping[str, float], others: Sequence[str]) -> str:
  known = [found for found in needs if found is not None]
  if not known:
    return f"Nothing can be said without records: run {paired.FEWEST_PAIRS} seeds first, then ask again."
  most = [max(found.seeds[step] for found in known) for step in (0, 1)]
  totals = [seeds * sum(hours.values()) for seeds in most]
  unknown = len(others) - len(known)
  note = f" {unknown} of {len(others)} methods have no records and may need more." if unknown else ""
  return (f"All methods with the most demanding one's seeds: {_count(most[0])} seeds, {totals[0]:,.1f} CPU hours; Holm "
          f"({len(others)} comparisons): {_count(most[1])} seeds, {totals[1]:,.1f} CPU hours.{note}")


def _best_need(learner: str, baseline: str, difference: float, num_comparisons: int, sources: Sequence[Source],
               num_tasks: int) -> Need | None:
  """From the records most like the plan: those of as many tasks; of these variants, which may not be chosen yet, before
  the methods as they are; of the plan's scale; in the output folder; with most pairs. The first of equals."""
  methods = split_variant(learner)[0], split_variant(baseline)[0]
  best: tuple[tuple, Need] | None = None
  for names, remark in (((learner, baseline), ""), (methods, ", " + " and ".join(methods))):
    for source in sources:
      treatment, reference = (source.finals.get(name, {}) for name in names)
      same_tasks = source.num_tasks == num_tasks
      tasks = f", {source.num_tasks} tasks" + ("" if same_tasks else f" where the plan has {num_tasks}")
      found = need(treatment, reference, difference, num_comparisons, source.name + tasks + remark)
      if found is not None:
        rank = (same_tasks, not remark, source.same_scale, source.is_own, found.pairs)
        if best is None or rank > best[0]:
          best = rank, found
  return None if best is None else best[1]


def _sources(found: Sequence[Record], name: str, stream: str, scale: str, is_own: bool) -> list[Source]:
  """Those of the stream; in the output folder at the plan's scale only."""
  groups: dict[tuple[str, str, str, int], _Finals] = {}
  for record in found:
    if record.stream == stream and record.is_completed and not record.named.is_trial and (
        record.scale == scale or not is_own):
      facts = record.result["stream"]
      key = record.scale, facts["display_name"], facts["design_fingerprint"], len(set(facts["task_order"]))
      groups.setdefault(key, {}).setdefault(record.learner, {})[record.seed] = float(
          lifelong.final_per_task(record.matrix).mean())
  return [Source(name if is_own else f"{name} ({data}, scale {own_scale})", finals, num_tasks, own_scale == scale,
                 is_own)
          for (own_scale, data, _, num_tasks), finals in sorted(groups.items(), key=lambda group: group[0])]


def _load(folder: pathlib.Path) -> list[Record]:
  try:
    return records_lib.load_records([folder])
  except NoRecordsError:
    return []


def _committed() -> dict[str, list[Record]]:
  """Committed records by the name of their report; none where the package lies elsewhere than its checkout."""
  return {f"reports/{path.parent.name}": _load(path)
          for path in sorted(_REPORTS.glob(f"*/{run_files.COLLECTION_FILE}"))}


def _count(seeds: int) -> str:
  return f"over {power.MOST_SEEDS:,}" if seeds >= power.MOST_SEEDS else f"{seeds:,}"
