"""What methods of one table must share besides their data, and which of them a baseline names."""

from collections.abc import Iterable

import pandas as pd

from benchmark.results import differences
from benchmark.results.record_schema import RecordError
from benchmark.results.status import Status
from benchmark.suites.identity import split_variant


class MixedTuningError(RecordError):
  """Methods of one table were tuned by different protocols or with different numbers of trials."""


def named(baseline: str, learners: Iterable[str]) -> list[str]:
  """The learner that a baseline names, or the variants of that learner."""
  learners = list(learners)
  return [baseline] if baseline in learners else [name for name in learners if split_variant(name)[0] == baseline]


def baseline_of(baseline: str | None, learners: Iterable[str], panel: str) -> str | None:
  """The row of a panel that the others are tested against; None without one."""
  found = [] if baseline is None else named(baseline, learners)
  if len(found) > 1:
    raise RecordError(f"{panel}: the baseline {baseline!r} has several variants; name one of {', '.join(found)}.")
  return found[0] if found else None


def check_tuning(runs: pd.DataFrame, panel: str) -> None:
  """Raises `MixedTuningError` unless all runs that did not fail were tuned alike."""
  runs = runs[runs["status"] != Status.FAILED]
  examples = runs.drop_duplicates("tuning")
  if len(examples) > 1:
    shown = "; ".join(f"{run.learner}: {run.tuning or 'not tuned'}" for run in examples.itertuples())
    raise MixedTuningError(
        f"{panel}: methods were tuned by different protocols or with different numbers of trials ({shown}). Report "
        "them apart, or show them in one table, named: benchmark.report --allow_mixed_tuning, or "
        "suite.allow_mixed_tuning = True.")


def settings(runs: pd.DataFrame, differs: pd.Series) -> str:
  """In which bindings two runs of one method differ, in brackets; '' where that is not known."""
  one = runs[differs[runs.index]].iloc[0]
  other = runs[(runs["learner"] == one["learner"]) & ~differs[runs.index]].iloc[0]
  found = [differences.settings_of(*run["source"]) for run in (other, one)]
  words = differences.in_words(differences.of_bindings(*found))
  return f" ({one['learner']}: {words})" if words else ""
