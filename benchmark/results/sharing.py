"""Results in the form in which Hugging Face's Hub keeps the scores of a model.

Facts about the format: https://huggingface.co/docs/hub/eval-results. An entry has a data set with a task there and a
value; a date and notes are optional.
"""

import json
import pathlib
import re
from collections.abc import Sequence

from benchmark.results import measures
from benchmark.results.record_schema import RecordError
from benchmark.results.records import Record

FOLDER = ".eval_results"
_TASK_KNOWN = "task-incremental: the task of every test image is known"
_TASK_UNKNOWN = "class-incremental: the task is unknown, the largest logit over all heads decides"
_SCENARIOS = {measures.PEAK: _TASK_KNOWN, measures.FINAL: _TASK_KNOWN, measures.FORGETTING: _TASK_KNOWN,
              measures.CLASS_INCREMENTAL: _TASK_UNKNOWN}
_DATASET = re.compile(r"[\w.-]+/[\w.-]+")


def eval_results(found: Sequence[Record], hub_dataset: str | None) -> dict[pathlib.Path, str]:
  """One YAML file for each stream, scale and learner: mean peak and final accuracy and forgetting, in per cent.

  Runs that were also evaluated in the class-incremental scenario have that accuracy beside. Notes name the scenario.
  The date is the day on which the last of the averaged runs ended, where all of their records say when; without one the
  Hub takes the day of the commit.

  Args:
    found: records; those that did not complete do not count.
    hub_dataset: 'owner/name' of the benchmark's data set on the Hub, which every score must name.

  Returns:
    Text by path, relative to the model's repository.

  Raises:
    RecordError: no record completed, or the data set is not named.
  """
  if not hub_dataset or not _DATASET.fullmatch(hub_dataset):
    raise RecordError(f"--hub_dataset={hub_dataset!r}: scores on the Hub name the benchmark's data set there, as "
                      "owner/name.")
  texts = {}
  ended = {record.identity: record.provenance.get("finished") for record in found}
  for (stream, scale, learner), runs in measures.runs_frame(found).groupby(["stream", "scale", "learner"], sort=True):
    rows = runs[runs["status"] == "completed"]
    if rows.empty:
      continue
    date = _date([ended[identity] for identity in rows["identity"]])
    notes = f"{learner}, scale {scale}, mean of {len(rows)} of {len(runs)} seeds, task-averaged; lasem-tf"
    entries = [_entry(hub_dataset, f"{stream}_{measure.name}", measure.factor * rows[measure.name].mean(), date,
                      f"{scenario}; {notes}")
               for measure, scenario in _SCENARIOS.items() if rows[measure.name].notna().all()]
    texts[pathlib.Path(FOLDER, f"{stream}-{scale}-{learner}.yaml")] = "".join(entries)
  if not texts:
    raise RecordError("None of the runs completed: there is no score to share. Name other runs with --results_dir.")
  return texts


def _date(times: Sequence[str | None]) -> str | None:
  """The day of the last time; None where one is not known. All are ISO 8601 in UTC, so their texts are in order."""
  known = [time for time in times if time is not None]
  return max(known).partition("T")[0] if len(known) == len(times) else None


def _entry(dataset: str, task: str, value: float, date: str | None, notes: str) -> str:
  # JSON's strings are YAML's.
  lines = ["- dataset:", f"    id: {json.dumps(dataset)}", f"    task_id: {json.dumps(task)}", f"  value: {value:.4f}",
           *([f"  date: {json.dumps(date)}"] if date else []), f"  notes: {json.dumps(notes)}"]
  return "".join(f"{line}\n" for line in lines)
