"""Interquartile means of methods over seeds and tasks."""

from collections.abc import Sequence

import numpy as np

from benchmark.results.records import identity_key, Record
from lasem_tf.metrics import lifelong, robust


def final_scores(records: Sequence[Record]) -> dict[tuple[str, str, str], np.ndarray]:
  """Final accuracy of every completed run and task, float64 `[seeds, tasks]`, by stream, scale and learner.

  Seeds are in order, so that a bootstrap does not depend on the order of records. A method whose runs have different
  tasks is left out.
  """
  found: dict[tuple[str, str, str], list[Record]] = {}
  for record in sorted(records, key=identity_key):
    if record.is_completed:
      found.setdefault((record.stream, record.scale, record.learner), []).append(record)
  return {key: np.stack([lifelong.final_per_task(run.matrix) for run in runs]) for key, runs in found.items()
          if len({run.matrix.task_ids for run in runs}) == 1}


def of_final_accuracy(records: Sequence[Record]) -> dict[tuple[str, str, str], robust.Interval]:
  """Interquartile mean of final accuracy with its stratified bootstrap interval, by stream, scale and learner."""
  return {key: robust.interquartile_interval(scores) for key, scores in final_scores(records).items()}
