"""Groups runs into panels of comparable methods and says what differs from what.

A panel is one stream at one scale; its rows are methods. Methods are compared on the same images only: a panel with two
design fingerprints, two names of the data, two sets of counts, two data fingerprints or task orders of one seed, or two
configurations of one method is refused unless asked for, and then marked.
"""

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from benchmark.results import comparability, inference, measures, methods
from benchmark.results.record_schema import RecordError
from benchmark.results.records import Record
from benchmark.results.status import Status
from benchmark.suites.identity import Identity
from lasem_tf.metrics import paired, statistics

# What all runs of a panel share, whatever their seed. A design fingerprint does not cover the images, so that on
# different seeds a data set and a stand-in of the same design differ in their name or counts only.
_SHARED = {"design_fingerprint": "different tasks (design fingerprints)", "display_name": "data of different names",
           "counts": "different numbers of images (counts)"}
# What runs of the same seed, or of the same method, share: column, what they have in common, the difference in words.
_SHARED_BY = (("data_fingerprint", "seed", "different images (data fingerprints) for the same seed"),
              ("task_order", "seed", "different task orders for the same seed"),
              ("configuration_hash", "learner", "different settings (configuration hashes) of one method"))


class MixedDataError(RecordError):
  """Runs of one table were measured on different data, or runs of one method with different settings."""


@dataclasses.dataclass(frozen=True)
class Row:
  """One method in one panel.

  Attributes:
    learner: name of the method.
    num_completed: runs that the estimates average over.
    num_expected: runs that the suite asked for, or that were found.
    estimates: by measure name, over completed seeds.
    best: names of the measures in which this method has the best mean.
    against_baseline: comparisons with the baseline by measure name, of `inference.TESTED`.
    against_best: the same with the method of the best mean; none of a method that is itself among the best.
    gaps: what is missing and why, one text per run.
    mixed: whether it was measured on other data than the rest of the panel, or with several settings.
    all_diverged: whether runs finished and every one of them diverged.
    tuning: how its hyper-parameters were chosen, in words; '' where they were not, None where no run says it.
    inactive: whether in some completed run what gives the method its name happened in no visit.
    in_bfloat16: whether convolutions were computed in bfloat16.
    devices: kinds of processors that its completed runs were measured on, as far as they say.
  """

  learner: str
  num_completed: int
  num_expected: int
  estimates: Mapping[str, statistics.Estimate]
  best: frozenset[str] = frozenset()
  against_baseline: Mapping[str, paired.Comparison] = dataclasses.field(default_factory=dict)
  against_best: Mapping[str, paired.Comparison] = dataclasses.field(default_factory=dict)
  gaps: tuple[str, ...] = ()
  mixed: bool = False
  all_diverged: bool = False
  tuning: str | None = None
  inactive: bool = False
  in_bfloat16: bool = False
  devices: frozenset[str] = frozenset()

  @property
  def label(self) -> str:
    """The method's name for people."""
    return self.named(methods.learner_label(self.learner))

  def named(self, label: str) -> str:
    """A label of the method with its precision, where that is not the usual one."""
    return f"{label}{', in bfloat16' if self.in_bfloat16 else ''}"


@dataclasses.dataclass(frozen=True)
class Panel:
  """Methods measured on one stream at one scale.

  Attributes:
    stream: name of the stream's configuration.
    scale: name of the scale's configuration.
    title: what the data are called.
    rows: the methods, in display order.
    baseline: the method that the others are compared with; None for none.
    margin: of equivalence, as a fraction.
    columns: measures that tables show.
  """

  stream: str
  scale: str
  title: str
  rows: Sequence[Row]
  baseline: str | None = None
  margin: float = inference.MARGIN
  columns: tuple[measures.Measure, ...] = measures.SHOWN

  @property
  def devices(self) -> tuple[str, ...]:
    """Kinds of processors that completed runs were measured on, sorted."""
    return tuple(sorted(frozenset[str]().union(*(row.devices for row in self.rows))))

  @property
  def short_labels(self) -> dict[str, str]:
    """By learner, its name for sentences: without what tells no two rows apart, see `methods.short_labels`."""
    labels = methods.short_labels(row.learner for row in self.rows)
    return {row.learner: row.named(labels[row.learner]) for row in self.rows}


