"""What methods of a panel are compared with in words: its baseline, then each of its controls."""

import dataclasses
from collections.abc import Mapping, Sequence

from benchmark.reporting import cells, controls
from benchmark.results import comparison, measures
from benchmark.results.records import Record
from lasem_tf.metrics import paired


@dataclasses.dataclass(frozen=True)
class Reference:
  """A method that others are compared with in final accuracy.

  Attributes:
    learner: its name.
    label: its name for people, as short as the panel allows.
    role: 'baseline', or 'control: ' with what it controls.
    value: its final accuracy in words, with the interval and the number of seeds.
    num_seeds: behind that value.
    compared: what is compared with it: 'method' or 'search'.
    found: comparisons with it, by label, in the order of the panel's rows.
  """

  learner: str
  label: str
  role: str
  value: str
  num_seeds: int
  compared: str
  found: Mapping[str, paired.Comparison]


def of_panel(panel: comparison.Panel, records: Sequence[Record]) -> list[Reference]:
  """Those with something to compare, the baseline first.

  Args:
    panel: the aggregates.
    records: runs of the panel's stream and scale.
  """
  with_baseline = {row.learner: row.against_baseline[measures.FINAL.name] for row in panel.rows
                   if measures.FINAL.name in row.against_baseline}
  found = [_reference(panel, row, "baseline", "method", with_baseline) for row in panel.rows
           if row.learner == panel.baseline]
  found += [_reference(panel, each.control, f"control: {each.description}",
                       "search" if each.of_searches else "method", each.found)
            for each in controls.against_controls(panel, records)]
  return [each for each in found if each.num_seeds and each.found]


def _reference(panel: comparison.Panel, row: comparison.Row, role: str, compared: str,
               found: Mapping[str, paired.Comparison]) -> Reference:
  labels, estimate = panel.short_labels, row.estimates.get(measures.FINAL.name)
  num_seeds = estimate.n if estimate else 0
  return Reference(row.learner, labels[row.learner], role,
                   f"{cells.estimate_text(estimate, measures.FINAL)} %, n = {num_seeds}", num_seeds, compared,
                   {labels[learner]: each for learner, each in found.items() if each.n})
