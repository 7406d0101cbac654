"""Interquartile means of methods over seeds and tasks."""

from collections.abc import Sequence

import numpy as np

from benchmark.results.records import identity_key, Record
from lasem_tf.metrics import lifelong, robust


def final_scores(records: Sequence[Record]) -> dict[tuple[str, str, str], np.ndarray]:
  """Final accuracy of every completed run and task, float64 `[seeds, tasks]`, by stream, scale and learner.

  Seeds are in order, so that a bootstrap does not depend on the order of records. A method whose runs have different
  numbers of tasks is left out.
  """
  found: dict[tuple[str, str, str], list[np.ndarray]] = {}
  for record in sorted(records, key=identity_key):
    if record.is_completed:
      found.setdefault((record.stream, record.scale, record.learner), []).append(
          lifelong.final_per_task(record.matrix))
  return {key: np.stack(rows) for key, rows in found.items() if len({row.size for row in rows}) == 1}


def of_final_accuracy(records: Sequence[Record]) -> dict[tuple[str, str, str], robust.Interval]:
  """Interquartile mean of final accuracy with its stratified bootstrap interval, by stream, scale and learner."""
  return {key: robust.interquartile_interval(scores) for key, scores in final_scores(records).items()}