def panels(records: Sequence[Record], expected_identities: Iterable[str] | None = None, baseline: str | None = None,
           allow_mixed_data: bool = False, margin: float = inference.MARGIN,
           columns: tuple[measures.Measure, ...] | None = None,
           course: Mapping[str, Mapping[str, float]] | None = None, allow_mixed_tuning: bool = False) -> list[Panel]:
  """Aggregates records over seeds.

  Args:
    records: as `records.load_records` returns them.
    expected_identities: runs that the suite asked for; those without a record appear as gaps. Their order is the order
      of the rows. By default what was found.
    baseline: name of the learner that the others are tested against, or of the one whose single variant they are.
    allow_mixed_data: mark rows measured on other data or with several settings instead of refusing them.
    margin: see `Panel`.
    columns: see `Panel`; None for `measures.SHOWN`, of each panel without those of `measures.IF_KNOWN` that none of
      its rows has.
    course: further measures by identity, see `measures.runs_frame`.
    allow_mixed_tuning: show methods of several tuning protocols or budgets in one panel instead of refusing them.

  Raises:
    comparability.MixedTuningError: methods of one panel were tuned by several protocols or budgets.
    MixedDataError: methods of one panel were measured on different data, or runs of a method with different settings.
    RecordError: the baseline is no learner of these records.
  """
  frame = measures.runs_frame(records, course)
  frame["counts"] = [json.dumps(record.result["stream"]["counts"], sort_keys=True) for record in records]
  frame["task_order"] = [tuple(record.result["stream"]["task_order"]) for record in records]
  frame["only"] = [_tasks_left(record) for record in records]
  frame["inactive"] = [_is_inactive(record) for record in records]
  frame["in_bfloat16"] = [record.result.get("precision") is not None for record in records]
  frame["device"] = [record.provenance.get("device") for record in records]
  frame["configuration_hash"] = [record.result["configuration_hash"] for record in records]
  frame["source"] = [(record.source, record.recorded_as) for record in records]
  expected = list(dict.fromkeys(map(Identity.parse, expected_identities or ())))
  found = {record.named for record in records}
  learners = [*dict.fromkeys(each.learner for each in expected)]
  learners += sorted({record.learner for record in records} - set(learners), key=methods.learner_key)
  baseline = {record.learner_as_recorded: record.learner for record in records}.get(baseline or "", baseline)
  if baseline is not None and not comparability.named(baseline, learners):
    raise RecordError(f"The baseline {baseline!r} is none of the learners: {', '.join(learners)}.")
  missing: dict[tuple[str, str], list[Identity]] = {}
  for each in expected:
    missing.setdefault((each.stream, each.scale), []).extend([] if each in found else [each])
  runs = {key: group for key, group in frame.groupby(["stream", "scale"])} if records else {}
  for (stream, scale), group in () if allow_mixed_tuning else runs.items():
    comparability.check_tuning(group, f"{stream} ({scale})")
  found_panels = [_panel(key, runs.get(key, frame[:0]), missing.get(key, []), learners, baseline, allow_mixed_data,
                         margin) for key in sorted({*runs, *missing})]
  return [dataclasses.replace(panel, columns=_known(panel.rows) if columns is None else columns)
          for panel in found_panels]


def _known(rows: Sequence[Row]) -> tuple[measures.Measure, ...]:
  """The usual columns, without those that may be unknown and are so of every row."""
  return tuple(measure for measure in measures.SHOWN if measure not in measures.IF_KNOWN or any(
      measure.name in row.estimates and row.estimates[measure.name].n for row in rows))


def expected_identities(found: Sequence[Record]) -> list[str]:
  """Every method of a stream at a scale should have every seed found there; what is missing is a gap."""
  learners: dict[tuple[str, str], set[str]] = {}
  seeds: dict[tuple[str, str], set[int]] = {}
  for record in found:
    learners.setdefault((record.stream, record.scale), set()).add(record.learner)
    seeds.setdefault((record.stream, record.scale), set()).add(record.seed)
  return [str(Identity(stream, learner, scale, seed)) for stream, scale in sorted(learners)
          for learner in sorted(learners[stream, scale], key=methods.learner_key)
          for seed in sorted(seeds[stream, scale])]


def _tasks_left(record: Record) -> str:
  """Which tasks were visited, for a title; '' where all were."""
  visited = sorted(set(record.result["stream"]["task_order"]))
  left_out = len(record.result["stream"]["num_classes"]) - len(visited)
  return f", tasks {', '.join(map(str, visited))} only" if left_out else ""


