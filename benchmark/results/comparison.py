"""Groups runs into panels of comparable methods and says what differs from what.

A panel is one stream at one scale; its rows are methods. Methods are compared on the same images only: a panel with two
design fingerprints, two names of the data, two sets of counts, two data fingerprints or task orders of one seed, or two
configurations of one method is refused unless asked for, and then marked.
"""

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from benchmark.results import measures, methods
from benchmark.results.record_schema import RecordError
from benchmark.results.records import Record
from lasem_tf.metrics import statistics

SIGNIFICANCE_LEVEL = 0.05
TESTED_AGAINST_BASELINE = (measures.PEAK, measures.FINAL)
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


@dataclasses.dataclass
class Row:
  """One method in one panel.

  Attributes:
    learner: name of the method.
    num_completed: runs that the estimates average over.
    num_expected: runs that the suite asked for, or that were found.
    estimates: by measure name, over completed seeds.
    best: names of the measures in which this method has the best mean.
    indistinguishable: names of the measures in which it is not significantly worse than the best.
    p_values: Holm-corrected, against the baseline, by measure name; None where no test could be made.
    gaps: what is missing and why, one text per run.
    mixed: whether it was measured on other data than the rest of the panel, or with several settings.
    all_diverged: whether runs finished and every one of them diverged.
  """

  learner: str
  num_completed: int
  num_expected: int
  estimates: Mapping[str, statistics.Estimate]
  best: set = dataclasses.field(default_factory=set)
  indistinguishable: set = dataclasses.field(default_factory=set)
  p_values: dict = dataclasses.field(default_factory=dict)
  gaps: tuple[str, ...] = ()
  mixed: bool = False
  all_diverged: bool = False

  @property
  def label(self) -> str:
    """The method's name for people."""
    return methods.learner_label(self.learner)


@dataclasses.dataclass
class Panel:
  """Methods measured on one stream at one scale.

  Attributes:
    stream: name of the stream's configuration.
    scale: name of the scale's configuration.
    title: what the data are called.
    rows: the methods, in display order.
    baseline: the method that p-values compare with; None for none.
  """

  stream: str
  scale: str
  title: str
  rows: list[Row]
  baseline: str | None = None


def panels(records: Sequence[Record], expected_identities: Iterable[str] | None = None, baseline: str | None = None,
           allow_mixed_data: bool = False) -> list[Panel]:
  """Aggregates records over seeds.

  Args:
    records: as `records.load_records` returns them.
    expected_identities: runs that the suite asked for; those without a record appear as gaps. Their order is the order
      of the rows. By default what was found.
    baseline: name of the learner that the others are tested against.
    allow_mixed_data: mark rows measured on other data or with several settings instead of refusing them.

  Raises:
    MixedDataError: methods of one panel were measured on different data, or runs of a method with different settings.
    RecordError: the baseline is no learner of these records.
  """
  frame = measures.runs_frame(records)
  frame["counts"] = [json.dumps(record.result["stream"]["counts"], sort_keys=True) for record in records]
  frame["task_order"] = [tuple(record.result["stream"]["task_order"]) for record in records]
  frame["configuration_hash"] = [record.result["configuration_hash"] for record in records]
  expected = [] if expected_identities is None else list(dict.fromkeys(expected_identities))
  found = set() if frame.empty else set(frame["identity"])
  learners = [*dict.fromkeys(identity.split("/")[1] for identity in expected)]
  learners += sorted({record.learner for record in records} - set(learners), key=methods.learner_key)
  if baseline is not None and baseline not in learners:
    raise RecordError(f"The baseline {baseline!r} is none of the learners: {', '.join(learners)}.")
  keys = {(record.stream, record.scale) for record in records}
  keys |= {(identity.split("/")[0], identity.split("/")[2]) for identity in expected}
  result = []
  for stream, scale in sorted(keys):
    runs = frame if frame.empty else frame[(frame["stream"] == stream) & (frame["scale"] == scale)]
    missing = [i for i in expected if i not in found and i.split("/")[0] == stream and i.split("/")[2] == scale]
    result.append(_panel(stream, scale, runs, missing, learners, baseline, allow_mixed_data))
  return result


def expected_identities(found: Sequence[Record]) -> list[str]:
  """Every method of a stream at a scale should have every seed found there; what is missing is a gap."""
  learners, seeds = {}, {}
  for record in found:
    learners.setdefault((record.stream, record.scale), set()).add(record.learner)
    seeds.setdefault((record.stream, record.scale), set()).add(record.seed)
  return [f"{stream}/{learner}/{scale}/seed{seed}" for stream, scale in sorted(learners)
          for learner in sorted(learners[stream, scale], key=methods.learner_key)
          for seed in sorted(seeds[stream, scale])]


