"""What the methods of a panel were trained on, and for how long, as far as records and what lies beside them say."""

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from benchmark.results import comparison, gin_texts
from benchmark.results.record_schema import RecordError
from benchmark.results.records import Record
from benchmark.results.run_details import RunDetails
from benchmark.suites.gin_text import Reference

_MOST_NAMED = 4
_SPLITS = {"train": "training", "validation": "validation", "test": "test"}


def line(panel: comparison.Panel, records: Sequence[Record], details: Mapping[str, RunDetails]) -> str:
  """'6 tasks of 4 classes; images of 16 x 16 x 3; a task has 200 training, ... images; 40 epochs a task.'.

  Args:
    panel: whose completed runs count, without those on other data.
    records: runs of the panel's stream and scale.
    details: configurations and course of the runs, by identity.

  Returns:
    What is known; '' where no run completed.
  """
  mixed = {row.learner for row in panel.rows if row.mixed}
  runs = [record for record in records if record.is_completed and record.learner not in mixed]
  if not runs:
    return ""
  values = {record.identity: _bound(details.get(record.identity), record.identity) for record in runs}
  return "; ".join(filter(None, [_tasks(runs), _shapes(values.values()), _images(runs),
                                 _epochs(panel, runs, values, details)])) + "."


def _tasks(runs: Sequence[Record]) -> str:
  number = _range(len(_visited(record)) for record in runs)
  classes = _range(record.result["stream"]["num_classes"][task] for record in runs for task in _visited(record))
  return f"{number} task{'s' * (number != '1')} of {classes} classes"


def _images(runs: Sequence[Record]) -> str:
  counts = []
  for split, name in _SPLITS.items():
    number = _range(record.result["stream"]["counts"][split][task] for record in runs for task in _visited(record))
    counts.append(f"{number} {name}")
  return f"a task has {', '.join(counts[:-1])} and {counts[-1]} images"


def _visited(record: Record) -> set[int]:
  return set(record.result["stream"]["task_order"])


def _shapes(values: Iterable[Mapping[str, Any]]) -> str:
  """Of the images that networks were made for, which are those that they were trained on."""
  shapes = set()
  for bound in values:
    network = bound.get("experiment.network")
    shape = bound.get(f"{network.name}.image_shape") if isinstance(network, Reference) else None
    if isinstance(shape, (list, tuple)) and all(isinstance(side, int) for side in shape):
      shapes.add(tuple(shape))
  return f"images of {' or '.join(' x '.join(map(str, shape)) for shape in sorted(shapes))}" if shapes else ""


def _epochs(panel: comparison.Panel, runs: Sequence[Record], values: Mapping[str, Mapping[str, Any]],
            details: Mapping[str, RunDetails]) -> str:
  """'40 epochs a task (A up to 80, B up to 640)': configured, and recorded where a method trained for more."""
  configured, longest = {}, dict[str, int]()
  for record in runs:
    number = values[record.identity].get("experiment.epochs_per_task",
                                         values[record.identity].get("EPOCHS_PER_TASK"))
    if not isinstance(number, int):
      continue
    configured[record.identity] = number
    if (recorded := _longest_visit(details[record.identity])) > number:
      longest[record.learner] = max(recorded, longest.get(record.learner, 0))
  if not configured:
    return ""
  labels = panel.short_labels
  more = [f"{labels[row.learner]} up to {longest[row.learner]}" for row in panel.rows if row.learner in longest]
  if len(more) > _MOST_NAMED:
    more = [f"{len(more)} methods up to {max(longest.values())}"]
  text = f"{_range(configured.values())} epochs a task"
  return f"{text} ({', '.join(more)})" if more else text


def _longest_visit(details: RunDetails) -> int:
  """The most epochs of a visit by the recorded course, in which epochs are counted on from visit to visit."""
  ends: dict[int, int] = {}
  for visit, epoch in zip(details.epochs.get("visit", ()), details.epochs.get("global_epoch", ())):
    ends[visit] = epoch
  lengths = [end - before for before, end in zip([0, *ends.values()], ends.values())]
  return max(lengths, default=0)


def _range(numbers: Iterable[int]) -> str:
  ordered = sorted(numbers)
  least, most = ordered[0], ordered[-1]
  return str(least) if least == most else f"{least} to {most}"


def _bound(details: RunDetails | None, where: str) -> dict[str, Any]:
  """The bindings in force, else those asked for; of a damaged text none, as it is named where it matters."""
  bound: dict[str, Any] = {}
  for text in (details.requested, details.operative) if details is not None else ():
    with contextlib.suppress(RecordError):
      bound |= gin_texts.bound_values(text, where)
  return bound