def _panel(key: tuple[str, str], runs: pd.DataFrame, missing: Sequence[Identity], learners: Sequence[str],
           baseline: str | None, allow_mixed_data: bool, margin: float) -> Panel:
  stream, scale = key
  mixed = _mixed_runs(runs, f"{stream} ({scale})", allow_mixed_data)
  named = runs[(runs["status"] != Status.FAILED) & ~runs["identity"].isin(mixed)]
  title = stream if named.empty else (named["display_name"] + named["only"]).mode().iloc[0]
  by_learner = {learner: group for learner, group in runs.groupby("learner")} if len(runs) else {}
  shown = {learner: by_learner.get(learner, runs[:0]) for learner in learners
           if learner in by_learner or any(each.learner == learner for each in missing)}
  is_mixed = {learner: bool(own["identity"].isin(mixed).any()) for learner, own in shown.items()}
  values = {learner: _values(own) for learner, own in shown.items()}
  estimates = {learner: {name: statistics.estimate(list(seeds.values())) for name, seeds in own.items()}
               for learner, own in values.items()}
  comparable = {learner: own for learner, own in values.items() if not is_mixed[learner]}
  present = comparability.baseline_of(baseline, comparable, f"{stream} ({scale})")
  found = inference.compare(comparable, present, margin)
  rows = []
  for learner, own in shown.items():
    absent = [each for each in missing if each.learner == learner]
    ended = own[own["status"] != Status.COMPLETED]
    num_completed = len(own) - len(ended)
    rows.append(Row(
        learner, num_completed, len(own) + len(absent), estimates[learner],
        best=frozenset(name for name, best in found.best.items() if learner in best),
        against_baseline=found.against_baseline.get(learner, {}), against_best=found.against_best.get(learner, {}),
        gaps=(*(f"seed {run.seed} {run.status}: {run.reason}" for run in ended.itertuples()),
              *(f"seed {each.seed} not run" for each in absent)),
        mixed=is_mixed[learner],
        in_bfloat16=bool(own["in_bfloat16"].any()),
        devices=frozenset(own.loc[own["status"] == Status.COMPLETED, "device"].dropna()),
        inactive=bool((own["inactive"] & (own["status"] == Status.COMPLETED)).any()),
        all_diverged=len(own) > 0 and bool((own["status"] == Status.DIVERGED).all()),
        tuning=None if own.empty else own["tuning"].mode().iloc[0]))
  return Panel(stream, scale, title, rows, present, margin)


def _is_inactive(record: Record) -> bool:
  """Whether the learner says of some visits whether its mechanism acted, and of none that it did."""
  told = [summary["mechanism_acted"] for summary in record.result["learner_summary"]
          if summary and "mechanism_acted" in summary]
  return bool(told) and not any(told)


def _values(runs: pd.DataFrame) -> dict[str, dict[int, float]]:
  """By measure, the value of every seed that completed and defines it; nothing if none completed."""
  completed = runs[runs["status"] == Status.COMPLETED].set_index("seed")
  return {} if completed.empty else {measure.name: completed[measure.name].dropna().to_dict()
                                     for measure in measures.MEASURES}


def _mixed_runs(runs: pd.DataFrame, panel: str, allow: bool) -> set[str]:
  """Identities measured on other data, or otherwise, than most; a run that failed may never have seen its data."""
  runs = runs[runs["status"] != Status.FAILED]
  if runs.empty:
    return set()
  other, differences = pd.Series(False, index=runs.index), []
  for column, difference in _SHARED.items():
    differs = runs[column] != runs.loc[~other, column].mode().iloc[0]
    if differs.any():
      names = ", ".join(map(repr, sorted(runs[column].unique())))
      differences.append(f"{difference} ({names})" if column == "display_name" else difference)
    other |= differs
  for column, key, difference in _SHARED_BY:
    usual = runs[~other].groupby(key)[column].agg(lambda group: group.mode().iloc[0])
    differs = runs[column] != runs[key].map(usual).fillna(runs[column])
    if (differs & ~other).any():
      named = comparability.settings(runs[~other], differs) if column == "configuration_hash" else ""
      differences.append(f"{difference}{named}")
    other |= differs
  if other.any() and not allow:
    raise MixedDataError(
        f"{panel}: runs were measured with {' and with '.join(differences)}, e.g. "
        f"{runs.loc[other, 'identity'].iloc[0]} unlike {runs.loc[~other, 'identity'].iloc[0]}. Report them apart, or "
        "pass --allow_mixed_data to benchmark.report to see them in one table, marked, or --variants to see runs with "
        "different settings as variants of their method.")
  return set(runs.loc[other, "identity"])
