"""Results in the form in which Hugging Face's Hub keeps the scores of a model, see docs/hub/eval-results there."""

import json
import pathlib
import re
from collections.abc import Sequence

from benchmark.results import measures
from benchmark.results.record_schema import RecordError
from benchmark.results.records import Record

FOLDER = ".eval_results"
_MEASURES = (measures.PEAK, measures.FINAL, measures.FORGETTING)
_DATASET = re.compile(r"[\w.-]+/[\w.-]+")


def eval_results(found: Sequence[Record], hub_dataset: str | None) -> dict[pathlib.Path, str]:
  """One YAML file for each stream, scale and learner with its mean peak and final accuracy and forgetting, in per cent.

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
  for (stream, scale, learner), runs in measures.runs_frame(found).groupby(["stream", "scale", "learner"], sort=True):
    rows = runs[runs["status"] == "completed"]
    if rows.empty:
      continue
    notes = f"{learner}, scale {scale}, mean of {len(rows)} of {len(runs)} seeds, task-averaged; lasem-tf"
    entries = [_entry(hub_dataset, f"{stream}_{measure.name}", measure.factor * rows[measure.name].mean(), notes)
               for measure in _MEASURES]
    texts[pathlib.Path(FOLDER, f"{stream}-{scale}-{learner}.yaml")] = "".join(entries)
  if not texts:
    raise RecordError("None of the runs completed: there is no score to share. Name other runs with --results_dir.")
  return texts


def _entry(dataset: str, task: str, value: float, notes: str) -> str:
  # JSON's strings are YAML's.
  return (f"- dataset:\n    id: {json.dumps(dataset)}\n    task_id: {json.dumps(task)}\n  value: {value:.4f}\n"
          f"  notes: {json.dumps(notes)}\n")