def _panel(stream: str, scale: str, runs: pd.DataFrame, missing: list[str], learners: list[str], baseline: str | None,
           allow_mixed_data: bool) -> Panel:
  mixed = _mixed_runs(runs, f"{stream} ({scale})", allow_mixed_data)
  named = runs if runs.empty else runs[(runs["status"] != "failed") & ~runs["identity"].isin(mixed)]
  title = stream if named.empty else named["display_name"].mode().iloc[0]
  rows, values = [], {}
  for learner in learners:
    own = runs if runs.empty else runs[runs["learner"] == learner]
    absent = [identity for identity in missing if identity.split("/")[1] == learner]
    if own.empty and not absent:
      continue
    completed = own[own["status"] == "completed"].set_index("seed") if not own.empty else pd.DataFrame()
    gaps = [f"seed {run.seed} {run.status}: {run.reason}" for run in own.itertuples() if run.status != "completed"]
    gaps += [f"{identity.rsplit('/', 1)[1].replace('seed', 'seed ')} not run" for identity in absent]
    row = Row(learner, len(completed), len(own) + len(absent), {}, gaps=tuple(gaps))
    row.all_diverged = not own.empty and len(completed) == 0 and (own["status"] == "diverged").all()
    row.mixed = not own.empty and own["identity"].isin(mixed).any()
    values[learner] = {} if completed.empty else {
        measure.name: completed[measure.name].dropna().to_dict() for measure in measures.MEASURES}
    row.estimates = {name: statistics.estimate(list(seeds.values())) for name, seeds in values[learner].items()}
    rows.append(row)
  for measure in measures.MEASURES:
    if measure.better is not None:
      _mark_best(rows, values, measure)
  present = baseline if any(row.learner == baseline and not row.mixed for row in rows) else None
  if present is not None:
    for measure in TESTED_AGAINST_BASELINE:
      _test_against(rows, values, present, measure.name)
  return Panel(stream, scale, title, rows, present)


def _mixed_runs(runs: pd.DataFrame, panel: str, allow: bool) -> set[str]:
  """Identities measured on other data, or otherwise, than most; a run that failed may never have seen its data."""
  if not runs.empty:
    runs = runs[runs["status"] != "failed"]
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
      differences.append(difference)
    other |= differs
  if other.any() and not allow:
    raise MixedDataError(
        f"{panel}: runs were measured with {' and with '.join(differences)}, e.g. "
        f"{runs.loc[other, 'identity'].iloc[0]} unlike {runs.loc[~other, 'identity'].iloc[0]}. Report them apart, or pass --allow_mixed_data to "
        "benchmark.report to see them in one table, marked.")
  return set(runs.loc[other, "identity"])


def _mark_best(rows: list[Row], values: Mapping, measure: measures.Measure) -> None:
  name = measure.name
  candidates = [row for row in rows if not row.mixed and row.estimates.get(name) and row.estimates[name].n > 0]
  if len(candidates) < 2:
    return
  means = [row.estimates[name].mean for row in candidates]
  top = max(means) if measure.better == "higher" else min(means)
  # Equal numbers summed in another order differ in the last bits; such a tie has two winners.
  winners = [row for row, mean in zip(candidates, means) if abs(mean - top) <= 1e-12]
  others = [row for row in candidates if row not in winners]
  tested = max(winners, key=lambda row: row.estimates[name].n)
  tests = [statistics.paired_t_test(values[row.learner][name], values[tested.learner][name]) for row in others]
  for row in winners:
    row.best.add(name)
  for row, test, p_value in zip(others, tests, statistics.holm([test.p_value for test in tests])):
    # Two seeds or more without a p-value: a difference that does not vary, which no t-test can call significant.
    if test.n >= 2 and (p_value is None or p_value > SIGNIFICANCE_LEVEL):
      row.indistinguishable.add(name)


def _test_against(rows: list[Row], values: Mapping, baseline: str, name: str) -> None:
  others = [row for row in rows if row.learner != baseline and not row.mixed]
  tests = [
      statistics.paired_t_test(values[row.learner].get(name, {}), values[baseline].get(name, {})) for row in others
  ]
  for row, p_value in zip(others, statistics.holm([test.p_value for test in tests])):
    row.p_values[name] = p_value
